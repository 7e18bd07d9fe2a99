/**
 * Reading a blob in order through the store interface: on one thread, in every runtime.
 *
 * @module
 */

import { CHUNK_ID_SIZE, encodeChunkId, formatChunkId, sameChunkId } from "../chunk_id.ts";
import type { Digest } from "../digest/digest.ts";
import { nullChunkId } from "../digest/open.ts";
import { ChunkInvalidError } from "../errors.ts";
import { blobSize, type Index, rowAt, rowSize, rowStart } from "../format/index_file.ts";
import { type CallOptions, type ChunkStore, requireChunk } from "../store/types.ts";

/** Which part of a blob to read, and how. */
export interface StreamBlobOptions extends CallOptions {
  /** Describes the blob. */
  readonly index: Index;
  /** Has its chunks. */
  readonly store: ChunkStore;
  /** Verifies every chunk; the one that `index` names. */
  readonly digest: Digest;
  /** Offset of the first byte. @default 0 */
  readonly offset?: number | undefined;
  /** Bytes to read. @default all to the end */
  readonly size?: number | undefined;
  /** Chunks that are asked for at once. @default 10 */
  readonly concurrency?: number | undefined;
}

const DEFAULT_CONCURRENCY = 10;

/**
 * Yields the bytes of the blob in order, a chunk at a time, each verified before any of it is handed out.
 *
 * @returns Bytes that must not be modified.
 * @throws {RangeError} If the part is not inside the blob.
 * @throws {ChunkMissingError} If the store lacks a chunk.
 * @throws {ChunkInvalidError} If the store has something else under a chunk's name.
 *
 * @example
 * ```ts
 * import { ChunkObjects, CodecStack, indexStream, MemoryObjects, openDigest, streamBlob } from "@desync/desync";
 * import assert from "node:assert/strict";
 *
 * const digest = await openDigest("sha512-256");
 * await using store = new ChunkObjects(new MemoryObjects(), { codecs: new CodecStack([]), digest });
 * const blob = new TextEncoder().encode("hello world\n");
 * const index = await indexStream([blob], { digest, store });
 *
 * const parts = await Array.fromAsync(streamBlob({ index, store, digest, offset: 6 }));
 * assert.equal(new TextDecoder().decode(parts[0]), "world\n");
 * ```
 */
export async function* streamBlob(options: StreamBlobOptions): AsyncGenerator<Uint8Array> {
  const { index, signal, concurrency = DEFAULT_CONCURRENCY } = options;
  const part = blobPart(index, options);
  const abort = new AbortController();
  const signals = [abort.signal, ...signal === undefined ? [] : [signal]];
  const call = { ...options, signal: AbortSignal.any(signals) };
  const nullId = encodeChunkId(nullChunkId(options.digest, index.sizes.max));
  const isNull = (row: number) =>
    rowSize(index, row) === index.sizes.max && sameChunkId(index.ids, row * CHUNK_ID_SIZE, nullId, 0);
  const pending: Promise<Uint8Array>[] = [];
  let left = part.size;
  try {
    let asked = part.first;
    for (let row = part.first; row < part.end; row++) {
      while (asked < part.end && pending.length < concurrency) {
        const row = asked++;
        // Zeros are not worth a question, and a store that was filled by extracting does not have them.
        const answer = isNull(row) ? Promise.resolve(new Uint8Array(index.sizes.max)) : readRow(call, row);
        answer.catch(() => {}); // Thrown when its turn comes.
        pending.push(answer);
      }
      const plain = await pending.shift()!;
      const from = row === part.first ? part.from : 0;
      const bytes = plain.subarray(from, Math.min(plain.length, from + left));
      left -= bytes.length;
      yield bytes;
    }
  } finally {
    // Also reached when the consumer stops early.
    abort.abort();
    await Promise.allSettled(pending);
  }
}

/** A part of a blob in terms of rows. */
export interface BlobPart {
  /** The first row, and the one after the last. */
  readonly first: number;
  readonly end: number;
  /** Bytes of the first row that are left out. */
  readonly from: number;
  readonly size: number;
}

/**
 * The rows in which a part of a blob lies.
 *
 * @throws {RangeError} If it is not inside the blob.
 */
export function blobPart(
  index: Index,
  part: { readonly offset?: number | undefined; readonly size?: number | undefined },
): BlobPart {
  const { offset = 0 } = part;
  const size = part.size ?? blobSize(index) - offset;
  if (!(offset >= 0 && size >= 0 && offset + size <= blobSize(index))) {
    throw new RangeError(
      `Cannot read ${size} bytes at offset ${offset}: the blob has ${blobSize(index)} bytes`,
    );
  }
  const first = rowAt(index, offset);
  const end = size === 0 ? first : rowAt(index, offset + size - 1) + 1;
  return { first, end, from: offset - rowStart(index, first), size };
}

/**
 * Reads and verifies the chunk of a row.
 *
 * @returns Plain bytes, as many as the index says; they must not be modified.
 */
export async function readRow(
  from: CallOptions & { readonly index: Index; readonly store: ChunkStore; readonly digest: Digest },
  row: number,
): Promise<Uint8Array> {
  const id = formatChunkId(from.index.ids, row * CHUNK_ID_SIZE);
  const chunk = await requireChunk(from.store, id, { signal: from.signal });
  chunk.verify(from.digest);
  const plain = chunk.plain();
  const size = rowSize(from.index, row);
  if (plain.length !== size) {
    throw new ChunkInvalidError(id, `it has ${plain.length} bytes, the index says ${size}`);
  }
  return plain;
}
