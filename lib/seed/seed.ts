/**
 * Seeds: local data which supply chunks, so that they need not be fetched.
 *
 * @module
 */

import { CHUNK_ID_SIZE, sameChunkId } from "../chunk_id.ts";
import { IdTable } from "../assemble/id_table.ts";
import { type Index, rowCount, rowStart } from "../format/index_file.ts";

/** A run of rows that a seed can supply. */
export interface SeedMatch {
  /** The seed's number in the order in which seeds were given. */
  readonly seed: number;
  /** Where in the seed's data the run starts, in bytes. */
  readonly offset: number;
  /** Rows in the run. */
  readonly count: number;
}

/** Local data which supply chunks. */
export interface Seed {
  /** The data file. */
  readonly location: string;
  /** Longest run of rows of `target` from `first` on that this seed can supply. */
  match(target: Index, first: number): Omit<SeedMatch, "seed"> | undefined;
}

/** Places of the seed that are tried for one row; in data of few different chunks there may be millions. */
const MAX_CANDIDATES = 64;

/** A file that is described by an index. Nothing is read to match; the engine verifies what it copies. */
export class FileSeed implements Seed {
  readonly location: string;
  /** What the file holds, as far as is known. */
  readonly index: Index;
  readonly #table: IdTable;

  /** Makes a seed of the file at `location` and the index that describes it. */
  constructor(location: string, index: Index) {
    this.location = location;
    this.index = index;
    this.#table = new IdTable(index.ids);
  }

  /** Compares IDs, not data. */
  match(target: Index, first: number): Omit<SeedMatch, "seed"> | undefined {
    let best: { readonly row: number; readonly count: number } | undefined;
    let row = this.#table.find(target.ids, first * CHUNK_ID_SIZE);
    for (let tried = 0; row >= 0 && tried < MAX_CANDIDATES; tried++) {
      const count = commonRows({ index: this.index, row }, { index: target, row: first });
      if (count > (best?.count ?? 0)) best = { row, count };
      row = this.#table.following(row);
    }
    return best === undefined ? undefined : { offset: rowStart(this.index, best.row), count: best.count };
  }
}

/** A row of an index. */
export interface Row {
  readonly index: Index;
  readonly row: number;
}

/** Rows from `a` and from `b` on that have the same IDs and sizes. */
export function commonRows(a: Row, b: Row): number {
  const most = Math.min(rowCount(a.index) - a.row, rowCount(b.index) - b.row);
  const shift = rowStart(a.index, a.row) - rowStart(b.index, b.row);
  let count = 0;
  while (count < most && a.index.ends[a.row + count]! - b.index.ends[b.row + count]! === shift) {
    const aId = (a.row + count) * CHUNK_ID_SIZE;
    if (!sameChunkId(a.index.ids, aId, b.index.ids, (b.row + count) * CHUNK_ID_SIZE)) break;
    count++;
  }
  return count;
}
