/**
 * What an archive keeps of an inode, by its feature flags: the form in which casync writes it.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { isDevice, MAX_TARGET_SIZE } from "../format/elements_content.ts";
import {
  isPortableOwnerName,
  MAX_XATTR_SIZE,
  type XattrForm,
  xattrNameProblem,
} from "../format/elements_metadata.ts";
import {
  isRecordedId,
  recordedAttributes,
  recordedPermissions,
  recordedTime,
  type RecordingRules,
  recordsKind,
} from "../format/elements_rules.ts";
import { compareAclEntries } from "./acl.ts";
import { compareBytes } from "./bytes_order.ts";
import type { AccessAcl, AclEntry, ArchiveNode, DefaultAcl, NodeMetadata, Xattr } from "./entry.ts";

const NO_XATTRS: readonly Xattr[] = [];
const MAX_FCAPS_SIZE = 65_536;
/** All ones mean "no time". */
const NO_TIME = 0xffff_ffff_ffff_ffffn;

/** How nodes are recorded. */
export interface RecordingOptions {
  /** Of the feature flags. */
  readonly rules: RecordingRules;
  /** How extended attributes are stored; only desync's form has those of symbolic links. @default "casync" */
  readonly xattrForm?: XattrForm | undefined;
}

/**
 * Drops what is not recorded, rounds times, and brings lists into their order.
 *
 * Doing it again changes nothing. It is also what a reader gets back.
 *
 * @throws {UnsupportedError} If the format cannot express an owner or a time.
 * @throws {RangeError} If the kind of the node is not recorded, or a value is none that an inode can have.
 */
export function normalizeNode(node: ArchiveNode, options: RecordingOptions): ArchiveNode {
  const { rules, xattrForm = "casync" } = options;
  const { kind } = node;
  if (!recordsKind(rules, kind)) {
    invalid(`a ${kind} is not recorded with feature flags 0x${rules.flags.toString(16)}`);
  }
  const isLink = kind === "symlink";
  const metadata: NodeMetadata = {
    permissions: recordedPermissions(rules, node),
    attributes: recordedAttributes(rules, node),
    uid: ownerId(rules, node.uid),
    gid: ownerId(rules, node.gid),
    user: ownerName(rules, { id: node.uid, name: node.user }),
    group: ownerName(rules, { id: node.gid, name: node.group }),
    mtime: time(rules, node.mtime),
    xattrs: rules.xattrs && (!isLink || xattrForm === "desync") ? sortXattrs(node.xattrs) : NO_XATTRS,
    acl: rules.acl && !isLink ? accessAcl(rules, node.acl) : undefined,
    defaultAcl: rules.acl && kind === "directory" ? defaultAcl(rules, node.defaultAcl) : undefined,
    selinux: rules.selinux ? label(node.selinux) : undefined,
    fcaps: rules.fcaps && kind === "file" ? capabilities(node.fcaps) : undefined,
    projectId: rules.projectId && (kind === "file" || kind === "directory")
      ? project(node.projectId)
      : undefined,
  };
  switch (node.kind) {
    case "file":
      if (!Number.isSafeInteger(node.size) || node.size < 0) invalid(`its size is ${node.size}`);
      return { ...metadata, kind: node.kind, size: node.size };
    case "symlink":
      checkText(node.target, "target");
      return { ...metadata, kind: node.kind, target: node.target };
    case "block-device":
    case "character-device":
      if (!isDevice(node)) invalid(`there is no device ${node.major}:${node.minor}`);
      return { ...metadata, kind: node.kind, major: node.major, minor: node.minor };
    default:
      return { ...metadata, kind: node.kind };
  }
}

function ownerId(rules: RecordingRules, id: number): number {
  if (rules.idBits === 0) return 0;
  if (!Number.isInteger(id) || id < 0) invalid(`${id} is no user or group`);
  if (!isRecordedId(rules, id)) {
    throw new UnsupportedError(
      `Cannot archive node: ${id} is no owner that ${rules.idBits}-bit IDs can name`,
    );
  }
  return id;
}

