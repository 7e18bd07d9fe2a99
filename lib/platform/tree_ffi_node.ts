/**
 * Inodes by system calls: those which are open, and those which only have a name.
 *
 * @module
 */

import { AT, STATFS_SIZE, STATX, STATX_MASK, UTIME_OMIT } from "../../ffi/libc_tree.ts";
import { FSXATTR, INODE_IOCTL } from "../../ffi/inode_flags.ts";
import { XATTR_SIZE_MAX } from "../../ffi/xattr.ts";
import { hasErrorCode, PosixError } from "./posix.ts";
import type { InodeStat, OpenTreeNode, TreeFile, TreeNode } from "./tree.ts";
import { decodeStat, encodeMtime } from "./tree_buffers.ts";
import { CString, lastError, lastErrorIs, type TreeCalls } from "./tree_ffi_calls.ts";

/** Where an inode is, for messages. */
export interface NodePlace {
  /** The directory; undefined if `name` is a whole path. */
  readonly parent: { readonly path: string } | undefined;
  readonly name: Uint8Array | string;
}

/** The path of something, decoded only when a message needs it: an archive has a million names. */
export function placePath(place: NodePlace): string {
  const name = typeof place.name === "string" ? place.name : new TextDecoder().decode(place.name);
  if (place.parent === undefined) return name;
  const parent = place.parent.path;
  return parent.endsWith("/") ? `${parent}${name}` : `${parent}/${name}`;
}

// Buffers of a thread. All calls are synchronous, and none keeps a buffer.
const STAT = new DataView(new ArrayBuffer(STATX.size));
const TIMES = BigInt64Array.of(0n, BigInt(UTIME_OMIT), 0n, 0n);
const WORD = new DataView(new ArrayBuffer(8));
const EXTENDED = new DataView(new ArrayBuffer(FSXATTR.size));
const STATFS = new DataView(new ArrayBuffer(STATFS_SIZE));
const EMPTY = new Uint8Array(1);
const XATTR_NAME = new CString(255);
const NAME = new CString(4095);
let xattrBuffer: Uint8Array<ArrayBuffer> | undefined;

/** What most symbolic links answer: known by its number, because to make an error takes longer than the call. */
const ENODATA = 61;

/** What a file system answers that has no such thing. */
const UNSUPPORTED = ["EOPNOTSUPP", "ENOTTY", "ENOSYS", "EINVAL", "EBADF"] as const;

/** What both kinds of inodes share. The subclasses choose between the calls by handle and by name. */
abstract class FfiNode implements TreeNode {
  protected readonly calls: TreeCalls;
  protected readonly place: NodePlace;

  constructor(calls: TreeCalls, place: NodePlace) {
    this.calls = calls;
    this.place = place;
  }

  get path(): string {
    return placePath(this.place);
  }

  stat(): InodeStat {
    if (this.statx(STAT) !== 0) throw this.error();
    return decodeStat(STAT);
  }

  setOwner(uid: number, gid: number): void {
    if (this.chown(uid, gid) !== 0) throw this.error();
  }

  setPermissions(permissions: number): void {
    if (this.chmod(permissions) !== 0) throw this.error();
  }

  setMtime(mtime: bigint): void {
    encodeMtime(mtime, TIMES);
    if (this.utimens(TIMES) !== 0) throw this.error();
  }

  listXattrs(): readonly Uint8Array[] {
    const buffer = xattrBuffer ??= new Uint8Array(XATTR_SIZE_MAX);
    const size = this.listxattr(buffer, BigInt(XATTR_SIZE_MAX));
    if (size === 0) return NO_NAMES;
    if (size < 0) {
      const error = this.error();
      if (hasErrorCode(error, ...UNSUPPORTED)) return NO_NAMES;
      throw error;
    }
    const names: Uint8Array[] = [];
    for (let at = 0; at < size;) {
      const end = buffer.indexOf(0, at);
      names.push(buffer.slice(at, end));
      at = end + 1;
    }
    return names;
  }

