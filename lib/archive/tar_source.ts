/**
 * tar archives as the events of an archive.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { isDevice, MAX_TARGET_SIZE } from "../format/elements_content.ts";
import { parsePaxNumber } from "./tar_pax.ts";
import { openTreePosix } from "../platform/tree.ts";
import { bytesKey } from "./bytes_order.ts";
import type { ArchiveEvent, ArchiveNode } from "./entry.ts";
import { Owners } from "./owners.ts";
import type { OwnerIds } from "./tar_acl.ts";
import { TarInput } from "./tar_input.ts";
import { readMembers, type TarMember } from "./tar_members.ts";
import { hasAcl, tarMetadata, type TarMetadataOptions } from "./tar_metadata.ts";
import { openSpool, type Spool } from "./tar_spool.ts";
import { parseTarPath, showPath, type TarInode, type TarNode, TarTree } from "./tar_tree.ts";

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
 * members with one name the last counts, and names are made relative. All of the archive is read first, and contents
 * are kept in a temporary file without a name; memory is needed for the metadata, some 400 bytes a member.
 *
 * @param source Bytes of the archive, sliced in any way. It is cancelled if reading ends early.
 * @returns Events in the order of an archive. Contents are borrowed until the next event.
 * @throws {FormatError} If the archive is malformed or truncated, or a name leaves the root.
 * @throws {StoreError} If the temporary file cannot be written.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
  options: ReadTarOptions = {},
): AsyncGenerator<ArchiveEvent> {
  const input = new TarInput(source);
  const reader = new TarReader(options);
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
  readonly #tree = new TarTree();
  readonly #names = new Map<string, Uint8Array>();
  readonly #warned = new Set<string>();
  readonly #buffer = new Uint8Array(PART_SIZE);
  #spool: Spool | undefined;
  #owners: OwnerIds | undefined;

  constructor(options: ReadTarOptions) {
    this.#options = options;
  }

  async read(input: TarInput): Promise<void> {
    for await (const member of readMembers(input, (text) => this.#options.onWarning?.(text))) {
      if (hasAcl(member)) this.#owners ??= new Owners(await openTreePosix());
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
    yield { type: "node", name: undefined, node: inode.node };
    enter(entries!);
    for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
      const key = level.names.pop();
      if (key === undefined) {
        open.pop();
        yield LEAVE;
        continue;
      }
      const node = level.entries.get(key)!;
      const name = Uint8Array.from(key, (letter) => letter.charCodeAt(0));
      yield { type: "node", name, node: node.inode.node };
      if (node.entries !== undefined) enter(node.entries);
      else yield* this.#content(node.inode);
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
    this.#tree.add(keys, node.kind === "file" ? await this.#store(node, { member, input }) : { node });
  }

  #node(member: TarMember): ArchiveNode {
    const { header, path, link, sparse, stored, pax } = member;
    const metadata = tarMetadata(member, this.#metadataOptions());
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

  #metadataOptions(): TarMetadataOptions {
    return {
      owners: this.#owners ?? NOBODY,
      xattrNamespaces: this.#options.xattrNamespaces ?? "casync",
      share: (name) => {
        const key = bytesKey(name.subarray(0, 256));
        const known = this.#names.get(key);
        if (known !== undefined) return known;
        const copy = name.slice(0, 256); // Longer ones are no names that an archive can have.
        this.#names.set(key, copy);
        return copy;
      },
    };
  }

  async #store(
    node: ArchiveNode,
    found: { readonly member: TarMember; readonly input: TarInput },
  ): Promise<TarInode> {
    const { member: { stored, sparse }, input } = found;
    const spool = this.#spool ??= await openSpool();
    const offset = spool.size;
    for await (const part of input.parts(stored)) spool.append(part);
    return { node, content: { offset, extents: sparse?.extents } };
  }

  *#content({ node, content }: TarInode): Generator<ArchiveEvent> {
    if (node.kind !== "file" || content === undefined) return;
    const { size } = node;
    const { extents = [0, size] } = content;
    const buffer = this.#buffer;
    let { offset } = content;
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
        this.#spool!.read(data, offset);
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

const NOBODY: OwnerIds = { userId: () => undefined, groupId: () => undefined };

function fail(reason: string): never {
  throw new FormatError(`Cannot read tar: ${reason}`);
}
