/**
 * Work on all rows of an index against one file.
 *
 * @module
 */

import { type RowRange, runsOf, toColumns } from "../assemble/runs.ts";
import type { RowOperation, RowTask } from "../concurrency/row_task.ts";
import { newControl, shareBytes, shareNumbers } from "../concurrency/task.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { blobSize, type Index, rowCount } from "../format/index_file.ts";

/** What comes of work on rows while it lasts. */
export interface RowWorkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of rows done. */
  readonly onProgress?: ((rows: number) => void) | undefined;
}

/** What is to be done with which rows. */
export interface RowWork {
  readonly operation: RowOperation;
  readonly index: Index;
  /** The file that the index describes. */
  readonly path: string;
  /** @default all rows */
  readonly ranges?: readonly RowRange[] | undefined;
}

/** Works on rows with all threads. @returns What the threads counted. */
export async function workOnRows(
  engine: Engine,
  work: RowWork,
  options: RowWorkOptions = {},
): Promise<Map<string, number>> {
  const { index } = work;
  const ranges = work.ranges ?? [{ kind: "check", first: 0, count: rowCount(index) }];
  const task: RowTask = {
    kind: "rows",
    control: newControl(),
    operation: work.operation,
    ids: shareBytes(index.ids),
    ends: shareNumbers(index.ends),
    outcomes: new Uint8Array(new SharedArrayBuffer(rowCount(index))),
    runs: toColumns(runsOf(index, ranges)),
    path: work.path,
  };
  return await engine.run(task, { work: blobSize(index), ...options });
}
