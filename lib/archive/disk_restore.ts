/**
 * Metadata from an archive, applied to inodes.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { FLAG, normalizeFlags } from "../format/feature_flags.ts";
import { hasErrorCode } from "../platform/posix.ts";
import type { OpenTreeNode, TreeNode, TreePosix } from "../platform/tree.ts";
import { bytesKey } from "./bytes_order.ts";
import { isPlainXattr, XATTR_NAME } from "./disk_metadata.ts";
import type { AclEntry, ArchiveNode } from "./entry.ts";
import { CHATTR_FLAGS, EARLY_FLAGS, FAT_FLAGS, featuresToChattr, featuresToFat } from "./inode_attributes.ts";
import { Owners } from "./owners.ts";
import { encodeAccessAcl, encodeDefaultAcl } from "./posix_acl.ts";

/** What to restore of inodes. */
export interface RestoreOptions {
  /**
   * Feature flags: what to restore. `restoreFlags()` takes an archive's own and a selection; a property that the
   * archive did not record must not be among them.
   */
  readonly flags: bigint;
  /** Restore owners, ACLs, labels, capabilities and all other extended attributes. @default true */
  readonly sameOwner?: boolean | undefined;
  /** Restore permissions and ACLs, and not leave it at what the umask gives. @default true */
  readonly samePermissions?: boolean | undefined;
  /** Leave times of exactly 1970-01-01 as they are, as desync does. @default false */
  readonly skipEpoch?: boolean | undefined;
  /** Is told what could not be restored, though the rest could. */
  readonly onWarning?: ((warning: RestoreWarning) => void) | undefined;
}

/** Something that is not as the archive has it. */
export interface RestoreWarning {
  /** Where it is. */
  readonly path: string;
  /** What is different, and why. */
  readonly message: string;
}

/** chown(2): leave this ID as it is. */
const SAME_ID = 0xffff_ffff;
const ANY_TIME = FLAG.secTime | FLAG.usecTime | FLAG.nsecTime | FLAG.twoSecTime;
const ANY_OWNER = FLAG.uids16 | FLAG.uids32 | FLAG.userNames;
const ANY_XATTR = FLAG.xattrs | FLAG.acl | FLAG.selinux | FLAG.fcaps;
const WRITE_BITS = 0o222;

/** How new files of a directory begin, whatever it is that they inherit: ACLs, labels, a group. */
export interface FreshInode {
  /** Their owner. */
  readonly uid: number;
  /** Their group. */
  readonly gid: number;
  /** Whether they have attributes already. */
  readonly hasXattrs: boolean;
}

/** What is known of the inode. */
export interface ApplyOptions {
  /** Set if it is a file that was just created; spares what would change nothing. */
  readonly fresh?: FreshInode | undefined;
}

/** Applies metadata, as far as the feature flags ask for them. */
export class MetadataWriter {
  readonly #owners: Owners;
  readonly #flags: bigint;
  readonly #restoresXattrs: boolean;
  readonly #skipsEpoch: boolean;
  readonly #onWarning: (warning: RestoreWarning) => void;

  /** Decides what to restore. */
  constructor(posix: TreePosix, options: RestoreOptions) {
    let flags = normalizeFlags(options.flags);
    const isDropped = (keep: boolean | undefined) => !(keep ?? true);
    if ((flags & FLAG.acl) !== 0n) flags |= FLAG.permissions;
    if (isDropped(options.sameOwner)) flags &= ~(ANY_OWNER | ANY_XATTR);
    if (isDropped(options.samePermissions)) flags &= ~(FLAG.permissions | FLAG.readOnly | FLAG.acl);
    this.#owners = new Owners(posix);
    this.#flags = flags;
    this.#restoresXattrs = (flags & ANY_XATTR) !== 0n;
    this.#skipsEpoch = options.skipEpoch ?? false;
    this.#onWarning = options.onWarning ?? (() => {});
  }

