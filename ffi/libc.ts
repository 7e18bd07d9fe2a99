/**
 * Calls of the C library which Deno does not offer, or offers more slowly.
 *
 * Linux only: on macOS, variadic functions such as `open` and `ioctl` cannot be called through this interface.
 *
 * @module
 */

import { lazyLibrary } from "./library.ts";

const SYMBOLS = {
  // int open(const char *path, int flags, ... mode_t mode)
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // ssize_t pread(int fd, void *buf, size_t count, off_t offset); at most 2^31 - 4096 bytes a call, so 32 bits do
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  // ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count)
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int access(const char *path, int mode)
  access: { parameters: ["buffer", "i32"], result: "i32" },
  // int rename(const char *old, const char *new)
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  // int unlink(const char *path)
  unlink: { parameters: ["buffer"], result: "i32" },
  // int mkdir(const char *path, mode_t mode)
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  // off_t lseek(int fd, off_t offset, int whence)
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int ftruncate(int fd, off_t length)
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  // int fallocate(int fd, int mode, off_t offset, off_t len)
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  // int fsync(int fd)
  fsync: { parameters: ["i32"], result: "i32" },
  // int flock(int fd, int operation)
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // int ioctl(int fd, unsigned long request, ... void *argument)
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // int *__errno_location(void)
  __errno_location: { parameters: [], result: "pointer" },
  // char *strerror(int errnum)
  strerror: { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library's functions by name. */
export type Libc = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

const open = lazyLibrary(
  { linux: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"] },
  SYMBOLS,
);

/** @returns The C library; `undefined` where it cannot be called. */
export function libc(): Libc | undefined {
  return open();
}

let errnoView: Deno.UnsafePointerView | undefined;

/** The thread's error number. Valid only in the very next call after a failed synchronous one. */
export function errno(library: Libc): number {
  errnoView ??= new Deno.UnsafePointerView(library.__errno_location()!);
  return errnoView.getInt32();
}

/** What the C library says of an error number, such as "No space left on device". */
export function errorText(library: Libc, number: number): string {
  return Deno.UnsafePointerView.getCString(library.strerror(number)!);
}

/** Flags of `open`, for Linux on x86-64 and aarch64. */
export const O = {
  readOnly: 0,
  writeOnly: 0o1,
  readWrite: 0o2,
  create: 0o100,
  exclusive: 0o200,
  truncate: 0o1000,
  nonBlock: 0o4000,
  closeOnExec: 0o2000000,
  noFollow: Deno.build.arch === "aarch64" ? 0o100000 : 0o400000,
} as const;

/** Origins of `lseek`. */
export const SEEK = { data: 3, hole: 4, end: 2 } as const;

/** Modes of `fallocate`. */
export const FALLOC = { keepSize: 1, punchHole: 2 } as const;

/** Operations of `flock`. */
export const LOCK = { exclusive: 2, nonBlocking: 4 } as const;

/** Requests of `ioctl`. */
export const IOCTL = {
  // linux/fs.h: FICLONERANGE = _IOW(0x94, 13, struct file_clone_range)
  cloneRange: 0x4020940dn,
  // linux/fs.h: BLKGETSIZE64 = _IOR(0x12, 114, size_t)
  blockDeviceSize: 0x80081272n,
} as const;

/** Names of the error numbers that callers tell apart. */
export const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  11: "EAGAIN",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  25: "ENOTTY",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  32: "EPIPE",
  38: "ENOSYS",
  40: "ELOOP",
  95: "EOPNOTSUPP",
  122: "EDQUOT",
};
