/**
 * Storing the chunks of a file by an index that exists already.
 *
 * @module
 */

import { IdTable } from "../assemble/id_table.ts";
import type { RowRange } from "../assemble/runs.ts";
import { Chunk } from "../chunk.ts";
import { CHUNK_ID_SIZE, type ChunkId, formatChunkId } from "../chunk_id.ts";
import { TaskGroup } from "../concurrency/task_group.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { ChunkInvalidError, StoreError } from "../errors.ts";
import { type Index, rowCount, rowSize, rowStart } from "../format/index_file.ts";
import type { PosixFile } from "../platform/posix.ts";
import type { WritableChunkStore } from "../store/types.ts";
import { type RowWorkOptions, workOnRows } from "./rows.ts";

/** How to store chunks. */
export interface ChopOptions extends RowWorkOptions {
  /** Chunks that are left out. @default none */
  readonly ignore?: ReadonlySet<ChunkId> | undefined;
  /** Calls to the store at once, unless it is a directory. @default 10 */
  readonly concurrency?: number | undefined;
}

/** What to store, and where. */
export interface ChopWork {
  readonly index: Index;
  readonly path: string;
  readonly store: WritableChunkStore;
}

const DEFAULT_CONCURRENCY = 10;

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
  const directory = store.directories?.length === 1 ? store.directories[0] : undefined;
  // Also for the threads, which open it by themselves: that it cannot be read is said once, and at once.
  using file = open(engine, work.path);
  if (directory === undefined) return await chopRows(engine, { ...work, ranges, file }, options);
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
  work: ChopWork & { readonly ranges: readonly RowRange[]; readonly file: PosixFile },
  options: ChopOptions,
): Promise<number> {
  const { index, store, file } = work;
  const { signal, concurrency: limit = DEFAULT_CONCURRENCY } = options;
  let stored = 0;
  let done = 0;
  await using group = new TaskGroup({ limit, signal });
  for (const { first, count } of work.ranges) {
    for (let row = first; row < first + count; row++) {
      await group.room();
      const id = formatChunkId(index.ids, row * CHUNK_ID_SIZE);
      const chunk = Chunk.fromPlain(id, readRow(file, index, row));
      chunk.verify(engine.tools.digest);
      group.start(async (signal) => {
        if (await store.has(id, { signal })) return;
        await store.put(chunk, { signal });
        stored++;
      });
      options.onProgress?.(++done);
    }
  }
  await group.settle();
  return stored;
}

function open(engine: Engine, path: string): PosixFile {
  try {
    return engine.tools.posix.open(path);
  } catch (cause) {
    throw new StoreError(path, "read", { cause });
  }
}

function readRow(file: PosixFile, index: Index, row: number): Uint8Array {
  const plain = new Uint8Array(rowSize(index, row));
  const count = file.readAt(plain, rowStart(index, row));
  if (count < plain.length) {
    throw new ChunkInvalidError(
      formatChunkId(index.ids, row * CHUNK_ID_SIZE),
      `'${file.path}' ends at offset ${file.size()}, before the chunk does`,
    );
  }
  return plain;
}
