/**
 * ACLs as text, the form in which tar has them: `user::rw-,user:1000:r--,group::r--,mask::r--,other::---`.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import type { AclEntry, DefaultAcl } from "./entry.ts";

/** Who owners are that an ACL only has the names of. */
export interface OwnerIds {
  /** ID of a user; undefined if there is none of that name. */
  userId(name: Uint8Array): number | undefined;
  /** ID of a group; undefined if there is none of that name. */
  groupId(name: Uint8Array): number | undefined;
}

const encoder = new TextEncoder();
const MAX_ID = 0xffff_fffe;

/**
 * Parses an ACL; star's fourth field, the ID behind the permissions, is understood.
 *
 * @throws {FormatError} If it is malformed, or names somebody who is not known here.
 */
export function parseAcl(text: Uint8Array, owners: OwnerIds): DefaultAcl {
  const users: AclEntry[] = [];
  const groups: AclEntry[] = [];
  const objects = { user: 0, group: 0, other: 0, mask: undefined as number | undefined };
  for (const part of new TextDecoder().decode(text).split(/[,\n]/)) {
    const entry = part.replace(/#.*/, "").trim();
    if (entry === "") continue;
    const [tag = "", name = "", letters = "", id] = entry.split(":");
    const kind = ({ u: "user", g: "group", o: "other", m: "mask" } as const)[tag[0] ?? ""];
    const permissions = parsePermissions(letters);
    if (kind === undefined || permissions === undefined) {
      throw new FormatError(`Cannot read tar: '${entry.slice(0, 100)}' is no entry of an ACL`);
    }
    if (kind === "other" || kind === "mask" || name === "") objects[kind] = permissions;
    else {
      const list = kind === "user" ? users : groups;
      list.push({ ...findOwner(name, { id, kind, owners }), permissions });
    }
  }
  const byId = (a: AclEntry, b: AclEntry) => a.id - b.id;
  return {
    ...{ userObject: objects.user, groupObject: objects.group, other: objects.other, mask: objects.mask },
    users: users.sort(byId),
    groups: groups.sort(byId),
  };
}

function parsePermissions(letters: string): number | undefined {
  if (!/^[rwx-]{0,3}$/.test(letters)) return undefined;
  const bit = (letter: string, value: number) => letters.includes(letter) ? value : 0;
  return bit("r", 4) | bit("w", 2) | bit("x", 1);
}

function findOwner(
  name: string,
  where: { readonly id: string | undefined; readonly kind: "user" | "group"; readonly owners: OwnerIds },
): Pick<AclEntry, "id" | "name"> {
  const { id, kind, owners } = where;
  const isNumber = /^\d+$/.test(name);
  const number = isNumber ? name : id;
  if (number !== undefined && /^\d{1,10}$/.test(number) && Number(number) <= MAX_ID) {
    return { id: Number(number), name: isNumber ? undefined : encoder.encode(name) };
  }
  const bytes = encoder.encode(name);
  const known = kind === "user" ? owners.userId(bytes) : owners.groupId(bytes);
  if (known === undefined) {
    throw new FormatError(
      `Cannot read tar: an ACL names the ${kind} '${name.slice(0, 100)}', who is not known here`,
    );
  }
  return { id: known, name: bytes };
}

/** Writes an ACL; owners by their IDs, unless only their names are known. */
export function formatAcl(acl: DefaultAcl): Uint8Array {
  const entry = (tag: string, permissions: number, owner: AclEntry | undefined = undefined): string => {
    const letters = ["r", "w", "x"].map((letter, i) => (permissions & 4 >> i) === 0 ? "-" : letter).join("");
    return `${tag}:${owner === undefined ? "" : ownerText(owner)}:${letters}`;
  };
  return encoder.encode(
    [
      entry("user", acl.userObject),
      ...acl.users.map((owner) => entry("user", owner.permissions, owner)),
      entry("group", acl.groupObject),
      ...acl.groups.map((owner) => entry("group", owner.permissions, owner)),
      ...(acl.mask === undefined ? [] : [entry("mask", acl.mask)]),
      entry("other", acl.other),
    ].join(","),
  );
}

/** GNU tar refuses star's fourth field in places, so it is either of the two. */
function ownerText({ id, name }: AclEntry): string {
  // Where no numbers are recorded, they are all 0.
  return name === undefined || id !== 0 ? `${id}` : new TextDecoder().decode(name);
}
