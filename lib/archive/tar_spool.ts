/**
 * A temporary file for contents that are needed later.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { openPosix, type Posix, type PosixFile } from "../platform/posix.ts";

const BUFFER_SIZE = 1 << 20;

/** Bytes to append to, and to read at any offset. Vanishes with the process at the latest. */
export class Spool implements Disposable {
  readonly #posix: Posix;
  readonly #file: PosixFile;
  readonly #isUnlinked: boolean;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #buffered = 0;
  #written = 0;

  /** Takes the open file over. */
  constructor(posix: Posix, options: { readonly file: PosixFile; readonly isUnlinked: boolean }) {
    this.#posix = posix;
    this.#file = options.file;
    this.#isUnlinked = options.isUnlinked;
  }

  /** Bytes that were appended. */
  get size(): number {
    return this.#written + this.#buffered;
  }

  /** Appends bytes. @throws {StoreError} If there is no space. */
  append(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER_SIZE) this.#flush();
    if (bytes.length > BUFFER_SIZE) {
      this.#write(bytes);
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
  }

  /** Reads as many bytes as `target` holds; they have been appended. @throws {StoreError} If that fails. */
  read(target: Uint8Array, offset: number): void {
    this.#flush();
    let count;
    try {
      count = this.#file.readAt(target, offset);
    } catch (cause) {
      throw new StoreError(this.#file.path, "read temporary file", { cause });
    }
    if (count < target.length) {
      throw new StoreError(this.#file.path, "read temporary file", { reason: "it was truncated" });
    }
  }

  /** Closes the file, which vanishes. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    if (!this.#isUnlinked) this.#posix.remove(this.#file.path);
  }

  #flush(): void {
    if (this.#buffered > 0) this.#write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #write(bytes: Uint8Array): void {
    try {
      this.#file.writeAt(bytes, this.#written);
    } catch (cause) {
      throw new StoreError(this.#file.path, "write temporary file", { cause });
    }
    this.#written += bytes.length;
  }
}

/** Creates a file where the system keeps temporary ones, and removes its name. */
export async function openSpool(): Promise<Spool> {
  const posix = await openPosix();
  const path = await Deno.makeTempFile({ prefix: "desync-" });
  let file: PosixFile | undefined;
  try {
    file = posix.open(path, { access: "read-write" });
    // Windows keeps the name of an open file.
    const isUnlinked = Deno.build.os !== "windows" && posix.remove(path);
    return new Spool(posix, { file, isUnlinked });
  } catch (cause) {
    file?.[Symbol.dispose]();
    throw new StoreError(path, "open temporary file", { cause });
  }
}
