/**
 * The time one try may take.
 *
 * @module
 */

import { HttpFailure } from "./http_transport.ts";

/** Ends what it is given to after some time, or with the signal of the caller. */
export class HttpDeadline implements Disposable {
  readonly #outer: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #controller: AbortController | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = () => this.#controller?.abort(this.#outer?.reason);
  #expired = false;

  /** Time runs from here on. @param timeoutMs Undefined for no limit. */
  constructor(timeoutMs: number | undefined, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timeoutMs = timeoutMs;
    if (timeoutMs === undefined) return;
    const controller = this.#controller = new AbortController();
    this.#timer = setTimeout(() => {
      this.#expired = true;
      controller.abort(new Error("timeout"));
    }, timeoutMs);
    if (outer?.aborted === true) this.#stop();
    outer?.addEventListener("abort", this.#stop, { once: true });
  }

  /** For the request; undefined if nothing ends it. */
  get signal(): AbortSignal | undefined {
    return this.#controller?.signal ?? this.#outer;
  }

  /** Finds out what an error of a request with this signal is about. @returns It, or the actual reason. */
  explain(error: unknown): unknown {
    if (this.#outer?.aborted === true) return this.#outer.reason;
    if (!this.#expired) return error;
    return new HttpFailure(`no answer within ${formatTime(this.#timeoutMs!)}`, { retryable: true });
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#stop);
  }
}

function formatTime(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
