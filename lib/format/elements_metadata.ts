/**
 * Records between ENTRY and content: owners' names, extended attributes, ACLs, labels, capabilities,
 * projects.
 *
 * Each pair reads the body and appends the whole record. What depends on other records is checked by the
 * reader of archives.
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { encodeHeader, RECORD, type RecordType } from "./elements.ts";

/** Largest value of an extended attribute in bytes. */
export const MAX_XATTR_SIZE = 65_536;
const MAX_NAME_SIZE = 255;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const SLASH = 0x2f;
const COLON = 0x3a;
const ROOT = [0x72, 0x6f, 0x6f, 0x74];
const NO_MASK = 0xffff_ffff_ffff_ffffn;

/** How extended attributes are stored: desync appends a NUL to the value. */
export type XattrForm = "casync" | "desync";

/** Reads the name of a user or group. @throws {FormatError} If no account can have it. */
export function decodeOwnerName(reader: ByteReader): Uint8Array<ArrayBuffer> {
  const name = reader.text("name");
  for (const byte of name) {
    if (byte <= 0x1f || byte === 0x7f || byte === SLASH || byte === COLON) {
      reader.fail("name contains '/', ':' or control characters");
    }
  }
  return name;
}

/** Appends a record that is a text: USER, GROUP, SELINUX, SYMLINK or FILENAME. */
export function encodeText(
  out: ByteWriter,
  record: { readonly type: RecordType; readonly text: Uint8Array },
): void {
  encodeHeader(out, { type: record.type, bodySize: record.text.length + 1 });
  out.text(record.text);
}

/**
 * Whether casync's reader accepts `name` as that of a user or group: `[A-Za-z_][A-Za-z0-9_-]*`, and not
 * `root`.
 */
export function isPortableOwnerName(name: Uint8Array): boolean {
  if (name.length === 0 || name.length > MAX_NAME_SIZE) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = name[i]!;
    const isLetter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === UNDERSCORE;
    const isLater = (byte >= 0x30 && byte <= 0x39) || byte === HYPHEN;
    if (!isLetter && !(isLater && i > 0)) return false;
  }
  return !(name.length === ROOT.length && ROOT.every((byte, i) => name[i] === byte));
}

/** An extended attribute. */
export interface XattrElement {
  /** With its namespace. */
  readonly name: Uint8Array;
  /** Any bytes. */
  readonly value: Uint8Array;
}

/** What is wrong with the name of an extended attribute; undefined if nothing is. */
export function xattrNameProblem(name: Uint8Array): string | undefined {
  if (name.length > MAX_NAME_SIZE) return `name has ${name.length} bytes, more than 255`;
  if (name.includes(0)) return "name contains NUL";
  const dot = name.indexOf(DOT);
  return dot > 0 && dot < name.length - 1 ? undefined : "name has no namespace";
}

/**
 * Reads an XATTR as it is stored.
 *
 * @throws {FormatError} If its name is not `<namespace>.<name>`, or it is too large.
 */
export function decodeXattr(reader: ByteReader, form: XattrForm): XattrElement {
  const name = reader.untilNul("name");
  const problem = xattrNameProblem(name);
  if (problem !== undefined) reader.fail(problem);
  const size = form === "casync" ? reader.left : reader.left - 1;
  if (size < 0) reader.fail("value is not terminated by NUL, as desync writes it");
  if (size > MAX_XATTR_SIZE) reader.fail(`value has ${size} bytes, more than ${MAX_XATTR_SIZE}`);
  const value = reader.bytes(size, "value");
  if (form === "desync" && reader.bytes(1, "value")[0] !== 0) {
    reader.fail("value is not terminated by NUL, as desync writes it");
  }
  return { name, value };
}

/** Appends an XATTR record. */
export function encodeXattr(
  out: ByteWriter,
  xattr: { readonly name: Uint8Array; readonly value: Uint8Array; readonly form: XattrForm },
): void {
  const { name, value, form } = xattr;
  const extra = form === "desync" ? 1 : 0;
  encodeHeader(out, { type: RECORD.XATTR, bodySize: name.length + 1 + value.length + extra });
  out.text(name);
  if (extra === 1) out.text(value);
  else out.bytes(value);
}

/** A named user or group of an ACL. */
export interface AclEntryElement {
  /** Number of the user or group. */
  readonly id: number;
  /** Read 4, write 2, execute 1. */
  readonly permissions: number;
  /** Its name, if it is known. */
  readonly name?: Uint8Array | undefined;
}

