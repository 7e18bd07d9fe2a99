/**
 * Boundary scanner in TypeScript: the reference, and what is left where WebAssembly is not to be had.
 *
 * @module
 */

import { type BoundaryFilter, boundaryFilter } from "./boundary_filter.ts";
import { BUZHASH_TABLE, hashWindow } from "./buzhash.ts";
import type { BoundaryScanner } from "./scanner.ts";
import { WINDOW_SIZE } from "./sizes.ts";

// Signed, because V8 computes with signed 32-bit integers; what leaves the window is rotated by 48, which is
// 16.
const ENTERING = new Int32Array(BUZHASH_TABLE);
const LEAVING = ENTERING.map((word) => word << 16 | word >>> 16);

/** Opens the scanner for positions with `hash mod divisor == divisor − 1`. */
export function openPlainScanner(memory: WebAssembly.Memory, divisor: number): BoundaryScanner {
  return new PlainScanner(memory, divisor);
}

class PlainScanner implements BoundaryScanner {
  readonly name = "plain";
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #filter: BoundaryFilter;
  readonly #divisor: number;

  constructor(memory: WebAssembly.Memory, divisor: number) {
    this.bytes = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.#filter = boundaryFilter(divisor);
    this.#divisor = divisor;
  }

  find(from: number, to: number): number {
    for (let p = from; (p = this.#findCandidate(p, to)) >= 0; p++) {
      if (hashWindow(this.bytes, p) % this.#divisor === this.#divisor - 1) return p;
    }
    return -1;
  }

  /** First position that meets the filter, or −1. */
  #findCandidate(from: number, to: number): number {
    if (from > to) return -1;
    const bytes = this.bytes;
    const words = this.#words;
    // Fields may hold doubles; as integers they save a conversion for each byte.
    const multiplier = this.#filter.multiplier | 0;
    const addend = this.#filter.addend | 0;
    const limit = this.#filter.limit | 0;
    let h = hashWindow(bytes, from) | 0;
    if ((Math.imul(h, multiplier) + addend | 0) < limit) return from;
    let p = from;
    for (; p < to && (p & 3) !== 0; p++) {
      h = (h << 1 | h >>> 31) ^ LEAVING[bytes[p - WINDOW_SIZE]!]! ^ ENTERING[bytes[p]!]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit) return p + 1;
    }
    // A window is twelve words, so both of its ends are read by words; half as fast again as by bytes.
    const end = to >> 2;
    let i = p >> 2;
    for (; i < end; i++) {
      const a = words[i - WINDOW_SIZE / 4]!;
      const b = words[i]!;
      h = (h << 1 | h >>> 31) ^ LEAVING[a & 255]! ^ ENTERING[b & 255]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit) return 4 * i + 1;
      h = (h << 1 | h >>> 31) ^ LEAVING[a >>> 8 & 255]! ^ ENTERING[b >>> 8 & 255]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit) return 4 * i + 2;
      h = (h << 1 | h >>> 31) ^ LEAVING[a >>> 16 & 255]! ^ ENTERING[b >>> 16 & 255]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit) return 4 * i + 3;
      h = (h << 1 | h >>> 31) ^ LEAVING[a >>> 24]! ^ ENTERING[b >>> 24]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit) return 4 * i + 4;
    }
    for (p = Math.max(p, 4 * i); p < to; p++) {
      h = (h << 1 | h >>> 31) ^ LEAVING[bytes[p - WINDOW_SIZE]!]! ^ ENTERING[bytes[p]!]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit) return p + 1;
    }
    return -1;
  }

  isZero(from: number, to: number): boolean {
    const bytes = this.bytes;
    const words = this.#words;
    let p = from;
    for (; p < to && p % 4 !== 0; p++) if (bytes[p] !== 0) return false;
    for (; p + 16 <= to; p += 16) {
      const i = p >> 2;
      if ((words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]!) !== 0) return false;
    }
    for (; p < to; p++) if (bytes[p] !== 0) return false;
    return true;
  }
}
