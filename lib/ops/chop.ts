/**
 * Storing the chunks of a file by an index that exists already.
 *
 * @module
 */

import { IdTable } from "../assemble/id_table.ts";
import { type RowRange, runsOf, toColumns } from "../assemble/runs.ts";
import { CHUNK_ID_SIZE, type ChunkId, formatChunkId } from "../chunk_id.ts";
import { shareCalls } from "../concurrency/store_calls.ts";
import type { StoreTask } from "../concurrency/store_task.ts";
import { newControl, shareBytes, shareNumbers } from "../concurrency/task.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { StoreError } from "../errors.ts";
import { blobSize, type Index, rowCount } from "../format/index_file.ts";
import type { PosixFile } from "../platform/posix.ts";
import { chunkDirectory } from "../store/recipe.ts";
import type { WritableChunkStore } from "../store/types.ts";
import { type RowWorkOptions, workOnRows } from "./rows.ts";

/** How to store chunks. */
export interface ChopOptions extends RowWorkOptions {
  /** Chunks that are left out. @default none */
  readonly ignore?: ReadonlySet<ChunkId> | undefined;
  /** Calls to the store at once, unless it is a directory. @default as many as get more done, from 10 to 64 */
  readonly concurrency?: number | undefined;
}

/** What to store, and where. */
export interface ChopWork {
  readonly index: Index;
  readonly path: string;
  readonly store: WritableChunkStore;
}

/**
 * Stores the chunks of the file at `path` which the store does not have.
 *
 * @returns Chunks that were written.
 * @throws {StoreError} If the file cannot be read.
 * @throws {ChunkInvalidError} If the file is not what the index describes; chunks stored before that stay.
 */
export async function chopFile(engine: Engine, work: ChopWork, options: ChopOptions = {}): Promise<number> {
  const { store } = work;
  const ranges = selectRows(work.index, options.ignore ?? new Set());
  const directory = chunkDirectory(store);
  // Also for the threads, which open it by themselves: that it cannot be read is said once, and at once.
  open(engine, work.path)[Symbol.dispose]();
  if (directory === undefined) return await chopRows(engine, { ...work, ranges }, options);
  const operation = { kind: "chop", directory } as const;
  const counters = await workOnRows(engine, { ...work, operation, ranges }, options);
  return counters.get("stored") ?? 0;
}

/** Rows of chunks that are not to be left out, each chunk once. */
function selectRows(index: Index, ignore: ReadonlySet<ChunkId>): RowRange[] {
  const table = new IdTable(index.ids);
  const ranges: RowRange[] = [];
  for (let row = 0; row < rowCount(index); row++) {
    const offset = row * CHUNK_ID_SIZE;
    if (table.find(index.ids, offset) !== row || ignore.has(formatChunkId(index.ids, offset))) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === row) {
      ranges[ranges.length - 1] = { ...last, count: last.count + 1 };
    } else ranges.push({ kind: "check", first: row, count: 1 });
  }
  return ranges;
}

async function chopRows(
  engine: Engine,
  work: ChopWork & { readonly ranges: readonly RowRange[] },
  options: ChopOptions,
): Promise<number> {
  const { index, store, path } = work;
  const stores = [store];
  const shares = shareCalls(options.concurrency, { threads: engine.threads, stores });
  const task: StoreTask = {
    kind: "store",
    control: newControl(),
    operation: { kind: "chop", path },
    ids: shareBytes(index.ids),
    ends: shareNumbers(index.ends),
    runs: toColumns(runsOf(index, work.ranges)),
    calls: shares.calls,
  };
  const counters = await engine.call(task, { work: blobSize(index), stores, shares, ...options });
  return counters.get("stored") ?? 0;
}

function open(engine: Engine, path: string): PosixFile {
  try {
    return engine.tools.posix.open(path);
  } catch (cause) {
    throw new StoreError(path, "read", { cause });
  }
}
