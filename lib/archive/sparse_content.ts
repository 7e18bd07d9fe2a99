/**
 * Content of a new file, with holes instead of zeros.
 *
 * @module
 */

import type { TreeFile } from "../platform/tree.ts";

/** Blocks of zeros of this size become holes, at multiples of it; so does a shorter one at the end. */
const BLOCK_SIZE = 4096;

/** Writes an empty file from its beginning to its end. */
export class SparseContent {
  readonly #file: TreeFile;
  readonly #size: number;
  #offset = 0;
  /** End of what was written; behind it there is nothing yet. */
  #end = 0;

  /** Begins with a file that is empty, and is going to have `size` bytes. */
  constructor(file: TreeFile, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Bytes that are still to come. */
  get missing(): number {
    return this.#size - this.#offset;
  }

  /** Writes what comes next; not more than is {@linkcode missing}. */
  write(data: Uint8Array): void {
    const base = this.#offset;
    let start = 0;
    for (let at = 0; at < data.length;) {
      const position = base + at;
      const blockEnd = Math.min(position - position % BLOCK_SIZE + BLOCK_SIZE, this.#size);
      const end = Math.min(blockEnd - base, data.length);
      const isWhole = position % BLOCK_SIZE === 0 && base + end === blockEnd;
      if (isWhole && data[at] === 0 && isZero(data, { start: at, end })) {
        this.#put(data, { start, end: at });
        start = end;
      }
      at = end;
    }
    this.#put(data, { start, end: data.length });
    this.#offset += data.length;
  }

  /** Gives the file its size, if it ends in a hole. */
  finish(): void {
    if (this.#end < this.#size) this.#file.truncate(this.#size);
  }

  #put(data: Uint8Array, range: Range): void {
    const { start, end } = range;
    if (start === end) return;
    const isAll = end - start === data.length;
    this.#file.writeAt(isAll ? data : data.subarray(start, end), this.#offset + start);
    this.#end = this.#offset + end;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function isZero(data: Uint8Array, range: Range): boolean {
  for (let at = range.start; at < range.end; at++) if (data[at] !== 0) return false;
  return true;
}
