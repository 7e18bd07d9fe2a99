/**
 * desync: content-addressed distribution of large files.
 *
 * A blob is cut into chunks at boundaries that its content decides; every chunk is kept once, compressed, under its
 * digest; an index lists them. Who has the index rebuilds the blob, and fetches only what is not there yet. The
 * formats are those of casync, bit for bit.
 *
 * This module is the portable core: importing it loads no foreign library, no `node:` module and no npm package.
 * What a function needs is loaded when it is called.
 *
 * @example Cut a stream, store its chunks, rebuild it
 * ```ts
 * import { Chunk, ChunkObjects, chunks, CodecStack, formatChunkId, MemoryObjects, openDigest } from "@desync/desync";
 * import assert from "node:assert/strict";
 *
 * const digest = await openDigest("sha512-256");
 * await using store = new ChunkObjects(new MemoryObjects(), { codecs: new CodecStack([]), digest });
 *
 * const blob = new Uint8Array(300_000).map((_, i) => i * i);
 * const ids = [];
 * for await (const plain of chunks([blob])) {
 *   const id = formatChunkId(digest.digest(plain));
 *   await store.put(Chunk.fromPlain(id, plain));
 *   ids.push(id);
 * }
 *
 * const parts = [];
 * for (const id of ids) parts.push((await store.get(id))!.plain());
 * assert.deepEqual(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()), blob);
 * ```
 *
 * @module
 */

export { Chunk } from "./lib/chunk.ts";
export {
  CHUNK_ID_SIZE,
  type ChunkId,
  encodeChunkId,
  formatChunkId,
  isChunkId,
  parseChunkId,
} from "./lib/chunk_id.ts";
export * from "./lib/errors.ts";
export * from "./lib/chunker/sizes.ts";
export { chunks, type ChunksOptions } from "./lib/chunker/chunker.ts";
export * from "./lib/digest/digest.ts";
export * from "./lib/digest/open.ts";
export * from "./lib/codec/codec.ts";
export * from "./lib/codec/codec_stack.ts";
export * from "./lib/codec/zstd.ts";
export {
  blobSize,
  decodeIndex,
  encodeIndex,
  type Index,
  IndexBuilder,
  indexDigest,
  rowAt,
  rowCount,
  rowSize,
  rowStart,
} from "./lib/format/index_file.ts";
export { blobFeatureFlags } from "./lib/format/feature_flags.ts";
export type { ObjectStore } from "./lib/objects/objects.ts";
export { MemoryObjects } from "./lib/objects/memory.ts";
export * from "./lib/store/types.ts";
export { ChunkObjects, type ChunkObjectsOptions } from "./lib/store/chunk_objects.ts";
export { IndexObjects } from "./lib/store/index_objects.ts";
export { CacheStore, type CacheOptions } from "./lib/store/cache.ts";
export { FailoverStore } from "./lib/store/failover.ts";
export { RouterStore } from "./lib/store/router.ts";
export { FileSeed, type Seed, type SeedMatch } from "./lib/seed/seed.ts";
export { planSteps, type PlanOptions, type Step } from "./lib/assemble/plan.ts";
