/**
 * The time one try may take.
 *
 * @module
 */

import { HttpFailure } from "./http_transport.ts";

/**
 * Makes deadlines that all have as much time, so that the first to begin is the first to expire: one timer is enough
 * for any number of them. It is left running between one try and the next, and stopped by disposal.
 */
export class HttpDeadlines implements Disposable {
  readonly #timeoutMs: number | undefined;
  /** Under way, in the order in which they began. */
  readonly #running = new Set<HttpDeadline>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param timeoutMs Undefined for no limit. */
  constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs;
  }

  /** Begins a try, whose time runs from here on. @param outer Ends it as well. */
  begin(outer: AbortSignal | undefined): HttpDeadline {
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs === undefined) return new HttpDeadline({ outer });
    const endsAt = performance.now() + timeoutMs;
    const deadline = new HttpDeadline({
      outer,
      limit: { timeoutMs, endsAt, onEnd: () => this.#running.delete(deadline) },
    });
    this.#running.add(deadline);
    if (this.#timer === undefined) this.#start(timeoutMs);
    return deadline;
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(ms: number): void {
    this.#timer = setTimeout(() => this.#expire(), ms);
    // Whoever waits for an answer keeps the program running; this does not.
    if (typeof Deno !== "undefined" && typeof this.#timer === "number") Deno.unrefTimer(this.#timer);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const deadline of this.#running) {
      const left = deadline.endsAt - now;
      // Timers are of whole milliseconds.
      if (left >= 1) return this.#start(left);
      this.#running.delete(deadline);
      deadline.expire();
    }
  }
}

/** Ends what it is given to after some time, or with the signal of the caller. */
export class HttpDeadline implements Disposable {
  /** By `performance.now()`. */
  readonly endsAt: number;
  readonly #outer: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #onEnd: (() => void) | undefined;
  readonly #controller: AbortController | undefined;
  readonly #stop = () => this.#controller?.abort(this.#outer?.reason);
  #expired = false;

  /** Use {@linkcode HttpDeadlines.begin}. */
  constructor({ outer, limit }: {
    readonly outer: AbortSignal | undefined;
    readonly limit?: { readonly timeoutMs: number; readonly endsAt: number; readonly onEnd: () => void };
  }) {
    this.#outer = outer;
    this.#timeoutMs = limit?.timeoutMs;
    this.endsAt = limit?.endsAt ?? Infinity;
    this.#onEnd = limit?.onEnd;
    if (limit === undefined) return;
    this.#controller = new AbortController();
    if (outer?.aborted === true) this.#stop();
    outer?.addEventListener("abort", this.#stop, { once: true });
  }

  /** For the request; undefined if nothing ends it. */
  get signal(): AbortSignal | undefined {
    return this.#controller?.signal ?? this.#outer;
  }

  /** Ends it because its time is over. */
  expire(): void {
    this.#expired = true;
    this.#controller?.abort(new Error("timeout"));
  }

  /** Finds out what an error of a request with this signal is about. @returns It, or the actual reason. */
  explain(error: unknown): unknown {
    if (this.#outer?.aborted === true) return this.#outer.reason;
    if (!this.#expired) return error;
    return new HttpFailure(`no answer within ${formatTime(this.#timeoutMs!)}`, { retryable: true });
  }

  /** Says that it has ended. */
  [Symbol.dispose](): void {
    this.#onEnd?.();
    this.#outer?.removeEventListener("abort", this.#stop);
  }
}

function formatTime(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
