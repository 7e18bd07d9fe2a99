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
 * @example Index and store a blob, then read it back
 * ```ts
 * import { ChunkObjects, CodecStack, indexStream, MemoryObjects, openDigest, openZstd, streamBlob } from "@desync/desync";
 * import assert from "node:assert/strict";
 *
 * const digest = await openDigest("sha512-256");
 * const codecs = new CodecStack([await openZstd()]);
 * await using store = new ChunkObjects(new MemoryObjects(), { codecs, digest });
 *
 * const blob = new Uint8Array(300_000).map((_, i) => i * i >> 8);
 * const index = await indexStream([blob], { digest, store });
 *
 * const copy = await new Response(ReadableStream.from(streamBlob({ index, store, digest }))).bytes();
 * assert.deepEqual(copy, blob);
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
export { type ByteSource, chunks, type ChunksOptions } from "./lib/chunker/chunker.ts";
export * from "./lib/digest/digest.ts";
export * from "./lib/digest/open.ts";
export * from "./lib/codec/codec.ts";
export * from "./lib/codec/codec_stack.ts";
export * from "./lib/codec/zstd.ts";
export type { ZstdFrame } from "./lib/codec/zstd_frame.ts";
export type { ScannerImplementation } from "./lib/chunker/scanner.ts";
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
export { type HttpOptions, openHttpObjects } from "./lib/objects/http.ts";
export type { HttpTransportName } from "./lib/objects/http_client.ts";
export type { RetryClock } from "./lib/objects/retry.ts";
export * from "./lib/store/types.ts";
export { ChunkObjects, type ChunkObjectsOptions } from "./lib/store/chunk_objects.ts";
export { IndexObjects } from "./lib/store/index_objects.ts";
export { type CacheOptions, CacheStore } from "./lib/store/cache.ts";
export { FailoverStore } from "./lib/store/failover.ts";
export { RouterStore } from "./lib/store/router.ts";
export type {
  CacheRecipe,
  GroupRecipe,
  ObjectsRecipe,
  SeededRecipe,
  StoreRecipe,
  TransportRecipe,
} from "./lib/store/recipe.ts";
export type { SeedColumns } from "./lib/store/seeded.ts";
export { FileSeed, type Seed, type SeedMatch } from "./lib/seed/seed.ts";
export { indexStream, type IndexStreamOptions } from "./lib/ops/index_stream.ts";
export { streamBlob, type StreamBlobOptions } from "./lib/assemble/stream_blob.ts";
export { type PlanOptions, planSteps, type Step } from "./lib/assemble/plan.ts";
