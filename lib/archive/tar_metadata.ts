/**
 * Metadata of tar members: fields of headers and PAX records to those of archives, and back.
 *
 * Extended attributes have the keywords of GNU tar and star (`SCHILY.xattr.`), those of bsdtar (`LIBARCHIVE.xattr.`)
 * are read as well. Attributes as chattr(1) sets them, and projects, are not in tar.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { MAX_XATTR_SIZE, xattrNameProblem } from "../format/elements_metadata.ts";
import { bytesKey, compareBytes } from "./bytes_order.ts";
import { isPlainXattr, XATTR_NAME } from "./disk_metadata.ts";
import type { ArchiveNode, DefaultAcl, NodeMetadata, Xattr } from "./entry.ts";
import { decodeAccessAcl, decodeDefaultAcl } from "./posix_acl.ts";
import { formatAcl, type OwnerIds, parseAcl } from "./tar_acl.ts";
import type { ExtraMetadata } from "./tar_inodes.ts";
import type { TarMember } from "./tar_members.ts";
import { parsePaxNumber, parsePaxTime, type PaxRecord } from "./tar_pax.ts";

/** Keywords of PAX records. */
export const PAX_KEY = {
  xattr: "SCHILY.xattr.",
  libarchiveXattr: "LIBARCHIVE.xattr.",
  accessAcl: "SCHILY.acl.access",
  defaultAcl: "SCHILY.acl.default",
  selinux: "RHT.security.selinux",
} as const;

const NO_XATTRS: readonly Xattr[] = [];
const NO_NAMES = { userName: () => undefined, groupName: () => undefined };
const MAX_ID = 0xffff_ffff;
const MAX_TIME = 2n ** 63n;
const DECODER = new TextDecoder("utf-8", { fatal: false });

/** How metadata are read. */
export interface TarMetadataOptions {
  /** Whom ACLs name. */
  readonly owners: OwnerIds;
  /** As of disks: `casync` takes `user.` and `trusted.`, `all` takes every one. */
  readonly xattrNamespaces: "casync" | "all";
  /** Returns the same bytes for equal names. */
  readonly share: (name: Uint8Array) => Uint8Array;
}

/** Whether names of an ACL have to be looked up to read the member's metadata. */
export function hasAcl({ pax }: TarMember): boolean {
  return pax.has(PAX_KEY.accessAcl) || pax.has(PAX_KEY.defaultAcl);
}

/** Metadata of a member. @throws {FormatError} If a value is none that an inode can have. */
export function tarMetadata(member: TarMember, options: TarMetadataOptions): NodeMetadata {
  const { header, pax } = member;
  const find = (key: string): Uint8Array | undefined => {
    const value = pax.get(key);
    return value?.length === 0 ? undefined : value;
  };
  const owner = (key: string, number: number): number => {
    const record = find(key);
    const id = record === undefined ? number : parsePaxNumber(record, "owner");
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID) {
      throw new FormatError(`Cannot read tar: ${id} is no owner`);
    }
    return id;
  };
  const name = (key: string, bytes: Uint8Array): Uint8Array | undefined => {
    const found = find(key) ?? bytes;
    // Archives have no name for root.
    return found.length === 0 || bytesKey(found.subarray(0, 5)) === "root" ? undefined : options.share(found);
  };
  const mtimeRecord = find("mtime");
  const mtime = mtimeRecord === undefined ? header.mtime : parsePaxTime(mtimeRecord);
  if (mtime >= MAX_TIME || mtime < -MAX_TIME) {
    throw new FormatError(
      `Cannot read tar: the time ${mtime / 1_000_000_000n} s does not fit into 64 bits of ns`,
    );
  }
  const extra = pax.size === 0 ? { xattrs: NO_XATTRS, mask: undefined } : xattrMetadata(pax, options);
  const { mask, ...special } = extra;
  const { permissions } = header;
  return {
    // Where there is a mask, it is the mode's part of the group; bsdtar puts the group's own permissions there.
    permissions: header.type === "2"
      ? 0o777
      : mask === undefined
      ? permissions
      : permissions & ~0o070 | mask << 3,
    attributes: 0n,
    uid: owner("uid", header.uid),
    gid: owner("gid", header.gid),
    user: name("uname", header.user),
    group: name("gname", header.group),
    mtime,
    ...special,
  };
}

/** Of the records of a member those that {@linkcode extraMetadata} reads; mostly none. */
export function extraRecords(pax: ReadonlyMap<string, Uint8Array>): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (const record of pax) {
    if (/^(SCHILY\.(xattr|acl)\.|LIBARCHIVE\.xattr\.|RHT\.)/.test(record[0])) records.push(record);
  }
  return records;
}

/** Metadata that only PAX records can say. Values are fresh. @throws {FormatError} If they are malformed. */
export function extraMetadata(
  pax: ReadonlyMap<string, Uint8Array>,
  options: Pick<TarMetadataOptions, "owners" | "xattrNamespaces">,
): ExtraMetadata {
  const { mask: _, ...metadata } = xattrMetadata(pax, options);
  return metadata;
}

