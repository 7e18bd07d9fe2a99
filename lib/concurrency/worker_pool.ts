/**
 * The engine's threads: this one, and workers that are started when there is enough work for them.
 *
 * @module
 */

import { fromPlainError, type PlainError } from "../errors.ts";
import type { DigestName } from "../digest/digest.ts";
import { Bell } from "./bell.ts";
import { nextTurn } from "./event_loop.ts";
import type { ChunkStore } from "../store/types.ts";
import { runTask } from "./run_task.ts";
import { type CallShares, runCalls, workerCalls } from "./store_calls.ts";
import type { StoreTask } from "./store_task.ts";
import { CONTROL, type Pace, type Task, wake } from "./task.ts";
import {
  type EngineImplementations,
  type Finding,
  openThreadTools,
  type ThreadSettings,
  type ThreadTools,
} from "./thread_tools.ts";

/** How to set up an {@linkcode Engine}. */
export interface EngineOptions {
  /** @default "sha512-256" */
  readonly digest?: DigestName | undefined;
  /** Threads that burn CPU, this one included. @default the number of cores */
  readonly threads?: number | undefined;
  /** @default the fastest that work here */
  readonly implementations?: EngineImplementations | undefined;
  /** Bytes of work below which no worker is started: starting one takes as long as hashing some MiB. @default 8 MiB */
  readonly minWork?: number | undefined;
}

/** What the caller of a task wants to know and may decide. */
export interface RunOptions {
  /** Bytes of work in it, as far as known; decides whether workers are started. */
  readonly work: number;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of units done. */
  readonly onProgress?: ((done: number) => void) | undefined;
  readonly onFinding?: ((finding: Finding) => void) | undefined;
}

/** What the caller of a task with stores to call decides. */
export interface CallingRunOptions extends RunOptions {
  /** The stores, for this thread; they stay the caller's. */
  readonly stores: readonly ChunkStore[];
  readonly shares: CallShares;
}

/** What main thread and workers say to each other. */
export type ToWorker =
  | { readonly kind: "settings"; readonly settings: ThreadSettings }
  | { readonly kind: "task"; readonly task: Task; readonly run: number }
  /** End the calls to stores of the task in hand, which has failed elsewhere. */
  | { readonly kind: "abort" }
  | { readonly kind: "close" };
/** What a worker answers. */
export type FromWorker =
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "done"; readonly run: number; readonly counters: ReadonlyMap<string, number> }
  | { readonly kind: "failed"; readonly run: number; readonly error: PlainError }
  | { readonly kind: "closed" };

const DEFAULT_MIN_WORK = 8 * 1024 * 1024;
/** How long this thread works before it serves its event loop: signals, progress, messages. */
const SLICE_MS = 20;

/** Threads that work on one task after another. */
export class Engine implements AsyncDisposable {
  /** Tools of this thread. */
  readonly tools: ThreadTools;
  readonly digest: DigestName;
  readonly threads: number;
  readonly implementations: EngineImplementations;
  readonly minWork: number;
  readonly #workers: Worker[] = [];
  #onFinding: ((finding: Finding) => void) | undefined;
  #isBusy = false;
  #runs = 0;

