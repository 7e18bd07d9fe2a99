/**
 * Members of a tar archive as a tree, whatever order they come in.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { filenameProblem } from "../format/elements_content.ts";
import { bytesKey } from "./bytes_order.ts";
import type { ArchiveNode } from "./entry.ts";

/** A name in the tree; names of one inode share what it is. */
export interface TarNode {
  /** What it is. */
  readonly inode: TarInode;
  /** Entries of a directory by {@linkcode bytesKey} of their names. */
  readonly entries: Map<string, TarNode> | undefined;
}

/** What one or more names stand for. */
export interface TarInode {
  /** Its metadata. */
  readonly node: ArchiveNode;
  /** Where a file's content is in the spool, and which parts of the file that is. */
  readonly content?: {
    readonly offset: number;
    /** Offset and size of each part; undefined for all of the file. */
    readonly extents: readonly number[] | undefined;
  } | undefined;
}

/** A path: the keys of its components. */
export type TarPath = readonly string[];

/** Deepest path, so that a small archive cannot stand for a huge tree. */
const MAX_COMPONENTS = 1024;
const MAX_PATH_SIZE = 65_535;
const SLASH = 0x2f;

/** A directory that no member describes. */
export const SYNTHETIC_DIRECTORY: ArchiveNode = {
  kind: "directory",
  permissions: 0o755,
  attributes: 0n,
  uid: 0,
  gid: 0,
  mtime: 0n,
  xattrs: [],
};

/**
 * Takes a name apart; it counts from the root, whether it begins with a slash or not.
 *
 * @throws {FormatError} If it leaves the root, or no directory can have such an entry.
 */
export function parseTarPath(path: Uint8Array): TarPath {
  const keys: string[] = [];
  const fail = (problem: string): never => {
    throw new FormatError(`Cannot read tar: '${showPath(path)}' is no valid name: ${problem}`);
  };
  if (path.length > MAX_PATH_SIZE) fail(`it has ${path.length} bytes`);
  for (let at = 0; at < path.length;) {
    const slash = path.indexOf(SLASH, at);
    const end = slash < 0 ? path.length : slash;
    const name = path.subarray(at, end);
    at = end + 1;
    const key = name.length > 255 ? "" : bytesKey(name);
    if (name.length === 0 || key === ".") continue;
    const problem = filenameProblem(name);
    if (problem !== undefined) fail(problem);
    keys.push(key);
  }
  if (keys.length > MAX_COMPONENTS) fail(`it is ${keys.length} levels deep`);
  return keys;
}

/** A name for messages. */
export function showPath(path: Uint8Array | TarPath): string {
  const bytes = path instanceof Uint8Array
    ? path.subarray(0, 200)
    : Uint8Array.from(path.join("/").slice(0, 200), (letter) => letter.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** Collects members. Where two have the same name, the last one counts. */
export class TarTree {
  readonly #pending: { readonly path: TarPath; readonly target: TarPath }[] = [];
  #root: TarNode = { inode: { node: SYNTHETIC_DIRECTORY }, entries: new Map() };

  /** The root directory. */
  get root(): TarNode {
    return this.#root;
  }

  /**
   * Adds an inode under its first name.
   *
   * @throws {FormatError} If it is below something that is no directory, or takes the place of one that is not empty.
   */
  add(path: TarPath, inode: TarInode): void {
    const isDirectory = inode.node.kind === "directory";
    const name = path.at(-1);
    if (name === undefined) {
      if (!isDirectory) fail(`its root is a ${inode.node.kind}`);
      this.#root = { inode, entries: this.#root.entries };
      return;
    }
    const parent = this.#parentOf(path);
    const before = parent.get(name)?.entries;
    if (!isDirectory && before !== undefined && before.size > 0) {
      fail(`'${showPath(path)}' is a directory with entries first, a ${inode.node.kind} then`);
    }
    parent.set(name, { inode, entries: isDirectory ? before ?? new Map() : undefined });
  }

  /** Adds another name of `target`, which may only be added later. */
  link(path: TarPath, target: TarPath): void {
    const inode = this.#find(target)?.inode;
    if (inode === undefined) {
      this.#pending.push({ path, target });
    } else if (inode.node.kind === "directory") {
      fail(`'${showPath(path)}' is a hard link to the directory '${showPath(target)}'`);
    } else if (path.join("/") !== target.join("/")) this.add(path, inode);
  }

  /** Adds the links whose targets came after them. @throws {FormatError} If some never did. */
  resolve(): void {
    while (this.#pending.length > 0) {
      const links = this.#pending.splice(0);
      for (const { path, target } of links) this.link(path, target);
      if (this.#pending.length < links.length) continue;
      const { path, target } = this.#pending[0]!;
      fail(`'${showPath(path)}' is a hard link to '${showPath(target)}', which is not in it`);
    }
  }

  #find(path: TarPath): TarNode | undefined {
    let node: TarNode | undefined = this.#root;
    for (const name of path) node = node?.entries?.get(name);
    return node;
  }

  /** Entries of the directory where `path` belongs; directories that are missing are made up. */
  #parentOf(path: TarPath): Map<string, TarNode> {
    let entries = this.#root.entries!;
    for (const [depth, name] of path.slice(0, -1).entries()) {
      let node = entries.get(name);
      if (node === undefined) {
        node = { inode: { node: SYNTHETIC_DIRECTORY }, entries: new Map() };
        entries.set(name, node);
      }
      if (node.entries === undefined) {
        const above = showPath(path.slice(0, depth + 1));
        fail(`'${showPath(path)}' is below '${above}', which is a ${node.inode.node.kind}`);
      }
      entries = node.entries;
    }
    return entries;
  }
}

function fail(reason: string): never {
  throw new FormatError(`Cannot read tar: ${reason}`);
}
