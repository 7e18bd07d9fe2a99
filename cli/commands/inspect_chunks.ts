/**
 * `inspect-chunks`: list the chunks of an index with their sizes as JSON.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../../lib/chunk_id.ts";
import { rowCount, rowSize } from "../../lib/format/index_file.ts";
import { chunkDirectory } from "../../lib/store/recipe.ts";
import type { ChunkDirectory } from "../../lib/store/types.ts";
import type { ChunkInfo } from "../chunks_info.ts";
import { defineCommand } from "../command.ts";
import { readIndex, refuseSameFile } from "../index_locations.ts";
import { openPrunableChunkStore } from "../locations.ts";
import { formatJson } from "../output.ts";
import { openFileOutput } from "../output_file.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";

export default defineCommand({
  usage: "inspect-chunks <index> [<output>]",
  summary: "List the chunks of an index with their sizes as JSON",
  description:
    `Writes a JSON list of the chunks of an index, in its order, to standard output or a file. With --store, chunks which
that store keeps compressed have the size of their file with them.`,
  examples: ["desync inspect-chunks -s /path/to/store image.caibx"],
  args: { min: 1, max: 2 },
  flags: {
    ...STORE_FLAGS,
    store: { kind: "string", short: "s", help: "local store to take compressed sizes from" },
  },
  async run(context) {
    const { flags, signal } = context;
    const [location, path] = context.args as [string, string?];
    checkClientCertificate(flags);
    if (path !== undefined) await refuseSameFile(location, { path, kind: "output" });
    const index = await readIndex(location, context);
    await using engine = await openCommandEngine(context, checkDigest(context, index, location));
    await using store = flags.store
      ? await openPrunableChunkStore(flags.store, await storeOptions(context, engine))
      : undefined;
    const directory = store && chunkDirectory(store);
    const chunks: ChunkInfo[] = [];
    for (let row = 0; row < rowCount(index); row++) {
      signal.throwIfAborted();
      const id = formatChunkId(index.ids, row * CHUNK_ID_SIZE);
      const stored = directory === undefined ? 0 : await storedSize(directory, id);
      const sizes = stored === 0 ? {} : { compressed_size: stored };
      chunks.push({ id, uncompressed_size: rowSize(index, row), ...sizes });
    }
    await using output = await openFileOutput(path, context);
    await output.write(new TextEncoder().encode(`${formatJson(chunks)}\n`));
    await output.commit();
  },
});

/** Size of a chunk's file; 0 if there is none, or if it is not compressed. */
async function storedSize(directory: ChunkDirectory, id: string): Promise<number> {
  if (directory.form === "plain") return 0;
  try {
    return (await Deno.stat(`${directory.root}/${id.slice(0, 4)}/${id}.cacnk`)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
