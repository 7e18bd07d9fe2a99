/** Objects in memory that answer late, in another order than they were asked, and fail when they are told to. */

import { StoreError } from "../../lib/errors.ts";
import { MemoryObjects } from "../../lib/objects/memory.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import type { CallOptions } from "../../lib/store/types.ts";

/** How {@linkcode SlowObjects} behaves. */
export interface SlowObjectsOptions {
  /** Turns of the event loop before the n-th call is answered. @default 0, 1, 2, 0, 1, … */
  readonly delay?: (call: number) => number;
  /** Whether the n-th call fails. @default never */
  readonly fails?: (call: number) => boolean;
}

/** Counts what is asked of it. */
export class SlowObjects implements ObjectStore {
  readonly location = "slow:";
  readonly supports = { write: true, list: true } as const;
  readonly inner: MemoryObjects = new MemoryObjects();
  /** Calls so far, by method. */
  calls: Record<"has" | "get" | "put", number> = { has: 0, get: 0, put: 0 };
  /** Calls under way, and the most there were at once. */
  running = 0;
  peak = 0;
  readonly #options: SlowObjectsOptions;

  constructor(options: SlowObjectsOptions = {}) {
    this.#options = options;
  }

  /** Starts to count anew. */
  reset(): void {
    this.calls = { has: 0, get: 0, put: 0 };
    this.peak = 0;
  }

  has(key: string, options?: CallOptions): Promise<boolean> {
    return this.#answer("has", () => this.inner.has(key, options), options);
  }

  get(key: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#answer("get", () => this.inner.get(key, options), options);
  }

  put(key: string, data: Uint8Array, options?: CallOptions): Promise<void> {
    return this.#answer("put", () => this.inner.put(key, data, options), options);
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<string> {
    return this.inner.list(prefix, options);
  }

  remove(key: string, options?: CallOptions): Promise<boolean> {
    return this.inner.remove(key, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.inner[Symbol.asyncDispose]();
  }

  async #answer<T>(method: "has" | "get" | "put", act: () => Promise<T>, options?: CallOptions): Promise<T> {
    const { delay = (call) => call % 3, fails = () => false } = this.#options;
    const call = this.calls.has + this.calls.get + this.calls.put;
    this.calls[method]++;
    this.running++;
    this.peak = Math.max(this.peak, this.running);
    try {
      for (let turns = delay(call); turns > 0; turns--) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        options?.signal?.throwIfAborted();
      }
      if (fails(call)) throw new StoreError(this.location, method, { reason: `call ${call} fails` });
      return await act();
    } finally {
      this.running--;
    }
  }
}
