/**
 * Objects in a local directory.
 *
 * Calls are synchronous underneath: a local read takes less time than handing it to another thread.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { nextTurn } from "../concurrency/event_loop.ts";
import { publishFile, randomSuffix } from "../io/atomic_file.ts";
import { hasErrorCode, type Posix, type PosixFile } from "../platform/posix.ts";
import type { CallOptions } from "../store/types.ts";
import type { ObjectStore } from "./objects.ts";

/** How {@linkcode LocalObjects} writes. */
export interface LocalObjectsOptions {
  /** Start of the names of files that are being written. */
  readonly temporaryPrefix: string;
  /** Permissions of files, less the umask. @default 0o644 */
  readonly mode?: number;
  /** Wait until an object is on the device before it gets its name. @default false */
  readonly sync?: boolean;
  /** Read what a symbolic link leads to, if it is a file. @default false */
  readonly followLinks?: boolean;
}

/**
 * Time after which a call lets the event loop have its turn, in milliseconds. As calls are synchronous, signals and
 * timers would otherwise wait until the last of a million is done.
 */
const TURN_MS = 20;

/** Files below a directory, by their relative paths. */
export class LocalObjects implements ObjectStore {
  readonly location: string;
  readonly supports = { write: true, list: true } as const;
  readonly #posix: Posix;
  readonly #options: LocalObjectsOptions;
  #turnEnd = performance.now() + TURN_MS;

  /** The directory has to exist; {@linkcode checkDirectory} says so in time. */
  constructor(posix: Posix, directory: string, options: LocalObjectsOptions) {
    this.location = directory;
    this.#posix = posix;
    this.#options = options;
  }

  /** Whether there is a file of that name. */
  has(key: string, options?: CallOptions): Promise<boolean> {
    return this.#attempt("look into", () => this.#posix.exists(this.#path(key)), options);
  }

  /** Reads a whole file. */
  get(
    key: string,
    options?: CallOptions & { readonly maxSize?: number | undefined },
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#attempt("read from", () => {
      try {
        using file = this.#open(this.#path(key));
        const size = file.size();
        if (size > (options?.maxSize ?? Infinity)) {
          throw new StoreError(this.#path(key), "read", {
            reason: `${size} bytes are more than ${options?.maxSize}`,
          });
        }
        const bytes = new Uint8Array(size);
        return bytes.subarray(0, file.readAt(bytes, 0));
      } catch (error) {
        if (hasErrorCode(error, "ENOENT")) return undefined;
        throw error;
      }
    }, options);
  }

  /** Writes a file beside its final name and renames it; directories are created. */
  put(key: string, data: Uint8Array, options?: CallOptions): Promise<void> {
    return this.#attempt("write to", () => {
      const path = this.#path(key);
      const directory = path.slice(0, path.lastIndexOf("/"));
      const { temporaryPrefix, mode = 0o644, sync = false } = this.#options;
      const temporary = `${directory}/${temporaryPrefix}${randomSuffix()}`;
      const publication = { path, temporary, data, mode, sync };
      try {
        publishFile(this.#posix, publication);
      } catch (error) {
        if (!hasErrorCode(error, "ENOENT") || !key.includes("/")) throw error;
        this.#posix.makeDirectory(directory, 0o755);
        publishFile(this.#posix, publication);
      }
    }, options);
  }

  /** Paths of all files below the directory. Symbolic links are not followed. */
  async *list(prefix: string, options?: CallOptions): AsyncIterable<string> {
    const directories = [""];
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      for (const entry of await this.#entries(directory)) {
        options?.signal?.throwIfAborted();
        const key = `${directory}${entry.name}`;
        if (entry.isDirectory) directories.push(`${key}/`);
        else if (key.startsWith(prefix)) yield key;
      }
    }
  }

  /** Deletes a file. */
  remove(key: string, options?: CallOptions): Promise<boolean> {
    return this.#attempt("delete from", () => this.#posix.remove(this.#path(key)), options);
  }

  /** Nothing is kept open. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #entries(directory: string): Promise<readonly Deno.DirEntry[]> {
    try {
      return await Array.fromAsync(Deno.readDir(this.#path(directory)));
    } catch (cause) {
      throw new StoreError(this.location, "list", { cause });
    }
  }

  #open(path: string): PosixFile {
    try {
      return this.#posix.open(path, { noFollow: true });
    } catch (error) {
      const follows = this.#options.followLinks ?? false;
      if (!follows || !hasErrorCode(error, "ELOOP") || !Deno.statSync(path).isFile) throw error;
      return this.#posix.open(Deno.realPathSync(path), { noFollow: true });
    }
  }

  #path(key: string): string {
    return `${this.location}/${key}`;
  }

  async #attempt<T>(operation: string, action: () => T, options?: CallOptions): Promise<T> {
    if (performance.now() >= this.#turnEnd) {
      await nextTurn();
      this.#turnEnd = performance.now() + TURN_MS;
    }
    options?.signal?.throwIfAborted();
    try {
      return action();
    } catch (cause) {
      throw cause instanceof StoreError ? cause : new StoreError(this.location, operation, { cause });
    }
  }
}

/** Sets the times of a file to now, for what is cleaned up by age. That it cannot be done does no harm. */
export function touchFile(path: string): void {
  const now = new Date();
  try {
    Deno.utimeSync(path, now, now);
  } catch {
    // It was removed, or belongs to somebody else.
  }
}

/**
 * Makes sure that `path` is a directory.
 *
 * @throws {StoreError} If there is none.
 */
export async function checkDirectory(path: string): Promise<void> {
  let info;
  try {
    info = await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw new StoreError(path, "open", { cause });
    throw new StoreError(path, "open store", { reason: "it does not exist" });
  }
  if (!info.isDirectory) {
    throw new StoreError(path, "open store", { reason: "it is a file, a directory is needed" });
  }
}
