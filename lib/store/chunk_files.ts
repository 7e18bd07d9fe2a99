/**
 * Chunks in a directory, by synchronous calls and with buffers that are used again: what every thread of the
 * pipeline does thousands of times a second.
 *
 * Layout: `<root>/<first 4 hex digits>/<64 hex digits><extension>`.
 *
 * @module
 */

import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import { publishFile, randomSuffix } from "../io/atomic_file.ts";
import { hasErrorCode, type Posix } from "../platform/posix.ts";

/** Prefix of files that are being written; `prune` removes old ones. */
export const TEMPORARY_PREFIX = ".tmp-cacnk.";

/** Permissions of chunk files and of the directories they are in, less the umask; as desync's. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/** The chunks of one directory in one stored form. IDs are given as 32 bytes of a table, by their offset in it. */
export class ChunkFiles {
  readonly #posix: Posix;
  readonly #root: string;
  /** The path of a chunk, ending in NUL; the digits are filled in before every call. */
  readonly #path: Uint8Array;
  readonly #digitsAt: number;
  /** By the first two bytes of an ID: not zero if its directory was seen. */
  readonly #directories = new Uint8Array(65_536);

  constructor(posix: Posix, options: { readonly root: string; readonly extension: string }) {
    this.#posix = posix;
    this.#root = options.root;
    const digits = 2 * CHUNK_ID_SIZE;
    this.#path = new TextEncoder().encode(
      `${options.root}/${"0".repeat(PREFIX_DIGITS)}/${"0".repeat(digits)}${options.extension}\0`,
    );
    this.#digitsAt = this.#path.length - 1 - options.extension.length - digits;
  }

  /** Whether there is a file for the chunk. */
  has(ids: Uint8Array, offset: number): boolean {
    this.#setPath(ids, offset);
    return this.#posix.exists(this.#path);
  }

  /**
   * Reads a chunk's stored form into memory that `reserve` provides, once its size is known.
   *
   * @returns What `reserve` returned, as far as it was filled; undefined if there is no such chunk.
   */
  read(
    id: { readonly ids: Uint8Array; readonly offset: number },
    reserve: (size: number) => Uint8Array,
  ): Uint8Array | undefined {
    this.#setPath(id.ids, id.offset);
    try {
      using file = this.#posix.open(this.#path, { noFollow: true });
      const target = reserve(file.size());
      return target.subarray(0, file.readAt(target, 0));
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /** Writes a chunk's stored form; readers see all of it or none of it. */
  write(id: { readonly ids: Uint8Array; readonly offset: number }, data: Uint8Array): void {
    this.#setPath(id.ids, id.offset);
    const number = id.ids[id.offset]! << 8 | id.ids[id.offset + 1]!;
    const directory = `${this.#root}/${number.toString(16).padStart(PREFIX_DIGITS, "0")}`;
    const temporary = `${directory}/${TEMPORARY_PREFIX}${randomSuffix()}`;
    const publication = { path: this.#path, temporary, data, mode: FILE_MODE };
    // In a new store nearly every chunk needs a directory: to create it costs less than to fail for want of it.
    const isKnown = this.#directories[number] !== 0;
    if (!isKnown) this.#makeDirectory(directory, number);
    try {
      publishFile(this.#posix, publication);
    } catch (error) {
      if (!isKnown || !hasErrorCode(error, "ENOENT")) throw error;
      this.#makeDirectory(directory, number); // Somebody has removed it meanwhile.
      publishFile(this.#posix, publication);
    }
  }

  #makeDirectory(path: string, number: number): void {
    this.#posix.makeDirectory(path, DIRECTORY_MODE);
    this.#directories[number] = 1;
  }

  /** Deletes a chunk. @returns Whether it was there. */
  remove(ids: Uint8Array, offset: number): boolean {
    this.#setPath(ids, offset);
    return this.#posix.remove(this.#path);
  }

  #setPath(ids: Uint8Array, offset: number): void {
    let at = this.#digitsAt;
    for (let i = offset; i < offset + CHUNK_ID_SIZE; i++) {
      const byte = ids[i]!;
      this.#path[at++] = DIGITS[byte >>> 4]!;
      this.#path[at++] = DIGITS[byte & 15]!;
    }
    this.#path.copyWithin(this.#digitsAt - 1 - PREFIX_DIGITS, this.#digitsAt, this.#digitsAt + PREFIX_DIGITS);
  }
}

const PREFIX_DIGITS = 4;
const DIGITS = new TextEncoder().encode("0123456789abcdef");
