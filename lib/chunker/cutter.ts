/**
 * Decides where chunks end, in memory that fills piece by piece.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { hashWindow } from "./buzhash.ts";
import type { BoundaryScanner } from "./scanner.ts";
import { type ChunkSizes, discriminator, isFixedSize, validateChunkSizes, WINDOW_SIZE } from "./sizes.ts";

/** What a {@linkcode Cutter} needs to know. */
export interface CutterOptions {
  /** Opened with the same sizes. */
  readonly scanner: BoundaryScanner;
  /** Decide where chunks end. */
  readonly sizes: ChunkSizes;
}

/**
 * Finds the end of one chunk after the other; each begins where the one before ended.
 *
 * While a chunk's end is not found yet, call again when more of its bytes are there. It may have been moved
 * in the meantime, and what was scanned is not scanned again. Nothing is allocated.
 */
export class Cutter {
  readonly #scanner: BoundaryScanner;
  readonly #bytes: Uint8Array;
  readonly #max: number;
  /** Least size that a boundary can give a chunk. */
  readonly #first: number;
  readonly #fixed: boolean;
  /** Whether chunks can be cut inside a run of zeros. */
  readonly #cutsZeros: boolean;
  /** Sizes below this are known not to be the current chunk's. */
  #next: number;
  /** How many bytes at the start of the current chunk are known to be zero; −1 if a later one is not. */
  #zeros = 0;
  #isNull = false;

  /**
   * Makes a cutter that stands before the first chunk.
   *
   * @throws {RangeError} If the sizes are invalid.
   */
  constructor(options: CutterOptions) {
    const { scanner, sizes } = options;
    validateChunkSizes(sizes);
    this.#scanner = scanner;
    this.#bytes = scanner.bytes;
    this.#max = sizes.max;
    this.#fixed = isFixedSize(sizes);
    this.#first = this.#fixed ? sizes.max : Math.max(sizes.min, WINDOW_SIZE);
    const divisor = discriminator(sizes);
    this.#cutsZeros = !this.#fixed && hashWindow(new Uint8Array(WINDOW_SIZE)) % divisor === divisor - 1;
    this.#next = this.#first;
  }

  /** Whether a run of zeros is cut into null chunks: then what lies in a hole need not be read. */
  get cutsZerosAtMax(): boolean {
    return !this.#cutsZeros && this.#first <= this.#max;
  }

  /**
   * Whether the chunk found last is known to be the null chunk, `max` zero bytes. If a run of zeros holds
   * boundaries, none is.
   */
  get isNull(): boolean {
    return this.#isNull;
  }

  /**
   * Finds the end of the current chunk if the bytes decide it.
   *
   * @param start Offset of the chunk in the scanner's memory.
   * @param available Number of bytes of the stream that follow there; at least as many as in the last call.
   * @returns The size of the chunk, or 0 if it takes more bytes to know.
   * @throws {ConfigError} If the chunk has more than `max` bytes because a boundary takes 48.
   */
  next(start: number, available: number): number {
    const size = this.#search(start, available);
    if (size !== 0) this.reset();
    return size;
  }

  /**
   * Like {@linkcode next}, but the stream ends after the available bytes, so they always decide.
   *
   * @returns The size of the chunk; 0 only if no byte is left.
   * @throws {ConfigError} If the chunk has more than `max` bytes because a boundary takes 48.
   */
  last(start: number, available: number): number {
    const size = this.#search(start, available);
    this.reset();
    return size === 0 ? available : size;
  }

  /** Forgets the current chunk; the next one may begin anywhere. */
  reset(): void {
    this.#next = this.#first;
    this.#zeros = 0;
  }

  #search(start: number, available: number): number {
    this.#isNull = false;
    const max = this.#max;
    const end = Math.min(available, max);
    if (this.#first > max) {
      if (available <= max) return 0;
      throw new ConfigError(
        `Cannot cut chunks of at most ${max} bytes: unless sizes are fixed, ${WINDOW_SIZE} are the least`,
      );
    }
    if (this.#zeros >= 0 && !this.#cutsZeros) {
      if (this.#extendZeros(start, end)) {
        this.#isNull = end === max;
        return end === max ? max : 0;
      }
    }
    if (this.#fixed) return end === max ? max : 0;
    if (this.#next <= end) {
      const position = this.#scanner.find(start + this.#next, start + end);
      if (position >= 0) return position - start;
      this.#next = end + 1;
    }
    return end === max ? max : 0;
  }

  /** Whether the chunk is zero up to `end`. */
  #extendZeros(start: number, end: number): boolean {
    const zeros = this.#zeros;
    // Few chunks begin with a zero, which saves them the call.
    if (
      zeros >= end || (this.#bytes[start + zeros] === 0 && this.#scanner.isZero(start + zeros, start + end))
    ) {
      this.#zeros = Math.max(zeros, end);
      return true;
    }
    this.#zeros = -1;
    this.#next = Math.max(this.#first, zeros);
    return false;
  }
}
