/**
 * Calls of the C library about owners and permissions, and the names of owners. Linux.
 *
 * @module
 */

import { lazyLibrary } from "./library.ts";

const SYMBOLS = {
  // int fchown(int fd, uid_t owner, gid_t group)
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  // int fchownat(int dirfd, const char *path, uid_t owner, gid_t group, int flags)
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  // int fchmod(int fd, mode_t mode)
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  // int fchmodat(int dirfd, const char *path, mode_t mode, int flags)
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  // int getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t size, struct passwd **result)
  getpwuid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getgrgid_r(gid_t gid, struct group *grp, char *buf, size_t size, struct group **result)
  getgrgid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getpwnam_r(const char *name, struct passwd *pwd, char *buf, size_t size, struct passwd **result)
  getpwnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getgrnam_r(const char *name, struct group *grp, char *buf, size_t size, struct group **result)
  getgrnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions by name. */
export type OwnershipCalls = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** Opens the functions; `undefined` where they cannot be called. */
export const ownershipCalls: () => OwnershipCalls | undefined = lazyLibrary(
  { linux: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"] },
  SYMBOLS,
);

/** An account or a group. */
export interface Account {
  /** uid or gid. */
  readonly id: number;
  /** Bytes without a terminator. */
  readonly name: Uint8Array;
}

/** `struct passwd` and `struct group` both begin with two pointers, the first to the name, and a 32-bit ID. */
const STRUCT_SIZE = 64;
const ID_OFFSET = 16;
const ERANGE = 34;
const MAX_BUFFER = 1 << 20;

/**
 * Looks one account or group up.
 *
 * @param call One of the four functions, with its key bound.
 * @returns Undefined if there is none, or the user database cannot tell.
 */
export function lookUpAccount(
  call: (entry: BufferSource, buffer: BufferSource, size: bigint, result: BufferSource) => number,
): Account | undefined {
  for (let size = 4096; size <= MAX_BUFFER; size *= 4) {
    const entry = new DataView(new ArrayBuffer(STRUCT_SIZE));
    const buffer = new Uint8Array(size);
    const result = new BigUint64Array(1);
    const error = call(entry, buffer, BigInt(size), result);
    if (error === ERANGE) continue;
    if (error !== 0 || result[0] === 0n) return undefined;
    // The name lies in `buffer`, which is still referred to here.
    const at = Number(entry.getBigUint64(0, true) - Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
    return { id: entry.getUint32(ID_OFFSET, true), name: buffer.slice(at, buffer.indexOf(0, at)) };
  }
  return undefined;
}
