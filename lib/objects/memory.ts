/**
 * Objects in memory: for tests, and for programs that build a store before they send it somewhere.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import type { CallOptions } from "../store/types.ts";
import type { ObjectStore } from "./objects.ts";

/** Objects in a map. */
export class MemoryObjects implements ObjectStore {
  readonly location: string;
  readonly supports = { write: true, list: true } as const;
  readonly #objects = new Map<string, Uint8Array<ArrayBuffer>>();

  /** An empty store; `location` is what messages call it. */
  constructor(location = "memory:") {
    this.location = location;
  }

  /** Whether there is an object under `key`. */
  async has(key: string, options?: CallOptions): Promise<boolean> {
    await options?.signal?.throwIfAborted();
    return this.#objects.has(key);
  }

  /** Reads an object. @returns A fresh copy. */
  async get(
    key: string,
    options?: CallOptions & { readonly maxSize?: number | undefined },
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    await options?.signal?.throwIfAborted();
    const object = this.#objects.get(key);
    if (object !== undefined && object.length > (options?.maxSize ?? Infinity)) {
      const reason = `'${key}' has ${object.length} bytes, more than ${options?.maxSize}`;
      throw new StoreError(this.location, "read from", { reason });
    }
    return object?.slice();
  }

  /** Keeps a copy of `data`. */
  async put(key: string, data: Uint8Array, options?: CallOptions): Promise<void> {
    await options?.signal?.throwIfAborted();
    this.#objects.set(key, new Uint8Array(data));
  }

  /** Keys that start with `prefix`. */
  async *list(prefix: string, options?: CallOptions): AsyncIterable<string> {
    for (const key of [...this.#objects.keys()]) {
      await options?.signal?.throwIfAborted();
      if (key.startsWith(prefix)) yield key;
    }
  }

  /** Deletes an object. @returns Whether there was one. */
  async remove(key: string, options?: CallOptions): Promise<boolean> {
    await options?.signal?.throwIfAborted();
    return this.#objects.delete(key);
  }

  /** Forgets all objects. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#objects.clear();
    return Promise.resolve();
  }
}
