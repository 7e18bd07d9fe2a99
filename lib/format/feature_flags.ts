/**
 * Feature flags: the 64-bit set in every index and archive which says what was recorded.
 *
 * @module
 */

import type { DigestName } from "../digest/digest.ts";
import { ConfigError } from "../errors.ts";

/** Bits by the properties they stand for. */
export const FLAG = {
  uids16: 1n << 0n,
  uids32: 1n << 1n,
  userNames: 1n << 2n,
  secTime: 1n << 3n,
  usecTime: 1n << 4n,
  nsecTime: 1n << 5n,
  twoSecTime: 1n << 6n,
  readOnly: 1n << 7n,
  permissions: 1n << 8n,
  symlinks: 1n << 9n,
  deviceNodes: 1n << 10n,
  fifos: 1n << 11n,
  sockets: 1n << 12n,
  flagHidden: 1n << 13n,
  flagSystem: 1n << 14n,
  flagArchive: 1n << 15n,
  flagAppend: 1n << 16n,
  flagNoatime: 1n << 17n,
  flagCompr: 1n << 18n,
  flagNocow: 1n << 19n,
  flagNodump: 1n << 20n,
  flagDirsync: 1n << 21n,
  flagImmutable: 1n << 22n,
  flagSync: 1n << 23n,
  flagNocomp: 1n << 24n,
  flagProjinherit: 1n << 25n,
  subvolume: 1n << 26n,
  subvolumeReadOnly: 1n << 27n,
  xattrs: 1n << 28n,
  acl: 1n << 29n,
  selinux: 1n << 30n,
  fcaps: 1n << 31n,
  quotaProjid: 1n << 32n,
  excludeFile: 1n << 60n,
  sha512256: 1n << 61n,
  excludeSubmounts: 1n << 62n,
  excludeNodump: 1n << 63n,
} as const;

/** Every bit that has a name on the command line: 0 to 32. */
const ALL = 0x1_ffff_ffffn;
/** Bits of ENTRY's own set: attributes of one inode. */
export const ATTRIBUTE_FLAGS = 0xfff_e000n;
const ANY_UIDS = FLAG.uids16 | FLAG.uids32;
const ANY_TIME = FLAG.secTime | FLAG.usecTime | FLAG.nsecTime | FLAG.twoSecTime;

/** What casync writes for a tree if nothing else is asked for. */
export const CASYNC_FLAGS = 0xb000_0001_ffef_fe26n;
/** What desync writes into every archive. */
export const DESYNC_FLAGS = 0xb000_0000_1000_1f22n;

/** Names of single flags, as `--with=` takes them; the bit of each is its place. */
const FLAG_NAMES: readonly string[] = [
  ...["16bit-uids", "32bit-uids", "user-names", "sec-time", "usec-time", "nsec-time", "2sec-time"],
  ...["read-only", "permissions", "symlinks", "device-nodes", "fifos", "sockets"],
  ...["flag-hidden", "flag-system", "flag-archive", "flag-append", "flag-noatime", "flag-compr"],
  ...["flag-nocow", "flag-nodump", "flag-dirsync", "flag-immutable", "flag-sync", "flag-nocomp"],
  ...["flag-projinherit", "subvolume", "subvolume-ro", "xattrs", "acl", "selinux", "fcaps", "quota-projid"],
];

/** Names of sets. */
const FLAG_SETS: ReadonlyMap<string, bigint> = new Map([
  ["best", 0x1_ffff_fe26n],
  ["unix", 0x1f09n],
  ["fat", 0xe0c0n],
  ["chattr", 0x3ff_0000n],
  ["fat-attrs", 0xe000n],
  ["privileged", 0x1_ec41_4407n],
  ["fuse", 0x13ff_fffbn],
  ["all", ALL],
]);

/** Every bit that casync assigns: 0 to 32 and 60 to 63. */
const ASSIGNED = 0xf000_0001_ffff_ffffn;

/** What casync writes into the index of a blob: `.caexclude` and the no-dump attribute were honoured. */
const BLOB_DEFAULT = FLAG.excludeFile | FLAG.excludeNodump;

/** Flags of the index of a blob, as casync writes them. */
export function blobFeatureFlags(digest: DigestName): bigint {
  return withDigest(BLOB_DEFAULT, digest);
}

/** `flags`, with the bit that names the digest set or cleared. */
export function withDigest(flags: bigint, digest: DigestName): bigint {
  return digest === "sha512-256" ? flags | FLAG.sha512256 : flags & ~FLAG.sha512256;
}

/** The digest that `flags` name. */
export function digestOf(flags: bigint): DigestName {
  return (flags & FLAG.sha512256) === 0n ? "sha256" : "sha512-256";
}

/** Bits of `flags` that casync does not assign. */
export function unassignedFlags(flags: bigint): bigint {
  return flags & ~ASSIGNED;
}

