/**
 * What of an inode goes into an archive with certain feature flags.
 *
 * @module
 */

import { FLAG, normalizeFlags } from "../format/feature_flags.ts";
import { StoreError } from "../errors.ts";
import type { InodeStat, OpenTreeNode, TreeDirectory, TreeNode, TreePosix } from "../platform/tree.ts";
import { bytesKey, compareBytes, startsWithText } from "./bytes_order.ts";
import type { NodeMetadata, Xattr } from "./entry.ts";
import {
  CHATTR_FLAGS,
  chattrToFeatures,
  FAT_FLAGS,
  fatToFeatures,
  FILE_SYSTEM,
  HAS_FAT_ATTRIBUTES,
  HAS_PROJECTS,
  SUBVOLUME_INODE,
} from "./inode_attributes.ts";
import { Owners } from "./owners.ts";
import { decodeAccessAcl, decodeDefaultAcl } from "./posix_acl.ts";

/** What is known of an inode when its metadata are read. */
export interface Inode {
  /** Where to read the rest. */
  readonly node: TreeNode;
  /** What was found when it was examined. */
  readonly stat: InodeStat;
  /** The same node, if it is a directory. */
  readonly directory?: TreeDirectory | undefined;
  /** The same node, if it is open: a directory or a regular file. */
  readonly open?: OpenTreeNode | undefined;
  /** Magic number of its file system; 0 if it is not open. */
  readonly fileSystem: number;
  /** What its `inodeFlags()` gave, if they were read already. */
  readonly inodeFlags?: number | undefined;
}

/** How to read metadata. */
export interface MetadataOptions {
  /** Feature flags: what to record. */
  readonly flags: bigint;
  /**
   * Which extended attributes count as such: `casync` takes `user.` and `trusted.`, of files and directories; `all`
   * takes every one of every inode, as desync does. @default "casync"
   */
  readonly xattrNamespaces?: "casync" | "all" | undefined;
}

const NO_XATTRS: readonly Xattr[] = [];
const MAX_ID_16 = 0xffff;
/** Attributes that have a record of their own. */
export const XATTR_NAME = {
  accessAcl: encode("system.posix_acl_access"),
  defaultAcl: encode("system.posix_acl_default"),
  selinux: encode("security.selinux"),
  fcaps: encode("security.capability"),
} as const;
const ACCESS_ACL = bytesKey(XATTR_NAME.accessAcl);
const DEFAULT_ACL = bytesKey(XATTR_NAME.defaultAcl);
const SELINUX = bytesKey(XATTR_NAME.selinux);
const FCAPS = bytesKey(XATTR_NAME.fcaps);

/** What the attributes of an inode hold. */
type XattrMetadata = Pick<NodeMetadata, "xattrs" | "acl" | "defaultAcl" | "selinux" | "fcaps">;

/** Reads metadata of inodes, as far as the feature flags ask for them. */
export class MetadataReader {
  readonly #owners: Owners;
  readonly #flags: bigint;
  readonly #hasUids: boolean;
  readonly #has16Bits: boolean;
  readonly #hasNames: boolean;
  readonly #permissions: "full" | "read-only" | "none";
  readonly #granularity: bigint;
  readonly #readsChattr: boolean;
  readonly #readsXattrs: boolean;
  readonly #allXattrs: boolean;

  /** Decides what to read. */
  constructor(posix: TreePosix, options: MetadataOptions) {
    const flags = normalizeFlags(options.flags);
    const has = (bits: bigint) => (flags & bits) !== 0n;
    const nameless = has(FLAG.uids16 | FLAG.uids32) ? "none" : "number";
    this.#owners = new Owners(posix, { nameless });
    this.#flags = flags;
    this.#hasUids = has(FLAG.uids16 | FLAG.uids32);
    this.#has16Bits = has(FLAG.uids16);
    this.#hasNames = has(FLAG.userNames);
    this.#permissions = has(FLAG.permissions | FLAG.acl) ? "full" : has(FLAG.readOnly) ? "read-only" : "none";
    this.#granularity = granularityOf(flags);
    this.#readsChattr = has(CHATTR_FLAGS);
    this.#readsXattrs = has(FLAG.xattrs | FLAG.acl | FLAG.selinux | FLAG.fcaps);
    this.#allXattrs = options.xattrNamespaces === "all";
  }

