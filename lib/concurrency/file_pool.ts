/**
 * The reader's side of unpacking by several threads: files on their way to workers, in a ring of shared memory.
 *
 * @module
 */

import type { FileNode } from "../archive/disk_file.ts";
import type { TreeDirectory } from "../platform/tree.ts";
import {
  FILE_JOB,
  FILE_JOB_WORDS,
  FILE_STATE,
  type FileJob,
  type FileRestore,
  FILES,
  FILES_CONTROL_WORDS,
  type FileTask,
  readFileJob,
} from "./file_task.ts";
import { CONTROL, newControl } from "./task.ts";
import { type Engine, openEngine, type RunningTask } from "./worker_pool.ts";

/** A file that a worker is to make. */
export interface PooledFile {
  /** Stays open until the file is done. */
  readonly directory: TreeDirectory;
  /** Its name there. */
  readonly name: Uint8Array;
  /** Its metadata: nothing that needs more than permissions, owner and time. */
  readonly node: FileNode;
  /** IDs of its owner and group, as for chown(2). */
  readonly owner: { readonly uid: number; readonly gid: number };
}

const JOBS = 512;
const RING_SIZE = 2 << 20;
/** Larger files are as quickly written as copied. */
const MAX_CONTENT = 256 * 1024;
/** Files before which no worker is started: starting one takes as long as making some thousand. */
const DEFAULT_MIN_FILES = 1500;
/** Threads that make files in one tree wait for each other's locks sooner or later. */
const MAX_WORKERS = 3;
const NAP_MS = 5;

/** Makes a file in this thread; what the job holds is borrowed for the time of the call. */
export type MakeFile = (directory: TreeDirectory, job: FileJob) => void;

/** How to set up a {@linkcode FilePool}. */
export interface FilePoolOptions {
  /** Threads, this one included. @default the number of cores */
  readonly threads?: number | undefined;
  /** Files that this thread makes alone, before it starts another. @default 1500 */
  readonly minFiles?: number | undefined;
  /** Ends the waiting for workers. */
  readonly signal?: AbortSignal | undefined;
}

/** Workers that make files, as soon as there have been enough for it to be worth it. */
export class FilePool implements AsyncDisposable {
  readonly #options: FilePoolOptions;
  readonly #workers: number;
  /** Files that came until the workers were started. */
  #files = 0;
  #engine: Engine | undefined;
  #run: RunningTask | undefined;
  #task: FileTask | undefined;
  /** By job. Nothing else is kept of a file: what lives that long becomes garbage which is expensive to collect. */
  readonly #directories: (TreeDirectory | undefined)[] = [];
  readonly #ends: number[] = [];
  #lastDirectory: TreeDirectory | undefined;
  #serial = 0;
  /** Jobs that were published, and the first that is not known to be done. */
  #head = 0;
  #tail = 0;
  /** Where the next job's bytes may be, and where those of the oldest one begin. */
  #headByte = 0;
  #tailByte = 0;

  /** Starts nothing yet. */
  constructor(options: FilePoolOptions = {}) {
    this.#options = options;
    this.#workers = Math.min((options.threads ?? navigator.hardwareConcurrency) - 1, MAX_WORKERS);
  }

  /** Number of files that were handed over so far. */
  get published(): number {
    return this.#head;
  }

  /** Of those, how many of the first ones are known to be done. */
  get done(): number {
    return this.#tail;
  }

  /** Whether it is time to {@linkcode start}. */
  get isDue(): boolean {
    return this.#run === undefined && this.#workers > 0 &&
      this.#files >= (this.#options.minFiles ?? DEFAULT_MIN_FILES);
  }

