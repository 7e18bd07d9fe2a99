/**
 * Members of a tar archive as a tree, whatever order they come in.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { filenameProblem } from "../format/elements_content.ts";
import { bytesKey } from "./bytes_order.ts";
import type { ArchiveNode } from "./entry.ts";
import type { InodeHandle, InodeTable } from "./tar_inodes.ts";

/** What stands under a name: an inode, which other names may share, or a directory. */
export type TarNode = InodeHandle | TarDirectory;

/** A directory. */
export interface TarDirectory {
  /** What it is. */
  readonly inode: InodeHandle;
  /** Entries by {@linkcode bytesKey} of their names. */
  readonly entries: Map<string, TarNode>;
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
  readonly #inodes: InodeTable;
  readonly #pending: { readonly path: TarPath; readonly target: TarPath }[] = [];
  readonly #synthetic: InodeHandle;
  #root: TarDirectory;

  /** Starts with a root that no member describes. @param inodes What members are. */
  constructor(inodes: InodeTable) {
    this.#inodes = inodes;
    this.#synthetic = inodes.add({ node: SYNTHETIC_DIRECTORY, extra: new Uint8Array() });
    this.#root = { inode: this.#synthetic, entries: new Map() };
  }

  /** The root directory. */
  get root(): TarDirectory {
    return this.#root;
  }

  /**
   * Adds an inode under its first name.
   *
   * @throws {FormatError} If it is below something that is no directory, or takes the place of one that is not empty.
   */
  add(path: TarPath, inode: InodeHandle): void {
    const kind = this.#inodes.kind(inode);
    const name = path.at(-1);
    if (name === undefined) {
      if (kind !== "directory") fail(`its root is a ${kind}`);
      this.#root = { inode, entries: this.#root.entries };
      return;
    }
    const parent = this.#parentOf(path);
    const before = parent.get(name);
    const entries = typeof before === "object" ? before.entries : undefined;
    if (kind === "directory") parent.set(name, { inode, entries: entries ?? new Map() });
    else {
      if (entries !== undefined && entries.size > 0) {
        fail(`'${showPath(path)}' is a directory with entries first, a ${kind} then`);
      }
      parent.set(name, inode);
    }
  }

  /** Adds another name of `target`, which may only be added later. */
  link(path: TarPath, target: TarPath): void {
    const found = this.#find(target);
    if (found === undefined) {
      this.#pending.push({ path, target });
    } else if (typeof found === "object") {
      fail(`'${showPath(path)}' is a hard link to the directory '${showPath(target)}'`);
    } else if (path.join("/") !== target.join("/")) this.add(path, found);
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
    for (const name of path) node = typeof node === "object" ? node.entries.get(name) : undefined;
    return node;
  }

  /** Entries of the directory where `path` belongs; directories that are missing are made up. */
  #parentOf(path: TarPath): Map<string, TarNode> {
    let { entries } = this.#root;
    for (let depth = 0; depth < path.length - 1; depth++) {
      const name = path[depth]!;
      let node = entries.get(name);
      if (node === undefined) {
        node = { inode: this.#synthetic, entries: new Map() };
        entries.set(name, node);
      }
      if (typeof node !== "object") {
        const above = showPath(path.slice(0, depth + 1));
        fail(`'${showPath(path)}' is below '${above}', which is a ${this.#inodes.kind(node)}`);
      }
      entries = node.entries;
    }
    return entries;
  }
}

function fail(reason: string): never {
  throw new FormatError(`Cannot read tar: ${reason}`);
}
