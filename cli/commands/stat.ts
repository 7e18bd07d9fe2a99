/**
 * `stat`: show one inode of a tree as casync does.
 *
 * @module
 */

import { encodeNode } from "../../lib/archive/encode_node.ts";
import type { ArchiveNode } from "../../lib/archive/entry.ts";
import { formatStat, type StatOptions } from "../../lib/archive/list.ts";
import type { Digest, DigestStream } from "../../lib/digest/digest.ts";
import { openDigest } from "../../lib/digest/open.ts";
import { ByteWriter } from "../../lib/format/byte_writer.ts";
import { recordingRules } from "../../lib/format/elements_rules.ts";
import { CASYNC_FLAGS, DESYNC_FLAGS, digestOf, restoreFlags } from "../../lib/format/feature_flags.ts";
import { ARCHIVE_INPUT_FLAGS, hex, openArchiveInput, walkTree } from "../archive_input.ts";
import { givenSelection } from "../archive_flags.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  usage: "stat <catar|index|dir> [<path>]",
  summary: "Show the metadata of an inode in an archive or a directory",
  description:
    `Prints all that is recorded of the root, or of what is at a path. The input is an archive, with -i the
index of one, or a directory; - is standard input. HLDigest is the digest of all of the inode but its name.`,
  examples: [
    "desync stat docs.catar",
    "desync stat -i -s /path/to/store docs.caidx pictures/me.jpg",
  ],
  args: { min: 1, max: 2 },
  flags: ARCHIVE_INPUT_FLAGS,
  async run(context) {
    const [location, top] = context.args as [string, string?];
    await using input = await openArchiveInput(location, context);
    let found: Found | undefined;
    for await (const { event, path } of walkTree(input, top)) {
      if (event.type === "data") found?.add(event.data);
      if (event.type !== "node" || path === undefined) continue;
      if (found !== undefined) break;
      const flags = event.flags ?? input.flags ?? CASYNC_FLAGS;
      const digest = await openDigest(digestOf(flags));
      const selection = givenSelection(context.flags);
      const shown = selection === undefined ? flags : restoreFlags(flags, selection);
      found = new Found(path, event.node, { flags, shown, offset: event.offset, digest });
      if (event.node.kind === "directory") break;
    }
    if (found !== undefined) await context.stdout.write(found.format());
  },
});

/** The inode, whose content is coming in. */
class Found {
  readonly #path: string;
  readonly #node: ArchiveNode;
  readonly #options: Pick<StatOptions, "flags" | "offset">;
  readonly #content: DigestStream;
  readonly #whole: DigestStream;

  constructor(
    path: string,
    node: ArchiveNode,
    options: {
      readonly flags: bigint;
      readonly shown: bigint;
      readonly offset: number | undefined;
      readonly digest: Digest;
    },
  ) {
    const { flags, shown, offset, digest } = options;
    this.#path = path;
    this.#node = node;
    this.#options = { flags: shown, offset };
    this.#content = digest.stream();
    this.#whole = digest.stream();
    const head = new ByteWriter();
    const xattrForm = flags === DESYNC_FLAGS ? "desync" : "casync";
    encodeNode(head, node, { rules: recordingRules(flags), xattrForm });
    this.#whole.update(head.written);
  }

  add(data: Uint8Array): void {
    this.#content.update(data);
    this.#whole.update(data);
  }

  format(): string {
    const { kind } = this.#node;
    return formatStat(this.#path, this.#node, {
      ...this.#options,
      digest: kind === "file" ? hex(this.#content.digest()) : undefined,
      hardLinkDigest: kind === "directory" ? undefined : hex(this.#whole.digest()),
    });
  }
}
