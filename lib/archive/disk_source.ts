/**
 * A directory tree as the events of an archive.
 *
 * @module
 */

import { FormatError, StoreError } from "../errors.ts";
import { FLAG } from "../format/feature_flags.ts";
import { FS_FLAG } from "../../ffi/inode_flags.ts";
import { hasErrorCode } from "../platform/posix.ts";
import {
  type InodeKind,
  type InodeStat,
  isSystemError,
  type OpenTreeNode,
  type TreeDirectory,
  type TreeFile,
  type TreeItem,
  type TreePosix,
} from "../platform/tree.ts";
import { bytesKey, compareBytes } from "./bytes_order.ts";
import { type Inode, type MetadataOptions, MetadataReader } from "./disk_metadata.ts";
import type { ArchiveEvent, NodeKind } from "./entry.ts";
import { EXCLUDE_FILE_NAME, ExcludeRules } from "./exclude.ts";
import { PSEUDO_FILE_SYSTEMS } from "./inode_attributes.ts";

/** Why something is not in the archive. */
export type SkipReason =
  /** The feature flags leave such inodes out, or archives have none of them. */
  | "kind"
  /** It has the no-dump attribute. */
  | "nodump"
  /** It is on another mount. */
  | "mount"
  /** A rule in a `.caexclude` says so. */
  | "excluded";

/** Something that is not in the archive. */
export interface Skipped {
  /** Where it is, for messages. */
  readonly path: string;
  /** What it is. */
  readonly kind: InodeKind;
  /** Why it is left out. */
  readonly reason: SkipReason;
}

/** What of a tree goes into an archive. */
export interface ReadTreeOptions extends MetadataOptions {
  /** Leave out directories and files on other mounts than the root's. @default false */
  readonly oneFileSystem?: boolean | undefined;
  /** Leave out what has the no-dump attribute, except for the root. @default false */
  readonly excludeNodump?: boolean | undefined;
  /** Follow the rules in files named `.caexclude`. @default false */
  readonly excludeFile?: boolean | undefined;
  /** Is told what is left out. */
  readonly onSkipped?: ((skipped: Skipped) => void) | undefined;
  /**
   * Where contents are read to: asked before each read for at least one byte, which may be shared memory. The
   * data are at its start then. @default a buffer of 1 MiB
   */
  readonly contentBuffer?: (() => Uint8Array) | undefined;
  /**
   * Takes over a file instead of its content being read, after its node; it has to close the file. Its size is that of
   * the node, which the content has to be compared with. @default contents are read
   */
  readonly takeFile?: ((file: TreeFile, size: number) => void) | undefined;
}

/**
 * Reads a tree: depth first, names ascending by bytes, symbolic links as such.
 *
 * Everything is read synchronously, one inode an event. Ending the iteration early closes what is open.
 *
 * @param path The root; if it is a symbolic link, what it points to. Anything but a directory gives its one node.
 * @throws {StoreError} If something cannot be read, or a file's size changes while it is read.
 * @throws {FormatError} If a `.caexclude` has a rule that makes no sense.
 */
export function* readTree(
  posix: TreePosix,
  path: string,
  options: ReadTreeOptions,
): Generator<ArchiveEvent, void, undefined> {
  const reader = new TreeReader(posix, options);
  try {
    const root = openDirectoryOrParent(posix, path);
    if (root.name === undefined) {
      yield* reader.readDirectory(root.directory);
    } else {
      using parent = root.directory;
      yield* reader.readAlone(parent, root.name);
    }
  } catch (cause) {
    throw isSystemError(cause) ? new StoreError(path, "archive", { cause }) : cause;
  } finally {
    reader.close();
  }
}

/** What was found out about an inode when it was opened. */
interface Examined {
  readonly stat: InodeStat;
  readonly inodeFlags: number | undefined;
}

/** A directory that is being read. */
interface Level {
  readonly directory: TreeDirectory;
  items: readonly TreeItem[];
  next: number;
  rules: ExcludeRules;
}

const BUFFER_SIZE = 1 << 20;
/** Most bytes of a `.caexclude`: it is read at once, and whoever can write to the tree chooses its size. */
const MAX_RULES_SIZE = 1 << 20;
const LEAVE: ArchiveEvent = { type: "leave" };
const EXCLUDE_FILE_KEY = bytesKey(EXCLUDE_FILE_NAME);

class TreeReader {
  readonly #metadata: MetadataReader;
  readonly #options: ReadTreeOptions;
  readonly #levels: Level[] = [];
  readonly #fileSystems = new Map<number, number>();
  #rootMount: number | undefined;
  #buffer: Uint8Array<ArrayBuffer> | undefined;

  constructor(posix: TreePosix, options: ReadTreeOptions) {
    this.#metadata = new MetadataReader(posix, options);
    this.#options = options;
  }

