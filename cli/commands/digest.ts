/**
 * `digest`: compute the digest of a tree or a blob as casync does.
 *
 * @module
 */

import type { ArchiveEvent } from "../../lib/archive/entry.ts";
import { ArchiveParser } from "../../lib/archive/parser.ts";
import { writeArchive } from "../../lib/archive/writer.ts";
import type { DigestName, DigestStream } from "../../lib/digest/digest.ts";
import { relayBlob } from "../../lib/concurrency/relay.ts";
import { openDigest } from "../../lib/digest/open.ts";
import { StoreError } from "../../lib/errors.ts";
import { ENTRY_SIZE, TYPE_ENTRY } from "../../lib/format/constants.ts";
import { CASYNC_FLAGS, DESYNC_FLAGS, digestOf } from "../../lib/format/feature_flags.ts";
import {
  ARCHIVE_INPUT_FLAGS,
  type ArchiveInput,
  hex,
  openArchiveInput,
  type PlacedEvent,
  walkTree,
} from "../archive_input.ts";
import { warnOfFlags } from "../archive_flags.ts";
import { openCommandEngine } from "../session.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  usage: "digest <catar|index|dir|blob> [<path>]",
  summary: "Compute the digest of an archive, a directory or a blob",
  description:
    `Prints the digest of an archive, or with -i of what an index describes. That of a directory is the digest
of the archive that casync makes of it, and that of any other file the one of its bytes; - is standard input. With a
path it is the digest of a directory inside an archive, or of the content of a file there. An archive or index names
the algorithm by itself.`,
  examples: [
    "desync digest docs.catar",
    "desync digest -i -s /path/to/store docs.caidx",
    "desync digest /path/to/docs",
  ],
  args: { min: 1, max: 2 },
  flags: ARCHIVE_INPUT_FLAGS,
  async run(context) {
    const [location, top] = context.args as [string, string?];
    await using input = await openArchiveInput(location, context);
    const path = (top ?? "").replaceAll("/", "") === "" ? undefined : top;
    if (input.bytes !== undefined) {
      warnOfFlags(context, { names: ["with", "without"], reason: "on what is not a directory" });
    }
    await using engine = input.pack && path === undefined ? await openCommandEngine(context) : undefined;
    await using source = engine && input.pack?.();
    const digest = path !== undefined
      ? await partDigest(input, path)
      : engine !== undefined && source !== undefined
      ? await relayBlob(engine, source, { target: undefined, signal: context.signal })
      : input.bytes === undefined
      ? await treeDigest(input.events(), { flags: input.flags!, digest: input.digest })
      : await blobDigest(input.bytes, input);
    await context.stdout.writeLine(hex(digest));
  },
});

async function treeDigest(
  events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>,
  options: { readonly flags: bigint; readonly digest: DigestName },
): Promise<Uint8Array> {
  const { flags, digest } = options;
  const hash = (await openDigest(digest)).stream();
  const xattrForm = flags === DESYNC_FLAGS ? "desync" : "casync";
  for await (const bytes of writeArchive(events, { flags, xattrForm })) hash.update(bytes);
  return hash.digest();
}

/** Of an archive, up to its end; of anything else, of all of it. */
async function blobDigest(bytes: AsyncIterable<Uint8Array>, input: ArchiveInput): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  let hash: StreamHash | undefined;
  for await (const part of bytes) {
    if (hash !== undefined) hash.add(part);
    else {
      const joined = new Uint8Array(head.length + part.length);
      joined.set(head);
      joined.set(part, head.length);
      head = joined;
      if (head.length < ENTRY_SIZE) continue;
      hash = await StreamHash.begin(head, input);
    }
    if (hash.isComplete) break;
  }
  return (hash ?? await StreamHash.begin(head, input)).digest();
}

/** Hashes bytes as they come in; if they are those of an archive, no more than that has. */
class StreamHash {
  readonly #hash: DigestStream;
  readonly #parser: ArchiveParser | undefined;
  #offset = 0;
  /** Of what was parsed last. */
  #end: number | undefined;

  private constructor(hash: DigestStream, parser: ArchiveParser | undefined) {
    this.#hash = hash;
    this.#parser = parser;
  }

  /** Begins with the first bytes, which are enough to know what it is. */
  static async begin(head: Uint8Array, input: ArchiveInput): Promise<StreamHash> {
    const flags = archiveFlags(head);
    const digest = await openDigest(flags === undefined ? input.digest : digestOf(flags));
    const parser = flags === undefined
      ? undefined
      : new ArchiveParser({ location: input.location, trailing: "ignore" });
    const hash = new StreamHash(digest.stream(), parser);
    hash.add(head);
    return hash;
  }

  get isComplete(): boolean {
    return this.#parser?.isComplete ?? false;
  }

  add(bytes: Uint8Array): void {
    let size = bytes.length;
    if (this.#parser !== undefined) {
      this.#parser.push(bytes);
      for (let event = this.#parser.next(); event !== undefined; event = this.#parser.next()) {
        if (event.type !== "data") this.#end = event.end;
      }
      if (this.#parser.isComplete && this.#end !== undefined) size = this.#end - this.#offset;
    }
    this.#hash.update(bytes.subarray(0, size));
    this.#offset += size;
  }

  digest(): Uint8Array {
    this.#parser?.end();
    return this.#hash.digest();
  }
}

/** Feature flags of what begins like an archive. */
function archiveFlags(head: Uint8Array): bigint | undefined {
  if (head.length < ENTRY_SIZE) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getBigUint64(0, true) !== BigInt(ENTRY_SIZE) || view.getBigUint64(8, true) !== TYPE_ENTRY) {
    return undefined;
  }
  return view.getBigUint64(16, true);
}

/** Of a directory, as if it was the root; of a file, of its content. */
async function partDigest(input: ArchiveInput, path: string): Promise<Uint8Array> {
  const part = walkTree(input, path);
  try {
    const first = await part.next();
    const top = first.value?.event;
    if (first.done === true || top?.type !== "node") {
      throw new StoreError(input.location, `find '${path}' in`, { reason: "it does not exist" });
    }
    const flags = top.flags ?? input.flags ?? CASYNC_FLAGS;
    const { node } = top;
    if (node.kind === "directory") {
      const root: ArchiveEvent = { type: "node", name: undefined, node };
      return await treeDigest(eventsOf(root, part), { flags, digest: digestOf(flags) });
    }
    if (node.kind !== "file") {
      const reason = `it is a ${node.kind}, neither a directory nor a file`;
      throw new StoreError(input.location, `digest '${path}' in`, { reason });
    }
    const hash = (await openDigest(digestOf(flags))).stream();
    for await (const { event } of part) if (event.type === "data") hash.update(event.data);
    return hash.digest();
  } finally {
    await part.return(undefined);
  }
}

async function* eventsOf(
  root: ArchiveEvent,
  rest: AsyncIterable<PlacedEvent>,
): AsyncGenerator<ArchiveEvent> {
  yield root;
  for await (const { event } of rest) yield event;
}
