/**
 * {@linkcode Posix} by system calls. Linux.
 *
 * @module
 */

import {
  errno,
  ERRNO_NAMES,
  errorText,
  FALLOC,
  IOCTL,
  type Libc,
  libc,
  LOCK,
  O,
  SEEK,
} from "../../ffi/libc.ts";
import {
  type CloneRange,
  hasErrorCode,
  type OpenFileOptions,
  type Path,
  pathText,
  type Posix,
  PosixError,
  type PosixFile,
  sizeOf,
} from "./posix.ts";

/** @returns The implementation; undefined where there is no FFI or no C library. */
export function openPosixFfi(): Posix | undefined {
  const library = libc();
  return library === undefined ? undefined : new FfiPosix(library);
}

class FfiPosix implements Posix {
  readonly implementation = "ffi";
  readonly #libc: Libc;

  constructor(library: Libc) {
    this.#libc = library;
  }

  open(path: Path, options: OpenFileOptions = {}): PosixFile {
    const access = options.access ?? "read";
    let flags: number = O.closeOnExec;
    flags |= access === "read" ? O.readOnly : access === "write" ? O.writeOnly : O.readWrite;
    if (options.create !== undefined) flags |= O.create;
    if (options.create === "exclusive") flags |= O.exclusive;
    if (options.noFollow ?? false) flags |= O.noFollow | O.nonBlock;
    const fd = this.#libc.open(cString(path), flags, options.mode ?? 0o666);
    if (fd < 0) throw systemError(this.#libc, path);
    return new FfiFile(this.#libc, { fd, path });
  }

  exists(path: Path): boolean {
    if (this.#libc.access(cString(path), 0) === 0) return true;
    const number = errno(this.#libc);
    if (number === ENOENT) return false;
    throw systemError(this.#libc, path, number);
  }

  rename(from: Path, to: Path): void {
    if (this.#libc.rename(cString(from), cString(to)) !== 0) throw systemError(this.#libc, to);
  }

  remove(path: Path): boolean {
    if (this.#libc.unlink(cString(path)) === 0) return true;
    const number = errno(this.#libc);
    if (number === ENOENT) return false;
    throw systemError(this.#libc, path, number);
  }

  makeDirectory(path: Path, mode: number): boolean {
    if (this.#libc.mkdir(cString(path), mode) === 0) return true;
    const number = errno(this.#libc);
    if (number === EEXIST) return false;
    throw systemError(this.#libc, path, number);
  }

  readDescriptor(
    fd: number,
    { target, offset }: { readonly target: Uint8Array; readonly offset: number },
  ): number {
    // Not closed: it belongs to whoever opened it.
    return new FfiFile(this.#libc, { fd, path: `/proc/self/fd/${fd}` }).readAt(target, offset);
  }
}

class FfiFile implements PosixFile {
  readonly #libc: Libc;
  readonly #path: Path;
  #fd: number;

  constructor(library: Libc, file: { readonly fd: number; readonly path: Path }) {
    this.#libc = library;
    this.#fd = file.fd;
    this.#path = file.path;
  }

  // Decoded only when a message needs it: a store opens thousands of files a second.
  get path(): string {
    return pathText(this.#path);
  }

  readAt(target: Uint8Array, offset: number): number {
    let done = 0;
    while (done < target.length) {
      const part = done === 0 ? target : target.subarray(done);
      const count = this.#libc.pread(
        this.#fd,
        part as BufferSource,
        BigInt(part.length),
        BigInt(offset + done),
      );
      if (count === 0) break;
      if (count > 0) done += count;
      else this.#failUnlessInterrupted();
    }
    return done;
  }

  writeAt(data: Uint8Array, offset: number): void {
    let done = 0;
    while (done < data.length) {
      const part = done === 0 ? data : data.subarray(done);
      const count = this.#libc.pwrite(
        this.#fd,
        part as BufferSource,
        BigInt(part.length),
        BigInt(offset + done),
      );
      if (count >= 0) done += count;
      else this.#failUnlessInterrupted();
    }
  }

  nextData(offset: number): number | undefined {
    const at = this.#libc.lseek(this.#fd, BigInt(offset), SEEK.data);
    if (at >= 0n) return Number(at);
    const error = this.#error();
    if (hasErrorCode(error, "ENXIO")) return undefined; // lseek(2): no data after the offset
    if (hasErrorCode(error, "EINVAL", "EOPNOTSUPP")) return offset; // holes are not known here
    throw error;
  }

  nextHole(offset: number): number {
    const at = this.#libc.lseek(this.#fd, BigInt(offset), SEEK.hole);
    if (at >= 0n) return Number(at);
    const error = this.#error();
    if (hasErrorCode(error, "ENXIO", "EINVAL", "EOPNOTSUPP")) return this.size();
    throw error;
  }

  size(): number {
    return sizeOf(this, () => {
      const end = this.#libc.lseek(this.#fd, 0n, SEEK.end);
      if (end < 0n) throw this.#error();
      return Number(end);
    });
  }

  truncate(size: number): void {
    if (this.#libc.ftruncate(this.#fd, BigInt(size)) !== 0) throw this.#error();
  }

  allocate(offset: number, size: number): void {
    if (size === 0) return;
    if (this.#libc.fallocate(this.#fd, FALLOC.keepSize, BigInt(offset), BigInt(size)) === 0) return;
    const error = this.#error();
    if (!hasErrorCode(error, "EOPNOTSUPP", "ENOSYS", "EINVAL", "ENODEV", "EINTR")) throw error;
  }

  punchHole(offset: number, size: number): boolean {
    const mode = FALLOC.keepSize | FALLOC.punchHole;
    if (size === 0 || this.#libc.fallocate(this.#fd, mode, BigInt(offset), BigInt(size)) === 0) return true;
    const error = this.#error();
    if (hasErrorCode(error, "EOPNOTSUPP", "ENOSYS", "EINVAL", "ENODEV", "EPERM", "EINTR")) return false;
    throw error;
  }

  cloneFrom(source: PosixFile, range: CloneRange): boolean {
    if (!(source instanceof FfiFile)) return false;
    // struct file_clone_range { s64 src_fd; u64 src_offset; u64 src_length; u64 dest_offset; }
    const argument = BigUint64Array.of(
      BigInt(source.#fd),
      BigInt(range.sourceOffset),
      BigInt(range.size),
      BigInt(range.offset),
    );
    if (this.#libc.ioctl(this.#fd, IOCTL.cloneRange, argument) === 0) return true;
    const error = this.#error();
    if (hasErrorCode(error, "ENOSPC", "EDQUOT", "EIO")) throw error;
    return false;
  }

  sync(): void {
    while (this.#libc.fsync(this.#fd) !== 0) {
      const error = this.#error();
      if (hasErrorCode(error, "EINVAL", "EROFS")) return; // fsync(2): a file which does not support it
      if (!hasErrorCode(error, "EINTR")) throw error;
    }
  }

  tryLock(): boolean | undefined {
    while (this.#libc.flock(this.#fd, LOCK.exclusive | LOCK.nonBlocking) !== 0) {
      const error = this.#error();
      if (hasErrorCode(error, "EAGAIN")) return false;
      if (!hasErrorCode(error, "EINTR")) return undefined; // Whatever it is, nobody gets a lock here.
    }
    return true;
  }

  [Symbol.dispose](): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd < 0 || this.#libc.close(fd) === 0) return;
    // Some network file systems find out only now that there is no space for what was written.
    const error = this.#error();
    if (!hasErrorCode(error, "EINTR")) throw error; // close(2): the descriptor is gone, whatever happened
  }

  #failUnlessInterrupted(): void {
    const error = this.#error();
    if (!hasErrorCode(error, "EINTR")) throw error;
  }

  #error(): PosixError {
    return systemError(this.#libc, this.#path);
  }
}

// Known by number, because to make an error takes longer than the call that failed.
const ENOENT = 2;
const EEXIST = 17;

/** Must be called right after the call that failed, unless its error number is given. */
function systemError(library: Libc, path: Path, number = errno(library)): PosixError {
  const code = ERRNO_NAMES[number] ?? `E${number}`;
  const text = pathText(path);
  return new PosixError(code, { path: text, text: `${text}: ${errorText(library, number)}` });
}

const ENCODER = new TextEncoder();

function cString(path: Path): BufferSource {
  if (typeof path !== "string") return path as BufferSource;
  if (path.includes("\0")) throw new TypeError(`Cannot use path '${path}': it contains NUL`);
  return ENCODER.encode(`${path}\0`);
}
