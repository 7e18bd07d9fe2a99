/**
 * What the members of a tar archive are, in few bytes each.
 *
 * All members have to be known before the first is passed on. As objects they would take a kilobyte each, which is
 * why their metadata are kept as bytes, and made into objects again when their turn comes.
 *
 * @module
 */

import { compareBytes } from "./bytes_order.ts";
import type { ArchiveNode, NodeKind, NodeMetadata } from "./entry.ts";

/** Where an inode, or bytes of it, are in the table. */
export type InodeHandle = number;

/** An inode, and where its content is. */
export interface TarInode {
  /** Its metadata. */
  readonly node: ArchiveNode;
  /** Of a file: where its content begins. */
  readonly contentOffset: number;
  /** Of a file with holes: offset and size of each part that there is; undefined for all of the file. */
  readonly extents: Float64Array | undefined;
}

/** An inode to add. */
export interface NewTarInode {
  /** Its metadata; those in `extra` are taken from there. */
  readonly node: ArchiveNode;
  /** Metadata that only PAX records can say, in the form of these records; empty if there are none. */
  readonly extra: Uint8Array;
  /** Of a file: where its content begins. @default 0 */
  readonly contentOffset?: number | undefined;
  /** Of a file with holes: offset and size of each part that there is. */
  readonly extents?: readonly number[] | undefined;
}

/** Metadata that only PAX records can say. */
export type ExtraMetadata = Pick<NodeMetadata, "xattrs" | "acl" | "defaultAcl" | "selinux" | "fcaps">;

type Kind = ArchiveNode["kind"];

const KINDS: readonly Kind[] = [
  ...["directory", "file", "symlink", "block-device", "character-device", "fifo", "socket"] as const,
];
const PAGE_SIZE = 1 << 20;
/** Bytes of an inode: kind, permissions, owners, names of owners, time, two numbers, two handles. */
const RECORD_SIZE = 60;
const NONE = -1;
const NO_NAME = 0xffff_ffff;
const NO_EXTRA: ExtraMetadata = { xattrs: [] };

/** Inodes by their handles. */
export class InodeTable {
  readonly #decodeExtra: (extra: Uint8Array) => ExtraMetadata;
  /** Larger things have a page of their own. */
  readonly #pages: DataView<ArrayBuffer>[] = [];
  /** The page that is being filled, and how far it is. */
  #page = NONE;
  #used = PAGE_SIZE;
  readonly #names: Uint8Array[] = [];
  readonly #nameIndexes = new Map<Uint8Array, number>();
  #lastExtra: { readonly bytes: Uint8Array; readonly handle: number } | undefined;

  /** Starts empty. @param decodeExtra Makes metadata of the records that inodes are added with. */
  constructor(decodeExtra: (extra: Uint8Array) => ExtraMetadata) {
    this.#decodeExtra = decodeExtra;
  }