  getXattr(name: Uint8Array): Uint8Array | undefined {
    const buffer = xattrBuffer ??= new Uint8Array(XATTR_SIZE_MAX);
    const size = this.getxattr(XATTR_NAME.of(name), buffer, BigInt(XATTR_SIZE_MAX));
    if (size >= 0) return buffer.slice(0, size);
    if (lastErrorIs(this.calls, ENODATA)) return undefined;
    const error = this.error();
    if (hasErrorCode(error, ...UNSUPPORTED)) return undefined;
    throw error;
  }

  setXattr(name: Uint8Array, value: Uint8Array): void {
    // Deno passes no pointer for an empty view, and Linux wants one.
    const data = value.length === 0 ? EMPTY : value;
    if (this.setxattr(XATTR_NAME.of(name), data as BufferSource, BigInt(value.length)) !== 0) {
      throw this.error();
    }
  }

  removeXattr(name: Uint8Array): boolean {
    if (this.removexattr(XATTR_NAME.of(name)) === 0) return true;
    const error = this.error();
    if (hasErrorCode(error, "ENODATA", "EOPNOTSUPP")) return false;
    throw error;
  }

  /** Must be called right after the call that failed. */
  protected error(): PosixError {
    return lastError(this.calls, () => this.path);
  }

  protected abstract statx(buffer: BufferSource): number;
  protected abstract chown(uid: number, gid: number): number;
  protected abstract chmod(permissions: number): number;
  protected abstract utimens(times: BufferSource): number;
  protected abstract listxattr(buffer: BufferSource, size: bigint): number;
  protected abstract getxattr(name: BufferSource, buffer: BufferSource, size: bigint): number;
  protected abstract setxattr(name: BufferSource, value: BufferSource, size: bigint): number;
  protected abstract removexattr(name: BufferSource): number;
}

const NO_NAMES: readonly Uint8Array[] = [];
const ENCODER = new TextEncoder();

/** An inode by its name in a directory. The last component is never followed. */
export class FfiNamedNode extends FfiNode {
  readonly #directory: number;
  readonly #name: Uint8Array;

  constructor(
    calls: TreeCalls,
    place: NodePlace,
    at: { /** The directory's. */ readonly fd: number; readonly name: Uint8Array },
  ) {
    super(calls, place);
    this.#directory = at.fd;
    this.#name = at.name;
  }

