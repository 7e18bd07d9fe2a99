/**
 * `info`: statistics about an index.
 *
 * @module
 */

import { indexInfo } from "../../lib/ops/info.ts";
import { readChunksInfo } from "../chunks_info.ts";
import { defineCommand } from "../command.ts";
import { readIndex } from "../index_locations.ts";
import { openChunkSources, openWritableChunkStore } from "../locations.ts";
import { formatJson } from "../output.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { SOURCE_FLAGS } from "../work_flags.ts";

export default defineCommand({
  usage: "info <index>",
  summary: "Show statistics about an index",
  description:
    `Counts the chunks of an index, and which of them are in stores, in seeds or in a cache: what an extraction would
have to fetch.`,
  examples: ["desync info -s /path/to/store --seed old.caibx image.caibx"],
  args: { min: 1, max: 1 },
  flags: {
    ...STORE_FLAGS,
    ...SOURCE_FLAGS,
    seed: { kind: "list", help: "index whose chunks count as present in a seed" },
    cache: { kind: "string", short: "c", help: "store whose chunks count as cached" },
    format: {
      kind: "string",
      short: "f",
      default: "json",
      choices: ["json", "plain"],
      help: "json or plain",
    },
    chunksInfo: {
      kind: "string",
      metavar: "file",
      help: "output of inspect-chunks, for the sizes of stored chunks",
    },
  },
  async run(context) {
    const { flags, signal } = context;
    const [location] = context.args as [string];
    checkClientCertificate(flags);
    const index = await readIndex(location, context);
    await using engine = await openCommandEngine(context, checkDigest(context, index, location));
    const options = await storeOptions(context, engine);
    const storedSizes = flags.chunksInfo ? await readChunksInfo(flags.chunksInfo, context) : undefined;
    const seeds = [];
    for (const seed of flags.seed) seeds.push(await readIndex(seed, context));
    await using cache = flags.cache ? await openWritableChunkStore(flags.cache, options) : undefined;
    await using store = flags.store.length > 0
      ? await openChunkSources({ stores: flags.store }, options)
      : undefined;
    const { concurrency } = flags;
    const info = await indexInfo(index, { store, cache, seeds, storedSizes, concurrency, signal });
    const { min, avg, max } = index.sizes;
    const rows: readonly (readonly [key: string, label: string, value: number])[] = [
      ["total", "Total chunks", info.total],
      ["unique", "Unique chunks", info.unique],
      ["in-store", "Chunks in store", info.inStore],
      ["in-seed", "Chunks in seed", info.inSeed],
      ["in-cache", "Chunks in cache", info.inCache],
      ["not-in-seed-nor-cache", "Chunks not in seed nor cache", info.notInSeedNorCache],
      ["size", "Blob size", info.size],
      ["dedup-size-not-in-seed", "Size of deduplicated chunks not in seed", info.dedupSizeNotInSeed],
      [
        "dedup-size-not-in-seed-nor-cache",
        "Size of deduplicated chunks not in seed nor cache",
        info.dedupSizeNotInSeedNorCache,
      ],
      [
        "dedup-size-not-in-seed-nor-cache-compressed",
        "Compressed chunks not in seed nor cache",
        info.dedupSizeNotInSeedNorCacheCompressed,
      ],
      ["chunk-size-min", "Chunk size min", min],
      ["chunk-size-avg", "Chunk size avg", avg],
      ["chunk-size-max", "Chunk size max", max],
    ];
    if (flags.format === "json") {
      await context.stdout.writeLine(
        formatJson(Object.fromEntries(rows.map(([key, , value]) => [key, value]))),
      );
      return;
    }
    // The sizes come first, and the stored size after the counts, as desync prints them.
    for (const row of [6, 7, 8, 0, 1, 2, 3, 4, 5, 9, 10, 11, 12]) {
      const [, label, value] = rows[row]!;
      await context.stdout.writeLine(`${label}: ${value}`);
    }
  },
});