  close(): void {
    for (const { directory } of this.#levels.splice(0)) directory[Symbol.dispose]();
  }

  *readDirectory(root: TreeDirectory): Generator<ArchiveEvent, void, undefined> {
    yield this.#enter(root, { name: undefined, ...this.#guard(root), rules: ExcludeRules.NONE });
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const item = level.items[level.next++];
      if (item !== undefined) {
        yield* this.#readItem(level, item);
      } else {
        this.#levels.pop();
        level.directory[Symbol.dispose]();
        yield LEAVE;
      }
    }
  }

  *readAlone(parent: TreeDirectory, name: Uint8Array): Generator<ArchiveEvent, void, undefined> {
    const { kind } = parent.node(name).stat();
    if (kind === "file") yield* this.#readFile(parent.openFile(name), undefined);
    else yield this.#special(parent, { name, kind, isRoot: true });
  }

  /** The one item, and if it is a file, its content. */
  *#readItem(level: Level, item: TreeItem): Generator<ArchiveEvent, void, undefined> {
    const { directory, rules } = level;
    const { name } = item;
    const kind = item.kind ?? directory.node(name).stat().kind;
    const isDirectory = kind === "directory";
    if (!this.#isWanted(kind)) return this.#skip(directory, { name, kind, reason: "kind" });
    if (rules.excludes(name, { isDirectory })) {
      return this.#skip(directory, { name, kind, reason: "excluded" });
    }
    if (isDirectory) {
      const child = directory.openDirectory(name);
      const { stat, inodeFlags } = this.#guard(child);
      const reason = this.#reasonToSkip(stat, inodeFlags);
      if (reason !== undefined) {
        child[Symbol.dispose]();
        return this.#skip(directory, { name, kind, reason });
      }
      yield this.#enter(child, { name, stat, inodeFlags, rules: rules.enter(name) });
    } else if (kind === "file") {
      yield* this.#readFile(directory.openFile(name), { directory, name });
    } else {
      yield this.#special(directory, { name, kind, isRoot: false });
    }
  }

  /** Examines a directory that was just opened; closes it if that fails. */
  #guard(directory: TreeDirectory): Examined {
    try {
      return { stat: directory.stat(), inodeFlags: this.#nodumpFlags(directory) };
    } catch (error) {
      directory[Symbol.dispose]();
      throw error;
    }
  }

