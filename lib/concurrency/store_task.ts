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
        await workOnRow(task, tools, { row, stores: calls.stores, signal });
        Atomics.add(task.control, CONTROL.done, 1);
        calls.onUnit?.();
      });
    }
  }
  await group.settle();
}

/** The columns of an index. */
type Columns = Pick<StoreTask, "ids" | "ends">;

interface RowCall extends CallOptions {
  readonly row: number;
  readonly stores: readonly ChunkStore[];
}

async function workOnRow(task: StoreTask, tools: ThreadTools, call: RowCall): Promise<void> {
  const { operation } = task;
  const { row, signal } = call;
  const [store, target] = call.stores as [ChunkStore, WritableChunkStore];
  const id = formatChunkId(task.ids, row * CHUNK_ID_SIZE);
  if (operation.kind === "fetch") {
    const chunk = await verifiedRow(task, tools, { row, store, signal });
    tools.file(operation.path, "read-write").writeAt(chunk.plain(), startOf(task, row));
    operation.outcomes[row] = OUTCOME.store;
  } else if (operation.kind === "chop") {
    const chunk = readChunk(task, tools, { row, path: operation.path, id });
    const writable = store as WritableChunkStore;
    if (await writable.has(id, { signal })) return;
    await writable.put(chunk, { signal });
    tools.count("stored", 1);
  } else if (!await target.has(id, { signal })) {
    await target.put(await verifiedChunk(store, tools, { id, signal }), { signal });
    tools.count("copied", 1);
  }
}

/**
 * Reads the chunk of a row, which has to be there, and verifies it.
 *
 * @throws {ChunkMissingError} If the store does not have it.
 * @throws {ChunkInvalidError} If it is not what its ID says, or has another size than the index says.
 */
export async function verifiedRow(
  table: Columns,
  tools: ThreadTools,
  wanted: CallOptions & { readonly row: number; readonly store: ChunkStore },
): Promise<Chunk> {
  const { row, store } = wanted;
  const id = formatChunkId(table.ids, row * CHUNK_ID_SIZE);
  const chunk = await verifiedChunk(store, tools, { id, signal: wanted.signal });
  const size = table.ends[row]! - startOf(table, row);
  const found = chunk.plain().length;
  if (found !== size) throw new ChunkInvalidError(id, `it has ${found} bytes, the index says ${size}`);
  return chunk;
}

/** Reads a chunk that has to be there, and verifies what the store did not verify itself. */
async function verifiedChunk(
  store: ChunkStore,
  tools: ThreadTools,
  wanted: CallOptions & { readonly id: ChunkId },
): Promise<Chunk> {
  const chunk = await requireChunk(store, wanted.id, wanted);
  chunk.verify(tools.digest);
  return chunk;
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

function startOf({ ends }: Columns, row: number): number {
  return row === 0 ? 0 : ends[row - 1]!;
}
