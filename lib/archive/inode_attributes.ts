/**
 * Attributes of inodes which file systems keep beyond the mode, by the bits that archives have for them.
 *
 * @module
 */

import { FAT_FLAG, FS_FLAG } from "../../ffi/inode_flags.ts";
import { FLAG } from "../format/feature_flags.ts";

/** Bits of archives and bits of the file system. */
type Mapping = readonly (readonly [feature: bigint, native: number])[];

const CHATTR: Mapping = [
  [FLAG.flagAppend, FS_FLAG.append],
  [FLAG.flagNoatime, FS_FLAG.noatime],
  [FLAG.flagCompr, FS_FLAG.compress],
  [FLAG.flagNocow, FS_FLAG.noCow],
  [FLAG.flagNodump, FS_FLAG.nodump],
  [FLAG.flagDirsync, FS_FLAG.dirsync],
  [FLAG.flagImmutable, FS_FLAG.immutable],
  [FLAG.flagSync, FS_FLAG.sync],
  [FLAG.flagNocomp, FS_FLAG.noCompress],
  [FLAG.flagProjinherit, FS_FLAG.projectInherit],
];
const FAT: Mapping = [
  [FLAG.flagHidden, FAT_FLAG.hidden],
  [FLAG.flagSystem, FAT_FLAG.system],
  [FLAG.flagArchive, FAT_FLAG.archive],
];

/** Feature flags that chattr(1) sets. */
export const CHATTR_FLAGS: bigint = CHATTR.reduce((all, [feature]) => all | feature, 0n);
/** Feature flags of FAT. */
export const FAT_FLAGS: bigint = FAT.reduce((all, [feature]) => all | feature, 0n);
/** Feature flags that take effect only on a file which is still empty, or which pass on to what is made inside. */
export const EARLY_FLAGS: bigint = FLAG.flagNoatime | FLAG.flagCompr | FLAG.flagNocow | FLAG.flagNocomp |
  FLAG.flagProjinherit;

/** Every bit of the file system that has a feature flag. */
const KNOWN = CHATTR.reduce((all, [, native]) => all | native, 0);

/** Feature flags for what FS_IOC_GETFLAGS gave. */
export function chattrToFeatures(native: number): bigint {
  // Most files have none of them, while ext4 always sets others.
  return (native & KNOWN) === 0 ? 0n : toFeatures(CHATTR, native);
}

/** Bits for FS_IOC_SETFLAGS. */
export function featuresToChattr(features: bigint): number {
  return toNative(CHATTR, features);
}

/** Feature flags for what FAT_IOCTL_GET_ATTRIBUTES gave. */
export function fatToFeatures(native: number): bigint {
  return toFeatures(FAT, native);
}

/** Bits for FAT_IOCTL_SET_ATTRIBUTES. */
export function featuresToFat(features: bigint): number {
  return toNative(FAT, features);
}

function toFeatures(mapping: Mapping, native: number): bigint {
  return mapping.reduce((all, [feature, bit]) => (native & bit) === 0 ? all : all | feature, 0n);
}

function toNative(mapping: Mapping, features: bigint): number {
  return mapping.reduce((all, [feature, bit]) => (features & feature) === 0n ? all : all | bit, 0);
}

/** Magic numbers of file systems, as statfs(2) gives them. */
export const FILE_SYSTEM = {
  btrfs: 0x9123683e,
  ext4: 0xef53,
  fat: 0x4d44,
  fuse: 0x65735546,
  xfs: 0x58465342,
} as const;

/** File systems that have attributes of FAT. */
export const HAS_FAT_ATTRIBUTES: ReadonlySet<number> = new Set([FILE_SYSTEM.fat, FILE_SYSTEM.fuse]);
/** File systems that have projects. */
export const HAS_PROJECTS: ReadonlySet<number> = new Set([
  FILE_SYSTEM.ext4,
  FILE_SYSTEM.xfs,
  FILE_SYSTEM.fuse,
]);

/** File systems whose files show the state of the kernel: casync never reads what is in them. */
export const PSEUDO_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  ...[0x42494e4d, 0x27e0eb, 0x63677270, 0x62656570, 0x64626720, 0x1cd1, 0xde5e81e4, 0x65735543, 0x958458f6],
  ...[0x19800202, 0x6e667364, 0x9fa0, 0x6165676c, 0x67596969, 0x73636673, 0xf97cff8c, 0x43415d53, 0x62656572],
]);

/** Inode number of the top directory of a subvolume of btrfs. */
export const SUBVOLUME_INODE = 256;
