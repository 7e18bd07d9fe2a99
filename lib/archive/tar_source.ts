/**
 * tar archives as the events of an archive.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { isDevice, MAX_TARGET_SIZE } from "../format/elements_content.ts";
import { decodePax, encodePax, parsePaxNumber } from "./tar_pax.ts";
import { openTreePosix } from "../platform/tree.ts";
import { bytesKey } from "./bytes_order.ts";
import type { ArchiveEvent, ArchiveNode } from "./entry.ts";
import { Owners } from "./owners.ts";
import type { OwnerIds } from "./tar_acl.ts";
import { type InodeHandle, InodeTable, type TarInode } from "./tar_inodes.ts";
import { type TarFile, TarFileSource, TarInput } from "./tar_input.ts";
import { readMembers, type TarMember } from "./tar_members.ts";
import { extraMetadata, extraRecords, hasAcl, tarMetadata, type TarMetadataOptions } from "./tar_metadata.ts";
import { openSpool, type Spool } from "./tar_spool.ts";
import { parseTarPath, showPath, type TarNode, TarTree } from "./tar_tree.ts";

/** How a tar archive is read. */
export interface ReadTarOptions {
  /**
   * Put a root around the members that is nobody's: mode 0755, owner 0, the time 0; a member for the root is then
   * passed over. A root that is missing is made up in any case.
   *
   * @default false
   */
  readonly addRoot?: boolean | undefined;
  /** As of disks: `casync` takes `user.` and `trusted.`, `all` takes every one. @default "casync" */
  readonly xattrNamespaces?: "casync" | "all" | undefined;
  /** Stops reading a file; a stream has to end with an error by itself. */
  readonly signal?: AbortSignal | undefined;
  /** Is told what is odd, and what is left out. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

const PART_SIZE = 1 << 20;
const SLASH = 0x2f;
const LEAVE: ArchiveEvent = { type: "leave" };
/** Types that are no inodes, and what they are. */
const PASSED_OVER: Readonly<Record<string, string>> = {
  V: "the label of a volume",
  N: "a list of long names",
  A: "an ACL of Solaris",
  E: "extended attributes of Solaris",
};

/**
 * Reads a tar archive: V7, ustar, PAX, GNU and star.
 *
 * Members may come in any order. Directories that are missing are made up, hard links become files of their own, of two
 * members with one name the last counts, and names are made relative. All headers are read first. Contents of a file
 * are read when their turn comes, those of a stream are kept in a temporary file without a name; memory is needed for
 * the metadata, some 150 bytes a member.
 *
 * @param source Bytes of the archive, sliced in any way: a stream is cancelled if reading ends early. Or a file, which
 * stays the caller's, and may not change until the end.
 * @returns Events in the order of an archive. Contents are borrowed until the next event.
 * @throws {FormatError} If the archive is malformed or truncated, or a name leaves the root.
 * @throws {StoreError} If the temporary file cannot be written.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | TarFile,
  options: ReadTarOptions = {},
): AsyncGenerator<ArchiveEvent> {
  const file = "readAt" in source ? source : undefined;
  const input = new TarInput("readAt" in source ? new TarFileSource(source, options.signal) : source);
  const reader = new TarReader(options, file);
  try {
    await reader.read(input);
    yield* reader.events();
  } finally {
    reader.close();
    await input.close();
  }
}

class TarReader {
  readonly #options: ReadTarOptions;
  /** Where contents are, unless they are in the spool. */
  readonly #file: TarFile | undefined;
  readonly #inodes: InodeTable;
  readonly #tree: TarTree;
  readonly #names = new Map<string, Uint8Array>();
  readonly #warned = new Set<string>();
  readonly #buffer = new Uint8Array(PART_SIZE);
  readonly #metadata: TarMetadataOptions;
  #spool: Spool | undefined;
  #owners: OwnerIds = NOBODY;

