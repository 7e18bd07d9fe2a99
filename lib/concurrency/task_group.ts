/**
 * A scope for calls that run at the same time: bounded, cancelled together, and waited for.
 *
 * @module
 */

import { type CallLimit, GrowingLimit } from "./call_limit.ts";

/** How many calls may run at once, and what cancels them. */
export interface TaskGroupOptions {
  /** Calls at once; with bounds, as many as get more done. */
  readonly limit: number | CallLimit;
  readonly signal?: AbortSignal | undefined;
}

/** Calls of which the first failure cancels the others. Disposed of, it cancels what is under way and waits for it. */
export class TaskGroup implements AsyncDisposable {
  readonly #limit: GrowingLimit;
  readonly #abort = new AbortController();
  /** The caller's signal, and the group's own. */
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: TaskGroupOptions) {
    const { limit } = options;
    this.#limit = new GrowingLimit(typeof limit === "number" ? { start: limit, max: limit } : limit);
    const outer = options.signal === undefined ? [] : [options.signal];
    this.#signal = AbortSignal.any([...outer, this.#abort.signal]);
  }

  /** Whether another call can be started. */
  get hasRoom(): boolean {
    return this.#running.size < this.#limit.current;
  }

  /**
   * Waits until another call can be started.
   *
   * @throws The failure of a call, after which there is nothing to start any more.
   */
  async room(): Promise<void> {
    this.#check();
    while (!this.hasRoom) {
      await Promise.race(this.#running);
      this.#check();
    }
  }

  /** Starts a call. Its failure is thrown by the group, not here. */
  start(call: (signal: AbortSignal) => Promise<void>): void {
    const running = this.#follow(call);
    this.#running.add(running);
    running.finally(() => this.#running.delete(running));
  }

  /**
   * Waits for all calls.
   *
   * @throws The first failure.
   */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#check();
  }

  /** Cancels all calls and waits for them; their failures are dropped. After {@linkcode settle} there are none. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new DOMException("The calls were given up", "AbortError"));
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #follow(call: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await call(this.#signal);
    } catch (error) {
      this.#failure ??= { error };
      this.#abort.abort(error);
    }
    this.#limit.done();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#signal.throwIfAborted();
  }
}
