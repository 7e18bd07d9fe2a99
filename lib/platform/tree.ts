/**
 * Directory trees, as archives need them: below directory handles, never following a symbolic link, synchronous.
 *
 * Every call throws {@linkcode PosixError}, or Deno's own errors with a `code`. Names are single components, as bytes
 * without a terminator.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";

/** The permission bits of a mode. */
export const PERMISSIONS = 0o7777;

/** The kinds of inodes. */
export type InodeKind =
  | "directory"
  | "file"
  | "symlink"
  | "block-device"
  | "character-device"
  | "fifo"
  | "socket";

/** What `stat` tells of an inode. */
export interface InodeStat {
  /** What it is. */
  readonly kind: InodeKind;
  /** The twelve permission bits. */
  readonly permissions: number;
  /** ID of its owner. */
  readonly uid: number;
  /** ID of its group. */
  readonly gid: number;
  /** Bytes; of a regular file. */
  readonly size: number;
  /** Nanoseconds since 1970; negative before. */
  readonly mtime: bigint;
  /** Driver of a device node. */
  readonly major: number;
  /** Device of that driver. */
  readonly minor: number;
  /** Rounded beyond 2^53. */
  readonly inode: number;
  /** Identifies the file system as long as it is mounted. */
  readonly device: number;
  /** Identifies the mount as long as it exists. */
  readonly mount: number;
}

/** An inode, whose metadata can be read and changed. */
export interface TreeNode {
  /** For messages: decoded as UTF-8, whatever it is. */
  readonly path: string;
  /** Examines it as it is now. */
  stat(): InodeStat;
  /** Sets the IDs of owner and group; 2^32 − 1 leaves one as it is. */
  setOwner(uid: number, gid: number): void;
  /** Sets the twelve permission bits; not of symbolic links. */
  setPermissions(permissions: number): void;
  /** Sets the time of the last change, in nanoseconds since 1970. */
  setMtime(mtime: bigint): void;
  /** Names of the extended attributes, in no order; none where there are no such attributes. */
  listXattrs(): readonly Uint8Array[];
  /** Fresh bytes of an attribute; undefined if there is none of that name, or there are none at all here. */
  getXattr(name: Uint8Array): Uint8Array | undefined;
  /** Adds an attribute, or replaces its value. */
  setXattr(name: Uint8Array, value: Uint8Array): void;
  /** Removes an attribute. @returns False if there was none of that name. */
  removeXattr(name: Uint8Array): boolean;
}

/** An open file or directory: what else it has depends on its file system. */
export interface OpenTreeNode extends TreeNode, Disposable {
  /** Number of its handle, by which other threads can read it; undefined if it has none. */
  readonly descriptor?: number | undefined;
  /** Magic number of the file system, as in statfs(2); 0 if it is not known. */
  fileSystem(): number;
  /** Attributes as chattr(1) sets them, by the bits of FS_IOC_GETFLAGS; undefined where there are none. */
  inodeFlags(): number | undefined;
  /** Sets attributes by the bits of FS_IOC_SETFLAGS, all at once. */
  setInodeFlags(flags: number): void;
  /** Attributes of FAT, by the bits of FAT_IOCTL_GET_ATTRIBUTES; undefined where there are none. */
  fatAttributes(): number | undefined;
  /** Sets attributes by the bits of FAT_IOCTL_SET_ATTRIBUTES, all at once. */
  setFatAttributes(attributes: number): void;
  /** Project for quotas; 0 for none, undefined where there are no projects. */
  projectId(): number | undefined;
  /** Sets the project; 0 for none. */
  setProjectId(id: number): void;
}

/** An open regular file. */
export interface TreeFile extends OpenTreeNode {
  /** Reads from where the last call stopped. @returns Bytes read; 0 at the end. */
  read(target: Uint8Array): number;
  /** Writes all of `data`. */
  writeAt(data: Uint8Array, offset: number): void;
  /** Sets the size; what is added reads as zeros. */
  truncate(size: number): void;
}

/** Whether `error` is a failed system call, whichever interface reports it. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

/** A name in a directory. */
export interface TreeItem {
  /** One component, without a terminator. */
  readonly name: Uint8Array;
  /** Undefined if the file system does not tell it with the name. */
  readonly kind: InodeKind | undefined;
}

/** A special file to make. */
export interface SpecialFile {
  /** What it is. */
  readonly kind: "block-device" | "character-device" | "fifo" | "socket";
  /** Driver; 0 if it is no device. */
  readonly major: number;
  /** Device of that driver; 0 if it is no device. */
  readonly minor: number;
  /** Permissions that it begins with, less the umask. @default 0 */
  readonly mode?: number | undefined;
}

