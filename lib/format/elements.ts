/**
 * Records of archives: their types, the sizes they may have, and their common header.
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import {
  ENTRY_SIZE,
  TYPE_ACL_DEFAULT,
  TYPE_ACL_DEFAULT_GROUP,
  TYPE_ACL_DEFAULT_USER,
  TYPE_ACL_GROUP,
  TYPE_ACL_GROUP_OBJ,
  TYPE_ACL_USER,
  TYPE_DEVICE,
  TYPE_ENTRY,
  TYPE_FCAPS,
  TYPE_FILENAME,
  TYPE_GOODBYE,
  TYPE_GROUP,
  TYPE_PAYLOAD,
  TYPE_QUOTA_PROJID,
  TYPE_SELINUX,
  TYPE_SYMLINK,
  TYPE_USER,
  TYPE_XATTR,
} from "./constants.ts";

/** Size of the header of every record in bytes. */
export const RECORD_HEADER_SIZE = 16;

/** Names of the records that an archive is made of. */
export type RecordName =
  | "ENTRY"
  | "USER"
  | "GROUP"
  | "XATTR"
  | "ACL_USER"
  | "ACL_GROUP"
  | "ACL_GROUP_OBJ"
  | "ACL_DEFAULT"
  | "ACL_DEFAULT_USER"
  | "ACL_DEFAULT_GROUP"
  | "SELINUX"
  | "FCAPS"
  | "QUOTA_PROJID"
  | "SYMLINK"
  | "DEVICE"
  | "PAYLOAD"
  | "FILENAME"
  | "GOODBYE";

/** What is known of a record by its type. */
export interface RecordType {
  /** Its name, for messages and for `switch`. */
  readonly name: RecordName;
  /** Bits 0 to 31 of its type. */
  readonly low: number;
  /** Bits 32 to 63 of its type, by which the types of archives differ. */
  readonly high: number;
  /** Least size of the whole record in bytes. */
  readonly minSize: number;
  /** Largest size of the whole record in bytes. */
  readonly maxSize: number;
  /** Place in the order of metadata, from 1; 0 if it is no metadata. */
  readonly rank: number;
  /** Whether there may be several for one inode. */
  readonly repeats: boolean;
}

function define(
  name: RecordName,
  type: bigint,
  options: {
    readonly sizes: readonly [min: number, max: number];
    readonly rank?: number;
    readonly repeats?: true;
  },
): RecordType {
  const { sizes: [minSize, maxSize], rank = 0, repeats = false } = options;
  const low = Number(type & 0xffff_ffffn);
  return { name, low, high: Number(type >> 32n), minSize, maxSize, rank, repeats };
}

const OWNER = [18, 272] as const;
const ACL_ENTRY = [32, 288] as const;
const PATH = [18, 4112] as const;

/** The types of records by name. */
export const RECORD: Readonly<Record<RecordName, RecordType>> = {
  ENTRY: define("ENTRY", TYPE_ENTRY, { sizes: [ENTRY_SIZE, ENTRY_SIZE] }),
  USER: define("USER", TYPE_USER, { sizes: OWNER, rank: 1 }),
  GROUP: define("GROUP", TYPE_GROUP, { sizes: OWNER, rank: 2 }),
  // One more than casync's, for the NUL that desync appends to the value.
  XATTR: define("XATTR", TYPE_XATTR, { sizes: [20, 65_809], rank: 3, repeats: true }),
  ACL_USER: define("ACL_USER", TYPE_ACL_USER, { sizes: ACL_ENTRY, rank: 4, repeats: true }),
  ACL_GROUP: define("ACL_GROUP", TYPE_ACL_GROUP, { sizes: ACL_ENTRY, rank: 5, repeats: true }),
  ACL_GROUP_OBJ: define("ACL_GROUP_OBJ", TYPE_ACL_GROUP_OBJ, { sizes: [24, 24], rank: 6 }),
  ACL_DEFAULT: define("ACL_DEFAULT", TYPE_ACL_DEFAULT, { sizes: [48, 48], rank: 7 }),
  ACL_DEFAULT_USER: define("ACL_DEFAULT_USER", TYPE_ACL_DEFAULT_USER, {
    sizes: ACL_ENTRY,
    rank: 8,
    repeats: true,
  }),
  ACL_DEFAULT_GROUP: define("ACL_DEFAULT_GROUP", TYPE_ACL_DEFAULT_GROUP, {
    sizes: ACL_ENTRY,
    rank: 9,
    repeats: true,
  }),
  SELINUX: define("SELINUX", TYPE_SELINUX, { sizes: PATH, rank: 10 }),
  FCAPS: define("FCAPS", TYPE_FCAPS, { sizes: [16, 65_552], rank: 11 }),
  QUOTA_PROJID: define("QUOTA_PROJID", TYPE_QUOTA_PROJID, { sizes: [24, 24], rank: 12 }),
  SYMLINK: define("SYMLINK", TYPE_SYMLINK, { sizes: PATH }),
  DEVICE: define("DEVICE", TYPE_DEVICE, { sizes: [32, 32] }),
  PAYLOAD: define("PAYLOAD", TYPE_PAYLOAD, { sizes: [16, Number.MAX_SAFE_INTEGER] }),
  FILENAME: define("FILENAME", TYPE_FILENAME, { sizes: [18, 272] }),
  GOODBYE: define("GOODBYE", TYPE_GOODBYE, { sizes: [40, Number.MAX_SAFE_INTEGER] }),
};

const BY_HIGH: ReadonlyMap<number, RecordType> = new Map(
  Object.values(RECORD).map((type) => [type.high, type]),
);

/** Header of a record. */
export interface RecordHeader {
  /** Which record it is. */
  type: RecordType;
  /** Size of the whole record in bytes, this header included. */
  size: number;
}

/**
 * Reads the header of a record, and names the record for messages.
 *
 * @param options `out` receives the header; `offset` is where it starts.
 * @throws {FormatError} If no record of an archive has this type, or none of this type has this size.
 */
export function decodeHeader(
  reader: ByteReader,
  options: { readonly out: RecordHeader; readonly offset: number },
): void {
  const { out, offset } = options;
  reader.context("record", offset);
  const sizeLow = reader.u32("size");
  const sizeHigh = reader.u32("size");
  const low = reader.u32("type");
  const high = reader.u32("type");
  const type = BY_HIGH.get(high);
  if (type === undefined || type.low !== low) {
    reader.fail(`type 0x${hex(high)}${hex(low)} is not one of archives`);
  }
  reader.context(type.name, offset);
  const size = sizeLow + sizeHigh * 0x1_0000_0000;
  if (!(size >= type.minSize && size <= type.maxSize)) {
    reader.fail(`its size 0x${hex(sizeHigh)}${hex(sizeLow)} is not ${formatSizes(type)}`);
  }
  out.type = type;
  out.size = size;
}

/** Appends the header of a record. @param bodySize Size of what follows, in bytes. */
export function encodeHeader(
  out: ByteWriter,
  header: { readonly type: RecordType; readonly bodySize: number },
): void {
  out.u64(RECORD_HEADER_SIZE + header.bodySize);
  out.u32(header.type.low);
  out.u32(header.type.high);
}

function hex(half: number): string {
  return half.toString(16).padStart(8, "0");
}

function formatSizes({ minSize, maxSize }: RecordType): string {
  if (minSize === maxSize) return `${minSize}`;
  return maxSize === Number.MAX_SAFE_INTEGER ? `${minSize} or more` : `${minSize} to ${maxSize}`;
}
