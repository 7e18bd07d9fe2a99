/**
 * Reading a blob, or a part of it, in order.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../chunk_id.ts";
import { CAT, CAT_CONTROL_WORDS, type CatTask, fetchNext } from "../concurrency/cat_task.ts";
import { CONTROL, newControl, shareBytes, shareNumbers } from "../concurrency/task.ts";
import type { Engine, RunningTask } from "../concurrency/worker_pool.ts";
import { ChunkInvalidError } from "../errors.ts";
import { blobSize, type Index, rowAt, rowSize, rowStart } from "../format/index_file.ts";
import { type ChunkStore, requireChunk } from "../store/types.ts";

/** Which part of a blob to read, and from where. */
export interface ReadBlobOptions {
  readonly index: Index;
  readonly store: ChunkStore;
  /** Offset of the first byte. @default 0 */
  readonly offset?: number | undefined;
  /** Bytes to read. @default all to the end */
  readonly size?: number | undefined;
  /** Calls to the store at once, unless it consists of directories. @default 10 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SLOT_MEMORY = 16 << 20;
const MIN_SLOTS = 4;
/** Bytes handed out at once: a write of this size costs little more than one of a chunk. */
const BATCH_SIZE = 256 * 1024;
const NAP_MS = 5;
const DEFAULT_CONCURRENCY = 10;

/**
 * Yields the bytes of the blob in order, every chunk verified before any of it is handed out.
 *
 * @returns Fresh bytes, some 256 KiB at a time.
 * @throws {RangeError} If the part is not inside the blob.
 */
export async function* readBlob(engine: Engine, options: ReadBlobOptions): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { index, offset = 0 } = options;
  const size = options.size ?? blobSize(index) - offset;
  if (offset < 0 || size < 0 || offset + size > blobSize(index)) {
    throw new RangeError(`Cannot read ${size} bytes at offset ${offset}: the blob has ${blobSize(index)} bytes`);
  }
  if (size === 0) return;
  const first = rowAt(index, offset);
  const end = rowAt(index, offset + size - 1) + 1;
  const part = { first, end, from: offset - rowStart(index, first), size };
  if (options.store.directories === undefined) yield* readThroughStore(engine, { ...options, ...part });
  else yield* readDirectories(engine, { ...options, ...part });
}

interface Part extends ReadBlobOptions {
  readonly first: number;
  readonly end: number;
  /** Bytes of the first row to leave out. */
  readonly from: number;
  readonly size: number;
}

async function* readDirectories(engine: Engine, part: Part): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const task = newTask(part);
  const run = engine.begin(task, { signal: part.signal });
  if (part.size >= engine.minWork) run.enlist();
  try {
    let left = part.size;
    let from = part.from;
    for (let number = 0; number < part.end - part.first;) {
      await waitForRow({ task, run, engine, number });
      const batch = takeBatch(task, { number, index: part.index, from, left });
      Atomics.store(task.control, CAT.taken, batch.next);
      Atomics.notify(task.control, CAT.taken);
      number = batch.next;
      left -= batch.bytes.length;
      from = 0;
      yield batch.bytes;
      if (run.isDue) await run.breathe();
      run.check();
    }
  } catch (error) {
    run.fail(error);
  } finally {
    // Also reached when the consumer stops early.
    Atomics.store(task.control, CONTROL.stop, 1);
    Atomics.notify(task.control, CAT.taken);
    await run.settle();
  }
}

function newTask(part: Part): CatTask {
  const { index, first, end } = part;
  let slotSize = 0;
  for (let row = first; row < end; row++) slotSize = Math.max(slotSize, rowSize(index, row));
  const count = Math.min(end - first, Math.max(MIN_SLOTS, Math.floor(SLOT_MEMORY / slotSize)));
  return {
    kind: "cat",
    control: newControl(CAT_CONTROL_WORDS),
    directories: part.store.directories ?? [],
    ids: shareBytes(index.ids),
    ends: shareNumbers(index.ends),
    first,
    end,
    slots: new Uint8Array(new SharedArrayBuffer(count * slotSize)),
    slotSize,
    filled: new Int32Array(new SharedArrayBuffer(4 * count)),
  };
}

/** Helps the other threads until the row is there. */
async function waitForRow(
  wait: { readonly task: CatTask; readonly run: RunningTask; readonly engine: Engine; readonly number: number },
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

function isFilled(task: CatTask, number: number): boolean {
  return Atomics.load(task.filled, number % task.filled.length) === number + 1;
}

/** Takes the rows that are there, from `number` on. */
function takeBatch(
  task: CatTask,
  place: { readonly number: number; readonly index: Index; readonly from: number; readonly left: number },
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly next: number } {
  const parts: Uint8Array[] = [];
  let size = 0;
  let next = place.number;
  while (task.first + next < task.end && size < Math.min(BATCH_SIZE, place.left) && isFilled(task, next)) {
    const from = next === place.number ? place.from : 0;
    const rowEnd = Math.min(rowSize(place.index, task.first + next), from + place.left - size);
    const at = (next % task.filled.length) * task.slotSize;
    parts.push(task.slots.subarray(at + from, at + rowEnd));
    size += rowEnd - from;
    next++;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, next };
}

async function* readThroughStore(engine: Engine, part: Part): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { index, store, first, end } = part;
  const abort = new AbortController();
  const signal = part.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, part.signal]);
  const pending: Promise<Uint8Array>[] = [];
  let left = part.size;
  try {
    let asked = first;
    for (let row = first; row < end; row++) {
      while (asked < end && pending.length < (part.concurrency ?? DEFAULT_CONCURRENCY)) {
        const answer = readRow(engine, { index, store, row: asked++, signal });
        answer.catch(() => {}); // Thrown when its turn comes.
        pending.push(answer);
      }
      const plain = await pending.shift()!;
      const from = row === first ? part.from : 0;
      const bytes = plain.slice(from, Math.min(plain.length, from + left)) as Uint8Array<ArrayBuffer>;
      left -= bytes.length;
      yield bytes;
    }
  } finally {
    abort.abort();
    await Promise.allSettled(pending);
  }
}

async function readRow(
  engine: Engine,
  wanted: { readonly index: Index; readonly store: ChunkStore; readonly row: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { index, store, row, signal } = wanted;
  const id = formatChunkId(index.ids, row * CHUNK_ID_SIZE);
  const chunk = await requireChunk(store, id, { signal });
  chunk.verify(engine.tools.digest);
  const plain = chunk.plain();
  if (plain.length !== rowSize(index, row)) {
    throw new ChunkInvalidError(id, `it has ${plain.length} bytes, the index says ${rowSize(index, row)}`);
  }
  return plain;
}