  /** Adds an inode, which is copied; all but names of owners, which are kept and had better be shared. */
  add({ node, extra, contentOffset = 0, extents }: NewTarInode): InodeHandle {
    const detail = node.kind === "symlink"
      ? this.#addBytes(node.target)
      : extents === undefined
      ? NONE
      : this.#addBytes(new Uint8Array(Float64Array.from(extents).buffer));
    const extraHandle = extra.length === 0 ? NONE : this.#addExtra(extra);
    const isFile = node.kind === "file";
    const isDevice = node.kind === "block-device" || node.kind === "character-device";
    const handle = this.#allocate(RECORD_SIZE);
    const { view, at } = this.#place(handle);
    view.setUint8(at, KINDS.indexOf(node.kind));
    view.setUint16(at + 2, node.permissions);
    view.setUint32(at + 4, node.uid);
    view.setUint32(at + 8, node.gid);
    view.setUint32(at + 12, this.#nameIndex(node.user));
    view.setUint32(at + 16, this.#nameIndex(node.group));
    view.setBigInt64(at + 20, node.mtime);
    view.setFloat64(at + 28, isFile ? node.size : isDevice ? node.major : 0);
    view.setFloat64(at + 36, isFile ? contentOffset : isDevice ? node.minor : 0);
    view.setFloat64(at + 44, detail);
    view.setFloat64(at + 52, extraHandle);
    return handle;
  }

  /** Kind of an inode. */
  kind(handle: InodeHandle): Kind {
    const { view, at } = this.#place(handle);
    return KINDS[view.getUint8(at)]!;
  }

  /** An inode as a fresh object; what is in it as bytes is shared. */
  get(handle: InodeHandle): TarInode {
    const { view, at } = this.#place(handle);
    const [first, second] = [view.getFloat64(at + 28), view.getFloat64(at + 36)];
    const [detail, extra] = [view.getFloat64(at + 44), view.getFloat64(at + 52)];
    const kind = KINDS[view.getUint8(at)]!;
    const node: ArchiveNode = {
      ...this.#kindOf(kind, { first, second, detail }),
      permissions: view.getUint16(at + 2),
      attributes: 0n,
      uid: view.getUint32(at + 4),
      gid: view.getUint32(at + 8),
      user: this.#names[view.getUint32(at + 12)],
      group: this.#names[view.getUint32(at + 16)],
      mtime: view.getBigInt64(at + 20),
      ...(extra === NONE ? NO_EXTRA : this.#decodeExtra(this.#bytes(extra))),
    };
    // A copy, as numbers of an array have to be aligned.
    const extents = kind === "file" && detail !== NONE
      ? new Float64Array(this.#bytes(detail).slice().buffer)
      : undefined;
    return { node, contentOffset: second, extents };
  }

  #kindOf(
    kind: Kind,
    fields: { readonly first: number; readonly second: number; readonly detail: number },
  ): NodeKind {
    switch (kind) {
      case "file":
        return { kind, size: fields.first };
      case "symlink":
        return { kind, target: this.#bytes(fields.detail) };
      case "block-device":
      case "character-device":
        return { kind, major: fields.first, minor: fields.second };
      default:
        return { kind };
    }
  }

  #nameIndex(name: Uint8Array | undefined): number {
    if (name === undefined) return NO_NAME;
    let index = this.#nameIndexes.get(name);
    if (index === undefined) {
      index = this.#names.push(name) - 1;
      this.#nameIndexes.set(name, index);
    }
    return index;
  }

  /** Mostly many inodes in a row have the same, and of global records all do. */
  #addExtra(bytes: Uint8Array): number {
    const last = this.#lastExtra;
    if (last !== undefined && compareBytes(last.bytes, bytes) === 0) return last.handle;
    const handle = this.#addBytes(bytes);
    this.#lastExtra = { bytes: this.#bytes(handle), handle };
    return handle;
  }

  #addBytes(bytes: Uint8Array): number {
    const handle = this.#allocate(4 + bytes.length);
    const { view, at } = this.#place(handle);
    view.setUint32(at, bytes.length);
    new Uint8Array(view.buffer, at + 4).set(bytes);
    return handle;
  }

  #bytes(handle: number): Uint8Array<ArrayBuffer> {
    const { view, at } = this.#place(handle);
    return new Uint8Array(view.buffer, at + 4, view.getUint32(at));
  }

  #allocate(size: number): number {
    if (size > PAGE_SIZE / 4) return (this.#addPage(size) - 1) * PAGE_SIZE;
    if (this.#used + size > PAGE_SIZE) {
      this.#page = this.#addPage(PAGE_SIZE) - 1;
      this.#used = 0;
    }
    const handle = this.#page * PAGE_SIZE + this.#used;
    this.#used += size;
    return handle;
  }

  #addPage(size: number): number {
    return this.#pages.push(new DataView(new ArrayBuffer(size)));
  }

  #place(handle: number): { readonly view: DataView<ArrayBuffer>; readonly at: number } {
    const page = Math.floor(handle / PAGE_SIZE);
    return { view: this.#pages[page]!, at: handle - page * PAGE_SIZE };
  }
}