  /** Takes over `directory`, and lists it unless its content is not to be read. */
  #enter(
    directory: TreeDirectory,
    what: Examined & { readonly name: Uint8Array | undefined; readonly rules: ExcludeRules },
  ): ArchiveEvent {
    const level: Level = { directory, items: [], next: 0, rules: what.rules };
    this.#levels.push(level); // Before anything fails, so that it is closed.
    const { name, stat, inodeFlags } = what;
    this.#rootMount ??= stat.mount;
    const fileSystem = this.#fileSystemOf(directory, stat);
    const metadata = this.#metadata.read({
      ...{ node: directory, stat, open: directory, directory, fileSystem, inodeFlags },
    });
    if (!PSEUDO_FILE_SYSTEMS.has(fileSystem)) {
      level.items = directory.list().sort((a, b) => compareBytes(a.name, b.name));
      level.rules = this.#withOwnRules(level);
    }
    return { type: "node", name, node: { ...metadata, kind: "directory" } };
  }

  #withOwnRules({ directory, items, rules }: Level): ExcludeRules {
    if (!(this.#options.excludeFile ?? false)) return rules;
    const item = items.find(({ name }) =>
      name.length === EXCLUDE_FILE_NAME.length && bytesKey(name) === EXCLUDE_FILE_KEY
    );
    if (item === undefined || (item.kind ?? directory.node(item.name).stat().kind) !== "file") return rules;
    using file = directory.openFile(item.name);
    try {
      return rules.with(readRules(file));
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      throw new FormatError(`Cannot use '${file.path}': ${cause.message}`, { cause });
    }
  }

  *#readFile(
    opened: TreeFile,
    place: { readonly directory: TreeDirectory; readonly name: Uint8Array } | undefined,
  ): Generator<ArchiveEvent, void, undefined> {
    using held = new DisposableStack();
    const file = held.use(opened);
    const stat = file.stat();
    if (stat.kind !== "file") throw new StoreError(file.path, "read", { reason: "it is no longer a file" });
    const inodeFlags = this.#nodumpFlags(file);
    if (place !== undefined) {
      const reason = this.#reasonToSkip(stat, inodeFlags);
      if (reason !== undefined) {
        return this.#skip(place.directory, { name: place.name, kind: "file", reason });
      }
    }
    const fileSystem = this.#fileSystemOf(file, stat);
    const size = PSEUDO_FILE_SYSTEMS.has(fileSystem) ? 0 : stat.size;
    const metadata = this.#metadata.read({ node: file, stat, open: file, fileSystem, inodeFlags });
    yield { type: "node", name: place?.name, node: { ...metadata, kind: "file", size } };
    if (PSEUDO_FILE_SYSTEMS.has(fileSystem)) return;
    const { takeFile } = this.#options;
    if (takeFile === undefined) return yield* this.#readData(file, size);
    held.move();
    takeFile(file, size);
  }

  *#readData(file: TreeFile, size: number): Generator<ArchiveEvent, void, undefined> {
    for (let rest = size;;) {
      const buffer = this.#options.contentBuffer?.() ?? (this.#buffer ??= new Uint8Array(BUFFER_SIZE));
      // One byte more than there should be: a read that is short of it has seen the end, and saves another call.
      const wanted = Math.min(buffer.length, rest + 1);
      const count = file.read(buffer.subarray(0, wanted));
      if (count > rest || count === 0 && rest > 0) {
        throw new StoreError(file.path, "read", {
          reason: `its size changed while it was read, from ${size} bytes`,
        });
      }
      if (count === 0) return;
      rest -= count;
      yield { type: "data", data: buffer.subarray(0, count) };
      if (rest === 0 && count < wanted) return;
    }
  }

  #special(
    directory: TreeDirectory,
    what: { readonly name: Uint8Array; readonly kind: InodeKind; readonly isRoot: boolean },
  ): ArchiveEvent {
    const { name, isRoot } = what;
    const node = directory.node(name);
    const stat = node.stat();
    if (stat.kind !== what.kind) throw new StoreError(node.path, "read", { reason: "it was just replaced" });
    const inode: Inode = { node, stat, fileSystem: 0 };
    const kind = kindOf(stat, () => directory.readLink(name));
    return {
      type: "node",
      name: isRoot ? undefined : name,
      node: { ...this.#metadata.read(inode), ...kind },
    };
  }

  #isWanted(kind: InodeKind): boolean {
    const flag = KIND_FLAGS[kind];
    return flag === undefined || (this.#options.flags & flag) !== 0n;
  }

  /** The attributes, if they matter before the metadata are read. */
  #nodumpFlags(open: OpenTreeNode): number | undefined {
    return this.#options.excludeNodump ?? false ? open.inodeFlags() ?? 0 : undefined;
  }

  #reasonToSkip(stat: InodeStat, inodeFlags: number | undefined): SkipReason | undefined {
    const { oneFileSystem = false } = this.#options;
    if (((inodeFlags ?? 0) & FS_FLAG.nodump) !== 0) return "nodump";
    return oneFileSystem && stat.mount !== this.#rootMount ? "mount" : undefined;
  }

  #skip(directory: TreeDirectory, what: Omit<Skipped, "path"> & { readonly name: Uint8Array }): void {
    const { name, kind, reason } = what;
    this.#options.onSkipped?.({ path: directory.node(name).path, kind, reason });
  }

  #fileSystemOf(open: OpenTreeNode, { device }: InodeStat): number {
    const known = this.#fileSystems.get(device);
    if (known !== undefined) return known;
    const found = open.fileSystem();
    this.#fileSystems.set(device, found);
    return found;
  }
}

const KIND_FLAGS: Readonly<Partial<Record<InodeKind, bigint>>> = {
  symlink: FLAG.symlinks,
  "block-device": FLAG.deviceNodes,
  "character-device": FLAG.deviceNodes,
  fifo: FLAG.fifos,
  socket: FLAG.sockets,
};

function kindOf(stat: InodeStat, readLink: () => Uint8Array): NodeKind {
  const { kind, major, minor } = stat;
  if (kind === "symlink") return { kind, target: readLink() };
  if (kind === "block-device" || kind === "character-device") return { kind, major, minor };
  return kind === "file" ? { kind, size: stat.size } : { kind };
}

function readRules(file: TreeFile): Uint8Array {
  const { size } = file.stat();
  if (size > MAX_RULES_SIZE) throw new FormatError(`it has ${size} bytes, more than ${MAX_RULES_SIZE}`);
  const data = new Uint8Array(size);
  let done = 0;
  for (let count = -1; count !== 0 && done < size; done += count) count = file.read(data.subarray(done));
  return data.subarray(0, done);
}

/** Opens a directory, or if `path` is something else, the directory which that is in. */
function openDirectoryOrParent(
  posix: TreePosix,
  path: string,
): { readonly directory: TreeDirectory; readonly name?: Uint8Array } {
  try {
    return { directory: posix.openRoot(path) };
  } catch (error) {
    if (!hasErrorCode(error, "ENOTDIR") || !isFile(path)) throw error;
  }
  const real = Deno.realPathSync(path);
  const slash = real.search(Deno.build.os === "windows" ? /[^\\/]*$/ : /[^/]*$/);
  return {
    directory: posix.openRoot(real.slice(0, slash)),
    name: new TextEncoder().encode(real.slice(slash)),
  };
}

/** Whether there is something at `path`, and not an error because a component in the middle is no directory. */
function isFile(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
