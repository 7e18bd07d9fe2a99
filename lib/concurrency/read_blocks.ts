/**
 * The bytes of a blob, block by block.
 *
 * @module
 */

import type { CallOptions } from "../store/types.ts";
import type { BlobSource } from "./blob_source.ts";
import { BLOCK_SIZE } from "./chunk_ring.ts";
import { nextTurn } from "./event_loop.ts";

/** Time that may pass before the event loop is served, in milliseconds. */
const SLICE_MS = 50;

/**
 * Reads a blob to its end, in blocks of 1 MiB, and serves the event loop now and then.
 *
 * @returns Bytes that are borrowed until the next ones are asked for.
 */
export async function* readBlocks(
  source: BlobSource,
  options: CallOptions = {},
): AsyncGenerator<Uint8Array> {
  const { signal } = options;
  const buffer = new Uint8Array(BLOCK_SIZE);
  let sliceStart = performance.now();
  for (let isEnd = false; !isEnd;) {
    const reading = source.read(buffer, options);
    const count = typeof reading === "number" ? reading : await reading;
    isEnd = count < buffer.length;
    if (count > 0) yield buffer.subarray(0, count);
    if (performance.now() - sliceStart >= SLICE_MS) {
      await nextTurn();
      sliceStart = performance.now();
    }
    signal?.throwIfAborted();
  }
}