  /** Reads the metadata of one inode. @throws {StoreError} If the owner's ID does not fit. */
  read(inode: Inode): NodeMetadata {
    const { stat, open } = inode;
    return {
      permissions: this.#permissionsOf(stat),
      attributes: open === undefined ? 0n : this.#attributesOf(open, inode),
      uid: this.#idOf(stat.uid, inode),
      gid: this.#idOf(stat.gid, inode),
      user: this.#hasNames ? this.#owners.userName(stat.uid) : undefined,
      group: this.#hasNames ? this.#owners.groupName(stat.gid) : undefined,
      mtime: this.#mtimeOf(stat),
      ...this.#readsXattrs ? this.#xattrsOf(inode) : WITHOUT_XATTRS,
      projectId: open === undefined ? undefined : this.#projectOf(open, inode),
    };
  }

  #has(bits: bigint): boolean {
    return (this.#flags & bits) !== 0n;
  }

  #permissionsOf({ kind, permissions }: InodeStat): number {
    if (kind === "symlink") return 0o777;
    if (this.#permissions === "full") return permissions;
    const all = kind === "directory" ? 0o777 : 0o666;
    return this.#permissions === "none" || (permissions & 0o222) !== 0 ? all : all & ~0o222;
  }

  #idOf(id: number, { node }: Inode): number {
    if (!this.#hasUids) return 0;
    if (this.#has16Bits && id > MAX_ID_16) {
      throw new StoreError(node.path, "record", { reason: `its owner ${id} does not fit into 16 bits` });
    }
    return id;
  }

