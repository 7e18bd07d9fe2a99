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

/**
 * A large file under construction. Disposed of before {@linkcode commit}, it vanishes.
 *
 * As long as it exists, its temporary file is locked. One that is not was left behind by a process which was killed,
 * and the next `AtomicFile` for the same path removes it.
 */
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
    const directory = path.slice(0, slash);
    const prefix = `.${path.slice(slash)}.`;
    this.#posix = posix;
    this.#path = path;
    removeStale(posix, { directory, prefix });
    ({ file: this.file, temporary: this.temporary } = createLocked(posix, `${directory}${prefix}`));
  }

  /** Waits until the data are on the device, then gives the file its name. */
  commit(): void {
    this.file.sync();
    this.#posix.rename(this.temporary, this.#path);
    this.#committed = true;
  }

  [Symbol.dispose](): void {
    try {
      this.file[Symbol.dispose]();
    } finally {
      if (!this.#committed) removeQuietly(this.#posix, this.temporary);
    }
  }
}

/** Digits of the number in a temporary name. */
const NUMBER_DIGITS = 11;
const MAX_ATTEMPTS = 100;

/**
 * A number of {@linkcode NUMBER_DIGITS} digits: one more than desync's, which locks nothing, so that its files are not
 * taken for ours. Nor are a user's: dates and times have 8, 10, 12, 13 or 14 digits.
 */
function randomNumber(): string {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as readonly [number, number];
  const fraction = (high + low / 2 ** 32) / 2 ** 32;
  const least = 10 ** (NUMBER_DIGITS - 1);
  return String(least + Math.floor(fraction * 9 * least));
}

/**
 * Creates a file under a fresh name and locks it.
 *
 * A file cannot be created locked. In between, another process may take it for stale and lock it: then either it still
 * has the lock, or the name is gone, because it removes the name before it releases the lock. As nobody else creates
 * that name again, a name which exists once the lock is ours belongs to our file, and nobody will remove it.
 */
function createLocked(
  posix: Posix,
  prefix: string,
): { readonly file: PosixFile; readonly temporary: string } {
  for (let attempt = 1;; attempt++) {
    const temporary = `${prefix}${randomNumber()}`;
    const file = posix.open(temporary, { access: "read-write", create: "exclusive", mode: 0o644 });
    try {
      if (file.tryLock() !== false && posix.exists(temporary)) return { file, temporary };
      if (attempt === MAX_ATTEMPTS) throw new Error(`${temporary}: other processes remove it`);
    } catch (error) {
      file[Symbol.dispose]();
      removeQuietly(posix, temporary);
      throw error;
    }
    file[Symbol.dispose]();
    removeQuietly(posix, temporary);
  }
}

/** Removes files which are named like temporary ones of that prefix, and which nobody has locked. */
function removeStale(posix: Posix, names: { readonly directory: string; readonly prefix: string }): void {
  const { directory, prefix } = names;
  try {
    for (const { name, isFile } of Deno.readDirSync(directory === "" ? "." : directory)) {
      const isTemporary = name.startsWith(prefix) && NUMBER.test(name.slice(prefix.length));
      if (isFile && isTemporary) removeIfStale(posix, `${directory}${name}`);
    }
  } catch {
    // A directory that cannot be read may still be written to; what is stale in it stays.
  }
}

const NUMBER = new RegExp(`^[1-9][0-9]{${NUMBER_DIGITS - 1}}$`);

function removeIfStale(posix: Posix, path: string): void {
  try {
    // Opened for writing, as some file systems ask for that before they give an exclusive lock.
    using file = posix.open(path, { access: "read-write", noFollow: true });
    if (file.tryLock() === true) posix.remove(path);
  } catch {
    // It is gone meanwhile, or belongs to somebody else.
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
