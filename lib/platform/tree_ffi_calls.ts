/**
 * The groups of foreign calls that trees are read and written by, and what they share.
 *
 * @module
 */

import { errno, ERRNO_NAMES, errorText, type Libc, libc } from "../../ffi/libc.ts";
import { type LibcTree, libcTree } from "../../ffi/libc_tree.ts";
import { type OwnershipCalls, ownershipCalls } from "../../ffi/ownership.ts";
import { type XattrCalls, xattrCalls } from "../../ffi/xattr.ts";
import { PosixError } from "./posix.ts";

/** The calls of one thread. */
export interface TreeCalls {
  /** Calls on open files. */
  readonly libc: Libc;
  /** Calls below a directory handle. */
  readonly tree: LibcTree;
  /** Calls about owners and permissions. */
  readonly owner: OwnershipCalls;
  /** Calls about extended attributes. */
  readonly xattr: XattrCalls;
}

/** Opens the calls; undefined where there is no FFI or no C library that has all of them. */
export function openTreeCalls(): TreeCalls | undefined {
  const calls = { libc: libc(), tree: libcTree(), owner: ownershipCalls(), xattr: xattrCalls() };
  const { libc: base, tree, owner, xattr } = calls;
  if (base === undefined || tree === undefined || owner === undefined || xattr === undefined) {
    return undefined;
  }
  return { libc: base, tree, owner, xattr };
}

/** Names of error numbers that callers of trees tell apart, besides those of files. */
const MORE_NAMES: Readonly<Record<number, string>> = {
  24: "EMFILE",
  31: "EMLINK",
  34: "ERANGE",
  36: "ENAMETOOLONG",
  39: "ENOTEMPTY",
  61: "ENODATA",
};

/** The error of the call that just failed: nothing may be called in between. */
export function lastError(calls: TreeCalls, pathOf: () => string): PosixError {
  const number = errno(calls.libc);
  const path = pathOf();
  const code = ERRNO_NAMES[number] ?? MORE_NAMES[number] ?? `E${number}`;
  return new PosixError(code, { path, text: `${path}: ${errorText(calls.libc, number)}` });
}

/** Whether the call that just failed did so with this error number: nothing may be called in between. */
export function lastErrorIs(calls: TreeCalls, number: number): boolean {
  return errno(calls.libc) === number;
}

/** A buffer for a string that is passed on as C wants it. */
export class CString {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** Makes a buffer for strings of so many bytes. */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size + 1);
  }

  /**
   * The string with its terminator, until the next call.
   *
   * @throws {PosixError} `EINVAL` if it has a NUL, `ENAMETOOLONG` if it does not fit.
   */
  of(text: Uint8Array): BufferSource {
    if (text.length >= this.#bytes.length) {
      throw badName("ENAMETOOLONG", { name: text, reason: "File name too long" });
    }
    const target = this.#bytes;
    // Names are short: a loop takes a fraction of what calls of includes() and set() do.
    for (let i = 0; i < text.length; i++) {
      const byte = text[i]!;
      if (byte === 0) throw badName("EINVAL", { name: text, reason: "Invalid argument" });
      target[i] = byte;
    }
    target[text.length] = 0;
    return target;
  }
}

function badName(code: string, what: { readonly name: Uint8Array; readonly reason: string }): PosixError {
  const path = new TextDecoder().decode(what.name);
  return new PosixError(code, { path, text: `${path}: ${what.reason}` });
}
