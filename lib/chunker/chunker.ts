/**
 * Cuts a stream of bytes into chunks.
 *
 * @module
 */

import { Cutter } from "./cutter.ts";
import { openScanner, SCANNER_RESERVED, type ScannerImplementation } from "./scanner.ts";
import { type ChunkSizes, DEFAULT_CHUNK_SIZES, validateChunkSizes } from "./sizes.ts";

/** Bytes in pieces of any size. */
export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** How {@linkcode chunks} cuts. */
export interface ChunksOptions {
  /**
   * Decide where chunks end.
   *
   * @default DEFAULT_CHUNK_SIZES
   */
  readonly sizes?: ChunkSizes | undefined;
  /**
   * Forces one way to look for boundaries; the chunks are the same.
   *
   * @default The fastest that works here.
   */
  readonly implementation?: ScannerImplementation | undefined;
}

/** Least room beside an unfinished chunk, so that moving that costs little. */
const LEAST_ROOM = 1_048_576;

/** Unit of a memory's size. */
const PAGE_SIZE = 65_536;

/**
 * Cuts a blob into chunks as casync does.
 *
 * The same bytes give the same chunks in whatever pieces they come. Besides the chunk yielded, it holds a
 * buffer of twice `max`, but at least `max` + 1 MiB. If the consumer stops early, the source is closed or
 * cancelled.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const sizes = { min: 1024, avg: 4096, max: 16_384 };
 * const lengths: number[] = [];
 * for await (const chunk of chunks([new Uint8Array(40_000)], { sizes })) lengths.push(chunk.length);
 * assert.deepEqual(lengths, [16_384, 16_384, 7_232]);
 * ```
 *
 * @yields {Uint8Array<ArrayBuffer>} The chunks in order; fresh bytes, none is empty.
 * @throws {RangeError} If the sizes are invalid.
 * @throws {ConfigError} If `max` is less than 48 in other than fixed sizes, and the blob has more than `max`
 * bytes.
 * @throws {UnsupportedError} If an implementation is forced that cannot be had.
 */
export async function* chunks(
  source: ByteSource,
  options: ChunksOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { sizes = DEFAULT_CHUNK_SIZES, implementation } = options;
  validateChunkSizes(sizes);
  const pages = Math.ceil((SCANNER_RESERVED + sizes.max + Math.max(sizes.max, LEAST_ROOM)) / PAGE_SIZE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const scanner = openScanner({ sizes, memory, implementation });
  const cutter = new Cutter({ scanner, sizes });
  const { bytes } = scanner;
  // Not yet yielded are the bytes from start to end.
  let start = SCANNER_RESERVED;
  let end = SCANNER_RESERVED;
  for await (const piece of iterate(source)) {
    if (!(piece instanceof Uint8Array)) throw new TypeError("Cannot cut a source of other than Uint8Array");
    for (let rest = piece; rest.length > 0;) {
      if (end === bytes.length) {
        // Less than max bytes are left, so what moves is never more than what was cut.
        bytes.copyWithin(SCANNER_RESERVED, start, end);
        end -= start - SCANNER_RESERVED;
        start = SCANNER_RESERVED;
      }
      const part = rest.subarray(0, bytes.length - end);
      bytes.set(part, end);
      end += part.length;
      rest = rest.subarray(part.length);
      for (let size; (size = cutter.next(start, end - start)) > 0; start += size) {
        yield new Uint8Array(bytes.subarray(start, start + size));
      }
    }
  }
  for (let size; (size = cutter.last(start, end - start)) > 0; start += size) {
    yield new Uint8Array(bytes.subarray(start, start + size));
  }
}

/** The pieces of `source`; not every runtime can iterate over streams. */
function iterate(source: ByteSource): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (Symbol.asyncIterator in source || Symbol.iterator in source) return source;
  return readPieces(source);
}

async function* readPieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  let done = false;
  try {
    for (;;) {
      const result = await reader.read();
      done = result.done;
      if (result.done) return;
      yield result.value;
    }
  } finally {
    if (!done) await reader.cancel();
    reader.releaseLock();
  }
}
