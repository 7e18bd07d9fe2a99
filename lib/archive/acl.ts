/**
 * ACLs in archives: the order of their entries.
 *
 * @module
 */

import { compareBytes } from "./bytes_order.ts";
import type { AclEntry } from "./entry.ts";

/**
 * Orders entries of an ACL as archives do: by ID, without a name first, then by name, then by permissions.
 */
export function compareAclEntries(a: AclEntry, b: AclEntry): number {
  if (a.id !== b.id) return a.id - b.id;
  if (a.name !== undefined && b.name !== undefined) {
    return compareBytes(a.name, b.name) || a.permissions - b.permissions;
  }
  if (a.name === b.name) return a.permissions - b.permissions;
  return a.name === undefined ? -1 : 1;
}