/**
 * Reads the body of ACL_USER, ACL_GROUP and their default forms.
 *
 * @throws {FormatError} If a field is invalid.
 */
export function decodeAclEntry(reader: ByteReader): AclEntryElement {
  const id = reader.u64("id");
  const permissions = decodePermissions(reader, "permissions");
  const name = reader.left > 0 ? decodeOwnerName(reader) : undefined;
  return { id, permissions, name };
}

/** Appends ACL_USER, ACL_GROUP, ACL_DEFAULT_USER or ACL_DEFAULT_GROUP. */
export function encodeAclEntry(
  out: ByteWriter,
  record: { readonly type: RecordType; readonly entry: AclEntryElement },
): void {
  const { type, entry } = record;
  encodeHeader(out, { type, bodySize: 16 + (entry.name === undefined ? 0 : entry.name.length + 1) });
  out.u64(entry.id);
  out.u64(entry.permissions);
  if (entry.name !== undefined) out.text(entry.name);
}

/**
 * Reads the body of ACL_GROUP_OBJ: permissions of the owning group.
 *
 * @throws {FormatError} If they are no permissions.
 */
export function decodeAclGroupObject(reader: ByteReader): number {
  return decodePermissions(reader, "permissions");
}

/** Appends ACL_GROUP_OBJ. */
export function encodeAclGroupObject(out: ByteWriter, permissions: number): void {
  encodeHeader(out, { type: RECORD.ACL_GROUP_OBJ, bodySize: 8 });
  out.u64(permissions);
}

/** The entries of a default ACL that have no name. */
export interface AclDefaultElement {
  /** Permissions of the owner. */
  readonly userObject: number;
  /** Permissions of the owning group. */
  readonly groupObject: number;
  /** Permissions of all others. */
  readonly other: number;
  /** Limit of all but the owner and others; undefined if there is none. */
  readonly mask?: number | undefined;
}

/** Reads the body of ACL_DEFAULT. @throws {FormatError} If a field is no permissions. */
export function decodeAclDefault(reader: ByteReader): AclDefaultElement {
  const userObject = decodePermissions(reader, "owner's permissions");
  const groupObject = decodePermissions(reader, "group's permissions");
  const other = decodePermissions(reader, "other permissions");
  const mask = reader.big("mask");
  if (mask > 7n && mask !== NO_MASK) reader.fail(`mask is 0x${mask.toString(16)}`);
  return { userObject, groupObject, other, mask: mask === NO_MASK ? undefined : Number(mask) };
}

/** Appends ACL_DEFAULT. */
export function encodeAclDefault(out: ByteWriter, acl: AclDefaultElement): void {
  encodeHeader(out, { type: RECORD.ACL_DEFAULT, bodySize: 32 });
  out.u64(acl.userObject);
  out.u64(acl.groupObject);
  out.u64(acl.other);
  out.big(acl.mask === undefined ? NO_MASK : BigInt(acl.mask));
}

function decodePermissions(reader: ByteReader, field: string): number {
  const permissions = reader.u64(field);
  if (permissions > 7) reader.fail(`${field} are ${permissions}, more than 7`);
  return permissions;
}

/** Reads the body of SELINUX. @throws {FormatError} If the label is empty or not terminated. */
export function decodeLabel(reader: ByteReader): Uint8Array<ArrayBuffer> {
  return reader.text("label");
}

/** Reads the body of FCAPS, whatever it holds. */
export function decodeFcaps(reader: ByteReader): Uint8Array<ArrayBuffer> {
  return reader.bytes(reader.left, "capabilities");
}

/** Appends FCAPS. */
export function encodeFcaps(out: ByteWriter, fcaps: Uint8Array): void {
  encodeHeader(out, { type: RECORD.FCAPS, bodySize: fcaps.length });
  out.bytes(fcaps);
}

/** Reads the body of QUOTA_PROJID. @throws {FormatError} If it is not 1 to 2^32 - 1. */
export function decodeProjectId(reader: ByteReader): number {
  const id = reader.u64("project");
  if (id < 1 || id > 0xffff_ffff) reader.fail(`project is ${id}, not 1 to 2^32 - 1`);
  return id;
}

/** Appends QUOTA_PROJID. */
export function encodeProjectId(out: ByteWriter, id: number): void {
  encodeHeader(out, { type: RECORD.QUOTA_PROJID, bodySize: 8 });
  out.u64(id);
}
