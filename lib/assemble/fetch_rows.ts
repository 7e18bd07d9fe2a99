/**
 * Fetching rows through the store interface, for stores that threads cannot open by themselves.
 *
 * @module
 */

import { TaskGroup } from "../concurrency/task_group.ts";
import type { Digest } from "../digest/digest.ts";
import { type Index, rowStart } from "../format/index_file.ts";
import type { PosixFile } from "../platform/posix.ts";
import type { ChunkStore } from "../store/types.ts";
import { readRow } from "./stream_blob.ts";

/** What to fetch, and where to. */
export interface FetchRows {
  readonly index: Index;
  readonly store: ChunkStore;
  /** First row and number of rows of each run. */
  readonly runs: readonly (readonly number[])[];
  readonly file: PosixFile;
  /** Verifies what the store did not verify itself. */
  readonly digest: Digest;
}

/** How to fetch. */
export interface FetchRowsOptions {
  /** Calls at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
  /** Called for every row that is in the file. */
  readonly onRow: (row: number) => void;
}

/**
 * Fetches rows and writes each to its place.
 *
 * @throws {ChunkMissingError} If the store lacks a chunk.
 * @throws {ChunkInvalidError} If it has something else under a chunk's name.
 */
export async function fetchRows(work: FetchRows, options: FetchRowsOptions): Promise<void> {
  const { concurrency: limit, signal } = options;
  await using group = new TaskGroup({ limit, signal });
  for (const [first, count] of work.runs) {
    for (let row = first!; row < first! + count!; row++) {
      await group.room();
      group.start(async (signal) => {
        work.file.writeAt(await readRow({ ...work, signal }, row), rowStart(work.index, row));
        options.onRow(row);
      });
    }
  }
  await group.settle();
}
