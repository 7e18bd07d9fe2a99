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

  readonly #factor = crypto.getRandomValues(new Uint32Array(1))[0]! | 1;

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

  /**
   * Of all bytes and a number that nobody can foresee: the IDs of a forged index need not be digests, and may be chosen
   * to meet in one bucket.
   */
  #bucket(ids: Uint8Array, offset: number): number {
    let hash = 0;
    for (let i = offset; i < offset + CHUNK_ID_SIZE; i++) hash = Math.imul(hash ^ ids[i]!, this.#factor);
    return (hash ^ hash >>> 15) & (this.#heads.length - 1);
  }
}
