/**
 * {@linkcode TreePosix} by system calls. Linux.
 *
 * @module
 */

import { O } from "../../ffi/libc.ts";
import { AT, OPEN_FLAG, S_IF, SYS } from "../../ffi/libc_tree.ts";
import { INODE_IOCTL, SUBVOLUME_READ_ONLY, VOLUME_ARGUMENTS } from "../../ffi/inode_flags.ts";
import { lookUpAccount } from "../../ffi/ownership.ts";
import { UnsupportedError } from "../errors.ts";
import { hasErrorCode, type PosixError } from "./posix.ts";
import type {
  NameOptions,
  SpecialFile,
  TreeDirectory,
  TreeFile,
  TreeItem,
  TreeNode,
  TreePosix,
} from "./tree.ts";
import { decodeDirents } from "./tree_buffers.ts";
import { CString, lastError, openTreeCalls, type TreeCalls } from "./tree_ffi_calls.ts";
import { FfiNamedNode, FfiOpenNode, FfiTreeFile, placePath } from "./tree_ffi_node.ts";

/** Opens the implementation; undefined where there is no FFI or no C library that has all of the calls. */
export function openTreeFfi(): TreePosix | undefined {
  const calls = openTreeCalls();
  return calls === undefined ? undefined : new FfiTree(calls);
}

/**
 * A directory that another thread has opened, by its handle. Here it is not closed, and has no path for messages.
 *
 * @throws {UnsupportedError} If this thread has no FFI.
 */
export function borrowDirectory(handle: number): TreeDirectory {
  const calls = openTreeCalls();
  if (calls === undefined) throw new UnsupportedError("Cannot borrow a directory: there is no FFI here");
  return new FfiDirectory(calls, { parent: undefined, name: "", fd: handle });
}

// Buffers of a thread. All calls are synchronous, and none keeps a buffer.
const NAME = new CString(4095);
const OTHER_NAME = new CString(4095);
const WORD = new BigUint64Array(1);
const LINK_SIZE = 4096;
let listBuffer: Uint8Array<ArrayBuffer> | undefined;
const LIST_SIZE = 64 * 1024;

const OPEN_DIRECTORY = O.readOnly | OPEN_FLAG.directory | O.closeOnExec;
const OPEN_FILE = O.readOnly | O.noFollow | OPEN_FLAG.nonBlocking | OPEN_FLAG.noControllingTerminal |
  O.closeOnExec;
const CREATE_FILE = O.readWrite | O.create | O.exclusive | O.noFollow | O.closeOnExec;

class FfiTree implements TreePosix {
  readonly implementation = "ffi";
  readonly #calls: TreeCalls;

  constructor(calls: TreeCalls) {
    this.#calls = calls;
  }

