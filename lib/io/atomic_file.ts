/**
 * Files which appear whole under their final name or not at all: written beside it, then renamed.
 *
 * @module
 */

import type { Path, Posix, PosixFile } from "../platform/posix.ts";

/** A small file to publish in one go. */
export interface Publication {
  readonly path: Path;
  /** A name in the same directory that nobody else uses. */
  readonly temporary: Path;
  readonly data: Uint8Array;
  /** Permissions, less the umask. */
  readonly mode: number;
  /** Wait until the data are on the device before they get their name. @default false */
  readonly sync?: boolean;
}

/** Writes a file under its temporary name and renames it; on any failure the temporary file is removed. */
export function publishFile(posix: Posix, file: Publication): void {
  const { temporary } = file;
  const open = posix.open(temporary, { access: "write", create: "exclusive", mode: file.mode });
  try {
    try {
      open.writeAt(file.data, 0);
      if (file.sync ?? false) open.sync();
    } finally {
      open[Symbol.dispose]();
    }
    posix.rename(temporary, file.path);
  } catch (error) {
    removeQuietly(posix, temporary);
    throw error;
  }
}

/** A decimal number that makes a temporary name unique. */
export function randomSuffix(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** A large file under construction. Disposed of before {@linkcode commit}, it vanishes. */
export class AtomicFile implements Disposable {
  /** The file to write to. */
  readonly file: PosixFile;
  /** Its name until {@linkcode commit}. */
  readonly temporary: string;
  readonly #posix: Posix;
  readonly #path: string;
  #committed = false;

  /** Creates `<directory>/.<name>.<number>` beside `path`, as desync does. */
  constructor(posix: Posix, path: string) {
    const slash = path.lastIndexOf("/") + 1;
    this.#posix = posix;
    this.#path = path;
    this.temporary = `${path.slice(0, slash)}.${path.slice(slash)}.${randomSuffix()}`;
    this.file = posix.open(this.temporary, { access: "read-write", create: "exclusive", mode: 0o644 });
  }

  /** Waits until the data are on the device, then gives the file its name. */
  commit(): void {
    this.file.sync();
    this.#posix.rename(this.temporary, this.#path);
    this.#committed = true;
  }

  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
    if (!this.#committed) removeQuietly(this.#posix, this.temporary);
  }
}

/** For use while another error is under way: that one is what the caller has to see. */
function removeQuietly(posix: Posix, path: Path): void {
  try {
    posix.remove(path);
  } catch {
    // The file stays under its temporary name, which no reader takes for a result.
  }
}
