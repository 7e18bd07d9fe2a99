/**
 * A thread's share in reading a blob in order: fetch rows into a window of slots that one thread empties in turn.
 *
 * @module
 */

import { formatChunkId, sameChunkId } from "../chunk_id.ts";
import { ChunkMissingError } from "../errors.ts";
import type { ChunkDirectory } from "../store/types.ts";
import { openRowReader } from "./row_reader.ts";
import { CONTROL, CONTROL_SIZE, type Pace, untilWoken } from "./task.ts";
import type { StoreCalls, WorkerCalls } from "./store_calls.ts";
import { TaskGroup } from "./task_group.ts";
import { loadChunk, rowId } from "./thread_chunks.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** Rows that are to be had in order. */
export interface CatTask {
  readonly kind: "cat";
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Where chunks are, if it is in directories. */
  readonly directories: readonly ChunkDirectory[];
  /** How workers reach any other store. */
  readonly calls: WorkerCalls | undefined;
  /** The index's columns. */
  readonly ids: Uint8Array<SharedArrayBuffer>;
  readonly ends: Float64Array<SharedArrayBuffer>;
  /** Rows to read: the first, and the one after the last. */
  readonly first: number;
  readonly end: number;
  /** Slots of `slotSize` bytes; row i is in slot (i - first) mod the number of slots. */
  readonly slots: Uint8Array<SharedArrayBuffer>;
  readonly slotSize: number;
  /** By slot: the number of the row in it, counted from `first`, plus one. */
  readonly filled: Int32Array<SharedArrayBuffer>;
  /** 32 bytes: the ID of the chunk of `nullSize` zero bytes, which no store needs to have. */
  readonly nullId: Uint8Array;
  readonly nullSize: number;
}

/** Further places in the control words. */
export const CAT = {
  /** Rows taken out so far: how far the window has moved. */
  taken: CONTROL_SIZE,
  /** Counts filled slots; the thread that empties them sleeps on it. */
  progress: CONTROL_SIZE + 1,
} as const;

/** Control words beyond the common ones. */
export const CAT_CONTROL_WORDS = 2;

const NAP_MS = 200;

/** Fetches rows. @returns False if the pace ended it, true if nothing is left to claim. */
export function runCatTask(task: CatTask, tools: ThreadTools, pace: Pace): boolean {
  const { control } = task;
  for (;;) {
    if (Atomics.load(control, CONTROL.stop) !== 0) return true;
    const claim = fetchNext(task, tools);
    if (claim === "finished") return true;
    if (pace.expired()) return false;
    if (claim === "full") {
      const taken = Atomics.load(control, CAT.taken);
      if (isFull(task, Atomics.load(control, CONTROL.next), taken)) {
        Atomics.wait(control, CAT.taken, taken, NAP_MS);
      }
    }
  }
}

/** Fetches rows from a store, some at a time. */
export async function runCatCalls(task: CatTask, tools: ThreadTools, calls: StoreCalls): Promise<void> {
  const { control } = task;
  await using reader = await openRowReader(task, tools, calls.stores[0]!);
  await using group = new TaskGroup(calls);
  while (Atomics.load(control, CONTROL.stop) === 0) {
    await group.room();
    const seen = Atomics.load(control, CONTROL.wake);
    const number = claimRow(task);
    if (number === "finished") break;
    if (number === "full") {
      if (Atomics.load(control, CONTROL.stop) === 0) await untilWoken(control, { seen, bell: calls.bell });
      continue;
    }
    const row = task.first + number;
    if (isNullRow(task, row)) {
      fillSlot(task, number, undefined);
      calls.bell.ring();
    } else {
      group.start(async (signal) => {
        await reader.read(row, { signal, use: (plain) => fillSlot(task, number, plain) });
        calls.bell.ring();
      });
    }
  }
  await group.settle();
}

/** Fetches one row, if there is one and the window has room for it. */
export function fetchNext(task: CatTask, tools: ThreadTools): "fetched" | "full" | "finished" {
  const number = claimRow(task);
  if (typeof number === "string") return number;
  const row = task.first + number;
  if (isNullRow(task, row)) {
    fillSlot(task, number, undefined);
    return "fetched";
  }
  const id = rowId(task.ids, row);
  const size = rowSize(task, row);
  const chunk = loadChunk(tools, { id, directories: task.directories, size, maxSize: size });
  if (chunk === undefined) {
    const roots = task.directories.map(({ root }) => root).join(", ");
    throw new ChunkMissingError(formatChunkId(id.ids, id.offset), roots);
  }
  fillSlot(task, number, chunk.plain);
  return "fetched";
}

/** Claims a row. @returns Its number, counted from the first one. */
function claimRow(task: CatTask): number | "full" | "finished" {
  const { control } = task;
  for (;;) {
    const number = Atomics.load(control, CONTROL.next);
    if (task.first + number >= task.end) return "finished";
    if (isFull(task, number, Atomics.load(control, CAT.taken))) return "full";
    if (Atomics.compareExchange(control, CONTROL.next, number, number + 1) === number) return number;
  }
}

function isNullRow(task: CatTask, row: number): boolean {
  const id = rowId(task.ids, row);
  return rowSize(task, row) === task.nullSize && sameChunkId(id.ids, id.offset, task.nullId, 0);
}

function rowSize(task: CatTask, row: number): number {
  return task.ends[row]! - (row === 0 ? 0 : task.ends[row - 1]!);
}

/** Hands out a row. @param plain Its bytes; undefined for zeros. */
function fillSlot(task: CatTask, number: number, plain: Uint8Array | undefined): void {
  const { control } = task;
  const slot = number % task.filled.length;
  const at = slot * task.slotSize;
  if (plain === undefined) task.slots.fill(0, at, at + task.nullSize);
  else task.slots.set(plain, at);
  Atomics.store(task.filled, slot, number + 1);
  Atomics.add(control, CAT.progress, 1);
  Atomics.notify(control, CAT.progress);
}

function isFull(task: CatTask, number: number, taken: number): boolean {
  return number - taken >= task.filled.length;
}
