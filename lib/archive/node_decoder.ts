/**
 * Collects the records of one inode, and checks them against each other and against the feature flags.
 *
 * @module
 */

import type { ByteReader } from "../format/byte_reader.ts";
import type { RecordType } from "../format/elements.ts";
import type { Entry, InodeKind } from "../format/elements_entry.ts";
import {
  type AclDefaultElement,
  decodeAclDefault,
  decodeAclEntry,
  decodeAclGroupObject,
  decodeFcaps,
  decodeLabel,
  decodeOwnerName,
  decodeProjectId,
  decodeXattr,
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
import type { AclEntry, ArchiveNode, NodeKind, Xattr } from "./entry.ts";

/** Bytes that a value is assumed to take beside its content. */
const OVERHEAD = 64;
const NO_TIME = 0xffff_ffff_ffff_ffffn;
const NO_OWNER = 0xffff_ffff;

const NO_XATTRS: readonly Xattr[] = [];

/** What a decoder of nodes goes by. */
export interface NodeDecoderOptions {
  /** Of the archive's feature flags. */
  readonly rules: RecordingRules;
  /** Whose rules hold; `auto`: desync's, until an extended attribute tells otherwise. */
  readonly dialect: "casync" | "desync" | "auto";
  /** Most bytes that the metadata of one inode may take. */
  readonly maxMetadataSize: number;
}

/** Decodes one inode after the other. */
export class NodeDecoder {
  readonly #rules: RecordingRules;
  readonly #maxSize: number;
  readonly #isLenient: boolean;
  /** Form of the extended attributes; undefined until the first of an archive in an unknown dialect. */
  #xattrForm: "casync" | "desync" | undefined;
  #entry!: Entry;
  #mtime = 0n;
  #rank = 0;
  #size = 0;
  #user: Uint8Array | undefined;
  #group: Uint8Array | undefined;
  #lastUser: Uint8Array | undefined;
  #lastGroup: Uint8Array | undefined;
  #xattrs: Xattr[] | undefined;
  #lists: Partial<Record<string, AclEntry[]>> | undefined;
  #groupObject: number | undefined;
  #default: AclDefaultElement | undefined;
  #selinux: Uint8Array | undefined;
  #fcaps: Uint8Array | undefined;
  #projectId: number | undefined;

  /** Starts without an inode. */
  constructor(options: NodeDecoderOptions) {
    this.#rules = options.rules;
    this.#maxSize = options.maxMetadataSize;
    this.#isLenient = options.dialect !== "casync";
    this.#xattrForm = options.dialect === "auto" ? undefined : options.dialect;
  }

  /** Kind of the inode. */
  get kind(): InodeKind {
    return this.#entry.kind;
  }

  /** Begins an inode. @throws {FormatError} If the flags do not let it be recorded like this. */
  begin(reader: ByteReader, entry: Entry): void {
    const rules = this.#rules;
    const { kind, permissions, attributes, uid, gid, mtime } = entry;
    if (entry.flags !== rules.flags) {
      reader.fail(`its feature flags are 0x${entry.flags.toString(16)}, not 0x${rules.flags.toString(16)}`);
    }
    if (!recordsKind(rules, kind)) reader.fail(`feature flags do not let a ${kind} be recorded`);
    // desync keeps the permissions of links in tar files.
    if (recordedPermissions(rules, entry) !== permissions && !(this.#isLenient && kind === "symlink")) {
      reader.fail(`feature flags do not let a ${kind} have permissions 0${permissions.toString(8)}`);
    }
    if (recordedAttributes(rules, entry) !== attributes) {
      reader.fail(`feature flags do not let a ${kind} have attributes 0x${attributes.toString(16)}`);
    }
    this.#checkId(reader, uid);
    this.#checkId(reader, gid);
    if (recordedTime(rules, mtime) !== mtime || (mtime === NO_TIME && !this.#isLenient)) {
      reader.fail(`feature flags do not let mtime be ${mtime}`);
    }
    this.#entry = entry;
    this.#mtime = BigInt.asIntN(64, mtime);
    this.#rank = 0;
    this.#size = 0;
    this.#user = this.#group = undefined;
    this.#xattrs = undefined;
    this.#lists = undefined;
    this.#groupObject = undefined;
    this.#default = undefined;
    this.#selinux = this.#fcaps = undefined;
    this.#projectId = undefined;
  }

  /**
   * Adds a record.
   *
   * @param reader At the body of the record.
   * @throws {FormatError} If it is not valid, or may not be here.
   */
  add(type: RecordType, reader: ByteReader): void {
    if (type.rank < this.#rank || (type.rank === this.#rank && !type.repeats)) {
      reader.fail("it comes too late: metadata have a fixed order");
    }
    this.#rank = type.rank;
    this.#size += reader.left + OVERHEAD;
    if (this.#size > this.#maxSize) {
      reader.fail(`metadata of one inode take more than ${this.#maxSize} bytes`);
    }
    const { kind } = this.#entry;
    const isDirectory = kind === "directory";
    switch (type.name) {
      case "USER":
        this.#demand(reader, this.#rules.userNames);
        this.#user = this.#lastUser = ownerName(reader, this.#lastUser);
        return;
      case "GROUP":
        this.#demand(reader, this.#rules.userNames);
        this.#group = this.#lastGroup = ownerName(reader, this.#lastGroup);
        return;
      case "XATTR":
        this.#demand(reader, this.#rules.xattrs);
        if (kind === "symlink" && !this.#isLenient) reader.fail("a symlink cannot have it");
        return this.#addXattr(reader);
      case "ACL_USER":
      case "ACL_GROUP":
        return this.#addAclEntry(reader, type);
      case "ACL_DEFAULT_USER":
      case "ACL_DEFAULT_GROUP":
        if (this.#default === undefined) reader.fail("there is no ACL_DEFAULT before it");
        if (this.#default.mask === undefined) reader.fail("the ACL_DEFAULT before it has no mask");
        return this.#addAclEntry(reader, type);
      case "ACL_GROUP_OBJ":
        this.#demandAcl(reader);
        this.#groupObject = decodeAclGroupObject(reader);
        return;
      case "ACL_DEFAULT":
        this.#demandAcl(reader);
        if (!isDirectory) reader.fail(`a ${kind} cannot have it`);
        this.#checkAcl(reader);
        this.#default = decodeAclDefault(reader);
        return;
      case "SELINUX":
        this.#demand(reader, this.#rules.selinux);
        this.#selinux = decodeLabel(reader);
        return;
      case "FCAPS":
        if (kind !== "file") reader.fail(`a ${kind} cannot have it`);
        this.#fcaps = decodeFcaps(reader);
        return;
      case "QUOTA_PROJID":
        if (kind !== "file" && !isDirectory) reader.fail(`a ${kind} cannot have it`);
        this.#projectId = decodeProjectId(reader);
    }
  }

  /**
   * The inode, once the first record of its content is there.
   *
   * @param reader Fails in the name of that record.
   * @param content What that record says.
   * @throws {FormatError} If records are missing.
   */
  finish(reader: ByteReader, content: NodeKind): ArchiveNode {
    if (this.#lists !== undefined) this.#checkAcl(reader);
    const { permissions, attributes, uid, gid } = this.#entry;
    const lists = this.#lists;
    return {
      ...content,
      permissions,
      attributes,
      uid,
      gid,
      user: this.#user,
      group: this.#group,
      mtime: this.#mtime,
      xattrs: this.#xattrs ?? NO_XATTRS,
      acl: this.#groupObject === undefined ? undefined : {
        users: lists?.ACL_USER ?? [],
        groups: lists?.ACL_GROUP ?? [],
        groupObject: this.#groupObject,
      },
      defaultAcl: this.#default === undefined ? undefined : {
        ...this.#default,
        users: lists?.ACL_DEFAULT_USER ?? [],
        groups: lists?.ACL_DEFAULT_GROUP ?? [],
      },
      selinux: this.#selinux,
      fcaps: this.#fcaps,
      projectId: this.#projectId,
    };
  }

  #demand(reader: ByteReader, isRecorded: boolean): void {
    if (!isRecorded) reader.fail("feature flags do not let it be recorded");
  }

  #demandAcl(reader: ByteReader): void {
    this.#demand(reader, this.#rules.acl);
    if (this.#entry.kind === "symlink") reader.fail("a symlink cannot have it");
  }

  #checkId(reader: ByteReader, id: number): void {
    // desync archives what casync refuses to; -1 alone would mean something else on extraction.
    if (!isRecordedId(this.#rules, id) && !(this.#isLenient && id < NO_OWNER)) {
      reader.fail(`feature flags do not let owner be ${id}`);
    }
  }

  #addXattr(reader: ByteReader): void {
    let xattr: Xattr = decodeXattr(reader, this.#xattrForm ?? "casync");
    if (this.#xattrForm === undefined) {
      // The first one tells who wrote the archive.
      this.#xattrForm = xattr.value.at(-1) === 0 ? "desync" : "casync";
      if (this.#xattrForm === "desync") xattr = { name: xattr.name, value: xattr.value.slice(0, -1) };
    }
    const last = this.#xattrs?.at(-1);
    if (last !== undefined && compareBytes(last.name, xattr.name) >= 0) {
      reader.fail("names of extended attributes are not in ascending order");
    }
    (this.#xattrs ??= []).push(xattr);
  }

  #addAclEntry(reader: ByteReader, type: RecordType): void {
    this.#demandAcl(reader);
    const entry = decodeAclEntry(reader);
    this.#checkId(reader, entry.id);
    if (entry.name !== undefined) this.#demand(reader, this.#rules.userNames);
    const list = (this.#lists ??= {})[type.name] ??= [];
    const last = list.at(-1);
    if (last !== undefined && compareAclEntries(last, entry) >= 0) {
      reader.fail("entries are not in ascending order");
    }
    list.push(entry);
  }

  #checkAcl(reader: ByteReader): void {
    const lists = this.#lists;
    const hasNamed = lists?.ACL_USER !== undefined || lists?.ACL_GROUP !== undefined;
    if (hasNamed && this.#groupObject === undefined) reader.fail("there is no ACL_GROUP_OBJ before it");
  }
}

/** Reads the name of an owner, which mostly is that of the inode before. */
function ownerName(reader: ByteReader, last: Uint8Array | undefined): Uint8Array {
  return last !== undefined && reader.isText(last) ? last : decodeOwnerName(reader);
}
