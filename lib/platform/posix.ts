/**
 * Files, as the engine needs them: synchronous, at explicit offsets, with holes and shared extents.
 *
 * Synchronous because a local call takes less time than handing it to another thread; what is to run beside it
 * runs in a worker.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";

/** A path as text, or as bytes that end in NUL: for names which are not UTF-8, and for paths built in place. */
export type Path = string | Uint8Array;

/** A failed system call. */
export class PosixError extends Error {
  /** `ENOENT`, `ENOSPC`, … */
  readonly code: string;
  /** The file the call was about. */
  readonly path: string;

  constructor(code: string, options: { readonly path: string; readonly text: string }) {
    super(options.text);
    this.name = "PosixError";
    this.code = code;
    this.path = options.path;
  }
}

/** Whether `error` is a failed system call with one of these codes, whichever interface reports it. */
export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** How to open a file. */
export interface OpenFileOptions {
  /** What may be done with the file. @default "read" */
  readonly access?: "read" | "write" | "read-write";
  /** Create it if it does not exist; `exclusive`: fail with `EEXIST` if it does. @default undefined */
  readonly create?: "if-missing" | "exclusive";
  /** Permissions of a created file, less the umask. @default 0o666 */
  readonly mode?: number;
  /**
   * For files that somebody else may have planted: fail with `ELOOP` if the last component is a symbolic link, and do not
   * wait for the writer of a pipe. @default false
   */
  readonly noFollow?: boolean;
}

/** Part of a file to clone or copy from, and where it goes. Sizes and offsets in bytes. */
export interface CloneRange {
  readonly sourceOffset: number;
  readonly size: number;
  readonly offset: number;
}

/** An open file or block device. Every call throws {@linkcode PosixError}, or Deno's own errors with a `code`. */
export interface PosixFile extends Disposable {
  readonly path: string;
  /** @returns Bytes read: fewer than `target` holds only at the end of the file. */
  readAt(target: Uint8Array, offset: number): number;
  /** Writes all of `data`. */
  writeAt(data: Uint8Array, offset: number): void;
  /** Start of the first data at or after `offset`; undefined if there are only holes up to the end. */
  nextData(offset: number): number | undefined;
  /** Start of the first hole at or after `offset`, which may be the end of the file. */
  nextHole(offset: number): number;
  /** Size in bytes; of a block device, what it can hold. */
  size(): number;
  /** Sets the size; what is added reads as zeros. */
  truncate(size: number): void;
  /** Reserves space. Does nothing where that is not supported. */
  allocate(offset: number, size: number): void;
  /** Makes a range read as zeros and frees its space. @returns False where that is not supported. */
  punchHole(offset: number, size: number): boolean;
  /** Shares extents with `source`. @returns False where the files cannot share them. */
  cloneFrom(source: PosixFile, range: CloneRange): boolean;
  /** Waits until data and size are on the device. */
  sync(): void;
  /**
   * Locks the whole file for this handle alone, until it is closed. Binds only those who ask for the lock as well;
   * reading and writing by others go on.
   *
   * @returns False if another handle has the lock; undefined where there are no such locks.
   */
  tryLock(): boolean | undefined;
}

/** The file system, by system calls or by Deno's own functions. */
export interface Posix {
  readonly implementation: "ffi" | "deno";
  open(path: Path, options?: OpenFileOptions): PosixFile;
  /** Whether something has that name; errors other than its absence are thrown. */
  exists(path: Path): boolean;
  /** Moves a file over another, in one step. */
  rename(from: Path, to: Path): void;
  /** @returns False if there was nothing to remove. */
  remove(path: Path): boolean;
  /** Creates a directory. @returns False if something has that name already. */
  makeDirectory(path: Path, mode: number): boolean;
  /**
   * Reads from an open file by the number of its handle, of whichever thread, until `target` is full or the file ends.
   *
   * @returns Bytes read. The method is undefined where files have no such numbers.
   */
  readDescriptor?(
    descriptor: number,
    range: { readonly target: Uint8Array; readonly offset: number },
  ): number;
}

/** Opens the fastest implementation that works here, or the one that is named. */
export async function openPosix(
  options: { readonly implementation?: "ffi" | "deno" | undefined } = {},
): Promise<Posix> {
  if (options.implementation !== "deno") {
    const { openPosixFfi } = await import("./posix_ffi.ts");
    const posix = openPosixFfi();
    if (posix !== undefined) return posix;
    if (options.implementation === "ffi") {
      throw new UnsupportedError("Cannot open files by FFI: it is not granted, or there is no libc.so here");
    }
  }
  const { openPosixDeno } = await import("./posix_deno.ts");
  return openPosixDeno();
}

/**
 * The size of `file`, which `seekEnd` finds out. Directories can be opened as well: their end is at 2^63 − 1 on ext4,
 * and EINVAL on tmpfs.
 *
 * @throws An error with the code `EISDIR` for those, so that nobody takes them for damaged files.
 */
export function sizeOf(file: Pick<PosixFile, "path" | "readAt">, seekEnd: () => number): number {
  try {
    const size = seekEnd();
    if (Number.isSafeInteger(size)) return size;
  } catch (error) {
    if (!hasErrorCode(error, "EINVAL")) throw error;
  }
  file.readAt(new Uint8Array(1), 0);
  throw new PosixError("EINVAL", { path: file.path, text: `${file.path}: Its size is not known` });
}

/** The text of `path`, for messages. */
export function pathText(path: Path): string {
  if (typeof path === "string") return path;
  const end = path.indexOf(0);
  return new TextDecoder().decode(end < 0 ? path.slice() : path.slice(0, end));
}