function xattrMetadata(
  pax: ReadonlyMap<string, Uint8Array>,
  options: Pick<TarMetadataOptions, "owners" | "xattrNamespaces">,
): ExtraMetadata & { readonly mask: number | undefined } {
  const found = xattrsOf(pax);
  const get = (name: Uint8Array) => found.get(bytesKey(name));
  const accessText = pax.get(PAX_KEY.accessAcl);
  const defaultText = pax.get(PAX_KEY.defaultAcl);
  const accessValue = get(XATTR_NAME.accessAcl);
  const defaultValue = get(XATTR_NAME.defaultAcl);
  const access = accessText === undefined ? undefined : parseAcl(accessText, options.owners);
  const xattrs = [...found]
    .map(([key, value]): Xattr => ({ name: Uint8Array.from(key, (c) => c.charCodeAt(0)), value }))
    .filter(({ name }) => options.xattrNamespaces === "all" || isPlainXattr(name))
    .sort((a, b) => compareBytes(a.name, b.name));
  return {
    xattrs,
    mask: access?.mask,
    acl: access === undefined
      ? accessValue && decodeAccessAcl(accessValue, NO_NAMES)
      : access.mask === undefined // The mode says it all.
      ? undefined
      : { users: access.users, groups: access.groups, groupObject: access.groupObject },
    defaultAcl: defaultText === undefined
      ? defaultValue && decodeDefaultAcl(defaultValue, NO_NAMES)
      : defaultText.length === 0
      ? undefined
      : parseAcl(defaultText, options.owners),
    selinux: withoutNul(pax.get(PAX_KEY.selinux) ?? get(XATTR_NAME.selinux)),
    fcaps: get(XATTR_NAME.fcaps),
  };
}

/** Attributes by {@linkcode bytesKey} of their names; fresh values. */
function xattrsOf(pax: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const [keyword, value] of pax) {
    if (keyword.startsWith(PAX_KEY.libarchiveXattr)) {
      const key = percentDecode(keyword.slice(PAX_KEY.libarchiveXattr.length), /%([0-9A-Fa-f]{2})/g);
      // The same as of the other keyword, but it comes first.
      if (!found.has(key)) found.set(key, decodeBase64(value));
    } else if (keyword.startsWith(PAX_KEY.xattr)) {
      // What GNU tar writes for `=`, which would end the keyword.
      found.set(percentDecode(keyword.slice(PAX_KEY.xattr.length), /%(25|3[Dd])/g), value.slice());
    }
  }
  for (const [key, value] of found) {
    const problem = xattrNameProblem(Uint8Array.from(key, (c) => c.charCodeAt(0)));
    if (problem !== undefined) throw new FormatError(`Cannot read tar: an extended attribute's ${problem}`);
    if (value.length > MAX_XATTR_SIZE) {
      throw new FormatError(`Cannot read tar: an extended attribute has ${value.length} bytes`);
    }
  }
  return found;
}

function percentDecode(text: string, pattern: RegExp): string {
  return text.replace(pattern, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function decodeBase64(value: Uint8Array): Uint8Array {
  try {
    return Uint8Array.fromBase64(DECODER.decode(value)); // bsdtar leaves the padding out.
  } catch (cause) {
    throw new FormatError("Cannot read tar: an extended attribute is not in base 64", { cause });
  }
}

function withoutNul(value: Uint8Array | undefined): Uint8Array | undefined {
  const label = value?.at(-1) === 0 ? value.subarray(0, -1) : value;
  return label?.length === 0 ? undefined : label;
}

/** Records of what only PAX can say of an inode: attributes, ACLs, label and capabilities. */
export function xattrRecords(node: ArchiveNode): PaxRecord[] {
  const { xattrs, acl, defaultAcl, selinux, fcaps } = node;
  const records = xattrs.map(({ name, value }): PaxRecord => {
    // As GNU tar encodes it, but no more of it than has to be: bsdtar does not decode it.
    const key = bytesKey(name).replace(/%(?=25|3[Dd])/g, "%25").replaceAll("=", "%3D");
    return [PAX_KEY.xattr + key, value];
  });
  const fcapsKey = PAX_KEY.xattr + bytesKey(XATTR_NAME.fcaps);
  if (fcaps !== undefined && !records.some(([key]) => key === fcapsKey)) records.push([fcapsKey, fcaps]);
  if (selinux !== undefined) records.push([PAX_KEY.selinux, selinux]);
  if (acl !== undefined) {
    const { permissions } = node;
    const whole: DefaultAcl = {
      ...acl,
      userObject: permissions >> 6 & 7,
      mask: permissions >> 3 & 7,
      other: permissions & 7,
    };
    records.push([PAX_KEY.accessAcl, formatAcl(whole)]);
  }
  if (defaultAcl !== undefined) records.push([PAX_KEY.defaultAcl, formatAcl(defaultAcl)]);
  return records;
}
