/**
 * `chunk`: list where a file would be cut.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../../lib/chunk_id.ts";
import { parseChunkSizes } from "../../lib/chunker/sizes.ts";
import { cutBlob } from "../../lib/concurrency/cut_blob.ts";
import { defineCommand } from "../command.ts";
import { openBlobInput } from "../input.ts";
import { openCommandEngine } from "../session.ts";
import { CHUNK_SIZE_FLAG } from "../work_flags.ts";

export default defineCommand({
  usage: "chunk <file>",
  summary: "List where a file would be cut into chunks",
  description:
    `Prints a line for each chunk of a file, or of standard input with '-': its offset, its size and its ID, with tabs
between them. Nothing is stored.`,
  examples: ["desync chunk image.raw"],
  args: { min: 1, max: 1 },
  flags: {
    start: { kind: "uint", short: "S", default: 0, help: "offset in bytes to start at" },
    chunkSize: CHUNK_SIZE_FLAG,
  },
  async run(context) {
    const { flags, stdout, signal } = context;
    const [path] = context.args as [string];
    const sizes = parseChunkSizes(flags.chunkSize);
    await using engine = await openCommandEngine({
      globals: context.globals,
      given: context.given,
      flags: {},
    });
    using input = await openBlobInput(path, { engine, stdin: context.stdin, signal, start: flags.start });
    let start = flags.start;
    await cutBlob(engine, input.source, {
      sizes,
      signal,
      onRows: async ({ ids, ends }) => {
        for (let row = 0; row < ends.length; row++) {
          const end = flags.start + ends[row]!;
          const written = stdout.writeLine(
            `${start}\t${end - start}\t${formatChunkId(ids, row * CHUNK_ID_SIZE)}`,
          );
          if (written !== undefined) await written;
          start = end;
        }
      },
    });
  },
});
