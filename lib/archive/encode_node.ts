/**
 * Inodes to the records that describe them.
 *
 * @module
 */

import type { ByteWriter } from "../format/byte_writer.ts";
import { RECORD } from "../format/elements.ts";
import { encodeDevice, encodePayloadHeader, filenameProblem } from "../format/elements_content.ts";
import { encodeEntry } from "../format/elements_entry.ts";
import {
  encodeAclDefault,
  encodeAclEntry,
  encodeAclGroupObject,
  encodeFcaps,
  encodeProjectId,
  encodeText,
  encodeXattr,
} from "../format/elements_metadata.ts";
import type { ArchiveNode } from "./entry.ts";
import { normalizeNode, type RecordingOptions } from "./normalize_node.ts";

/** How a node is written. */
export interface EncodeNodeOptions extends RecordingOptions {
  /** Name in its directory; undefined for the root. */
  readonly name?: Uint8Array | undefined;
}

/**
 * Appends the records of an inode: FILENAME if it has a name, ENTRY, metadata, and SYMLINK, DEVICE or the
 * header of PAYLOAD.
 *
 * Of a file, as many bytes as its size have to follow; of a directory its entries, and the GOODBYE.
 *
 * @param out Where to; if this throws, it holds what was there before.
 * @throws {UnsupportedError} If the format cannot express an owner or a time.
 * @throws {RangeError} If the kind of the node is not recorded, or its name or a value is invalid.
 */
export function encodeNode(out: ByteWriter, node: ArchiveNode, options: EncodeNodeOptions): void {
  const { name, rules, xattrForm = "casync" } = options;
  const problem = name === undefined ? undefined : filenameProblem(name);
  if (problem !== undefined) throw new RangeError(`Cannot archive node: its ${problem}`);
  const recorded = normalizeNode(node, options);

  if (name !== undefined) encodeText(out, { type: RECORD.FILENAME, text: name });
  encodeEntry(out, {
    flags: rules.flags,
    kind: recorded.kind,
    permissions: recorded.permissions,
    attributes: recorded.attributes,
    uid: recorded.uid,
    gid: recorded.gid,
    mtime: recorded.mtime,
  });
  if (recorded.user !== undefined) encodeText(out, { type: RECORD.USER, text: recorded.user });
  if (recorded.group !== undefined) encodeText(out, { type: RECORD.GROUP, text: recorded.group });
  for (const xattr of recorded.xattrs) {
    encodeXattr(out, { name: xattr.name, value: xattr.value, form: xattrForm });
  }
  encodeAcls(out, recorded);
  if (recorded.selinux !== undefined) encodeText(out, { type: RECORD.SELINUX, text: recorded.selinux });
  if (recorded.fcaps !== undefined) encodeFcaps(out, recorded.fcaps);
  if (recorded.projectId !== undefined) encodeProjectId(out, recorded.projectId);

  switch (recorded.kind) {
    case "file":
      return encodePayloadHeader(out, recorded.size);
    case "symlink":
      return encodeText(out, { type: RECORD.SYMLINK, text: recorded.target });
    case "block-device":
    case "character-device":
      return encodeDevice(out, recorded);
  }
}

function encodeAcls(out: ByteWriter, { acl, defaultAcl }: ArchiveNode): void {
  if (acl !== undefined) {
    for (const entry of acl.users) encodeAclEntry(out, { type: RECORD.ACL_USER, entry });
    for (const entry of acl.groups) encodeAclEntry(out, { type: RECORD.ACL_GROUP, entry });
    encodeAclGroupObject(out, acl.groupObject);
  }
  if (defaultAcl !== undefined) {
    encodeAclDefault(out, defaultAcl);
    for (const entry of defaultAcl.users) encodeAclEntry(out, { type: RECORD.ACL_DEFAULT_USER, entry });
    for (const entry of defaultAcl.groups) encodeAclEntry(out, { type: RECORD.ACL_DEFAULT_GROUP, entry });
  }
}
