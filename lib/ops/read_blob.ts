/**
 * Reading a blob, or a part of it, in order.
 *
 * @module
 */

import { type BlobPart, blobPart } from "../assemble/stream_blob.ts";
import { CAT, CAT_CONTROL_WORDS, type CatTask, fetchNext, runCatCalls } from "../concurrency/cat_task.ts";
import { shareCalls } from "../concurrency/store_calls.ts";
import { nullChunkBytes } from "../concurrency/thread_tools.ts";
import { CONTROL, newControl, shareBytes, shareNumbers, wake } from "../concurrency/task.ts";
import type { Engine, RunningTask } from "../concurrency/worker_pool.ts";
import { type Index, rowSize } from "../format/index_file.ts";
import { chunkDirectories } from "../store/recipe.ts";
import type { ChunkStore } from "../store/types.ts";

/** Which part of a blob to read, and from where. */
export interface ReadBlobOptions {
  readonly index: Index;
  readonly store: ChunkStore;
  /** Offset of the first byte. @default 0 */
  readonly offset?: number | undefined;
  /** Bytes to read. @default all to the end */
  readonly size?: number | undefined;
  /** Calls to the store at once, unless it consists of directories. @default as many as get more done, from 10 to 64 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SLOT_MEMORY = 8 << 20;
const MIN_SLOTS = 4;
/** Bytes handed out at once: a write of this size costs little more than one of a chunk. */
const BATCH_SIZE = 256 * 1024;
const NAP_MS = 5;

/**
 * Yields the bytes of the blob in order, every chunk verified before any of it is handed out.
 *
 * @returns Bytes that are borrowed until the next ones are asked for, some 256 KiB at a time.
 * @throws {RangeError} If the part is not inside the blob.
 */
export async function* readBlob(engine: Engine, options: ReadBlobOptions): AsyncGenerator<Uint8Array> {
  const part = { ...options, ...blobPart(options.index, options) };
  if (part.size === 0) return;
  yield* readRows(engine, part);
}

type Part = ReadBlobOptions & BlobPart;

async function* readRows(engine: Engine, part: Part): AsyncGenerator<Uint8Array> {
  const directories = chunkDirectories(part.store);
  const stores = [part.store];
  const shares = directories === undefined
    ? shareCalls(part.concurrency, { threads: engine.threads, stores })
    : undefined;
  const task = newTask(part, {
    directories: directories ?? [],
    calls: shares?.calls,
    nullId: nullChunkBytes(engine.tools.digest, part.index.sizes.max),
  });
  const run = engine.begin(task, { signal: part.signal });
  if (part.size >= engine.minWork) run.enlist(shares?.workers);
  const calls = shares &&
    runCatCalls(task, engine.tools, { stores, limit: shares.limit, signal: run.signal, bell: run.bell })
      .catch((error) => run.fail(error));
  let isComplete = false;
  try {
    const buffer = new Uint8Array(BATCH_SIZE + task.slotSize);
    let left = part.size;
    let from = part.from;
    for (let number = 0; number < part.end - part.first;) {
      if (calls === undefined) await waitForRow({ task, run, engine, number });
      else await waitForCall({ task, run, number });
      const batch = takeBatch(task, { number, index: part.index, from, left, buffer });
      Atomics.store(task.control, CAT.taken, batch.next);
      Atomics.notify(task.control, CAT.taken);
      wake(task.control);
      run.bell.ring();
      number = batch.next;
      left -= batch.bytes.length;
      from = 0;
      yield batch.bytes;
      if (run.isDue) await run.breathe();
      run.check();
    }
    isComplete = true;
  } catch (error) {
    run.fail(error);
    throw error;
  } finally {
    // Also reached when the consumer stops early.
    if (!isComplete) run.fail(new DOMException("The reader has stopped", "AbortError"));
    Atomics.store(task.control, CONTROL.stop, 1);
    Atomics.notify(task.control, CAT.taken);
    await calls;
    const settled = run.settle();
    await (isComplete ? settled : settled.catch(() => {}));
  }
}

function newTask(part: Part, how: Pick<CatTask, "directories" | "calls" | "nullId">): CatTask {
  const { index, first, end } = part;
  let slotSize = 0;
  for (let row = first; row < end; row++) slotSize = Math.max(slotSize, rowSize(index, row));
  const count = Math.min(end - first, Math.max(MIN_SLOTS, Math.floor(SLOT_MEMORY / slotSize)));
  return {
    kind: "cat",
    ...how,
    control: newControl(CAT_CONTROL_WORDS),
    ids: shareBytes(index.ids),
    ends: shareNumbers(index.ends),
    first,
    end,
    slots: new Uint8Array(new SharedArrayBuffer(count * slotSize)),
    slotSize,
    filled: new Int32Array(new SharedArrayBuffer(4 * count)),
    nullSize: index.sizes.max,
  };
}

/** Helps the other threads until the row is there. */
async function waitForRow(
  wait: {
    readonly task: CatTask;
    readonly run: RunningTask;
    readonly engine: Engine;
    readonly number: number;
  },
): Promise<void> {
  const { task, run, engine, number } = wait;
  while (!isFilled(task, number)) {
    run.check();
    const seen = Atomics.load(task.control, CAT.progress);
    if (fetchNext(task, engine.tools) !== "fetched" && !isFilled(task, number)) {
      Atomics.wait(task.control, CAT.progress, seen, NAP_MS);
    }
    if (run.isDue) await run.breathe();
  }
}

/** Waits until the row is there, with the event loop running. */
async function waitForCall(
  wait: { readonly task: CatTask; readonly run: RunningTask; readonly number: number },
): Promise<void> {
  const { task: { control }, run, number } = wait;
  for (;;) {
    const seen = Atomics.load(control, CAT.progress);
    if (isFilled(wait.task, number)) return;
    run.check();
    await run.bell.wait(control, CAT.progress, seen);
  }
}

function isFilled(task: CatTask, number: number): boolean {
  return Atomics.load(task.filled, number % task.filled.length) === number + 1;
}

/** Takes the rows that are there, from `number` on. */
function takeBatch(
  task: CatTask,
  place: {
    readonly number: number;
    readonly index: Index;
    readonly from: number;
    readonly left: number;
    readonly buffer: Uint8Array;
  },
): { readonly bytes: Uint8Array; readonly next: number } {
  let size = 0;
  let next = place.number;
  while (task.first + next < task.end && size < BATCH_SIZE && isFilled(task, next)) {
    const from = next === place.number ? place.from : 0;
    const end = Math.min(rowSize(place.index, task.first + next), from + place.left - size);
    const at = (next % task.filled.length) * task.slotSize;
    place.buffer.set(task.slots.subarray(at + from, at + end), size);
    size += end - from;
    next++;
  }
  return { bytes: place.buffer.subarray(0, size), next };
}
