/**
 * A scope for calls that run at the same time: bounded, cancelled together, and waited for.
 *
 * @module
 */

/** How many calls may run at once, and what cancels them. */
export interface TaskGroupOptions {
  /** Calls at once. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/** Calls of which the first failure cancels the others. Ends with {@linkcode settle} or {@linkcode cancel}. */
export class TaskGroup {
  readonly #limit: number;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: TaskGroupOptions) {
    this.#limit = options.limit;
    this.#signal = options.signal;
  }

  /** Whether another call can be started. */
  get hasRoom(): boolean {
    return this.#running.size < this.#limit;
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
    const signals = [this.#abort.signal, ...this.#signal === undefined ? [] : [this.#signal]];
    const running = this.#follow(call, AbortSignal.any(signals));
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

  /** Cancels all calls and waits for them; their failures are dropped. */
  async cancel(reason: unknown): Promise<void> {
    this.#failure ??= { error: reason };
    this.#abort.abort(reason);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #follow(call: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await call(signal);
    } catch (error) {
      this.#failure ??= { error };
      this.#abort.abort(error);
    }
  }

  #check(): void {
    this.#signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