/** Names are kept of all but root, and only if casync can read them. */
function ownerName(
  rules: RecordingRules,
  owner: { readonly id: number; readonly name: Uint8Array | undefined },
): Uint8Array | undefined {
  const { id, name } = owner;
  if (!rules.userNames) return undefined;
  // As casync does: where no numbers are recorded, they take the place of names that are missing.
  if (name === undefined) {
    return rules.idBits === 0 && id !== 0 ? new TextEncoder().encode(`${id}`) : undefined;
  }
  // Without numbers, 0 is no more than a place-holder.
  if (id === 0 && rules.idBits !== 0) return undefined;
  return isPortableOwnerName(name) || (rules.idBits === 0 && isNumber(name)) ? name : undefined;
}

function isNumber(text: Uint8Array): boolean {
  return text.length > 0 && text.every((byte) => byte >= 0x30 && byte <= 0x39);
}

function time(rules: RecordingRules, mtime: bigint): bigint {
  const stored = recordedTime(rules, mtime);
  if (stored === NO_TIME) {
    throw new UnsupportedError("Cannot archive node: a time of 1 ns before 1970 means none");
  }
  return BigInt.asIntN(64, stored);
}

function sortXattrs(xattrs: readonly Xattr[]): readonly Xattr[] {
  if (xattrs.length === 0) return NO_XATTRS;
  let sorted = true;
  for (const [i, { name, value }] of xattrs.entries()) {
    const problem = xattrNameProblem(name);
    if (problem !== undefined) invalid(`an extended attribute's ${problem}`);
    if (value.length > MAX_XATTR_SIZE) invalid(`an extended attribute has ${value.length} bytes`);
    if (i > 0 && compareBytes(xattrs[i - 1]!.name, name) >= 0) sorted = false;
  }
  if (sorted) return xattrs;
  const copy = xattrs.toSorted((a, b) => compareBytes(a.name, b.name));
  if (copy.some(({ name }, i) => i > 0 && compareBytes(copy[i - 1]!.name, name) === 0)) {
    invalid("it has an extended attribute twice");
  }
  return copy;
}

function accessAcl(rules: RecordingRules, acl: AccessAcl | undefined): AccessAcl | undefined {
  if (acl === undefined) return undefined;
  checkPermissions(acl.groupObject);
  return {
    users: aclEntries(rules, acl.users),
    groups: aclEntries(rules, acl.groups),
    groupObject: acl.groupObject,
  };
}

function defaultAcl(rules: RecordingRules, acl: DefaultAcl | undefined): DefaultAcl | undefined {
  if (acl === undefined) return undefined;
  const { userObject, groupObject, other, mask } = acl;
  for (const permissions of [userObject, groupObject, other, mask ?? 0]) checkPermissions(permissions);
  if (mask === undefined && acl.users.length + acl.groups.length > 0) invalid("its default ACL has no mask");
  return {
    ...{ userObject, groupObject, other, mask },
    users: aclEntries(rules, acl.users),
    groups: aclEntries(rules, acl.groups),
  };
}

function aclEntries(rules: RecordingRules, entries: readonly AclEntry[]): readonly AclEntry[] {
  if (entries.length === 0) return entries;
  const recorded = entries.map(({ id, permissions, name }) => {
    checkPermissions(permissions);
    return { id: ownerId(rules, id), permissions, name: ownerName(rules, { id, name }) };
  });
  recorded.sort(compareAclEntries);
  if (recorded.some((entry, i) => i > 0 && compareAclEntries(recorded[i - 1]!, entry) === 0)) {
    invalid("its ACL has an entry twice");
  }
  return recorded;
}

function checkPermissions(permissions: number): void {
  if (!Number.isInteger(permissions) || permissions < 0 || permissions > 7) {
    invalid(`its ACL has permissions ${permissions}`);
  }
}

function label(text: Uint8Array | undefined): Uint8Array | undefined {
  if (text !== undefined) checkText(text, "label");
  return text;
}

function checkText(text: Uint8Array, what: string): void {
  if (text.length === 0 || text.length > MAX_TARGET_SIZE || text.includes(0)) {
    invalid(`its ${what} is not of 1 to ${MAX_TARGET_SIZE} bytes without NUL`);
  }
}

function capabilities(fcaps: Uint8Array | undefined): Uint8Array | undefined {
  if (fcaps !== undefined && fcaps.length > MAX_FCAPS_SIZE) {
    invalid(`its capabilities have ${fcaps.length} bytes`);
  }
  return fcaps;
}

function project(id: number | undefined): number | undefined {
  if (id === undefined || id === 0) return undefined;
  if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) invalid(`its project is ${id}`);
  return id;
}

function invalid(reason: string): never {
  throw new RangeError(`Cannot archive node: ${reason}`);
}