  /** Use {@linkcode openEngine}. */
  constructor(
    settings: ThreadSettings,
    options: { readonly threads: number; readonly minWork: number },
    tools: {
      readonly open: ThreadTools;
      readonly route: (sink: (finding: Finding) => void) => void;
    },
  ) {
    this.digest = settings.digest;
    this.implementations = settings.implementations;
    this.threads = options.threads;
    this.minWork = options.minWork;
    this.tools = tools.open;
    tools.route((finding) => this.#onFinding?.(finding));
  }

  /**
   * Works on a task with all threads until nothing is left of it.
   *
   * @returns What the threads counted.
   * @throws The first error of any thread, after all have stopped; or `signal.reason`.
   */
  async run(task: Exclude<Task, StoreTask>, options: RunOptions): Promise<Map<string, number>> {
    const run = this.begin(task, options);
    if (options.work >= this.minWork) run.enlist();
    try {
      while (!run.work()) {
        await run.breathe();
        options.onProgress?.(Atomics.load(task.control, CONTROL.done));
      }
    } catch (error) {
      run.fail(error);
    }
    const counters = await run.settle();
    options.onProgress?.(Atomics.load(task.control, CONTROL.done));
    return counters;
  }

  /**
   * Works on a task that calls stores, with all threads until nothing is left of it.
   *
   * @returns What the threads counted.
   * @throws The first error of any thread, after all have stopped; or `signal.reason`.
   */
  async call(task: StoreTask, options: CallingRunOptions): Promise<Map<string, number>> {
    const { stores, shares, onProgress } = options;
    const run = this.begin(task, options);
    if (options.work >= this.minWork) run.enlist(shares.workers);
    const onUnit = () => onProgress?.(Atomics.load(task.control, CONTROL.done));
    try {
      await runCalls(task, this.tools, {
        stores,
        limit: shares.limit,
        signal: run.signal,
        bell: run.bell,
        onUnit,
      });
    } catch (error) {
      run.fail(error);
    }
    const counters = await run.settle();
    onUnit();
    return counters;
  }

  /**
   * Starts a task whose units are produced while it runs. The caller must {@linkcode RunningTask.settle} it.
   *
   * @throws {TypeError} If another task is not settled: threads work on one at a time.
   */
  begin(task: Task, options: Omit<RunOptions, "work">): RunningTask {
    if (this.#isBusy) throw new TypeError("Cannot begin a task: the engine is at work on another one");
    this.#isBusy = true;
    this.#onFinding = options.onFinding;
    return new RunningTask({
      task,
      run: ++this.#runs,
      tools: this.tools,
      signal: options.signal,
      onFinding: options.onFinding,
      startWorkers: () => this.#startWorkers(),
      dropWorker: (worker) => this.#dropWorker(worker),
      onSettled: () => this.#isBusy = false,
    });
  }

  #startWorkers(): readonly Worker[] {
    const settings = { digest: this.digest, implementations: this.implementations };
    while (this.#workers.length < this.threads - 1) {
      const worker = new Worker(new URL("./chunk_worker.ts", import.meta.url), { type: "module" });
      worker.postMessage({ kind: "settings", settings } satisfies ToWorker);
      this.#workers.push(worker);
    }
    return this.#workers;
  }

  /** Forgets a worker that has failed: it would never answer. */
  #dropWorker(worker: Worker): void {
    worker.terminate();
    this.#workers.splice(this.#workers.indexOf(worker), 1);
  }

  /**
   * Ends the workers, each after it has released what is not the garbage collector's.
   *
   * Those which are still starting are waited for: a process that ends while a thread is opening libcrypto runs its
   * clean-up at the same time, and crashes.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) =>
      new Promise<void>((resolve) => {
        worker.onmessage = ({ data }: MessageEvent<FromWorker>) => data.kind === "closed" && resolve();
        worker.onerror = (event) => {
          event.preventDefault();
          resolve();
        };
        worker.postMessage({ kind: "close" } satisfies ToWorker);
      })
    ));
    for (const worker of this.#workers) worker.terminate();
    this.tools[Symbol.dispose]();
  }
}

/** Opens the tools of this thread. Workers are started later, if there is work for them. */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const threads = options.threads ?? navigator.hardwareConcurrency;
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`Cannot use ${threads} threads`);
  const settings: ThreadSettings = {
    digest: options.digest ?? "sha512-256",
    implementations: options.implementations ?? {},
  };
  let sink: (finding: Finding) => void = () => {};
  const open = await openThreadTools(settings, (finding) => sink(finding));
  const route = (to: (finding: Finding) => void) => {
    sink = to;
  };
  return new Engine(settings, { threads, minWork: options.minWork ?? DEFAULT_MIN_WORK }, { open, route });
}

/** A task under way. */
export class RunningTask {
  readonly #task: Task;
  /** Number of the run: what a worker says of another one is not about this one. */
  readonly #run: number;
  readonly #tools: ThreadTools;
  readonly #signal: AbortSignal | undefined;
  readonly #onFinding: ((finding: Finding) => void) | undefined;
  readonly #startWorkers: () => readonly Worker[];
  readonly #dropWorker: (worker: Worker) => void;
  readonly #onSettled: () => void;
  readonly #counters = new Map<string, number>();
  readonly #abort = new AbortController();
  /** Wakes what waits for the task in this thread; rings when the task fails. */
  readonly bell = new Bell();
  readonly #onAbort = () => this.fail(this.#signal?.reason);
  #workers: readonly Promise<void>[] | undefined;
  #enlisted: readonly Worker[] = [];
  #failure: { readonly error: unknown } | undefined;
  #sliceStart = performance.now();

