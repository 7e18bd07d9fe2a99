/**
 * Calls of the C library about extended attributes. Linux.
 *
 * @module
 */

import { lazyLibrary } from "./library.ts";

const SYMBOLS = {
  // ssize_t flistxattr(int fd, char *list, size_t size)
  flistxattr: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t llistxattr(const char *path, char *list, size_t size)
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  // ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  // ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size)
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "i32" },
  // int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
  fsetxattr: { parameters: ["i32", "buffer", "buffer", "usize", "i32"], result: "i32" },
  // int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  // int fremovexattr(int fd, const char *name)
  fremovexattr: { parameters: ["i32", "buffer"], result: "i32" },
  // int lremovexattr(const char *path, const char *name)
  lremovexattr: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions by name. */
export type XattrCalls = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** Opens the functions; `undefined` where they cannot be called. */
export const xattrCalls: () => XattrCalls | undefined = lazyLibrary(
  { linux: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"] },
  SYMBOLS,
);

/** What Linux allows: bytes of all names of an inode together, and of one value. */
export const XATTR_SIZE_MAX = 65536;