  /** Whether one of the flags in `bits` is to be restored. */
  restores(bits: bigint): boolean {
    return (this.#flags & bits) !== 0n;
  }

  /** What another thread has to restore of an inode whose owner {@linkcode ownerOf} has found. */
  get byNumbers(): { readonly flags: bigint; readonly skipEpoch: boolean } {
    const owner = this.restores(ANY_OWNER) ? FLAG.uids32 : 0n;
    return { flags: this.#flags & ~ANY_OWNER | owner, skipEpoch: this.#skipsEpoch };
  }

  /** The IDs that an inode is to have, as for chown(2). @throws {StoreError} If there is no such owner. */
  ownerOf(target: Pick<TreeNode, "path">, node: ArchiveNode): { readonly uid: number; readonly gid: number } {
    if (!this.restores(ANY_OWNER)) return { uid: SAME_ID, gid: SAME_ID };
    const { user, group } = node;
    return {
      uid: this.#idOf({ name: user, id: node.uid, find: (name) => this.#owners.userId(name), target }),
      gid: this.#idOf({ name: group, id: node.gid, find: (name) => this.#owners.groupId(name), target }),
    };
  }

  /** To be called when an inode is created, and empty. @throws {PosixError} If it cannot have what it should. */
  applyEarly(open: OpenTreeNode, node: ArchiveNode, options: { readonly isRoot?: boolean } = {}): void {
    const early = node.attributes & this.#flags & EARLY_FLAGS;
    if (early !== 0n) this.#setChattr(open, { wanted: early, mask: early });
    // As for casync, it is for others to say which project the root belongs to.
    if (node.kind === "directory" && !(options.isRoot ?? false)) this.#setProject(open, node);
  }

  /** To be called when the content is complete. @throws {PosixError | StoreError} If something cannot be restored. */
  apply(target: TreeNode, node: ArchiveNode, options: ApplyOptions = {}): void {
    const { fresh } = options;
    this.#setOwner(target, { node, fresh });
    if (node.kind !== "symlink") this.#setPermissions(target, node);
    if (this.#restoresXattrs && !(fresh?.hasXattrs === false && isWithoutXattrs(node))) {
      this.#setXattrs(target, node);
    }
    if (this.restores(ANY_TIME) && !(this.#skipsEpoch && node.mtime === 0n)) target.setMtime(node.mtime);
  }

  /** Looks at a file that was just created: the next ones beside it begin in the same way. */
  freshOf(target: TreeNode): FreshInode {
    const { uid, gid } = target.stat();
    return { uid, gid, hasXattrs: !this.#restoresXattrs || target.listXattrs().length > 0 };
  }

  /** To be called last: what may forbid any further change. @throws {PosixError} If it cannot be restored. */
  applyLate(open: OpenTreeNode, node: ArchiveNode): void {
    // No earlier: where a directory passes its project on, nothing of another project can be renamed.
    if (node.kind === "file") this.#setProject(open, node);
    const mask = this.#flags & CHATTR_FLAGS;
    if (mask !== 0n) this.#setChattr(open, { wanted: node.attributes & mask, mask });
    if (!this.restores(FAT_FLAGS)) return;
    const wanted = node.attributes & this.#flags & FAT_FLAGS;
    const before = wanted === 0n ? undefined : open.fatAttributes() ?? 0;
    if (before === undefined) return; // casync, too, does not look for what would have to be cleared.
    const after = before & ~featuresToFat(this.#flags & FAT_FLAGS) | featuresToFat(wanted);
    if (after !== before) open.setFatAttributes(after);
  }

  #setProject(open: OpenTreeNode, node: ArchiveNode): void {
    if (!this.restores(FLAG.quotaProjid)) return;
    const { projectId = 0 } = node;
    // It may have one already, from its directory.
    if ((open.projectId() ?? 0) !== projectId) open.setProjectId(projectId);
  }

  #setChattr(open: OpenTreeNode, set: { readonly wanted: bigint; readonly mask: bigint }): void {
    const before = open.inodeFlags() ?? 0;
    const after = before & ~featuresToChattr(set.mask) | featuresToChattr(set.wanted);
    if (after !== before) open.setInodeFlags(after);
  }

  #setOwner(
    target: TreeNode,
    what: { readonly node: ArchiveNode; readonly fresh: FreshInode | undefined },
  ): void {
    const { uid, gid } = this.ownerOf(target, what.node);
    if (uid === what.fresh?.uid && gid === what.fresh.gid) return;
    if (uid === SAME_ID && gid === SAME_ID) return;
    try {
      target.setOwner(uid, gid);
    } catch (cause) {
      if (!hasErrorCode(cause, "EPERM")) throw cause;
      const stat = target.stat();
      const isSame = (wanted: number, id: number) => wanted === SAME_ID || wanted === id;
      if (isSame(uid, stat.uid) && isSame(gid, stat.gid)) return;
      const reason = `only root can change its owner to ${uid}:${gid}`;
      throw new StoreError(target.path, "extract", { cause, reason });
    }
  }

  #idOf(owner: Owner): number {
    const { name, id, find, target } = owner;
    if (name !== undefined && this.restores(FLAG.userNames)) {
      const found = find(name);
      if (found !== undefined) return found;
      const text = new TextDecoder().decode(name);
      if (!this.restores(FLAG.uids16 | FLAG.uids32)) {
        throw new StoreError(target.path, "extract", { reason: `there is no owner '${text}' here` });
      }
      this.#onWarning({
        path: target.path,
        message: `there is no owner '${text}' here, so its number ${id} is used`,
      });
    }
    return this.restores(FLAG.uids16 | FLAG.uids32) ? id : SAME_ID;
  }

