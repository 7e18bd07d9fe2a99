/**
 * `mtree`: list a tree with all that an mtree(5) listing has.
 *
 * @module
 */

import { formatMtree } from "../../lib/archive/mtree.ts";
import type { DigestName, DigestStream } from "../../lib/digest/digest.ts";
import { openDigest } from "../../lib/digest/open.ts";
import { ARCHIVE_INPUT_FLAGS, openArchiveInput } from "../archive_input.ts";
import { listContents } from "../../lib/ops/list_contents.ts";
import { givenSelection } from "../archive_flags.ts";
import { openCommandEngine } from "../session.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  usage: "mtree <catar|index|dir>",
  summary: "List an archive or a directory in mtree format",
  description:
    `Prints a line for every inode, with its metadata and the digest of its content, in the format of
mtree(5). The input is an archive, with -i the index of one, or a directory; - is standard input. --with and --without
choose the metadata that are shown.`,
  examples: [
    "desync mtree docs.catar",
    "desync mtree -i -s /path/to/store docs.caidx",
    "desync mtree /path/to/docs",
  ],
  args: { min: 1, max: 1 },
  flags: ARCHIVE_INPUT_FLAGS,
  async run(context) {
    const [location] = context.args as [string];
    const { stdout } = context;
    await using input = await openArchiveInput(location, context, { exclude: false });
    const { digest: name, flags, contents } = input;
    const options = { style: "desync", flags, selection: givenSelection(context.flags) } as const;
    await using engine = contents && await openCommandEngine(context, name);
    const create = await streamsOf(name);
    const lines = engine === undefined || contents === undefined
      ? formatMtree(input.events(), { ...options, digest: { name, create } })
      : listContents(engine, contents, { ...options, signal: context.signal });
    for await (const line of lines) {
      const written = stdout.write(line);
      if (written !== undefined) {
        await written;
        context.signal.throwIfAborted();
      }
    }
  },
});

/** Makes digests one after another. */
async function streamsOf(name: DigestName): Promise<() => DigestStream> {
  const digest = await openDigest(name);
  return () => digest.stream();
}