/** What a message says of a name. */
export interface NameOptions {
  /** The name that what is temporary is going to have. @default its name */
  readonly as?: Uint8Array | undefined;
}

/** An open directory. */
export interface TreeDirectory extends OpenTreeNode {
  /** What all threads of the process can use it by, as long as it is open; undefined if there is no such thing. */
  readonly handle?: number | undefined;
  /** What is in it besides `.` and `..`, in no order. Valid after the directory is closed. */
  list(): TreeItem[];
  /** What has that name, for calls on its metadata; it is not opened, and may be a symbolic link. */
  node(name: Uint8Array, options?: NameOptions): TreeNode;
  /** Target of a symbolic link, as fresh bytes. */
  readLink(name: Uint8Array): Uint8Array;
  /** Opens a directory. Fails with `ENOTDIR` or `ELOOP` on everything else. */
  openDirectory(name: Uint8Array): TreeDirectory;
  /** Opens a regular file for reading. Does not wait for anybody if it is something else meanwhile. */
  openFile(name: Uint8Array): TreeFile;
  /** Creates a file and opens it for writing. Fails with `EEXIST` if there is something of that name. */
  createFile(name: Uint8Array, mode: number, options?: NameOptions): TreeFile;
  /** Makes a directory. @returns False if something has that name already. */
  makeDirectory(name: Uint8Array, mode: number): boolean;
  /** Makes a subvolume of btrfs. @returns False if something has that name already. */
  makeSubvolume(name: Uint8Array): boolean;
  /** Makes a symbolic link. Fails with `EEXIST` if there is something of that name. */
  makeSymlink(name: Uint8Array, target: Uint8Array, options?: NameOptions): void;
  /** Makes a node with no permissions. Fails with `EEXIST` if there is something of that name. */
  makeSpecial(name: Uint8Array, file: SpecialFile, options?: NameOptions): void;
  /** Makes `to` another name of the file `from`. */
  link(from: Uint8Array, to: Uint8Array): void;
  /** Moves something over something else of its kind, in one step. */
  rename(from: Uint8Array, to: Uint8Array): void;
  /** Removes a name that is not a directory's. */
  remove(name: Uint8Array): void;
  /** Removes an empty directory. */
  removeDirectory(name: Uint8Array): void;
  /** Whether this subvolume of btrfs may only be read. */
  isReadOnlySubvolume(): boolean;
  /** Makes this subvolume of btrfs one that may only be read. */
  setReadOnlySubvolume(): void;
}

/** The file system, by system calls or by Deno's own functions. */
export interface TreePosix {
  /** What it goes by. */
  readonly implementation: "ffi" | "deno";
  /**
   * Opens the directory where a tree begins. Symbolic links are followed: this path is the user's.
   *
   * @param path Not more than the operating system allows in one call.
   */
  openRoot(path: string): TreeDirectory;
  /** Name of a user; undefined if there is none, or it cannot be asked for here. */
  userName(id: number): Uint8Array | undefined;
  /** Name of a group; see {@linkcode userName}. */
  groupName(id: number): Uint8Array | undefined;
  /** ID of a user; undefined if there is none of that name, or it cannot be asked for here. */
  userId(name: Uint8Array): number | undefined;
  /** ID of a group; see {@linkcode userId}. */
  groupId(name: Uint8Array): number | undefined;
}

/**
 * Opens the implementation that can do more, or the one that is named.
 *
 * `ffi` has all of the interface, on Linux. `deno` has, on every operating system, directories, files, symbolic links,
 * permissions, owners by number, and times to the millisecond; of a symbolic link it changes nothing. It has no special
 * files, names that are not UTF-8, extended attributes, ACLs, owners by name, nor attributes of file systems: they are
 * not seen, and to set them fails with {@linkcode UnsupportedError}. It goes by paths, so another program which
 * exchanges directories at the same time can lead it astray.
 *
 * @throws {UnsupportedError} If `ffi` is asked for where it is not granted, or there is no C library.
 */
export async function openTreePosix(
  options: { readonly implementation?: "ffi" | "deno" | undefined } = {},
): Promise<TreePosix> {
  if (options.implementation !== "deno") {
    const { openTreeFfi } = await import("./tree_ffi.ts");
    const posix = openTreeFfi();
    if (posix !== undefined) return posix;
    if (options.implementation === "ffi") {
      throw new UnsupportedError("Cannot read trees by FFI: it is not granted, or there is no libc.so here");
    }
  }
  const { openTreeDeno } = await import("./tree_deno.ts");
  return openTreeDeno();
}