  protected override statx(buffer: BufferSource): number {
    const { tree } = this.calls;
    return tree.statx(this.#directory, NAME.of(this.#name), AT.symlinkNoFollow, STATX_MASK, buffer);
  }

  protected override chown(uid: number, gid: number): number {
    return this.calls.owner.fchownat(this.#directory, NAME.of(this.#name), uid, gid, AT.symlinkNoFollow);
  }

  protected override chmod(permissions: number): number {
    return this.calls.owner.fchmodat(this.#directory, NAME.of(this.#name), permissions, AT.symlinkNoFollow);
  }

  protected override utimens(times: BufferSource): number {
    return this.calls.tree.utimensat(this.#directory, NAME.of(this.#name), times, AT.symlinkNoFollow);
  }

  protected override listxattr(buffer: BufferSource, size: bigint): number {
    return this.calls.xattr.llistxattr(this.#procPath(), buffer, size);
  }

  protected override getxattr(name: BufferSource, buffer: BufferSource, size: bigint): number {
    return this.calls.xattr.lgetxattr(this.#procPath(), name, buffer, size);
  }

  protected override setxattr(name: BufferSource, value: BufferSource, size: bigint): number {
    return this.calls.xattr.lsetxattr(this.#procPath(), name, value, size, 0);
  }

  protected override removexattr(name: BufferSource): number {
    return this.calls.xattr.lremovexattr(this.#procPath(), name);
  }

  /** There are no calls for attributes below a handle, but its directory has a path here. */
  #procPath(): BufferSource {
    const directory = ENCODER.encode(`/proc/self/fd/${this.#directory}/`);
    const path = new Uint8Array(directory.length + this.#name.length);
    path.set(directory);
    path.set(this.#name, directory.length);
    return NAME.of(path);
  }
}

/** An inode by a handle of its own. */
export abstract class FfiOpenNode extends FfiNode implements OpenTreeNode {
  protected fd: number;

  get descriptor(): number {
    return this.fd;
  }

  constructor(calls: TreeCalls, open: NodePlace & { readonly fd: number }) {
    super(calls, open);
    this.fd = open.fd;
  }

  fileSystem(): number {
    if (this.calls.tree.fstatfs(this.fd, STATFS) !== 0) throw this.error();
    return STATFS.getUint32(0, true);
  }

  inodeFlags(): number | undefined {
    return this.#getWord(INODE_IOCTL.getFlags);
  }

  setInodeFlags(flags: number): void {
    this.#setWord(INODE_IOCTL.setFlags, flags);
  }

  fatAttributes(): number | undefined {
    return this.#getWord(INODE_IOCTL.getFat);
  }

  setFatAttributes(attributes: number): void {
    this.#setWord(INODE_IOCTL.setFat, attributes);
  }

  projectId(): number | undefined {
    return this.#getExtended() ? EXTENDED.getUint32(FSXATTR.project, true) : undefined;
  }

  setProjectId(id: number): void {
    if (!this.#getExtended()) {
      const { path } = this;
      throw new PosixError("EOPNOTSUPP", { path, text: `${path}: The file system has no projects` });
    }
    EXTENDED.setUint32(FSXATTR.project, id, true);
    if (this.calls.libc.ioctl(this.fd, INODE_IOCTL.setExtended, EXTENDED) !== 0) throw this.error();
  }

  [Symbol.dispose](): void {
    if (this.fd >= 0) this.calls.libc.close(this.fd);
    this.fd = -1;
  }

  #getWord(request: bigint): number | undefined {
    if (this.calls.libc.ioctl(this.fd, request, WORD) === 0) return WORD.getUint32(0, true);
    const error = this.error();
    if (hasErrorCode(error, ...UNSUPPORTED)) return undefined;
    throw error;
  }

  #setWord(request: bigint, value: number): void {
    WORD.setBigUint64(0, BigInt(value), true);
    if (this.calls.libc.ioctl(this.fd, request, WORD) !== 0) throw this.error();
  }

  #getExtended(): boolean {
    if (this.calls.libc.ioctl(this.fd, INODE_IOCTL.getExtended, EXTENDED) === 0) return true;
    const error = this.error();
    if (hasErrorCode(error, ...UNSUPPORTED)) return false;
    throw error;
  }

  protected override statx(buffer: BufferSource): number {
    return this.calls.tree.statx(this.fd, EMPTY, AT.emptyPath, STATX_MASK, buffer);
  }

  protected override chown(uid: number, gid: number): number {
    return this.calls.owner.fchown(this.fd, uid, gid);
  }

  protected override chmod(permissions: number): number {
    return this.calls.owner.fchmod(this.fd, permissions);
  }

  protected override utimens(times: BufferSource): number {
    return this.calls.tree.futimens(this.fd, times);
  }

  protected override listxattr(buffer: BufferSource, size: bigint): number {
    return this.calls.xattr.flistxattr(this.fd, buffer, size);
  }

  protected override getxattr(name: BufferSource, buffer: BufferSource, size: bigint): number {
    return this.calls.xattr.fgetxattr(this.fd, name, buffer, size);
  }

  protected override setxattr(name: BufferSource, value: BufferSource, size: bigint): number {
    return this.calls.xattr.fsetxattr(this.fd, name, value, size, 0);
  }

  protected override removexattr(name: BufferSource): number {
    return this.calls.xattr.fremovexattr(this.fd, name);
  }
}

/** An open regular file. */
export class FfiTreeFile extends FfiOpenNode implements TreeFile {
  read(target: Uint8Array): number {
    for (;;) {
      const count = this.calls.libc.read(this.fd, target as BufferSource, BigInt(target.length));
      if (count >= 0) return count;
      const error = this.error();
      if (!hasErrorCode(error, "EINTR")) throw error;
    }
  }

  writeAt(data: Uint8Array, offset: number): void {
    for (let done = 0; done < data.length;) {
      const part = done === 0 ? data : data.subarray(done);
      const at = BigInt(offset + done);
      const count = this.calls.libc.pwrite(this.fd, part as BufferSource, BigInt(part.length), at);
      if (count >= 0) {
        done += count;
        continue;
      }
      const error = this.error();
      if (!hasErrorCode(error, "EINTR")) throw error;
    }
  }

  truncate(size: number): void {
    if (this.calls.libc.ftruncate(this.fd, BigInt(size)) !== 0) throw this.error();
  }
}
