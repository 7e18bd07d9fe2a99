/** A transport that fails on schedule. */

import assert from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import type { CallOptions } from "../../lib/store/types.ts";

/** What happens to one call. */
export type Fault =
  /** Nothing: the call goes through. */
  | "ok"
  /** A read gives the first half of the object. */
  | "truncated"
  /** A read gives an object of which one bit is wrong. */
  | "flipped"
  /** A read finds nothing, though there may be something. */
  | "absent"
  /** The call fails. */
  | "io-error"
  /** A write fails half way; nothing of it can be seen. */
  | "disk-full"
  /** The call does not end until it is aborted. */
  | "hang";

/**
 * Passes calls on, each as the next fault of the schedule has it; after the last one all go through. What the
 * schedule says has to happen: disposal fails the test if a fault was not reached.
 */
export class FaultyObjects implements ObjectStore {
  readonly location: string;
  readonly supports: ObjectStore["supports"];
  /** Calls that were made, such as `get bf73/bf73…`. */
  readonly calls: string[] = [];
  readonly #inner: ObjectStore;
  readonly #faults: Fault[];
  #hang = Promise.withResolvers<void>();

  /** Takes ownership of `inner`. */
  constructor(inner: ObjectStore, faults: readonly Fault[]) {
    this.location = inner.location;
    this.supports = inner.supports;
    this.#inner = inner;
    this.#faults = [...faults];
  }

  /** Waits until the next call that hangs. */
  untilHanging(): Promise<void> {
    return this.#hang.promise;
  }

  async has(key: string, options?: CallOptions): Promise<boolean> {
    const fault = await this.#next("has", key, options);
    return fault !== "absent" && await this.#inner.has(key, options);
  }

  async get(
    key: string,
    options?: CallOptions & { readonly maxSize?: number | undefined },
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const fault = await this.#next("get", key, options);
    const bytes = await this.#inner.get(key, options);
    if (fault === "absent" || bytes === undefined) return undefined;
    if (fault === "truncated") return bytes.slice(0, bytes.length >> 1);
    if (fault === "flipped") bytes[bytes.length >> 1]! ^= 1;
    return bytes;
  }

  async put(key: string, data: Uint8Array, options?: CallOptions): Promise<void> {
    await this.#next("put", key, options);
    await this.#inner.put(key, data, options);
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<string> {
    await this.#next("list", prefix, options);
    yield* this.#inner.list(prefix, options);
  }

  async remove(key: string, options?: CallOptions): Promise<boolean> {
    await this.#next("remove", key, options);
    return await this.#inner.remove(key, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
    assert.deepEqual(this.#faults, [], "faults of the schedule were not reached");
  }

  async #next(call: string, key: string, options: CallOptions | undefined): Promise<Fault> {
    options?.signal?.throwIfAborted();
    this.calls.push(`${call} ${key}`);
    const fault = this.#faults.shift() ?? "ok";
    if (fault === "hang") return await this.#untilAborted(options?.signal);
    if (fault === "io-error" || fault === "disk-full") {
      const code = fault === "io-error" ? "EIO" : "ENOSPC";
      const cause = Object.assign(new Error(`${code} on schedule`), { code });
      throw new StoreError(this.location, call, { cause, retryable: fault === "io-error" });
    }
    return fault;
  }

  async #untilAborted(signal: AbortSignal | undefined): Promise<never> {
    assert.ok(signal !== undefined, "a call without a signal would hang for ever");
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.#hang.resolve();
    this.#hang = Promise.withResolvers();
    return await promise;
  }
}