  #setPermissions(target: TreeNode, { permissions }: ArchiveNode): void {
    if (this.restores(FLAG.permissions)) {
      target.setPermissions(permissions);
    } else if (this.restores(FLAG.readOnly) && (permissions & WRITE_BITS) === 0) {
      target.setPermissions(target.stat().permissions & ~WRITE_BITS);
    }
  }

  #setXattrs(target: TreeNode, node: ArchiveNode): void {
    const present = target.listXattrs();
    if (node.kind !== "symlink" && this.restores(FLAG.acl)) this.#setAcls(target, { node, present });
    if (this.restores(FLAG.xattrs)) {
      const wanted = new Set(node.xattrs.map(({ name }) => bytesKey(name)));
      for (const name of present) {
        if (isPlainXattr(name) && !wanted.has(bytesKey(name))) target.removeXattr(name);
      }
      for (const { name, value } of node.xattrs) target.setXattr(name, value);
    }
    if (node.kind === "file" && this.restores(FLAG.fcaps)) {
      const { fcaps } = node;
      if (fcaps !== undefined) target.setXattr(XATTR_NAME.fcaps, fcaps);
      else if (includes(present, XATTR_NAME.fcaps) && !isAmong(node, XATTR_NAME.fcaps)) {
        target.removeXattr(XATTR_NAME.fcaps);
      }
    }
    if (this.restores(FLAG.selinux)) this.#setLabel(target, { node, present });
  }

  #setAcls(
    target: TreeNode,
    what: { readonly node: ArchiveNode; readonly present: readonly Uint8Array[] },
  ): void {
    const { node, present } = what;
    const set = (name: Uint8Array, value: Uint8Array | undefined) => {
      if (value !== undefined) target.setXattr(name, value);
      else if (includes(present, name)) target.removeXattr(name);
    };
    const { acl, defaultAcl } = node;
    const owners = <
      Acl extends { readonly users: readonly AclEntry[]; readonly groups: readonly AclEntry[] },
    >(
      list: Acl,
    ): Acl => ({
      ...list,
      users: this.#aclIds(list.users, { find: (name) => this.#owners.userId(name), target }),
      groups: this.#aclIds(list.groups, { find: (name) => this.#owners.groupId(name), target }),
    });
    set(XATTR_NAME.accessAcl, acl && encodeAccessAcl(owners(acl), node.permissions));
    if (node.kind === "directory") {
      set(XATTR_NAME.defaultAcl, defaultAcl && encodeDefaultAcl(owners(defaultAcl)));
    }
  }

  #aclIds(entries: readonly AclEntry[], owner: Pick<Owner, "find" | "target">): readonly AclEntry[] {
    return entries.map((entry) => ({
      ...entry,
      id: this.#idOf({ ...owner, name: entry.name, id: entry.id }),
    }));
  }

  #setLabel(
    target: TreeNode,
    what: { readonly node: ArchiveNode; readonly present: readonly Uint8Array[] },
  ): void {
    const { selinux } = what.node;
    if (selinux !== undefined) {
      // With the NUL, as setfilecon(3) and casync do.
      const label = new Uint8Array(selinux.length + 1);
      label.set(selinux);
      target.setXattr(XATTR_NAME.selinux, label);
    } else if (includes(what.present, XATTR_NAME.selinux) && !isAmong(what.node, XATTR_NAME.selinux)) {
      try {
        target.removeXattr(XATTR_NAME.selinux);
      } catch (error) {
        // Where SELinux is at work, it gives every file a label and lets none go.
        if (!hasErrorCode(error, "EACCES", "EPERM")) throw error;
      }
    }
  }
}

interface Owner {
  readonly name: Uint8Array | undefined;
  readonly id: number;
  readonly find: (name: Uint8Array) => number | undefined;
  /** For messages. */
  readonly target: Pick<TreeNode, "path">;
}

function includes(names: readonly Uint8Array[], name: Uint8Array): boolean {
  const key = bytesKey(name);
  return names.some((other) => other.length === name.length && bytesKey(other) === key);
}

function isWithoutXattrs({ xattrs, acl, defaultAcl, selinux, fcaps }: ArchiveNode): boolean {
  return xattrs.length === 0 &&
    (acl ?? defaultAcl ?? selinux ?? fcaps) === undefined;
}

/** Whether the archive has it as an attribute like any other, as desync's do. */
function isAmong({ xattrs }: ArchiveNode, name: Uint8Array): boolean {
  return includes(xattrs.map((xattr) => xattr.name), name);
}
