/**
 * Work that several threads share: a task is plain data over shared memory, and every thread, the main one too,
 * calls the same function on it until nothing is left to claim.
 *
 * @module
 */

import type { Bell } from "./bell.ts";
import type { CatTask } from "./cat_task.ts";
import type { ChunkTask } from "./chunk_task.ts";
import type { ContentTask } from "./content_task.ts";
import type { FileTask } from "./file_task.ts";
import type { RelayTask } from "./relay_task.ts";
import type { RingTask } from "./ring_task.ts";
import type { RowTask } from "./row_task.ts";
import type { StoreTask } from "./store_task.ts";

/** Every kind of work that the engine's threads know. */
export type Task = RingTask | RowTask | ChunkTask | CatTask | RelayTask | ContentTask | StoreTask | FileTask;

/** How long a thread stays in a task. The main thread comes back now and then, to serve its event loop. */
export interface Pace {
  /** Whether to return to the caller after the unit in hand. */
  expired(): boolean;
}

/** Places in a task's `control`. What a kind of task adds starts at {@linkcode CONTROL_SIZE}. */
export const CONTROL = {
  /** Not zero: stop after the unit in hand. */
  stop: 0,
  /** The next unit to claim. */
  next: 1,
  /** Units that are done, for progress. */
  done: 2,
  /** Workers that have begun with the task. */
  entered: 3,
  /** Moves whenever threads that wait for something else than a lock have to look again; see {@linkcode wake}. */
  wake: 4,
} as const;

/** First place that a kind of task may use for itself. */
export const CONTROL_SIZE = 5;

/** @returns The shared control words of a new task, with `extra` words of its own. */
export function newControl(extra = 0): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * (CONTROL_SIZE + extra)));
}

/** Claims the next of `count` units. @returns Its number, or -1 if none is left or the task was stopped. */
export function claimUnit(control: Int32Array<SharedArrayBuffer>, count: number): number {
  if (Atomics.load(control, CONTROL.stop) !== 0) return -1;
  // Checked first, so that threads which come back to a finished task do not count on for ever.
  if (Atomics.load(control, CONTROL.next) >= count) return -1;
  const unit = Atomics.add(control, CONTROL.next, 1);
  return unit < count ? unit : -1;
}

/** Makes other threads that {@linkcode untilWoken} look again. */
export function wake(control: Int32Array<SharedArrayBuffer>): void {
  Atomics.add(control, CONTROL.wake, 1);
  Atomics.notify(control, CONTROL.wake);
}

/**
 * Waits, with the event loop running, until another thread calls {@linkcode wake}, or the bell rings.
 *
 * @param seen What `control[CONTROL.wake]` was before the caller looked for something to do.
 */
export async function untilWoken(
  control: Int32Array<SharedArrayBuffer>,
  { seen, bell }: { readonly seen: number; readonly bell: Bell },
): Promise<void> {
  await bell.wait(control, CONTROL.wake, seen);
}

/** A copy of `bytes` that all threads can see. */
export function shareBytes(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** A copy of `numbers` that all threads can see. */
export function shareNumbers(numbers: Float64Array): Float64Array<SharedArrayBuffer> {
  const shared = new Float64Array(new SharedArrayBuffer(8 * numbers.length));
  shared.set(numbers);
  return shared;
}
