/**
 * Bytes under a key: what a transport has to offer. Chunk and index stores are built on it once, not once a backend.
 *
 * @module
 */

import type { CallOptions } from "../store/types.ts";

/** A transport. Keys are relative paths with `/`, such as `1c81/1c81….cacnk`. */
export interface ObjectStore extends AsyncDisposable {
  /** Where the objects are, credentials removed. */
  readonly location: string;
  /** What the transport can do beyond reading. */
  readonly supports: { readonly write: boolean; readonly list: boolean };
  /** Whether there is an object under `key`. */
  has(key: string, options?: CallOptions): Promise<boolean>;
  /**
   * Reads an object; `undefined` if there is none.
   *
   * @returns Fresh bytes.
   * @throws {StoreError} If it cannot be read, or is larger than `maxSize` bytes.
   */
  get(
    key: string,
    options?: CallOptions & { readonly maxSize?: number | undefined },
  ): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes an object; readers see all of it or none of it. */
  put(key: string, data: Uint8Array, options?: CallOptions): Promise<void>;
  /** Keys that start with `prefix`, in no particular order. */
  list(prefix: string, options?: CallOptions): AsyncIterable<string>;
  /** Deletes an object. @returns Whether there was one. */
  remove(key: string, options?: CallOptions): Promise<boolean>;
}