  /** Starts the workers; they take their time, which nobody waits for. */
  async start(restore: FileRestore): Promise<void> {
    this.#engine = await openEngine({ threads: this.#workers + 1 });
    this.#task = {
      kind: "files",
      control: newControl(FILES_CONTROL_WORDS),
      jobs: new Int32Array(new SharedArrayBuffer(4 * FILE_JOB_WORDS * JOBS)),
      bytes: new Uint8Array(new SharedArrayBuffer(RING_SIZE)),
      restore,
    };
    this.#run = this.#engine.begin(this.#task, { signal: this.#options.signal });
    this.#run.enlist();
  }

  /**
   * Room for the content of a file, to be filled and then handed over by {@linkcode publish} before the next call.
   *
   * @returns Undefined if this thread has to make the file: there are no workers, or they have enough to do.
   */
  reserve(name: Uint8Array, size: number): Uint8Array | undefined {
    this.#files++;
    const task = this.#task;
    if (task === undefined || size > MAX_CONTENT || this.#head - this.#tail === JOBS) return undefined;
    const total = name.length + size;
    const at = this.#allocate(total);
    if (at === undefined) return undefined;
    this.#headByte = at;
    task.bytes.set(name, at);
    return task.bytes.subarray(at + name.length, at + total);
  }

  /** Hands over the file whose content was written where {@linkcode reserve} said. */
  publish(file: PooledFile): void {
    const { control, jobs } = this.#task!;
    const { directory, name, node, owner } = file;
    const slot = this.#head % JOBS;
    const at = slot * FILE_JOB_WORDS;
    if (this.#lastDirectory !== directory) {
      this.#lastDirectory = directory;
      this.#serial = (this.#serial + 1) | 0;
    }
    jobs[at + FILE_JOB.directory] = directory.handle!;
    jobs[at + FILE_JOB.serial] = this.#serial;
    jobs[at + FILE_JOB.offset] = this.#headByte;
    jobs[at + FILE_JOB.nameSize] = name.length;
    jobs[at + FILE_JOB.contentSize] = node.size;
    jobs[at + FILE_JOB.permissions] = node.permissions;
    jobs[at + FILE_JOB.uid] = owner.uid;
    jobs[at + FILE_JOB.gid] = owner.gid;
    jobs[at + FILE_JOB.mtimeLow] = Number(BigInt.asIntN(32, node.mtime));
    jobs[at + FILE_JOB.mtimeHigh] = Number(BigInt.asIntN(32, node.mtime >> 32n));
    Atomics.store(jobs, at + FILE_JOB.state, FILE_STATE.open);
    this.#headByte += name.length + node.size;
    this.#directories[slot] = directory;
    this.#ends[slot] = this.#headByte;
    this.#head++;
    Atomics.store(control, FILES.head, this.#head | 0);
    if (Atomics.load(control, FILES.sleeping) > 0) Atomics.notify(control, FILES.head, 1);
  }

  /**
   * Looks which files are done.
   *
   * @param redo Is called with what a worker failed at, to make it here. What it throws is thrown.
   */
  harvest(redo: MakeFile): void {
    const task = this.#task;
    if (task === undefined) return;
    while (this.#tail !== this.#head) {
      const slot = this.#tail % JOBS;
      const at = slot * FILE_JOB_WORDS;
      const state = Atomics.load(task.jobs, at + FILE_JOB.state);
      if (state === FILE_STATE.open) return;
      if (state === FILE_STATE.failed) redo(this.#directories[slot]!, readFileJob(task, at));
      this.#directories[slot] = undefined;
      this.#tailByte = this.#ends[slot]!;
      this.#tail++;
    }
  }

  /**
   * Takes the next file that no worker has begun with, or waits a little for one that is under way, and serves the
   * event loop now and then.
   *
   * @throws `signal.reason`, or the failure of a worker.
   */
  async help(make: MakeFile): Promise<void> {
    const { control, jobs } = this.#task!;
    const run = this.#run!;
    if (run.isDue) await run.breathe();
    const seen = Atomics.load(control, FILES.progress);
    const number = Atomics.load(control, CONTROL.next);
    if (number === (this.#head | 0)) {
      const oldest = (this.#tail % JOBS) * FILE_JOB_WORDS + FILE_JOB.state;
      if (this.#tail === this.#head || Atomics.load(jobs, oldest) !== FILE_STATE.open) return;
      Atomics.wait(control, FILES.progress, seen, NAP_MS);
    } else if (Atomics.compareExchange(control, CONTROL.next, number, (number + 1) | 0) === number) {
      const slot = number & (JOBS - 1);
      const at = slot * FILE_JOB_WORDS;
      make(this.#directories[slot]!, readFileJob(this.#task!, at));
      Atomics.store(jobs, at + FILE_JOB.state, FILE_STATE.done);
    }
  }

  /** Stops the workers after the file in hand; no handle is in use afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#task !== undefined) {
      Atomics.store(this.#task.control, CONTROL.stop, 1);
      Atomics.notify(this.#task.control, FILES.head);
    }
    // Whoever waited for files has met the failure.
    await this.#run?.settle().catch(() => {});
    await this.#engine?.[Symbol.asyncDispose]();
  }

  #allocate(size: number): number | undefined {
    if (this.#head === this.#tail) this.#headByte = this.#tailByte = 0;
    const [head, tail] = [this.#headByte, this.#tailByte];
    // Never filled up, so that both places are the same only if there is nothing in between.
    if (head < tail) return tail - head > size ? head : undefined;
    if (RING_SIZE - head >= size) return head;
    return tail > size ? 0 : undefined;
  }
}
