/**
 * POSIX ACLs as Linux keeps them, in the attributes `system.posix_acl_access` and `system.posix_acl_default`.
 *
 * A 32-bit version, 2, then for each entry a 16-bit tag, 16-bit permissions and a 32-bit ID; all little-endian.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import type { AccessAcl, AclEntry, DefaultAcl } from "./entry.ts";

/** Names of the owners in an ACL. */
export interface AclNames {
  /** Name of a user, or undefined. */
  readonly userName: (id: number) => Uint8Array | undefined;
  /** Name of a group, or undefined. */
  readonly groupName: (id: number) => Uint8Array | undefined;
}

const VERSION = 2;
const ENTRY_SIZE = 8;
const NO_ID = 0xffff_ffff;
const TAG = { owner: 1, user: 2, groupObject: 4, group: 8, mask: 0x10, other: 0x20 } as const;

/**
 * Decodes an access ACL.
 *
 * @returns What it has beyond the mode; undefined if it has no mask, as then the mode says it all.
 * @throws {FormatError} If `value` is no ACL.
 */
export function decodeAccessAcl(value: Uint8Array, names: AclNames): AccessAcl | undefined {
  const { users, groups, mask, groupObject } = decode(value, names);
  return mask === undefined ? undefined : { users, groups, groupObject };
}

/**
 * Decodes a default ACL.
 *
 * @returns Undefined if it is empty.
 * @throws {FormatError} If `value` is no ACL.
 */
export function decodeDefaultAcl(value: Uint8Array, names: AclNames): DefaultAcl | undefined {
  return value.length <= 4 ? undefined : decode(value, names);
}

function decode(value: Uint8Array, names: AclNames): DefaultAcl {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 4 || view.getUint32(0, true) !== VERSION || (value.length - 4) % ENTRY_SIZE !== 0) {
    throw new FormatError("Cannot read ACL: it is not of version 2");
  }
  const users: AclEntry[] = [];
  const groups: AclEntry[] = [];
  const acl = {
    userObject: 0,
    groupObject: 0,
    other: 0,
    mask: undefined as number | undefined,
    users,
    groups,
  };
  for (let at = 4; at < value.length; at += ENTRY_SIZE) {
    const tag = view.getUint16(at, true);
    const permissions = view.getUint16(at + 2, true) & 7;
    const id = view.getUint32(at + 4, true);
    if (tag === TAG.owner) acl.userObject = permissions;
    else if (tag === TAG.user) users.push({ id, permissions, name: names.userName(id) });
    else if (tag === TAG.groupObject) acl.groupObject = permissions;
    else if (tag === TAG.group) groups.push({ id, permissions, name: names.groupName(id) });
    else if (tag === TAG.mask) acl.mask = permissions;
    else if (tag === TAG.other) acl.other = permissions;
    else throw new FormatError(`Cannot read ACL: tag ${tag} is unknown`);
  }
  users.sort((a, b) => a.id - b.id);
  groups.sort((a, b) => a.id - b.id);
  return acl;
}

/** Encodes the access ACL of an inode whose mode has these permission bits. */
export function encodeAccessAcl(acl: AccessAcl, mode: number): Uint8Array<ArrayBuffer> {
  return encode({
    userObject: mode >> 6 & 7,
    groupObject: acl.groupObject,
    other: mode & 7,
    mask: mode >> 3 & 7,
    users: acl.users,
    groups: acl.groups,
  });
}

/** Encodes a default ACL. */
export function encodeDefaultAcl(acl: DefaultAcl): Uint8Array<ArrayBuffer> {
  return encode(acl);
}

function encode(acl: DefaultAcl): Uint8Array<ArrayBuffer> {
  const byId = (entries: readonly AclEntry[]) => entries.toSorted((a, b) => a.id - b.id);
  // In the order that the kernel insists on.
  const rows: (readonly [tag: number, permissions: number, id: number])[] = [
    [TAG.owner, acl.userObject, NO_ID],
    ...byId(acl.users).map(({ id, permissions }) => [TAG.user, permissions, id] as const),
    [TAG.groupObject, acl.groupObject, NO_ID],
    ...byId(acl.groups).map(({ id, permissions }) => [TAG.group, permissions, id] as const),
  ];
  if (acl.mask !== undefined) rows.push([TAG.mask, acl.mask, NO_ID]);
  rows.push([TAG.other, acl.other, NO_ID]);
  const out = new DataView(new ArrayBuffer(4 + rows.length * ENTRY_SIZE));
  out.setUint32(0, VERSION, true);
  for (const [row, [tag, permissions, id]] of rows.entries()) {
    const at = 4 + row * ENTRY_SIZE;
    out.setUint16(at, tag, true);
    out.setUint16(at + 2, permissions, true);
    out.setUint32(at + 4, id, true);
  }
  return new Uint8Array(out.buffer);
}