  constructor(options: ReadTarOptions, file: TarFile | undefined) {
    this.#options = options;
    this.#file = file;
    this.#metadata = {
      owners: {
        userId: (name) => this.#owners.userId(name),
        groupId: (name) => this.#owners.groupId(name),
      },
      xattrNamespaces: options.xattrNamespaces ?? "casync",
      share: (name) => this.#share(name),
    };
    this.#inodes = new InodeTable((extra) => extraMetadata(new Map(decodePax(extra)), this.#metadata));
    this.#tree = new TarTree(this.#inodes);
  }

  async read(input: TarInput): Promise<void> {
    for await (const member of readMembers(input, (text) => this.#options.onWarning?.(text))) {
      if (hasAcl(member) && this.#owners === NOBODY) this.#owners = new Owners(await openTreePosix());
      await this.#add(member, input);
    }
    this.#tree.resolve();
  }

  close(): void {
    this.#spool?.[Symbol.dispose]();
  }

  /** Walks through the tree, without recursion as it may be deep. */
  *events(): Generator<ArchiveEvent> {
    const open: { readonly entries: ReadonlyMap<string, TarNode>; readonly names: string[] }[] = [];
    const enter = (entries: ReadonlyMap<string, TarNode>) =>
      // Reversed, to take them from the end. One character is one byte, so this is the order of bytes.
      open.push({ entries, names: [...entries.keys()].sort().reverse() });
    const { inode, entries } = this.#tree.root;
    yield { type: "node", name: undefined, node: this.#inodes.get(inode).node };
    enter(entries);
    for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
      const key = level.names.pop();
      if (key === undefined) {
        open.pop();
        yield LEAVE;
        continue;
      }
      const entry = level.entries.get(key)!;
      const found = this.#inodes.get(typeof entry === "object" ? entry.inode : entry);
      yield { type: "node", name: nameOf(key), node: found.node };
      if (typeof entry === "object") enter(entry.entries);
      else if (found.node.kind === "file" && found.node.size > 0) yield* this.#content(found);
    }
  }

  async #add(member: TarMember, input: TarInput): Promise<void> {
    const { path, header: { type } } = member;
    const what = PASSED_OVER[type];
    if (what !== undefined) return this.#warn(`a tar member that is ${what} is left out`, type);
    if (type === "M") fail(`'${showPath(path)}' begins in another volume`);
    if (path.length === 0) fail("a member has no name");
    if (path[0] === SLASH) this.#warn("names in the tar archive begin with '/', they are made relative", "/");
    const keys = parseTarPath(path);
    if (type === "1") return this.#tree.link(keys, parseTarPath(member.link));
    const node = this.#node(member);
    if (keys.length === 0 && node.kind === "directory" && (this.#options.addRoot ?? false)) return;
    this.#tree.add(keys, await this.#store(node, { member, input }));
  }

  #node(member: TarMember): ArchiveNode {
    const { header, path, link, sparse, stored, pax } = member;
    const metadata = tarMetadata(member, this.#metadata);
    switch (header.type) {
      case "2":
        if (link.length === 0 || link.length > MAX_TARGET_SIZE || link.includes(0)) {
          fail(`the symbolic link '${showPath(path)}' has no valid target`);
        }
        return { ...metadata, kind: "symlink", target: link.slice() };
      case "3":
      case "4": {
        const kind = header.type === "3" ? "character-device" : "block-device";
        const number = (key: string, inHeader: number): number => {
          const record = pax.get(key);
          return record === undefined ? inHeader : parsePaxNumber(record, "device");
        };
        const device = {
          major: number("SCHILY.devmajor", header.major),
          minor: number("SCHILY.devminor", header.minor),
        };
        if (!isDevice(device)) fail(`'${showPath(path)}' is no device: ${device.major}:${device.minor}`);
        return { ...metadata, kind, ...device };
      }
      case "5":
      case "D": // What GNU tar writes of a directory for an incremental archive; the content lists its entries.
        return { ...metadata, kind: "directory" };
      case "6":
        return { ...metadata, kind: "fifo" };
      default:
        if (!"07S".includes(header.type)) {
          this.#warn(`tar members of the unknown type '${header.type}' are taken for files`, header.type);
        } else if (header.type !== "S" && path.at(-1) === SLASH) return { ...metadata, kind: "directory" };
        return { ...metadata, kind: "file", size: sparse?.size ?? stored };
    }
  }

  #share(name: Uint8Array): Uint8Array {
    const key = bytesKey(name.subarray(0, 256));
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const copy = name.slice(0, 256); // Longer ones are no names that an archive can have.
    this.#names.set(key, copy);
    return copy;
  }

  async #store(
    node: ArchiveNode,
    found: { readonly member: TarMember; readonly input: TarInput },
  ): Promise<InodeHandle> {
    const { member: { stored, sparse, pax }, input } = found;
    const extra = pax.size === 0 ? NO_BYTES : encodePax(extraRecords(pax));
    if (node.kind !== "file") return this.#inodes.add({ node, extra });
    if (this.#file !== undefined) {
      const contentOffset = input.offset;
      await input.skip(stored);
      return this.#inodes.add({ node, extra, contentOffset, extents: sparse?.extents });
    }
    const spool = this.#spool ??= await openSpool();
    const contentOffset = spool.size;
    // Mostly it is there already, and needs no waiting.
    if (!input.takeReady(stored, (part) => spool.append(part))) {
      for await (const part of input.parts(stored)) spool.append(part);
    }
    return this.#inodes.add({ node, extra, contentOffset, extents: sparse?.extents });
  }

  #read(target: Uint8Array, offset: number): void {
    if (this.#file === undefined) this.#spool!.read(target, offset);
    else if (this.#file.readAt(target, offset) < target.length) {
      fail("it was truncated while it was read");
    }
  }

  *#content({ node, contentOffset, extents: parts }: TarInode): Generator<ArchiveEvent> {
    if (node.kind !== "file") return;
    const { size } = node;
    const extents = parts ?? [0, size];
    let offset = contentOffset;
    const buffer = this.#buffer;
    let at = 0;
    const zeros = function* (end: number): Generator<ArchiveEvent> {
      if (at < end) buffer.fill(0, 0, end - at);
      while (at < end) {
        const data = buffer.subarray(0, Math.min(end - at, buffer.length));
        at += data.length;
        yield { type: "data", data };
      }
    };
    for (let i = 0; i < extents.length; i += 2) {
      yield* zeros(extents[i]!);
      for (let left = extents[i + 1]!; left > 0;) {
        const data = buffer.subarray(0, Math.min(left, buffer.length));
        this.#read(data, offset);
        offset += data.length;
        at += data.length;
        left -= data.length;
        yield { type: "data", data };
      }
    }
    yield* zeros(size);
  }

  /** Says something once. */
  #warn(text: string, key: string): void {
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#options.onWarning?.(text);
  }
}

const NO_BYTES = new Uint8Array();
const NOBODY: OwnerIds = { userId: () => undefined, groupId: () => undefined };

function nameOf(key: string): Uint8Array {
  const name = new Uint8Array(key.length);
  for (let i = 0; i < name.length; i++) name[i] = key.charCodeAt(i);
  return name;
}

function fail(reason: string): never {
  throw new FormatError(`Cannot read tar: ${reason}`);
}
