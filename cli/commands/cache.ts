/**
 * `cache`: copy the chunks of indexes from stores into another one.
 *
 * @module
 */

import { chunkSizes } from "../../lib/ops/info.ts";
import { cacheChunks } from "../../lib/ops/cache.ts";
import type { ChunkId } from "../../lib/chunk_id.ts";
import type { Index } from "../../lib/format/index_file.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readChunkIds } from "../input.ts";
import { readIndex } from "../index_locations.ts";
import { openChunkSources, openWritableChunkStore } from "../locations.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { CREATE_FLAG, IGNORE_FLAGS, SOURCE_FLAGS } from "../work_flags.ts";

export default defineCommand({
  usage: "cache <index> [<index>...]",
  summary: "Copy the chunks of indexes from stores into another one",
  description:
    `Copies every chunk of the indexes that the target (--cache) does not have from the stores (--store) into it.
Chunks are verified on the way, and not compressed again.`,
  examples: ["desync cache -s /path/to/store -c /path/to/local image.caibx"],
  args: { min: 1 },
  flags: {
    ...STORE_FLAGS,
    ...SOURCE_FLAGS,
    cache: { kind: "string", short: "c", help: "store to copy chunks to" },
    ...IGNORE_FLAGS,
    create: CREATE_FLAG,
  },
  async run(context) {
    const { flags, signal } = context;
    checkClientCertificate(flags);
    if (flags.store.length === 0) throw new UsageError("no store given (use -s <location>)");
    if (!flags.cache) throw new UsageError("no target store given (use -c <location>)");
    const indexes: Index[] = [];
    for (const location of context.args) indexes.push(await readIndex(location, context));
    const digests = new Set(indexes.map((index, i) => checkDigest(context, index, context.args[i]!)));
    if (digests.size > 1) {
      throw new UsageError("the indexes were made with different digests; cache them one by one");
    }
    const ids = new Set<ChunkId>();
    for (const index of indexes) for (const id of chunkSizes(index).keys()) ids.add(id);
    for (const id of await readChunkIds({ indexes: flags.ignore, lists: flags.ignoreChunks }, context)) {
      ids.delete(id);
    }

    await using engine = await openCommandEngine(context, [...digests][0]);
    const options = await storeOptions(context, engine);
    await using source = await openChunkSources({ stores: flags.store }, options);
    await using target = await openWritableChunkStore(flags.cache, { ...options, create: flags.create });
    using bar = context.progress.start("", ids.size, { unit: "chunks" });
    const maxSize = Math.max(...indexes.map(({ sizes }) => sizes.max));
    await cacheChunks(engine, { ids: [...ids], source, target, maxSize }, {
      concurrency: flags.concurrency,
      signal,
      onProgress: (done) => bar.set(done),
    });
  },
});
