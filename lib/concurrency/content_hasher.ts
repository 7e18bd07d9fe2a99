/**
 * Hashing the contents of many files on all threads, while this one finds the next of them.
 *
 * @module
 */

import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import { StoreError } from "../errors.ts";
import type { TreeFile } from "../platform/tree.ts";
import {
  CONTENT,
  CONTENT_CONTROL_WORDS,
  CONTENT_JOB,
  CONTENT_STATE,
  CONTENT_WORDS,
  type ContentTask,
  hashNextContent,
} from "./content_task.ts";
import { CONTROL, newControl } from "./task.ts";
import type { Engine, RunningTask } from "./worker_pool.ts";

/** Content of a file. */
export interface Content {
  /** The file, which is closed when it was hashed; undefined: it is a range of the file that all are in. */
  readonly file: TreeFile | undefined;
  /** Where it starts, in bytes. */
  readonly offset: number;
  /** Its size in bytes. */
  readonly size: number;
}

const JOBS = 2048;
/** Most files that are open at once: a process may have 1024, and others are needed as well. */
const MAX_OPEN = 256;
const NAP_MS = 5;

/** Takes contents, and gives their digests in the same order. */
export class ContentHasher implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #task: ContentTask;
  readonly #run: RunningTask;
  readonly #path: string | undefined;
  /** By job: files that are still open. */
  readonly #files = new Map<number, TreeFile>();
  /** Jobs published, and jobs whose digest was taken. */
  #head = 0;
  #tail = 0;
  #published = 0;
  #isSettled = false;

  /** @param options `path`: the file that all contents are ranges of; undefined if each has its own. */
  constructor(
    engine: Engine,
    options: { readonly path: string | undefined; readonly signal: AbortSignal | undefined },
  ) {
    const { path, signal } = options;
    this.#engine = engine;
    this.#path = path;
    this.#task = {
      kind: "contents",
      control: newControl(CONTENT_CONTROL_WORDS),
      jobs: new Int32Array(new SharedArrayBuffer(4 * CONTENT_WORDS * JOBS)),
      ranges: new Float64Array(new SharedArrayBuffer(8 * 2 * JOBS)),
      digests: new Uint8Array(new SharedArrayBuffer(CHUNK_ID_SIZE * JOBS)),
      path,
    };
    this.#run = engine.begin(this.#task, { signal });
  }

  /** Digests that were not taken yet. */
  get count(): number {
    return this.#head - this.#tail;
  }

  /** Whether the oldest digest can be taken. */
  get isReady(): boolean {
    return this.count > 0 && this.#state(this.#tail) !== CONTENT_STATE.open;
  }

  /** Whether {@linkcode add} may be called. */
  get hasRoom(): boolean {
    if (this.#files.size >= MAX_OPEN) this.#closeFiles();
    return this.count < JOBS && this.#files.size < MAX_OPEN;
  }

  /** Adds a content. */
  add({ file, offset, size }: Content): void {
    const { jobs, ranges, control } = this.#task;
    const job = this.#head % JOBS;
    if (file !== undefined) this.#files.set(job, file);
    jobs[job * CONTENT_WORDS + CONTENT_JOB.descriptor] = file?.descriptor ?? -1;
    ranges[2 * job] = offset;
    ranges[2 * job + 1] = size;
    Atomics.store(jobs, job * CONTENT_WORDS + CONTENT_JOB.state, CONTENT_STATE.open);
    Atomics.store(control, CONTENT.head, ++this.#head | 0);
    Atomics.notify(control, CONTENT.head, 1);
    this.#published += size;
    if (this.#published >= this.#engine.minWork) this.#run.enlist();
  }

  /**
   * The oldest digest, as fresh bytes. It must be ready.
   *
   * @throws {StoreError} If the content cannot be read, or has another size.
   */
  take(): Uint8Array {
    const job = this.#tail % JOBS;
    const state = this.#state(this.#tail);
    const file = this.#files.get(job);
    if (state !== CONTENT_STATE.done) throw this.#failure(job, state);
    this.#tail++;
    if (file !== undefined) this.#close(job, file);
    return this.#task.digests.slice(job * CHUNK_ID_SIZE, (job + 1) * CHUNK_ID_SIZE);
  }

  /** Helps the other threads until `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    const { control } = this.#task;
    while (!condition()) {
      this.#run.check();
      const seen = Atomics.load(control, CONTENT.progress);
      if (!hashNextContent(this.#task, this.#engine.tools) && !condition()) {
        Atomics.wait(control, CONTENT.progress, seen, NAP_MS);
      }
      await this.pause();
    }
  }

  /** Serves the event loop now and then. */
  async pause(): Promise<void> {
    if (this.#run.isDue) await this.#run.breathe();
  }

  /** Stops all threads and closes the files. Does not throw what they failed of: {@linkcode until} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const { control } = this.#task;
    Atomics.store(control, CONTENT.closed, 1);
    Atomics.store(control, CONTROL.stop, 1);
    Atomics.notify(control, CONTENT.head);
    try {
      await this.#run.settle();
    } catch {
      // Whoever waited for a digest has seen it.
    }
    for (const [job, file] of this.#files) this.#close(job, file);
  }

  #state(number: number): number {
    return Atomics.load(this.#task.jobs, (number % JOBS) * CONTENT_WORDS + CONTENT_JOB.state);
  }

  /** Closes the files that were hashed, though a larger one before them was not. */
  #closeFiles(): void {
    for (const [job, file] of this.#files) {
      if (this.#state(job) === CONTENT_STATE.done) this.#close(job, file);
    }
  }

  #close(job: number, file: TreeFile): void {
    this.#files.delete(job);
    file[Symbol.dispose]();
  }

  #failure(job: number, state: number): StoreError {
    const file = this.#files.get(job);
    const path = file?.path ?? this.#path ?? "";
    if (state === CONTENT_STATE.failed) {
      try {
        file?.read(new Uint8Array(1));
      } catch (cause) {
        return new StoreError(path, "read", { cause });
      }
      return new StoreError(path, "read", { reason: "reading it failed" });
    }
    const size = this.#task.ranges[2 * job + 1]!;
    return new StoreError(path, "read", {
      reason: `its size changed while it was read, from ${size} bytes`,
    });
  }
}
