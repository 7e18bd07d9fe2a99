/**
 * Repeats what failed for a reason that may pass.
 *
 * @module
 */

import { StoreError } from "../errors.ts";

/** Time and chance, as far as pauses depend on them. */
export interface RetryClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** A number of at least 0 and less than 1. */
  random(): number;
  /** Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** How often, and how soon. */
export interface RetryOptions {
  /** How often it is tried at most; values below 1 act like 1. */
  readonly tries: number;
  /** Pause after the first failure, in milliseconds; the next ones are multiples of it. */
  readonly baseIntervalMs: number;
  /** Ends the pauses as well. */
  readonly signal?: AbortSignal | undefined;
  /** Whether another try may help. @default that of a {@linkcode StoreError} */
  readonly isRetryable?: (error: unknown) => boolean;
  /** The shortest pause that the other side asked for with its failure, in milliseconds. @default none */
  readonly shortestPauseMs?: (error: unknown) => number | undefined;
  /** What pauses go by. @default SYSTEM_CLOCK */
  readonly clock?: RetryClock | undefined;
}

/** The clock of the system. */
export const SYSTEM_CLOCK: RetryClock = { now: Date.now, random: Math.random, sleep };

/** The other side cannot ask for more than this. */
export const MAX_PAUSE_MS = 60_000;

/** Part of a pause that is left to chance, so that many who failed together do not come back together. */
const JITTER = 0.25;

/**
 * Calls `operation` until it succeeds, fails for good, or has been tried often enough; the last failure is reported as
 * it is. The pause after the n-th try is n times the interval, of which chance may take away up to a quarter.
 *
 * @param operation Is told which try it is, from 1 on.
 */
export async function retry<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { tries, baseIntervalMs, signal, isRetryable = isRetryableStoreError } = options;
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    try {
      return await operation(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= tries || !isRetryable(error)) throw error;
      const clock = options.clock ?? SYSTEM_CLOCK;
      const pause = attempt * baseIntervalMs * (1 - JITTER * clock.random());
      // What the caller asked for is not cut short; what the other side asks for is.
      const ms = Math.max(pause, Math.min(options.shortestPauseMs?.(error) ?? 0, MAX_PAUSE_MS));
      if (ms > 0) await clock.sleep(ms, signal);
    }
  }
}

function isRetryableStoreError(error: unknown): boolean {
  return error instanceof StoreError && error.retryable;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
