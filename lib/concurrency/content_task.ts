/**
 * A thread's share in hashing the contents of many files: each is a range of an open file, which the thread reads by
 * itself.
 *
 * @module
 */

import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import { CONTROL, CONTROL_SIZE, type Pace } from "./task.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** Contents that are to be hashed, in any order. */
export interface ContentTask {
  readonly kind: "contents";
  readonly control: Int32Array<SharedArrayBuffer>;
  /** {@linkcode CONTENT_WORDS} words a job, a power of two of jobs. */
  readonly jobs: Int32Array<SharedArrayBuffer>;
  /** Offset and size of each job, in bytes. */
  readonly ranges: Float64Array<SharedArrayBuffer>;
  /** 32 bytes a job: the digest, once the job is done. */
  readonly digests: Uint8Array<SharedArrayBuffer>;
  /** The file that all ranges are of; undefined: each job has a file of its own, which ends where the range does. */
  readonly path: string | undefined;
}

/** Further places in the control words. */
export const CONTENT = {
  /** Jobs published so far; wraps around. */
  head: CONTROL_SIZE,
  /** Not zero: no more jobs will come. */
  closed: CONTROL_SIZE + 1,
  /** Counts jobs that were done; the publisher sleeps on it. */
  progress: CONTROL_SIZE + 2,
} as const;

/** Control words beyond the common ones. */
export const CONTENT_CONTROL_WORDS = 3;

/** Words of a job. */
export const CONTENT_JOB = { descriptor: 0, state: 1 } as const;
/** Words in a job. */
export const CONTENT_WORDS = 2;

/** What became of a job. */
export const CONTENT_STATE = {
  open: 0,
  done: 1,
  /** The file is shorter or longer than the range. */
  otherSize: 2,
  /** It cannot be read. */
  failed: 3,
} as const;

const NAP_MS = 200;
/** Reads of this size stay in the processor's cache until they are hashed. */
const BUFFER_SIZE = 256 << 10;

/** Hashes contents. @returns False if the pace ended it, true if nothing is left to do for this thread. */
export function runContentTask(task: ContentTask, tools: ThreadTools, pace: Pace): boolean {
  const { control } = task;
  for (;;) {
    if (Atomics.load(control, CONTROL.stop) !== 0) return true;
    const head = Atomics.load(control, CONTENT.head);
    if (hashNextContent(task, tools)) {
      if (pace.expired()) return false;
      continue;
    }
    if (Atomics.load(control, CONTENT.closed) !== 0 && Atomics.load(control, CONTROL.next) === head) {
      return true;
    }
    if (pace.expired()) return false;
    Atomics.wait(control, CONTENT.head, head, NAP_MS);
  }
}

/** Claims one job and does it. @returns Whether there was one. */
export function hashNextContent(task: ContentTask, tools: ThreadTools): boolean {
  const { control, jobs, digests } = task;
  let number;
  do {
    number = Atomics.load(control, CONTROL.next);
    if (number === Atomics.load(control, CONTENT.head)) return false;
  } while (Atomics.compareExchange(control, CONTROL.next, number, (number + 1) | 0) !== number);

  const job = number & (jobs.length / CONTENT_WORDS - 1);
  let state: number;
  try {
    const digest = hashContent(task, tools, job);
    state = digest === undefined ? CONTENT_STATE.otherSize : CONTENT_STATE.done;
    if (digest !== undefined) digests.set(digest, job * CHUNK_ID_SIZE);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    state = CONTENT_STATE.failed; // The publisher knows the path, and finds the reason out.
  }
  Atomics.store(jobs, job * CONTENT_WORDS + CONTENT_JOB.state, state);
  Atomics.add(control, CONTENT.progress, 1);
  Atomics.notify(control, CONTENT.progress);
  return true;
}

/** @returns Undefined if the file has another size. */
function hashContent(task: ContentTask, tools: ThreadTools, job: number): Uint8Array | undefined {
  const { path, jobs, ranges } = task;
  const descriptor = jobs[job * CONTENT_WORDS + CONTENT_JOB.descriptor]!;
  const buffer = tools.buffer("plain", BUFFER_SIZE);
  const read = path === undefined
    ? (target: Uint8Array, offset: number) => tools.posix.readDescriptor!(descriptor, { target, offset })
    : (target: Uint8Array, offset: number) => tools.file(path, "read").readAt(target, offset);
  const start = ranges[2 * job]!;
  const size = ranges[2 * job + 1]!;
  // A byte more than there should be shows whether the file has grown.
  const more = path === undefined ? 1 : 0;
  if (size + more <= BUFFER_SIZE) {
    const count = read(buffer.subarray(0, size + more), start);
    return count === size ? tools.digest.digest(buffer.subarray(0, size)) : undefined;
  }
  const stream = tools.digest.stream();
  for (let done = 0; done < size;) {
    const wanted = Math.min(BUFFER_SIZE, size - done);
    const count = read(buffer.subarray(0, wanted), start + done);
    stream.update(buffer.subarray(0, count));
    done += count;
    if (count < wanted || Atomics.load(task.control, CONTROL.stop) !== 0) {
      stream.digest(); // Frees what it holds.
      return undefined;
    }
  }
  const digest = stream.digest();
  return more === 1 && read(buffer.subarray(0, 1), start + size) !== 0 ? undefined : digest;
}
