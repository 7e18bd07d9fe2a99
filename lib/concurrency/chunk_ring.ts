/**
 * The producer's side of the ring: slots of shared memory, and a queue of jobs in the order of the blob.
 *
 * @module
 */

import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import { SCANNER_RESERVED } from "../chunker/scanner.ts";
import type { IndexBuilder } from "../format/index_file.ts";
import type { ChunkDirectory } from "../store/types.ts";
import type { Bell } from "./bell.ts";
import { JOB, JOB_WORDS, RING, RING_CONTROL_WORDS, type RingTask } from "./ring_task.ts";
import type { WorkerCalls } from "./store_calls.ts";
import { CONTROL, newControl, wake } from "./task.ts";

/** Bytes that are read at once. */
export const BLOCK_SIZE = 1 << 20;

/** Memory for slots, unless chunks are so large that fewer than {@linkcode MIN_SLOTS} would fit. */
const SLOT_MEMORY = 10 << 20;
const MIN_SLOTS = 3;
const PAGE_SIZE = 65_536;
const JOBS = 4096;

/** Chunks on their way from the producer through the threads into the index. */
export class ChunkRing {
  readonly task: RingTask;
  /** All of the shared memory. */
  readonly bytes: Uint8Array;
  readonly slots: number;
  readonly #slotSize: number;
  /** Jobs published, and jobs whose chunk is in the index. */
  #head = 0;
  #tail = 0;
  #slot = 0;

  constructor(options: {
    /** Largest chunk, in bytes. */
    readonly maxSize: number;
    readonly directory: ChunkDirectory | undefined;
    readonly calls: WorkerCalls | undefined;
    /** Call `onChunk` of {@linkcode harvest} with the bytes of every chunk. */
    readonly keep: boolean;
    /** Size of the blob in bytes, if known: small blobs take less memory. */
    readonly blobSize: number | undefined;
  }) {
    const { maxSize, blobSize = Infinity } = options;
    this.#slotSize = BLOCK_SIZE + maxSize;
    const wanted = Math.max(MIN_SLOTS, Math.floor(SLOT_MEMORY / this.#slotSize));
    // The producer holds one slot while it fills the next.
    this.slots = Math.max(2, Math.min(wanted, Math.ceil(blobSize / BLOCK_SIZE)));
    const pages = Math.ceil((SCANNER_RESERVED + this.slots * this.#slotSize) / PAGE_SIZE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.bytes = new Uint8Array(memory.buffer);
    this.task = {
      kind: "ring",
      control: newControl(RING_CONTROL_WORDS),
      memory,
      jobs: new Int32Array(new SharedArrayBuffer(4 * JOB_WORDS * JOBS)),
      ids: new Uint8Array(new SharedArrayBuffer(CHUNK_ID_SIZE * JOBS)),
      pending: new Int32Array(new SharedArrayBuffer(4 * this.slots)),
      directory: options.directory,
      calls: options.calls,
      keep: options.keep,
    };
  }

  /** The next slot and its offset, which is the producer's until {@linkcode releaseSlot}; undefined if it is in use. */
  acquireSlot(): { readonly slot: number; readonly offset: number } | undefined {
    const slot = this.#slot;
    if (Atomics.load(this.task.pending, slot) !== 0) return undefined;
    Atomics.store(this.task.pending, slot, 1);
    this.#slot = (slot + 1) % this.slots;
    return { slot, offset: SCANNER_RESERVED + slot * this.#slotSize };
  }

  /** Ends the producer's own use of a slot. */
  releaseSlot(slot: number): void {
    Atomics.sub(this.task.pending, slot, 1);
  }

  /** Whether a job can be published. */
  get hasRoom(): boolean {
    return this.#head - this.#tail < JOBS;
  }

  /** Whether every job that was published is in the index. */
  get isDrained(): boolean {
    return this.#head === this.#tail;
  }

  /** Publishes a chunk that lies in a slot. */
  publish(chunk: { readonly offset: number; readonly size: number; readonly slot: number }): void {
    Atomics.add(this.task.pending, chunk.slot, 1);
    this.#push({ ...chunk, repeat: 1, done: 0 });
  }

  /** Publishes `repeat` chunks of `size` bytes whose ID is known. */
  publishKnown(id: Uint8Array, chunk: { readonly size: number; readonly repeat: number }): void {
    this.task.ids.set(id, (this.#head % JOBS) * CHUNK_ID_SIZE);
    this.#push({ offset: 0, size: chunk.size, slot: -1, repeat: chunk.repeat, done: 1 });
  }

  /** Says that no more jobs will come. */
  close(): void {
    Atomics.store(this.task.control, RING.closed, 1);
    Atomics.notify(this.task.control, RING.head);
    wake(this.task.control);
  }

  /**
   * Moves finished jobs into the index, in order.
   *
   * @param onChunk With `keep`: called with each chunk; its bytes are borrowed for the time of the call. Returns
   * false to stop after it.
   */
  harvest(
    builder: IndexBuilder,
    onChunk?: (chunk: { readonly id: Uint8Array; readonly plain: Uint8Array }) => boolean,
  ): void {
    const { jobs, ids, control } = this.task;
    while (this.#tail !== this.#head) {
      // Null chunks are done before they are claimed; their place must not be used again until then.
      if (Atomics.load(control, CONTROL.next) === (this.#tail | 0)) return;
      const job = this.#tail % JOBS;
      const at = job * JOB_WORDS;
      if (Atomics.load(jobs, at + JOB.done) === 0) return;
      const size = jobs[at + JOB.size]!;
      builder.append(ids, { offset: job * CHUNK_ID_SIZE, size, count: jobs[at + JOB.repeat]! });
      this.#tail++;
      const slot = jobs[at + JOB.slot]!;
      if (slot < 0 || onChunk === undefined) continue;
      const offset = jobs[at + JOB.offset]! >>> 0;
      const id = ids.slice(job * CHUNK_ID_SIZE, (job + 1) * CHUNK_ID_SIZE);
      const goOn = onChunk({ id, plain: this.bytes.subarray(offset, offset + size) });
      this.releaseSlot(slot);
      if (!goOn) return;
    }
  }

  /** Sleeps until a job is done, or for `timeoutMs`. */
  nap(timeoutMs: number): void {
    const { control, jobs } = this.task;
    const seen = Atomics.load(control, RING.progress);
    if (this.#tail !== this.#head && Atomics.load(jobs, (this.#tail % JOBS) * JOB_WORDS + JOB.done) !== 0) {
      return;
    }
    Atomics.wait(control, RING.progress, seen, timeoutMs);
  }

  /** Settles when another thread has done a job, or `bell` rings. */
  progress(bell: Bell): Promise<void> {
    const { control } = this.task;
    return bell.wait(control, RING.progress, Atomics.load(control, RING.progress));
  }

  #push(job: Readonly<Record<keyof typeof JOB, number>>): void {
    const { jobs, control } = this.task;
    const at = (this.#head % JOBS) * JOB_WORDS;
    for (const name of Object.keys(JOB) as (keyof typeof JOB)[]) {
      if (name !== "done") jobs[at + JOB[name]] = job[name];
    }
    Atomics.store(jobs, at + JOB.done, job.done);
    this.#head++;
    Atomics.store(control, RING.head, this.#head | 0);
    if (Atomics.load(control, RING.sleeping) > 0) Atomics.notify(control, RING.head, 1);
    if (this.task.calls !== undefined) wake(control);
  }
}
