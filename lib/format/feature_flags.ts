/**
 * Feature flags: the 64-bit set in every index and archive which says what was recorded.
 *
 * @module
 */

import type { DigestName } from "../digest/digest.ts";

/** Bits by the names that casync's `--with=` uses, and the four which have no name there. */
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
  flagNodump: 1n << 20n,
  subvolume: 1n << 26n,
  subvolumeReadOnly: 1n << 27n,
  acl: 1n << 29n,
  excludeFile: 1n << 60n,
  sha512256: 1n << 61n,
  excludeSubmounts: 1n << 62n,
  excludeNodump: 1n << 63n,
} as const;

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
