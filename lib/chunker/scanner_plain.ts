/**
 * Boundary scanner in TypeScript: the reference, and what is left where WebAssembly is not to be had.
 *
 * @module
 */

import { type BoundaryFilter, boundaryFilter } from "./boundary_filter.ts";
import { BUZHASH_TABLE, hashWindow } from "./buzhash.ts";
import type { BoundaryScanner } from "./scanner.ts";
import { WINDOW_SIZE } from "./sizes.ts";

// Signed, because V8 computes with signed 32-bit integers; what leaves the window is rotated by 48, which is 16.
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
    const bytes = this.bytes;
    const words = this.#words;
    const { multiplier, addend, limit } = this.#filter;
    const divisor = this.#divisor;
    const last = divisor - 1;
    if (from > to) return -1;
    let h = hashWindow(bytes, from) | 0;
    let p = from;
    if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p;
    for (; p < to && p % 4 !== 0; p++) {
      h = (h << 1 | h >>> 31) ^ LEAVING[bytes[p - WINDOW_SIZE]!]! ^ ENTERING[bytes[p]!]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p + 1;
    }
    // A window is a multiple of four bytes, so both ends can be read by aligned words, half as fast again as by bytes.
    for (; p + 4 <= to; p += 4) {
      const a = words[p - WINDOW_SIZE >> 2]!;
      const b = words[p >> 2]!;
      h = (h << 1 | h >>> 31) ^ LEAVING[a & 255]! ^ ENTERING[b & 255]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p + 1;
      h = (h << 1 | h >>> 31) ^ LEAVING[a >>> 8 & 255]! ^ ENTERING[b >>> 8 & 255]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p + 2;
      h = (h << 1 | h >>> 31) ^ LEAVING[a >>> 16 & 255]! ^ ENTERING[b >>> 16 & 255]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p + 3;
      h = (h << 1 | h >>> 31) ^ LEAVING[a >>> 24]! ^ ENTERING[b >>> 24]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p + 4;
    }
    for (; p < to; p++) {
      h = (h << 1 | h >>> 31) ^ LEAVING[bytes[p - WINDOW_SIZE]!]! ^ ENTERING[bytes[p]!]!;
      if ((Math.imul(h, multiplier) + addend | 0) < limit && (h >>> 0) % divisor === last) return p + 1;
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
