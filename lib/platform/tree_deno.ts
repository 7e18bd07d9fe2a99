/**
 * {@linkcode TreePosix} by Deno's own functions: every operating system, no FFI. {@linkcode openTreePosix} says what it
 * lacks.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { hasErrorCode, PosixError } from "./posix.ts";
import {
  type InodeKind,
  type InodeStat,
  type OpenTreeNode,
  PERMISSIONS,
  type TreeDirectory,
  type TreeFile,
  type TreeItem,
  type TreeNode,
  type TreePosix,
} from "./tree.ts";

/** Opens the implementation that is always there. */
export function openTreeDeno(): TreePosix {
  return {
    implementation: "deno",
    openRoot(path) {
      if (!Deno.statSync(path).isDirectory) throw notDirectory(path);
      return new DenoDirectory(Deno.realPathSync(path));
    },
    userName: () => undefined,
    groupName: () => undefined,
    userId: () => undefined,
    groupId: () => undefined,
  };
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NANOSECONDS_A_MILLISECOND = 1_000_000n;
const IS_WINDOWS = Deno.build.os === "windows";

class DenoNode implements TreeNode {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  stat(): InodeStat {
    return statOf(Deno.lstatSync(this.path));
  }

  setOwner(uid: number, gid: number): void {
    if (!this.#isSymlink()) Deno.chownSync(this.path, uid, gid);
  }

  setPermissions(permissions: number): void {
    if (!IS_WINDOWS && !this.#isSymlink()) Deno.chmodSync(this.path, permissions);
  }

  setMtime(mtime: bigint): void {
    const time = new Date(Number(mtime / NANOSECONDS_A_MILLISECOND));
    if (!this.#isSymlink()) Deno.utimeSync(this.path, time, time);
  }

  listXattrs(): readonly Uint8Array[] {
    return [];
  }

  getXattr(): undefined {
    return undefined;
  }

  setXattr(): never {
    throw unsupported("set an extended attribute", this.path);
  }

  removeXattr(): boolean {
    return false;
  }

  /** Deno's calls follow links. */
  #isSymlink(): boolean {
    return Deno.lstatSync(this.path).isSymlink;
  }
}

class DenoOpenNode extends DenoNode implements OpenTreeNode {
  fileSystem(): number {
    return 0;
  }

  inodeFlags(): undefined {
    return undefined;
  }

  setInodeFlags(): never {
    throw unsupported("set attributes", this.path);
  }

  fatAttributes(): undefined {
    return undefined;
  }

  setFatAttributes(): never {
    throw unsupported("set attributes", this.path);
  }

  projectId(): undefined {
    return undefined;
  }

  setProjectId(): never {
    throw unsupported("set a project", this.path);
  }

  [Symbol.dispose](): void {
    // Nothing is open but files.
  }
}

class DenoTreeFile extends DenoOpenNode implements TreeFile {
  readonly #file: Deno.FsFile;
  #isOpen = true;

  constructor(path: string, file: Deno.FsFile) {
    super(path);
    this.#file = file;
  }

  read(target: Uint8Array): number {
    return this.#file.readSync(target) ?? 0;
  }

  writeAt(data: Uint8Array, offset: number): void {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < data.length;) done += this.#file.writeSync(data.subarray(done));
  }

  truncate(size: number): void {
    this.#file.truncateSync(size);
  }

  override [Symbol.dispose](): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

class DenoDirectory extends DenoOpenNode implements TreeDirectory {
  list(): TreeItem[] {
    return Array.from(
      Deno.readDirSync(this.path),
      ({ name, isFile, isDirectory, isSymlink }) => ({
        name: ENCODER.encode(name),
        kind: isSymlink ? "symlink" : isDirectory ? "directory" : isFile ? "file" : undefined,
      }),
    );
  }

  node(name: Uint8Array): TreeNode {
    return new DenoNode(this.#join(name));
  }

  readLink(name: Uint8Array): Uint8Array {
    return ENCODER.encode(Deno.readLinkSync(this.#join(name)));
  }

  openDirectory(name: Uint8Array): TreeDirectory {
    const path = this.#join(name);
    if (!Deno.lstatSync(path).isDirectory) throw notDirectory(path);
    return new DenoDirectory(path);
  }

  openFile(name: Uint8Array): TreeFile {
    const path = this.#join(name);
    // A pipe would keep us waiting for a writer.
    if (!Deno.lstatSync(path).isFile) {
      throw new PosixError("ELOOP", { path, text: `${path}: Is not a regular file` });
    }
    return new DenoTreeFile(path, Deno.openSync(path));
  }

  createFile(name: Uint8Array, mode: number): TreeFile {
    const path = this.#join(name);
    return new DenoTreeFile(path, Deno.openSync(path, { read: true, write: true, createNew: true, mode }));
  }

  makeDirectory(name: Uint8Array, mode: number): boolean {
    try {
      Deno.mkdirSync(this.#join(name), { mode });
      return true;
    } catch (error) {
      if (hasErrorCode(error, "EEXIST")) return false;
      throw error;
    }
  }

  makeSubvolume(name: Uint8Array): never {
    throw unsupported("make a subvolume", this.#join(name));
  }

  makeSymlink(name: Uint8Array, target: Uint8Array): void {
    Deno.symlinkSync(decode(target), this.#join(name), ...IS_WINDOWS ? [{ type: "file" } as const] : []);
  }

  makeSpecial(name: Uint8Array): never {
    throw unsupported("make a special file", this.#join(name));
  }

  link(from: Uint8Array, to: Uint8Array): void {
    Deno.linkSync(this.#join(from), this.#join(to));
  }

  rename(from: Uint8Array, to: Uint8Array): void {
    Deno.renameSync(this.#join(from), this.#join(to));
  }

  remove(name: Uint8Array): void {
    const path = this.#join(name);
    if (Deno.lstatSync(path).isDirectory) {
      throw new PosixError("EISDIR", { path, text: `${path}: Is a directory` });
    }
    Deno.removeSync(path);
  }

  removeDirectory(name: Uint8Array): void {
    const path = this.#join(name);
    if (!Deno.lstatSync(path).isDirectory) throw notDirectory(path);
    Deno.removeSync(path);
  }

  isReadOnlySubvolume(): boolean {
    return false;
  }

  setReadOnlySubvolume(): never {
    throw unsupported("make read-only", this.path);
  }

  #join(name: Uint8Array): string {
    const text = decode(name);
    if (IS_WINDOWS && /[\\:]/.test(text)) {
      throw new UnsupportedError(`Cannot use name '${text}': it is not possible on Windows`);
    }
    return this.path.endsWith("/") ? `${this.path}${text}` : `${this.path}/${text}`;
  }
}

function statOf(info: Deno.FileInfo): InodeStat {
  const device = info.dev;
  return {
    kind: kindOf(info),
    permissions: info.mode === null ? (info.isDirectory ? 0o777 : 0o666) : info.mode & PERMISSIONS,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    size: info.size,
    mtime: info.mtime === null ? 0n : BigInt(info.mtime.getTime()) * NANOSECONDS_A_MILLISECOND,
    major: 0,
    minor: 0,
    inode: info.ino ?? 0,
    device,
    mount: device,
  };
}

function kindOf(info: Deno.FileInfo): InodeKind {
  if (info.isSymlink) return "symlink";
  if (info.isDirectory) return "directory";
  if (info.isBlockDevice) return "block-device";
  if (info.isCharDevice) return "character-device";
  if (info.isFifo) return "fifo";
  return info.isSocket ? "socket" : "file";
}

function decode(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch (cause) {
    const text = new TextDecoder().decode(bytes);
    throw new UnsupportedError(`Cannot use name '${text}': without FFI, names have to be UTF-8`, { cause });
  }
}

function notDirectory(path: string): PosixError {
  return new PosixError("ENOTDIR", { path, text: `${path}: Not a directory` });
}

function unsupported(action: string, path: string): UnsupportedError {
  return new UnsupportedError(`Cannot ${action} of '${path}': that needs Linux and FFI`);
}