  #mtimeOf({ mtime }: InodeStat): bigint {
    const granularity = this.#granularity;
    if (granularity === 1n) return mtime;
    if (granularity === 0n) return 0n;
    // casync rounds the unsigned number that it stores, so times before 1970 come out at odd places.
    const stored = BigInt.asUintN(64, mtime);
    return BigInt.asIntN(64, stored - stored % granularity);
  }

  #attributesOf(open: OpenTreeNode, { stat, fileSystem, directory, inodeFlags }: Inode): bigint {
    let attributes = 0n;
    if (this.#readsChattr) attributes |= chattrToFeatures(inodeFlags ?? open.inodeFlags() ?? 0);
    if (this.#has(FAT_FLAGS) && HAS_FAT_ATTRIBUTES.has(fileSystem)) {
      attributes |= fatToFeatures(open.fatAttributes() ?? 0);
    }
    if (this.#has(FLAG.subvolume) && isSubvolume(stat, fileSystem)) {
      attributes |= FLAG.subvolume;
      if (this.#has(FLAG.subvolumeReadOnly) && directory!.isReadOnlySubvolume()) {
        attributes |= FLAG.subvolumeReadOnly;
      }
    }
    return attributes === 0n ? 0n : attributes & this.#flags;
  }

  #projectOf(open: OpenTreeNode, { fileSystem }: Inode): number | undefined {
    if (!this.#has(FLAG.quotaProjid) || !HAS_PROJECTS.has(fileSystem)) return undefined;
    const id = open.projectId();
    return id === 0 ? undefined : id;
  }

  #xattrsOf({ node, stat }: Inode): XattrMetadata {
    const { kind } = stat;
    // Of other links than desync's nothing but the label is recorded, so its name need not be found first.
    if (kind === "symlink" && !this.#allXattrs) {
      return this.#has(FLAG.selinux) ? { xattrs: NO_XATTRS, selinux: labelOf(node) } : WITHOUT_XATTRS;
    }
    const names = node.listXattrs();
    if (names.length === 0) return WITHOUT_XATTRS;
    const isOpen = kind === "file" || kind === "directory";
    const known = new Set(names.map(bytesKey));
    const value = (wanted: boolean, key: string, name: Uint8Array) =>
      wanted && known.has(key) ? node.getXattr(name) : undefined;
    const hasAcl = this.#has(FLAG.acl) && kind !== "symlink";
    const acl = value(hasAcl, ACCESS_ACL, XATTR_NAME.accessAcl);
    const defaultAcl = value(hasAcl && kind === "directory", DEFAULT_ACL, XATTR_NAME.defaultAcl);
    const aclNames = this.#hasNames ? this.#owners : NO_OWNERS;
    const numbers = <Acl extends WithIds>(list: Acl | undefined) => this.#hasUids ? list : withoutIds(list);
    return {
      xattrs: this.#has(FLAG.xattrs) && (isOpen || this.#allXattrs)
        ? this.#plainXattrs(node, names)
        : NO_XATTRS,
      acl: numbers(acl && decodeAccessAcl(acl, aclNames)),
      defaultAcl: numbers(defaultAcl && decodeDefaultAcl(defaultAcl, aclNames)),
      selinux: this.#has(FLAG.selinux) && known.has(SELINUX) ? labelOf(node) : undefined,
      fcaps: value(this.#has(FLAG.fcaps) && kind === "file", FCAPS, XATTR_NAME.fcaps),
    };
  }

  #plainXattrs(node: TreeNode, names: readonly Uint8Array[]): readonly Xattr[] {
    const xattrs: Xattr[] = [];
    for (const name of names.toSorted(compareBytes)) {
      if (!this.#allXattrs && !isPlainXattr(name)) continue;
      const value = node.getXattr(name);
      if (value !== undefined) xattrs.push({ name, value }); // Else it was removed meanwhile.
    }
    return xattrs;
  }
}

const WITHOUT_XATTRS: XattrMetadata = { xattrs: NO_XATTRS };
const NO_OWNERS = { userName: () => undefined, groupName: () => undefined };

/** Whether casync records the attribute as such. */
export function isPlainXattr(name: Uint8Array): boolean {
  // Not `user.` alone: a name must have something after its first dot.
  return startsWithText(name, "user.") && name.length > 5 ||
    startsWithText(name, "trusted.") && name.length > 8;
}

/** Whether a directory is the top of a subvolume of btrfs. */
export function isSubvolume(stat: InodeStat, fileSystem: number): boolean {
  return stat.kind === "directory" && stat.inode === SUBVOLUME_INODE && fileSystem === FILE_SYSTEM.btrfs;
}

/** Nanoseconds between times that can be recorded; 0 if none are. */
function granularityOf(flags: bigint): bigint {
  if ((flags & FLAG.nsecTime) !== 0n) return 1n;
  if ((flags & FLAG.usecTime) !== 0n) return 1_000n;
  if ((flags & FLAG.secTime) !== 0n) return 1_000_000_000n;
  return (flags & FLAG.twoSecTime) !== 0n ? 2_000_000_000n : 0n;
}

/** The label, without the NUL that the kernel may put after it. */
function labelOf(node: TreeNode): Uint8Array | undefined {
  const value = node.getXattr(XATTR_NAME.selinux);
  return value?.at(-1) === 0 ? value.subarray(0, -1) : value;
}

/** An ACL of either kind. */
type WithIds = Pick<NonNullable<NodeMetadata["acl"]>, "users" | "groups">;

function withoutIds<Acl extends WithIds>(acl: Acl | undefined): Acl | undefined {
  const hide = (entries: Acl["users"]) => entries.map((entry) => ({ ...entry, id: 0 }));
  return acl && { ...acl, users: hide(acl.users), groups: hide(acl.groups) };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
