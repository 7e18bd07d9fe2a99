/** A file system that notes what is called, and fails where it is told to. */

import { type Path, pathText, type Posix, PosixError, type PosixFile } from "../../lib/platform/posix.ts";

/** Calls that change something. */
export type SpiedCall = "open" | "write" | "truncate" | "sync" | "close" | "rename" | "remove" | "mkdir";

/** Which calls are to fail, and how. */
export type PosixFaults = Readonly<Partial<Record<SpiedCall, string>>>;

/** Passes all calls on to another implementation. Throw errors with the given codes, such as `ENOSPC`, instead. */
export class SpyPosix implements Posix {
  readonly implementation: Posix["implementation"];
  /** What was called, such as `rename file.txt`, by the last component of its path. */
  readonly calls: string[] = [];
  readonly #inner: Posix;
  readonly #faults: PosixFaults;

  constructor(inner: Posix, faults: PosixFaults = {}) {
    this.implementation = inner.implementation;
    this.#inner = inner;
    this.#faults = faults;
  }

  open(path: Path, options?: Parameters<Posix["open"]>[1]): PosixFile {
    this.#note("open", path);
    const file = this.#inner.open(path, options);
    const note = (call: SpiedCall) => this.#note(call, path);
    return {
      path: file.path,
      readAt: (target, offset) => file.readAt(target, offset),
      writeAt(data, offset) {
        note("write");
        file.writeAt(data, offset);
      },
      nextData: (offset) => file.nextData(offset),
      nextHole: (offset) => file.nextHole(offset),
      size: () => file.size(),
      truncate(size) {
        note("truncate");
        file.truncate(size);
      },
      allocate: (offset, size) => file.allocate(offset, size),
      punchHole: (offset, size) => file.punchHole(offset, size),
      cloneFrom: (source, range) => file.cloneFrom(source, range),
      sync() {
        note("sync");
        file.sync();
      },
      tryLock: () => file.tryLock(),
      [Symbol.dispose]() {
        file[Symbol.dispose]();
        note("close");
      },
    };
  }

  exists(path: Path): boolean {
    return this.#inner.exists(path);
  }

  rename(from: Path, to: Path): void {
    this.#note("rename", from);
    this.#inner.rename(from, to);
  }

  remove(path: Path): boolean {
    this.#note("remove", path);
    return this.#inner.remove(path);
  }

  makeDirectory(path: Path, mode: number): boolean {
    this.#note("mkdir", path);
    return this.#inner.makeDirectory(path, mode);
  }

  #note(call: SpiedCall, path: Path): void {
    const text = pathText(path);
    this.calls.push(`${call} ${text.slice(text.lastIndexOf("/") + 1)}`);
    const code = this.#faults[call];
    if (code !== undefined) throw new PosixError(code, { path: text, text: `${text}: ${code} on schedule` });
  }
}
