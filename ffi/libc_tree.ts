/**
 * Calls of the C library that work below a directory handle. Linux.
 *
 * Calls which old C libraries lack or hide behind macros go by number through `syscall`. `statx` stands in for
 * `fstatat`: its structure is the same on every processor, and has the mount beside the rest.
 *
 * @module
 */

import { lazyLibrary } from "./library.ts";

const SYMBOLS = {
  // int openat(int dirfd, const char *path, int flags, ... mode_t mode)
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  // int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  // long syscall(SYS_getdents64, int fd, void *buf, size_t count)
  getdents64: { name: "syscall", parameters: ["i64", "i32", "buffer", "usize"], result: "i32" },
  // long syscall(SYS_mknodat, int dirfd, const char *path, mode_t mode, unsigned dev)
  mknodat: { name: "syscall", parameters: ["i64", "i32", "buffer", "u32", "u32"], result: "i32" },
  // int mkdirat(int dirfd, const char *path, mode_t mode)
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int symlinkat(const char *target, int dirfd, const char *path)
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  // ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t size)
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  // int renameat(int olddirfd, const char *old, int newdirfd, const char *new)
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  // int linkat(int olddirfd, const char *old, int newdirfd, const char *new, int flags)
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  // int unlinkat(int dirfd, const char *path, int flags)
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int utimensat(int dirfd, const char *path, const struct timespec times[2], int flags)
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  // int futimens(int fd, const struct timespec times[2])
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  // int fstatfs(int fd, struct statfs *buf); its first field is a 64-bit magic number
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions by name. */
export type LibcTree = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** Opens the functions; `undefined` where they cannot be called. */
export const libcTree: () => LibcTree | undefined = lazyLibrary(
  { linux: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"] },
  SYMBOLS,
);

const IS_ARM = Deno.build.arch === "aarch64";

/** Numbers of system calls. */
export const SYS = { getdents64: IS_ARM ? 61n : 217n, mknodat: IS_ARM ? 33n : 259n } as const;

/** Flags of `openat` beyond those in `libc.ts`. */
export const OPEN_FLAG = {
  noControllingTerminal: 0o400,
  nonBlocking: 0o4000,
  directory: IS_ARM ? 0o40000 : 0o200000,
} as const;

/** Flags of the calls that take a directory handle. */
export const AT = {
  currentDirectory: -100,
  symlinkNoFollow: 0x100,
  removeDirectory: 0x200,
  emptyPath: 0x1000,
} as const;

/** File type bits of a mode. */
export const S_IFMT = 0o170000;

/** Types of inodes, as in a mode. */
export const S_IF = {
  fifo: 0o010000,
  characterDevice: 0o020000,
  directory: 0o040000,
  blockDevice: 0o060000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** STATX_BASIC_STATS and STATX_MNT_ID. */
export const STATX_MASK = 0x17ff;
/** STATX_MNT_ID; Linux before 5.8 clears it in its answer. */
export const STATX_MOUNT = 0x1000;

/** Where the fields of `struct statx` are. */
export const STATX = {
  size: 256,
  mask: 0,
  uid: 20,
  gid: 24,
  mode: 28,
  inode: 32,
  fileSize: 40,
  mtimeSeconds: 112,
  mtimeNanoseconds: 120,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
  mount: 144,
} as const;

/** Where the fields of `struct linux_dirent64` are. */
export const DIRENT = { length: 16, type: 18, name: 19 } as const;

/** UTIME_OMIT: leave this time as it is. */
export const UTIME_OMIT = 0x3ffffffe;

/** Size of `struct statfs` in bytes. */
export const STATFS_SIZE = 120;
