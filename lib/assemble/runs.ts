/**
 * Cutting steps into runs that threads claim one by one.
 *
 * @module
 */

import { RUN_COLUMNS } from "../concurrency/row_task.ts";
import { shareNumbers } from "../concurrency/task.ts";
import { type Index, rowStart } from "../format/index_file.ts";

/** Rows that belong together, and where they come from. */
export interface RowRange {
  readonly kind: string;
  readonly first: number;
  readonly count: number;
  /** Number of the source. @default 0 */
  readonly source?: number;
  /** Offset in the source, bytes. @default 0 */
  readonly offset?: number;
}

/** Bytes of a run: small enough to keep all threads busy to the end… */
const RUN_SIZE = 1 << 20;
/** … and larger for copies, in which every cut can cost two shared blocks, and for zeros, which cost nothing. */
const COPY_RUN_SIZE = 16 << 20;
/** Rows of a run that is no copy, however small they are: a thread which has it in hand does not see a signal. */
const RUN_ROWS = 8;

/** @returns First row, rows, source and offset of each run. */
export function runsOf(index: Index, ranges: readonly RowRange[]): number[][] {
  const runs: number[][] = [];
  for (const range of ranges) {
    const isSmall = range.kind === "fetch" || range.kind === "check";
    const limit = isSmall ? RUN_SIZE : COPY_RUN_SIZE;
    const end = range.first + range.count;
    const shift = (range.offset ?? 0) - rowStart(index, range.first);
    for (let first = range.first; first < end;) {
      const start = rowStart(index, first);
      const last = isSmall ? Math.min(end, first + RUN_ROWS) : end;
      let next = first + 1;
      while (next < last && index.ends[next]! - start <= limit) next++;
      runs.push([first, next - first, range.source ?? 0, start + shift]);
      first = next;
    }
  }
  return runs;
}

/** The runs in the form that threads share. */
export function toColumns(runs: readonly (readonly number[])[]): Float64Array<SharedArrayBuffer> {
  const columns = new Float64Array(runs.length * RUN_COLUMNS);
  runs.forEach((run, i) => columns.set(run, i * RUN_COLUMNS));
  return shareNumbers(columns);
}
