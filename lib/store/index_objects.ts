/**
 * An index store over any transport that can move bytes under a key.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { decodeIndex, encodeIndex, type Index } from "../format/index_file.ts";
import type { ObjectStore } from "../objects/objects.ts";
import type { CallOptions, WritableIndexStore } from "./types.ts";

/** Indexes as objects under their names. */
export class IndexObjects implements WritableIndexStore {
  readonly location: string;
  readonly #objects: ObjectStore;

  /** Takes ownership of `objects`. */
  constructor(objects: ObjectStore) {
    this.location = objects.location;
    this.#objects = objects;
  }

  /** Reads an index. */
  async get(name: string, options?: CallOptions): Promise<Index | undefined> {
    const bytes = await this.#objects.get(checkIndexName(name), options);
    return bytes === undefined ? undefined : decodeIndex(bytes, { location: `${this.location}/${name}` });
  }

  /** Adds or replaces an index. */
  async put(name: string, index: Index, options?: CallOptions): Promise<void> {
    await this.#objects.put(checkIndexName(name), encodeIndex(index), options);
  }

  /** Closes what it was made of. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#objects[Symbol.asyncDispose]());
  }
}

/**
 * Makes sure that `name` stays in its directory.
 *
 * @throws {FormatError} If it is empty, `.` or `..`, or has a separator or NUL in it.
 */
export function checkIndexName(name: string): string {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new FormatError(`Cannot use '${name}' as the name of an index`);
  }
  return name;
}
