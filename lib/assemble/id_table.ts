/**
 * Finding the rows of an index by chunk ID.
 *
 * @module
 */

import { CHUNK_ID_SIZE, sameChunkId } from "../chunk_id.ts";

/** Rows by their ID, in 8 to 16 bytes a row: a hash table with chains, in two columns. */
export class IdTable {
  readonly #ids: Uint8Array;
  /** First row of each bucket, plus one. */
  readonly #heads: Int32Array;
  /** Next row of the same bucket, plus one. */
  readonly #next: Int32Array;

  /** Builds the table; `ids` is shared, 32 bytes a row. */
  constructor(ids: Uint8Array) {
    const rows = ids.length / CHUNK_ID_SIZE;
    this.#ids = ids;
    this.#heads = new Int32Array(1 << Math.max(4, Math.ceil(Math.log2(rows + 1))));
    this.#next = new Int32Array(rows);
    // From the last row to the first, so that chains are in the order of the index.
    for (let row = rows - 1; row >= 0; row--) {
      const bucket = this.#bucket(ids, row * CHUNK_ID_SIZE);
      this.#next[row] = this.#heads[bucket]!;
      this.#heads[bucket] = row + 1;
    }
  }

  /** The first row whose ID is the one at byte `offset` of `ids`; -1 if there is none. */
  find(ids: Uint8Array, offset: number): number {
    let row = this.#heads[this.#bucket(ids, offset)]! - 1;
    while (row >= 0 && !sameChunkId(this.#ids, row * CHUNK_ID_SIZE, ids, offset)) row = this.#next[row]! - 1;
    return row;
  }

  /** The next row after `row` with the same ID; -1 if there is none. */
  following(row: number): number {
    let next = this.#next[row]! - 1;
    while (next >= 0 && !sameChunkId(this.#ids, row * CHUNK_ID_SIZE, this.#ids, next * CHUNK_ID_SIZE)) {
      next = this.#next[next]! - 1;
    }
    return next;
  }

  /** IDs are digests, so any four of their bytes are a hash. */
  #bucket(ids: Uint8Array, offset: number): number {
    const hash = ids[offset]! | ids[offset + 1]! << 8 | ids[offset + 2]! << 16 | ids[offset + 3]! << 24;
    return hash & (this.#heads.length - 1);
  }
}
