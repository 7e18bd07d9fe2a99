/**
 * A thread's share in cutting a stream: take chunks that were cut in the ring, hash them, store them.
 *
 * The ring is one shared memory of slots. The producer fills a slot, cuts it in place and publishes a job a chunk;
 * threads claim jobs by compare-and-exchange. A slot is free again when its count of open jobs is zero.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../chunk_id.ts";
import type { ChunkDirectory, WritableChunkStore } from "../store/types.ts";
import type { StoreCalls, WorkerCalls } from "./store_calls.ts";
import { CONTROL, CONTROL_SIZE, type Pace, untilWoken } from "./task.ts";
import { storeChunk } from "./thread_chunks.ts";
import type { ThreadTools } from "./thread_tools.ts";
import { Uploads } from "./uploads.ts";

/** Chunks that are to be hashed and stored, in the order in which they were cut. */
export interface RingTask {
  readonly kind: "ring";
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Where the slots are. */
  readonly memory: WebAssembly.Memory;
  /** {@linkcode JOB_WORDS} words a job, a power of two of jobs. */
  readonly jobs: Int32Array<SharedArrayBuffer>;
  /** 32 bytes a job: the chunk's ID, once the job is done. */
  readonly ids: Uint8Array<SharedArrayBuffer>;
  /** Open jobs by slot. */
  readonly pending: Int32Array<SharedArrayBuffer>;
  /** Where chunks go, if it is a directory. */
  readonly directory: ChunkDirectory | undefined;
  /** How workers reach any other store. Without either, chunks are only hashed. */
  readonly calls: WorkerCalls | undefined;
  /** Leave a slot's count to the producer, which still needs the bytes of hashed chunks. */
  readonly keep: boolean;
}

/** Further places in the control words of a ring. */
export const RING = {
  /** Jobs published so far; wraps around. */
  head: CONTROL_SIZE,
  /** Not zero: no more jobs will come. */
  closed: CONTROL_SIZE + 1,
  /** Threads that sleep until `head` moves. */
  sleeping: CONTROL_SIZE + 2,
  /** Counts jobs that were done; the producer sleeps on it. */
  progress: CONTROL_SIZE + 3,
} as const;

/** Control words that a ring needs beyond the common ones. */
export const RING_CONTROL_WORDS = 4;

/** Words of a job. */
export const JOB = { offset: 0, size: 1, slot: 2, done: 3, repeat: 4 } as const;
/** Words in a job. */
export const JOB_WORDS = 5;

/** How long a thread sleeps before it looks at the stop flag again. */
const NAP_MS = 200;

/** Works on the ring. @returns False if the pace ended it, true if there is nothing left to do for this thread. */
export function runRingTask(task: RingTask, tools: ThreadTools, pace: Pace): boolean {
  const { control } = task;
  for (;;) {
    if (Atomics.load(control, CONTROL.stop) !== 0) return true;
    const head = Atomics.load(control, RING.head);
    if (runNextJob(task, tools)) {
      if (pace.expired()) return false;
      continue;
    }
    if (Atomics.load(control, RING.closed) !== 0 && Atomics.load(control, CONTROL.next) === head) return true;
    if (pace.expired()) return false;
    Atomics.add(control, RING.sleeping, 1);
    Atomics.wait(control, RING.head, head, NAP_MS);
    Atomics.sub(control, RING.sleeping, 1);
  }
}

/** Works on the ring with a store to call. */
export async function runRingCalls(task: RingTask, tools: ThreadTools, calls: StoreCalls): Promise<void> {
  const { control } = task;
  await using uploads = new Uploads(calls.stores[0] as WritableChunkStore, calls);
  while (Atomics.load(control, CONTROL.stop) === 0) {
    await uploads.room();
    const seen = Atomics.load(control, CONTROL.wake);
    const head = Atomics.load(control, RING.head);
    if (runNextJob(task, tools, uploads)) continue;
    if (Atomics.load(control, RING.closed) !== 0 && Atomics.load(control, CONTROL.next) === head) break;
    if (Atomics.load(control, CONTROL.stop) === 0) await untilWoken(control, { seen, bell: calls.bell });
  }
  await uploads.settle();
  tools.count("stored", uploads.stored);
}

/**
 * Claims one job and does it.
 *
 * @param uploads Takes the chunk, unless it goes to a directory.
 * @returns Whether there was one.
 */
export function runNextJob(task: RingTask, tools: ThreadTools, uploads?: Uploads): boolean {
  const { control, jobs } = task;
  let number;
  do {
    number = Atomics.load(control, CONTROL.next);
    if (number === Atomics.load(control, RING.head)) return false;
  } while (Atomics.compareExchange(control, CONTROL.next, number, (number + 1) | 0) !== number);

  const job = number & (jobs.length / JOB_WORDS - 1);
  const at = job * JOB_WORDS;
  const slot = jobs[at + JOB.slot]!;
  if (slot < 0) return true; // A run of null chunks: its ID was known when it was published.

  const offset = jobs[at + JOB.offset]! >>> 0;
  const plain = new Uint8Array(task.memory.buffer, offset, jobs[at + JOB.size]!);
  const id = { ids: task.ids, offset: job * CHUNK_ID_SIZE };
  task.ids.set(tools.digest.digest(plain), id.offset);
  if (task.directory !== undefined && storeChunk(tools, { id, plain, directory: task.directory })) {
    tools.count("stored", 1);
  }
  uploads?.start({ id: formatChunkId(id.ids, id.offset), plain });
  Atomics.store(jobs, at + JOB.done, 1);
  if (!task.keep) Atomics.sub(task.pending, slot, 1);
  Atomics.add(control, RING.progress, 1);
  Atomics.notify(control, RING.progress);
  return true;
}