  openRoot(path: string): TreeDirectory {
    const name = NAME.of(new TextEncoder().encode(path));
    const fd = this.#calls.tree.openat(AT.currentDirectory, name, OPEN_DIRECTORY, 0);
    if (fd < 0) throw lastError(this.#calls, () => path);
    return new FfiDirectory(this.#calls, { parent: undefined, name: path, fd });
  }

  userName(id: number): Uint8Array | undefined {
    return lookUpAccount((...rest) => this.#calls.owner.getpwuid_r(id, ...rest))?.name;
  }

  groupName(id: number): Uint8Array | undefined {
    return lookUpAccount((...rest) => this.#calls.owner.getgrgid_r(id, ...rest))?.name;
  }

  userId(name: Uint8Array): number | undefined {
    const key = NAME.of(name);
    return lookUpAccount((...rest) => this.#calls.owner.getpwnam_r(key, ...rest))?.id;
  }

  groupId(name: Uint8Array): number | undefined {
    const key = NAME.of(name);
    return lookUpAccount((...rest) => this.#calls.owner.getgrnam_r(key, ...rest))?.id;
  }
}

class FfiDirectory extends FfiOpenNode implements TreeDirectory {
  get handle(): number {
    return this.fd;
  }

  list(): TreeItem[] {
    const buffer = listBuffer ??= new Uint8Array(LIST_SIZE);
    const items: TreeItem[] = [];
    if (this.calls.libc.lseek(this.fd, 0n, 0) < 0n) throw this.error();
    for (;;) {
      const size = this.calls.tree.getdents64(SYS.getdents64, this.fd, buffer, BigInt(LIST_SIZE));
      if (size < 0) throw this.error();
      if (size === 0) return items;
      decodeDirents(buffer, size, items);
    }
  }

  node(name: Uint8Array, options: NameOptions = {}): TreeNode {
    const place = { parent: this, name: options.as ?? name };
    return new FfiNamedNode(this.calls, place, { fd: this.fd, name });
  }

  readLink(name: Uint8Array): Uint8Array {
    const buffer = new Uint8Array(LINK_SIZE);
    const size = this.calls.tree.readlinkat(this.fd, NAME.of(name), buffer, BigInt(LINK_SIZE));
    if (size < 0) throw this.#error(name);
    return buffer.slice(0, size);
  }

  openDirectory(name: Uint8Array): TreeDirectory {
    const fd = this.calls.tree.openat(this.fd, NAME.of(name), OPEN_DIRECTORY | O.noFollow, 0);
    if (fd < 0) throw this.#error(name);
    return new FfiDirectory(this.calls, { parent: this, name, fd });
  }

  openFile(name: Uint8Array): TreeFile {
    const fd = this.calls.tree.openat(this.fd, NAME.of(name), OPEN_FILE, 0);
    if (fd < 0) throw this.#error(name);
    return new FfiTreeFile(this.calls, { parent: this, name, fd });
  }

  createFile(name: Uint8Array, mode: number, options: NameOptions = {}): TreeFile {
    const { as = name } = options;
    const fd = this.calls.tree.openat(this.fd, NAME.of(name), CREATE_FILE, mode);
    if (fd < 0) throw this.#error(as);
    return new FfiTreeFile(this.calls, { parent: this, name: as, fd });
  }

  makeDirectory(name: Uint8Array, mode: number): boolean {
    return this.#isCreated(this.calls.tree.mkdirat(this.fd, NAME.of(name), mode), name);
  }

  makeSubvolume(name: Uint8Array): boolean {
    const argument = new Uint8Array(VOLUME_ARGUMENTS.size); // Zeros end the name.
    argument.set(name, VOLUME_ARGUMENTS.name);
    return this.#isCreated(this.calls.libc.ioctl(this.fd, INODE_IOCTL.createSubvolume, argument), name);
  }

  makeSymlink(name: Uint8Array, target: Uint8Array, options: NameOptions = {}): void {
    const result = this.calls.tree.symlinkat(OTHER_NAME.of(target), this.fd, NAME.of(name));
    this.#check(result, options.as ?? name);
  }

  makeSpecial(name: Uint8Array, file: SpecialFile, options: NameOptions = {}): void {
    const { major, minor, mode: permissions = 0 } = file;
    // linux/kdev_t.h: new_encode_dev()
    const device = (minor & 0xff | major << 8 | (minor & ~0xff) << 12) >>> 0;
    const mode = SPECIAL[file.kind] | permissions;
    const result = this.calls.tree.mknodat(SYS.mknodat, this.fd, NAME.of(name), mode, device);
    this.#check(result, options.as ?? name);
  }

  link(from: Uint8Array, to: Uint8Array): void {
    this.#check(this.calls.tree.linkat(this.fd, NAME.of(from), this.fd, OTHER_NAME.of(to), 0), to);
  }

  rename(from: Uint8Array, to: Uint8Array): void {
    this.#check(this.calls.tree.renameat(this.fd, NAME.of(from), this.fd, OTHER_NAME.of(to)), to);
  }

  remove(name: Uint8Array): void {
    this.#check(this.calls.tree.unlinkat(this.fd, NAME.of(name), 0), name);
  }

  removeDirectory(name: Uint8Array): void {
    this.#check(this.calls.tree.unlinkat(this.fd, NAME.of(name), AT.removeDirectory), name);
  }

  isReadOnlySubvolume(): boolean {
    if (this.calls.libc.ioctl(this.fd, INODE_IOCTL.getSubvolumeFlags, WORD) !== 0) throw this.error();
    return (WORD[0]! & SUBVOLUME_READ_ONLY) !== 0n;
  }

  setReadOnlySubvolume(): void {
    if (this.calls.libc.ioctl(this.fd, INODE_IOCTL.getSubvolumeFlags, WORD) !== 0) throw this.error();
    WORD[0]! |= SUBVOLUME_READ_ONLY;
    if (this.calls.libc.ioctl(this.fd, INODE_IOCTL.setSubvolumeFlags, WORD) !== 0) throw this.error();
  }

  #isCreated(result: number, name: Uint8Array): boolean {
    if (result === 0) return true;
    const error = this.#error(name);
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  }

  #check(result: number, name: Uint8Array): void {
    if (result !== 0) throw this.#error(name);
  }

  /** Must be called right after the call that failed. */
  #error(name: Uint8Array): PosixError {
    return lastError(this.calls, () => placePath({ parent: this, name }));
  }
}

const SPECIAL = {
  "block-device": S_IF.blockDevice,
  "character-device": S_IF.characterDevice,
  fifo: S_IF.fifo,
  socket: S_IF.socket,
} as const satisfies Record<SpecialFile["kind"], number>;
