/**
 * Reading of chunk files into buffers that are used again.
 *
 * Fresh buffers would take 25 of 80 µs that a request for 43 KB needs: they are filled with zeros first, and keep the
 * garbage collector busy.
 *
 * @module
 */

import type { ChunkId } from "../chunk_id.ts";
import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import type { Posix } from "../platform/posix.ts";
import { ChunkFiles } from "../store/chunk_files.ts";

/** What was read. */
export interface ReadChunk {
  /** The stored form; borrowed until {@linkcode release}. */
  readonly bytes: Uint8Array;
  /** Gives the buffer back. To be called at most once. */
  release(): void;
}

/** Sizes of buffers, as powers of two: chunks below and above are read, but nothing is kept for them. */
const MIN_CLASS = 12;
const MAX_CLASS = 21;
/** Buffers of each size that are kept for later. */
const KEPT = 64;

/** Chunks of one directory, as they are stored. It keeps nothing open. */
export class ChunkReader {
  readonly #files: ChunkFiles;
  readonly #id = new Uint8Array(CHUNK_ID_SIZE);
  readonly #free: Uint8Array<ArrayBuffer>[][] = Array.from({ length: MAX_CLASS + 1 }, () => []);

  /** Reads `<root>/<first 4 digits>/<64 digits><extension>`. */
  constructor(posix: Posix, options: { readonly root: string; readonly extension: string }) {
    this.#files = new ChunkFiles(posix, options);
  }

  /**
   * Reads a chunk.
   *
   * @returns Undefined if there is none, it is empty, it cannot be read, or it is so large that somebody else should: the
   * store finds out.
   */
  read(id: ChunkId): ReadChunk | undefined {
    this.#id.setFromHex(id);
    let buffer: Uint8Array<ArrayBuffer> | undefined;
    try {
      const bytes = this.#files.read({ ids: this.#id, offset: 0 }, (size) => {
        if (size === 0 || size > 2 ** MAX_CLASS) throw new RangeError("Not for this reader");
        buffer = this.#take(size);
        return buffer.subarray(0, size);
      });
      if (bytes !== undefined && bytes.length > 0) {
        const taken = buffer!;
        return { bytes, release: () => this.#keep(taken) };
      }
    } catch {
      // The store says what is wrong.
    }
    if (buffer !== undefined) this.#keep(buffer);
    return undefined;
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    const sizeClass = classOf(size);
    return this.#free[sizeClass]!.pop() ?? new Uint8Array(2 ** sizeClass);
  }

  #keep(buffer: Uint8Array<ArrayBuffer>): void {
    const free = this.#free[classOf(buffer.length)]!;
    if (free.length < KEPT) free.push(buffer);
  }
}

/** The power of two that is not below `size`. */
function classOf(size: number): number {
  return Math.max(MIN_CLASS, 32 - Math.clz32(size - 1));
}