  /** Use {@linkcode Engine.begin}. */
  constructor(parts: {
    readonly task: Task;
    readonly run: number;
    readonly tools: ThreadTools;
    readonly signal: AbortSignal | undefined;
    readonly onFinding: ((finding: Finding) => void) | undefined;
    readonly startWorkers: () => readonly Worker[];
    readonly dropWorker: (worker: Worker) => void;
    readonly onSettled: () => void;
  }) {
    this.#task = parts.task;
    this.#run = parts.run;
    this.#tools = parts.tools;
    this.#signal = parts.signal;
    this.#onFinding = parts.onFinding;
    this.#startWorkers = parts.startWorkers;
    this.#dropWorker = parts.dropWorker;
    this.#onSettled = parts.onSettled;
    parts.signal?.addEventListener("abort", this.#onAbort);
    if (parts.signal?.aborted ?? false) this.#onAbort();
  }

  /** Ends calls to stores when the task fails, or the caller gives it up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Sets workers to the task, all of them or `limit`; does nothing the second time. */
  enlist(limit = Infinity): void {
    if (this.#workers !== undefined) return;
    this.#enlisted = this.#startWorkers().slice(0, limit);
    this.#workers = this.#enlisted.map((worker) => this.#follow(worker));
  }

  /** Works on the task for one slice of time. @returns Whether nothing is left for this thread. */
  work(): boolean {
    const end = performance.now() + SLICE_MS;
    const pace: Pace = { expired: () => performance.now() >= end };
    return this.#task.kind === "store" || runTask(this.#task, this.#tools, pace);
  }

  /** Whether this thread has worked long enough without serving its event loop. */
  get isDue(): boolean {
    return performance.now() - this.#sliceStart >= SLICE_MS;
  }

  /**
   * Serves the event loop.
   *
   * @throws `signal.reason`, or the failure of a worker.
   */
  async breathe(): Promise<void> {
    await nextTurn();
    this.#sliceStart = performance.now();
    this.check();
  }

  /** @throws `signal.reason`, or the failure of a worker. */
  check(): void {
    this.#signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Remembers the first error and stops all threads after the unit they have in hand. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    Atomics.store(this.#task.control, CONTROL.stop, 1);
    for (let word = 0; word < this.#task.control.length; word++) Atomics.notify(this.#task.control, word);
    wake(this.#task.control);
    this.bell.ring();
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(error);
    if (workerCalls(this.#task) === undefined) return;
    for (const worker of this.#enlisted) worker.postMessage({ kind: "abort" } satisfies ToWorker);
  }

  /**
   * Waits until all threads have left the task.
   *
   * @returns What they counted.
   * @throws The first error.
   */
  async settle(): Promise<Map<string, number>> {
    try {
      Atomics.store(this.#task.control, CONTROL.stop, 1); // Nothing is left to claim, or one has failed.
      wake(this.#task.control);
      // Workers which are still starting will find the task stopped; nobody has to wait for that.
      if (Atomics.load(this.#task.control, CONTROL.entered) > 0) await Promise.all(this.#workers ?? []);
    } finally {
      this.#signal?.removeEventListener("abort", this.#onAbort);
      this.#tools.closeFiles();
      this.#onSettled();
    }
    this.#add(this.#tools.takeCounters());
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#counters;
  }

  /** Posts the task to a worker and follows it to its end. Never rejects. */
  #follow(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      const leave = () => {
        worker.onmessage = worker.onerror = null;
        resolve();
      };
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.kind === "finding") return this.#onFinding?.(data.finding);
        if (data.kind === "closed" || data.run !== this.#run) return;
        if (data.kind === "done") this.#add(data.counters);
        else this.fail(fromPlainError(data.error));
        leave();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        // One that could not even start has nothing in hand, and the other threads do its share.
        if (Atomics.load(this.#task.control, CONTROL.entered) > 0) {
          this.fail(new Error(`Cannot run worker: ${event.message}`));
        }
        this.#dropWorker(worker);
        leave();
      };
      worker.postMessage({ kind: "task", task: this.#task, run: this.#run } satisfies ToWorker);
    });
  }

  #add(counters: ReadonlyMap<string, number>): void {
    for (const [name, amount] of counters) this.#counters.set(name, (this.#counters.get(name) ?? 0) + amount);
  }
}
