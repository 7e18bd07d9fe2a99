/**
 * {@linkcode Posix} by Deno's own functions: every operating system, no FFI, no holes and no shared extents.
 *
 * @module
 */

import {
  hasErrorCode,
  type OpenFileOptions,
  type Path,
  pathText,
  type Posix,
  PosixError,
  type PosixFile,
  sizeOf,
} from "./posix.ts";

/** @returns The implementation. */
export function openPosixDeno(): Posix {
  return new DenoPosix();
}

class DenoPosix implements Posix {
  readonly implementation = "deno";

  open(path: Path, options: OpenFileOptions = {}): PosixFile {
    const text = pathText(path);
    const access = options.access ?? "read";
    if ((options.noFollow ?? false) && isSymlink(text)) {
      throw new PosixError("ELOOP", { path: text, text: `${text}: Too many levels of symbolic links` });
    }
    const file = Deno.openSync(text, {
      read: access !== "write",
      write: access !== "read",
      create: options.create === "if-missing",
      createNew: options.create === "exclusive",
      ...options.create === undefined ? {} : { mode: options.mode ?? 0o666 },
    });
    return new DenoFile(file, text);
  }

  exists(path: Path): boolean {
    try {
      Deno.statSync(pathText(path));
      return true;
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return false;
      throw error;
    }
  }

  rename(from: Path, to: Path): void {
    Deno.renameSync(pathText(from), pathText(to));
  }

  remove(path: Path): boolean {
    const text = pathText(path);
    try {
      // Deno would also remove an empty directory.
      if (Deno.lstatSync(text).isDirectory) {
        throw new PosixError("EISDIR", { path: text, text: `${text}: Is a directory` });
      }
      Deno.removeSync(text);
      return true;
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return false;
      throw error;
    }
  }

  makeDirectory(path: Path, mode: number): boolean {
    try {
      Deno.mkdirSync(pathText(path), { mode });
      return true;
    } catch (error) {
      if (hasErrorCode(error, "EEXIST")) return false;
      throw error;
    }
  }
}

class DenoFile implements PosixFile {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #isOpen = true;

  constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.path = path;
  }

  readAt(target: Uint8Array, offset: number): number {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    let done = 0;
    while (done < target.length) {
      const count = this.#file.readSync(target.subarray(done));
      if (count === null) break;
      done += count;
    }
    return done;
  }

  writeAt(data: Uint8Array, offset: number): void {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < data.length;) done += this.#file.writeSync(data.subarray(done));
  }

  nextData(offset: number): number {
    return offset;
  }

  nextHole(): number {
    return this.size();
  }

  size(): number {
    return sizeOf(this, () => this.#file.seekSync(0, Deno.SeekMode.End));
  }

  truncate(size: number): void {
    this.#file.truncateSync(size);
  }

  allocate(): void {
    // There is no such call; writing goes on without the reservation.
  }

  punchHole(): boolean {
    return false;
  }

  cloneFrom(): boolean {
    return false;
  }

  sync(): void {
    this.#file.syncSync();
  }

  tryLock(): boolean | undefined {
    // A lock of Windows keeps all other handles from writing, those of our own threads too.
    if (Deno.build.os === "windows") return undefined;
    try {
      return this.#file.tryLockSync(true);
    } catch {
      return undefined; // The file system has no locks.
    }
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

function isSymlink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
