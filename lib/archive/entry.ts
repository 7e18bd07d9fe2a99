/**
 * What an archive says of one inode.
 *
 * Names, targets and labels are bytes without a terminator: no encoding is implied, and none is applied.
 *
 * @module
 */

/** Metadata that every inode can have. What an archive did not record is undefined, or empty for lists. */
export interface NodeMetadata {
  /** The twelve permission bits, as the feature flags let them be recorded. */
  readonly permissions: number;
  /** chattr, FAT and subvolume attributes: bits 13 to 27 of the feature flags. */
  readonly attributes: bigint;
  /** 0 if no owners are recorded. */
  readonly uid: number;
  readonly gid: number;
  /** Owner's name; takes precedence over the number. */
  readonly user?: Uint8Array | undefined;
  /** Group's name. */
  readonly group?: Uint8Array | undefined;
  /** Nanoseconds since 1970; negative before. 0 if no times are recorded. */
  readonly mtime: bigint;
  /** In ascending order of their names. */
  readonly xattrs: readonly Xattr[];
  /** Access ACL beyond the mode; undefined if there is none. */
  readonly acl?: AccessAcl | undefined;
  /** Default ACL, of directories only. */
  readonly defaultAcl?: DefaultAcl | undefined;
  /** SELinux label. */
  readonly selinux?: Uint8Array | undefined;
  /** Raw value of `security.capability`. */
  readonly fcaps?: Uint8Array | undefined;
  /** Project for quotas, 1 to 2^32 - 1. */
  readonly projectId?: number | undefined;
}

/** An extended attribute. */
export interface Xattr {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** A named user or group of an ACL. */
export interface AclEntry {
  readonly id: number;
  /** Read 4, write 2, execute 1. */
  readonly permissions: number;
  readonly name?: Uint8Array | undefined;
}

/** What an access ACL has beyond the mode, whose group bits are its mask. */
export interface AccessAcl {
  readonly users: readonly AclEntry[];
  readonly groups: readonly AclEntry[];
  /** Permissions of the owning group. */
  readonly groupObject: number;
}

/** A default ACL. */
export interface DefaultAcl {
  readonly userObject: number;
  readonly groupObject: number;
  readonly other: number;
  /** Undefined if it has none. */
  readonly mask?: number | undefined;
  readonly users: readonly AclEntry[];
  readonly groups: readonly AclEntry[];
}

/** An inode without its content. */
export type ArchiveNode = NodeMetadata & NodeKind;

/** The kinds of inodes. */
export type NodeKind =
  | { readonly kind: "directory" }
  | { readonly kind: "file"; /** Bytes. */ readonly size: number }
  | { readonly kind: "symlink"; readonly target: Uint8Array }
  | { readonly kind: "block-device" | "character-device"; readonly major: number; readonly minor: number }
  | { readonly kind: "fifo" }
  | { readonly kind: "socket" };

/** What walks through a tree meet, in the order of the archive: depth first, names ascending by bytes. */
export type ArchiveEvent =
  /** An inode; the root has no name. A directory's content follows, up to its `leave`. */
  | {
    readonly type: "node";
    readonly name: Uint8Array | undefined;
    readonly node: ArchiveNode;
    /** Feature flags of the archive it was read from. */
    readonly flags?: bigint | undefined;
    /** Offset of its ENTRY in the archive it was read from, in bytes. */
    readonly offset?: number | undefined;
    /** Offset of what follows it, its content included; undefined for directories. */
    readonly end?: number | undefined;
  }
  /**
   * Bytes of the file that the last `node` began; together as many as its size. Borrowed until the next
   * event.
   */
  | { readonly type: "data"; readonly data: Uint8Array }
  /** The end of a directory. */
  | {
    readonly type: "leave";
    /** Offset of what follows the directory in the archive it was read from, in bytes. */
    readonly end?: number | undefined;
  };
