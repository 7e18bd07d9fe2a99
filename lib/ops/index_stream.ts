/**
 * Making an index of a stream: on one thread, in every runtime.
 *
 * @module
 */

import { Chunk } from "../chunk.ts";
import { formatChunkId } from "../chunk_id.ts";
import { chunks } from "../chunker/chunker.ts";
import { type ChunkSizes, DEFAULT_CHUNK_SIZES } from "../chunker/sizes.ts";
import type { Digest } from "../digest/digest.ts";
import { blobFeatureFlags } from "../format/feature_flags.ts";
import { type Index, IndexBuilder } from "../format/index_file.ts";
import type { CallOptions, WritableChunkStore } from "../store/types.ts";

/** How to make an index. */
export interface IndexStreamOptions extends CallOptions {
  /** Names the chunks. */
  readonly digest: Digest;
  /** Decide where chunks end. @default casync's, 16 KiB : 64 KiB : 256 KiB */
  readonly sizes?: ChunkSizes | undefined;
  /** Chunks that it does not have are written to it. @default none */
  readonly store?: WritableChunkStore | undefined;
  /** Feature flags. @default those casync gives the index of a blob */
  readonly flags?: bigint | undefined;
}

/**
 * Cuts a blob and makes its index; chunks are stored one after the other.
 *
 * @example
 * ```ts
 * import { blobSize, encodeIndex, indexStream, openDigest } from "@desync/desync";
 * import assert from "node:assert/strict";
 *
 * const index = await indexStream([new Uint8Array(600_000)], { digest: await openDigest("sha512-256") });
 * assert.deepEqual([...index.ends], [262_144, 524_288, 600_000]);
 * assert.equal(encodeIndex(index).length, 104 + 3 * 40);
 * assert.equal(blobSize(index), 600_000);
 * ```
 */
export async function indexStream(
  source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: IndexStreamOptions,
): Promise<Index> {
  const { digest, store, signal, sizes = DEFAULT_CHUNK_SIZES } = options;
  const rows = new IndexBuilder();
  for await (const plain of chunks(source, { sizes })) {
    signal?.throwIfAborted();
    const bytes = digest.digest(plain);
    rows.append(bytes, { offset: 0, size: plain.length });
    const id = formatChunkId(bytes);
    if (store !== undefined && !await store.has(id, { signal })) {
      await store.put(Chunk.fromPlain(id, plain), { signal });
    }
  }
  return rows.finish({ sizes, flags: options.flags ?? blobFeatureFlags(digest.name) });
}
