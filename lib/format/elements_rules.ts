/**
 * What feature flags let be recorded of an inode: writers apply it, readers demand it.
 *
 * @module
 */

import type { InodeKind } from "./elements_entry.ts";
import { ATTRIBUTE_FLAGS, FLAG, timeGranularity } from "./feature_flags.ts";

const SUBVOLUME = FLAG.subvolume | FLAG.subvolumeReadOnly;
/** -1 in 16 and in 32 bits: what system calls take for "no owner". */
const NOBODY_16 = 65_535;
const NOBODY_32 = 4_294_967_295;

/** Feature flags, taken apart. */
export interface RecordingRules {
  /** The flags themselves. */
  readonly flags: bigint;
  /** Which of the permission bits are kept. */
  readonly permissions: "all" | "read-only" | "none";
  /** Attributes of inodes that are kept. */
  readonly attributes: bigint;
  /** Nanoseconds that times are multiples of; 0 if there are none. */
  readonly granularity: bigint;
  /** Bits of owners' numbers; 0 if there are none. */
  readonly idBits: 0 | 16 | 32;
  /** Whether owners' names are kept. */
  readonly userNames: boolean;
  /** Whether extended attributes are kept. */
  readonly xattrs: boolean;
  /** Whether ACLs are kept. */
  readonly acl: boolean;
  /** Whether SELinux labels are kept. */
  readonly selinux: boolean;
  /** Whether capabilities of files are kept. */
  readonly fcaps: boolean;
  /** Whether projects are kept. */
  readonly projectId: boolean;
}

/** Takes normalized feature flags apart. */
export function recordingRules(flags: bigint): RecordingRules {
  const has = (bits: bigint) => (flags & bits) !== 0n;
  return {
    flags,
    permissions: has(FLAG.permissions | FLAG.acl) ? "all" : has(FLAG.readOnly) ? "read-only" : "none",
    attributes: flags & ATTRIBUTE_FLAGS,
    granularity: timeGranularity(flags),
    idBits: has(FLAG.uids32) ? 32 : has(FLAG.uids16) ? 16 : 0,
    userNames: has(FLAG.userNames),
    xattrs: has(FLAG.xattrs),
    acl: has(FLAG.acl),
    selinux: has(FLAG.selinux),
    fcaps: has(FLAG.fcaps),
    projectId: has(FLAG.quotaProjid),
  };
}

/** Whether inodes of `kind` are recorded at all. */
export function recordsKind(rules: RecordingRules, kind: InodeKind): boolean {
  switch (kind) {
    case "symlink":
      return (rules.flags & FLAG.symlinks) !== 0n;
    case "block-device":
    case "character-device":
      return (rules.flags & FLAG.deviceNodes) !== 0n;
    case "fifo":
      return (rules.flags & FLAG.fifos) !== 0n;
    case "socket":
      return (rules.flags & FLAG.sockets) !== 0n;
    default:
      return true;
  }
}

/** The permission bits that are recorded for `permissions`. */
export function recordedPermissions(
  rules: RecordingRules,
  inode: { readonly kind: InodeKind; readonly permissions: number },
): number {
  if (inode.kind === "symlink") return 0o777;
  if (rules.permissions === "all") return inode.permissions & 0o7777;
  const isDirectory = inode.kind === "directory";
  if (rules.permissions === "read-only" && (inode.permissions & 0o222) === 0) {
    return isDirectory ? 0o555 : 0o444;
  }
  return isDirectory ? 0o777 : 0o666;
}

/** The attributes that are recorded for `attributes`. */
export function recordedAttributes(
  rules: RecordingRules,
  inode: { readonly kind: InodeKind; readonly attributes: bigint },
): bigint {
  if (inode.attributes === 0n) return 0n;
  if (inode.kind === "directory") return inode.attributes & rules.attributes;
  return inode.kind === "file" ? inode.attributes & rules.attributes & ~SUBVOLUME : 0n;
}

/**
 * The time that is recorded for `mtime`, as it is stored: unsigned.
 *
 * Rounding is that of the unsigned value, as casync does it, also before 1970.
 */
export function recordedTime(rules: RecordingRules, mtime: bigint): bigint {
  const { granularity } = rules;
  if (granularity === 0n) return 0n;
  const stored = BigInt.asUintN(64, mtime);
  return granularity === 1n ? stored : stored - stored % granularity;
}

/** Whether `id` can be the number of an owner; without a bit for them, all are 0. */
export function isRecordedId(rules: RecordingRules, id: number): boolean {
  if (rules.idBits === 0) return id === 0;
  return id < (rules.idBits === 16 ? NOBODY_16 : NOBODY_32) && id !== NOBODY_16;
}
