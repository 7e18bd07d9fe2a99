/**
 * ENTRY records: what every inode has.
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { encodeHeader, RECORD } from "./elements.ts";

/** Kinds of inodes. */
export type InodeKind =
  | "file"
  | "directory"
  | "symlink"
  | "block-device"
  | "character-device"
  | "fifo"
  | "socket";

/** Bits of `st_mode` that tell the kind. */
const KIND_MASK = 0o170000;
const PERMISSIONS_MASK = 0o7777;

const KIND_BITS: Readonly<Record<InodeKind, number>> = {
  "file": 0o100000,
  "directory": 0o040000,
  "symlink": 0o120000,
  "block-device": 0o060000,
  "character-device": 0o020000,
  "fifo": 0o010000,
  "socket": 0o140000,
};

const BY_BITS: ReadonlyMap<number, InodeKind> = new Map(
  Object.entries(KIND_BITS).map(([kind, bits]) => [bits, kind as InodeKind]),
);

/** Body of an ENTRY record. */
export interface Entry {
  /** Feature flags of the archive. */
  readonly flags: bigint;
  /** From the upper bits of the mode. */
  readonly kind: InodeKind;
  /** The lower twelve bits of the mode. */
  readonly permissions: number;
  /** chattr, FAT and subvolume attributes. */
  readonly attributes: bigint;
  /** Up to 2^53 - 1; what is valid depends on the flags. */
  readonly uid: number;
  /** Up to 2^53 - 1; what is valid depends on the flags. */
  readonly gid: number;
  /** As stored: unsigned nanoseconds, modulo 2^64. */
  readonly mtime: bigint;
}

/** Reads the body of an ENTRY. @throws {FormatError} If its mode is of no kind, or has other bits. */
export function decodeEntry(reader: ByteReader): Entry {
  const flags = reader.big("feature flags");
  const mode = reader.u64("mode");
  const kind = mode <= 0o177777 ? BY_BITS.get(mode & KIND_MASK) : undefined;
  if (kind === undefined) reader.fail(`mode 0${mode.toString(8)} is of no known kind`);
  const attributes = reader.big("attributes");
  const uid = reader.u64("uid");
  const gid = reader.u64("gid");
  const mtime = reader.big("mtime");
  return { flags, kind, permissions: mode & PERMISSIONS_MASK, attributes, uid, gid, mtime };
}

/** Appends an ENTRY record. */
export function encodeEntry(out: ByteWriter, entry: Entry): void {
  encodeHeader(out, { type: RECORD.ENTRY, bodySize: 48 });
  out.big(entry.flags);
  out.u64(KIND_BITS[entry.kind] | entry.permissions);
  out.big(entry.attributes);
  out.u64(entry.uid);
  out.u64(entry.gid);
  out.big(entry.mtime);
}