/** Brings `flags` into the form that casync writes and demands (its feature normalization, in its order). */
export function normalizeFlags(flags: bigint): bigint {
  let out = flags;
  const has = (bits: bigint) => (out & bits) !== 0n;
  if (has(FLAG.acl) && !has(FLAG.uids16 | FLAG.uids32 | FLAG.userNames)) out |= FLAG.uids32 | FLAG.userNames;
  if (has(FLAG.uids32)) out &= ~FLAG.uids16;
  const times = [FLAG.nsecTime, FLAG.usecTime, FLAG.secTime, FLAG.twoSecTime];
  const finest = times.find(has);
  if (finest !== undefined) out = out & ~times.reduce((all, bit) => all | bit) | finest;
  if (has(FLAG.acl)) out &= ~(FLAG.permissions | FLAG.readOnly);
  else if (has(FLAG.permissions)) out &= ~FLAG.readOnly;
  if (has(FLAG.excludeNodump)) out &= ~FLAG.flagNodump;
  if (has(FLAG.subvolumeReadOnly)) out |= FLAG.subvolume;
  return out;
}

/**
 * The bits of a flag or of a set of flags.
 *
 * @param name As casync's `--with=` and `--without=` take it.
 * @throws {ConfigError} If there is no such flag.
 */
export function flagsOfName(name: string): bigint {
  const bit = FLAG_NAMES.indexOf(name);
  const flags = bit < 0 ? FLAG_SETS.get(name) : 1n << BigInt(bit);
  if (flags === undefined) {
    throw new ConfigError(`Cannot use feature flag '${name}': there is none of that name`);
  }
  return flags;
}

/** Names of the single flags in `flags`, in the order of their bits; those from 60 on have none. */
export function formatFeatureFlags(flags: bigint): string[] {
  return FLAG_NAMES.filter((_, bit) => (flags >> BigInt(bit) & 1n) !== 0n);
}

/** Flags as a command line selects them. */
export interface FlagSelection {
  /** Names of flags and sets to use. @default all for a tree, none for a blob */
  readonly with?: readonly string[] | undefined;
  /** Names of flags and sets to leave out. @default none */
  readonly without?: readonly string[] | undefined;
}

/** What feature flags are made from. */
export interface FlagOptions extends FlagSelection {
  /** What is described. @default "tree" */
  readonly of?: "tree" | "blob" | undefined;
  /** Whether `.caexclude` is honoured. @default true */
  readonly excludeFile?: boolean | undefined;
  /** Whether other mounts are left out. @default false */
  readonly excludeSubmounts?: boolean | undefined;
  /** Whether inodes with the no-dump attribute are left out. @default true */
  readonly excludeNodump?: boolean | undefined;
  /** Names the chunks. @default "sha512-256" */
  readonly digest?: DigestName | undefined;
}

/**
 * The normalized feature flags that casync writes for a command line.
 *
 * @throws {ConfigError} If a name is unknown.
 */
export function parseFeatureFlags(options: FlagOptions = {}): bigint {
  let flags = select(options, options.of === "blob" ? 0n : ALL);
  if (options.excludeFile ?? true) flags |= FLAG.excludeFile;
  if (options.excludeSubmounts ?? false) flags |= FLAG.excludeSubmounts;
  if (options.excludeNodump ?? true) flags |= FLAG.excludeNodump;
  return normalizeFlags(withDigest(flags, options.digest ?? "sha512-256"));
}

/**
 * What of an archive is to be restored or shown.
 *
 * A family goes only if each of its members is left out: any bit of times stands for all of them, `acl` for
 * permissions.
 *
 * @param flags The archive's feature flags.
 * @returns The normalized part of `flags` that the selection lets through; bits 60 to 63 are those of the
 * archive.
 * @throws {ConfigError} If a name is unknown.
 */
export function restoreFlags(flags: bigint, selection: FlagSelection = {}): bigint {
  const mask = implied(select(selection, ALL));
  // The archive's own width of IDs and granularity of times stay, whichever of their family let them through.
  const families = ((mask & ANY_UIDS) === 0n ? 0n : ANY_UIDS) | ((mask & ANY_TIME) === 0n ? 0n : ANY_TIME);
  return normalizeFlags(implied(flags) & (mask | families) | flags & ASSIGNED & ~ALL);
}

function select(selection: FlagSelection, none: bigint): bigint {
  const union = (names: readonly string[]) => names.reduce((all, name) => all | flagsOfName(name), 0n);
  const { with: wanted = [], without = [] } = selection;
  return (wanted.length === 0 ? none : union(wanted)) & ~union(without);
}

/** The named flags in `flags`, and those that less of the same is recorded by. */
function implied(flags: bigint): bigint {
  let out = flags & ALL;
  const has = (bits: bigint) => (out & bits) !== 0n;
  if (has(FLAG.acl)) out |= FLAG.permissions;
  if (has(FLAG.permissions)) out |= FLAG.readOnly;
  if (has(FLAG.subvolumeReadOnly)) out |= FLAG.subvolume;
  return out;
}

/** Nanoseconds that times are multiples of, by normalized `flags`; 0 if no times are recorded. */
export function timeGranularity(flags: bigint): bigint {
  if ((flags & FLAG.nsecTime) !== 0n) return 1n;
  if ((flags & FLAG.usecTime) !== 0n) return 1000n;
  if ((flags & FLAG.secTime) !== 0n) return 1_000_000_000n;
  return (flags & FLAG.twoSecTime) === 0n ? 0n : 2_000_000_000n;
}
