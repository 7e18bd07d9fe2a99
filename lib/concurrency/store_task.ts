/**
 * A thread's share in work that waits for stores: fetch rows into a file, store the rows of a file, copy chunks from
 * one store to another. Each thread opens the stores by itself, and has a few calls under way.
 *
 * @module
 */

import { Chunk } from "../chunk.ts";
import { CHUNK_ID_SIZE, type ChunkId, formatChunkId } from "../chunk_id.ts";
import { ChunkInvalidError } from "../errors.ts";
import { type CallOptions, type ChunkStore, requireChunk, type WritableChunkStore } from "../store/types.ts";
import { openRowReader } from "./row_reader.ts";
import { OUTCOME, RUN_COLUMNS } from "./row_task.ts";
import type { StoreCalls, WorkerCalls } from "./store_calls.ts";
import { claimUnit, CONTROL } from "./task.ts";
import { TaskGroup } from "./task_group.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** Work on the chunks of a table; each thread claims one run of them after another. */
export interface StoreTask {
  readonly kind: "store";
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly operation: StoreOperation;
  /** 32 bytes a row. */
  readonly ids: Uint8Array<SharedArrayBuffer>;
  /** End offsets in the blob, for work on a file. */
  readonly ends: Float64Array<SharedArrayBuffer>;
  /** Rows to work on, as in a row task: {@linkcode RUN_COLUMNS} numbers a run. */
  readonly runs: Float64Array<SharedArrayBuffer>;
  /** Undefined: there is no work for workers. */
  readonly calls: WorkerCalls | undefined;
}

/** What is to be done with the rows of a {@linkcode StoreTask}. The stores it names are given in this order. */
export type StoreOperation =
  /** Read from the store, write to the file. What became of a row is told in `outcomes`, an `OUTCOME` each. */
  | { readonly kind: "fetch"; readonly path: string; readonly outcomes: Uint8Array<SharedArrayBuffer> }
  /** Read from the file, compare, write to the store unless it is there. */
  | { readonly kind: "chop"; readonly path: string }
  /** Read from the first store, write to the second unless it is there. */
  | { readonly kind: "copy" };

/** Works on runs until none is left to claim, and waits for all calls. */
export async function runStoreTask(task: StoreTask, tools: ThreadTools, calls: StoreCalls): Promise<void> {
  const { limit, signal } = calls;
  await using work = await openWork(task, tools, calls.stores);
  await using group = new TaskGroup({ limit, signal });
  for (;;) {
    await group.room();
    const unit = claimUnit(task.control, task.runs.length / RUN_COLUMNS);
    if (unit < 0) break;
    const first = task.runs[unit * RUN_COLUMNS]!;
    const count = task.runs[unit * RUN_COLUMNS + 1]!;
    for (let row = first; row < first + count; row++) {
      await group.room();
      group.start(async (signal) => {
        await work.row(row, { signal });
        Atomics.add(task.control, CONTROL.done, 1);
        calls.onUnit?.();
      });
    }
  }
  await group.settle();
}

/** What is to be done with each row. */
interface RowWork extends AsyncDisposable {
  row(row: number, options: CallOptions): Promise<void>;
}

async function openWork(
  task: StoreTask,
  tools: ThreadTools,
  stores: readonly ChunkStore[],
): Promise<RowWork> {
  const { operation } = task;
  const [store, target] = stores as [ChunkStore, WritableChunkStore];
  switch (operation.kind) {
    case "fetch": {
      const reader = await openRowReader(task, tools, store);
      const row = (row: number, options: CallOptions) =>
        reader.read(row, {
          ...options,
          use(plain) {
            tools.file(operation.path, "read-write").writeAt(plain, startOf(task, row));
            operation.outcomes[row] = OUTCOME.store;
          },
        });
      return { row, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
    }
    case "chop": {
      const row = (row: number, options: CallOptions) =>
        chopRow(task, tools, { ...options, row, path: operation.path, store: store as WritableChunkStore });
      return { row, async [Symbol.asyncDispose]() {} };
    }
    case "copy": {
      const row = (row: number, options: CallOptions) =>
        copyChunk(tools, { ...options, id: idOf(task, row), store, target });
      return { row, async [Symbol.asyncDispose]() {} };
    }
  }
}

async function chopRow(
  task: StoreTask,
  tools: ThreadTools,
  call: CallOptions & { readonly row: number; readonly path: string; readonly store: WritableChunkStore },
): Promise<void> {
  const { store, signal } = call;
  const id = idOf(task, call.row);
  const chunk = readChunk(task, tools, { ...call, id });
  if (await store.has(id, { signal })) return;
  await store.put(chunk, { signal });
  tools.count("stored", 1);
}

async function copyChunk(
  tools: ThreadTools,
  call: CallOptions & {
    readonly id: ChunkId;
    readonly store: ChunkStore;
    readonly target: WritableChunkStore;
  },
): Promise<void> {
  const { id, store, target, signal } = call;
  if (await target.has(id, { signal })) return;
  const chunk = await requireChunk(store, id, { signal });
  chunk.verify(tools.digest); // Unless the store has done it.
  await target.put(chunk, { signal });
  tools.count("copied", 1);
}

function idOf(task: StoreTask, row: number): ChunkId {
  return formatChunkId(task.ids, row * CHUNK_ID_SIZE);
}

function readChunk(
  task: StoreTask,
  tools: ThreadTools,
  wanted: { readonly row: number; readonly path: string; readonly id: ChunkId },
): Chunk {
  const { row, path, id } = wanted;
  const start = startOf(task, row);
  const plain = new Uint8Array(task.ends[row]! - start);
  const file = tools.file(path, "read");
  if (file.readAt(plain, start) < plain.length) {
    throw new ChunkInvalidError(id, `'${path}' ends at offset ${file.size()}, before the chunk does`);
  }
  const chunk = Chunk.fromPlain(id, plain);
  chunk.verify(tools.digest);
  return chunk;
}

function startOf({ ends }: StoreTask, row: number): number {
  return row === 0 ? 0 : ends[row - 1]!;
}
