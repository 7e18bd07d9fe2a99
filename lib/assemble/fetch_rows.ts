/**
 * Fetching rows through the store interface, for stores that threads cannot open by themselves.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../chunk_id.ts";
import { TaskGroup } from "../concurrency/task_group.ts";
import type { Digest } from "../digest/digest.ts";
import { ChunkInvalidError } from "../errors.ts";
import { type Index, rowSize, rowStart } from "../format/index_file.ts";
import type { PosixFile } from "../platform/posix.ts";
import { type ChunkStore, requireChunk } from "../store/types.ts";

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
  const group = new TaskGroup({ limit, signal });
  try {
    for (const [first, count] of work.runs) {
      for (let row = first!; row < first! + count!; row++) {
        await group.room();
        group.start(async (signal) => {
          await fetchRow(work, row, signal);
          options.onRow(row);
        });
      }
    }
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    throw error;
  }
}

async function fetchRow(work: FetchRows, row: number, signal: AbortSignal): Promise<void> {
  const { index, store, file, digest } = work;
  const id = formatChunkId(index.ids, row * CHUNK_ID_SIZE);
  const chunk = await requireChunk(store, id, { signal });
  chunk.verify(digest);
  const plain = chunk.plain();
  const size = rowSize(index, row);
  if (plain.length !== size) {
    throw new ChunkInvalidError(id, `it has ${plain.length} bytes, the index says ${size}`);
  }
  file.writeAt(plain, rowStart(index, row));
}
