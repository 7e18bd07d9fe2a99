/**
 * The events of an archive as a directory tree.
 *
 * Nothing is ever written outside of the root: every name is a single component, looked up in the handle of its
 * directory without following a symbolic link. Everything but directories is made under a temporary name, and renamed
 * when it is complete.
 *
 * @module
 */

import { FormatError, StoreError } from "../errors.ts";
import { FLAG } from "../format/feature_flags.ts";
import { hasErrorCode } from "../platform/posix.ts";
import { isSystemError, type TreeDirectory, type TreePosix } from "../platform/tree.ts";
import { bytesKey, compareBytes } from "./bytes_order.ts";
import { isSubvolume } from "./disk_metadata.ts";
import { clearImmutable, type RemoveOptions, removeTree } from "./disk_remove.ts";
import { type FileNode, isFileName, NodeMaker, type NodeMakerOptions, removeQuietly } from "./disk_file.ts";
import { isPlainFile, type OpenFile, PooledContent } from "./disk_pool.ts";
import { MetadataWriter, type RestoreOptions } from "./disk_restore.ts";
import type { ArchiveEvent, ArchiveNode } from "./entry.ts";
import type { FilePool, MakeFile } from "../concurrency/file_pool.ts";

/** How to write a tree. */
export interface WriteTreeOptions extends RestoreOptions {
  /** Remove what the archive does not have from the directories it has. @default false */
  readonly delete?: boolean | undefined;
  /**
   * What to do if there is a directory in place of something else, or something else in place of a directory: desync
   * fails, casync replaces it. @default "fail"
   */
  readonly onConflict?: "fail" | "replace" | undefined;
  /** Clear the attributes immutable and append-only of what is to be replaced, removed or written to. @default false */
  readonly undoImmutable?: boolean | undefined;
}

/**
 * Writes a tree.
 *
 * @param path The root. It is created if it is missing, else what is in it is replaced or stays.
 * @param options `events`, up to the `leave` of the root.
 * @throws {FormatError} If the events make no tree.
 * @throws {StoreError} If something cannot be written; what is complete by then stays.
 */
export async function writeTree(
  posix: TreePosix,
  path: string,
  options: WriteTreeOptions & {
    readonly events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>;
    /** Stops the call; it then rejects with `signal.reason`. */
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const { events, signal } = options;
  using writer = new TreeWriter(posix, path, options);
  if (Symbol.iterator in events) {
    for (const event of events) {
      signal?.throwIfAborted();
      writer.write(event);
    }
  } else {
    for await (const event of events) {
      signal?.throwIfAborted();
      writer.write(event);
    }
  }
  writer.finish();
}

/** A directory that is being written. */
interface Level {
  readonly directory: TreeDirectory;
  readonly node: ArchiveNode;
  /** Names in the archive, as keys; undefined if they are in order, and need not be remembered. */
  readonly names: Set<string> | undefined;
  /** The last of them. */
  last: Uint8Array | undefined;
  /** Files left to other threads which have to be done before it is complete, as a number of the pool's. */
  files: number;
}

/** Handles of directories whose files are not done; more are not kept open. */
const MAX_DEFERRED = 128;

/** Writes a tree event by event. Disposed of before {@linkcode finish}, it removes the file that is not complete. */
export class TreeWriter implements Disposable {
  readonly #posix: TreePosix;
  readonly #path: string;
  readonly #options: WriteTreeOptions;
  readonly #metadata: MetadataWriter;
  readonly #remove: RemoveOptions;
  readonly #levels: Level[] = [];
  readonly #making: NodeMakerOptions;
  readonly #maker: NodeMaker;
  /** Of files with owners by number: those that went through the pool. */
  #byNumbers: NodeMaker | undefined;
  readonly #pool: FilePool | undefined;
  readonly #isOrdered: boolean;
  /** Directories that are left, but have files which are not done; in the order of leaving. */
  readonly #deferred: Level[] = [];
  #file: OpenFile | undefined;
  #isDone = false;

  /** Nothing is touched before the first event. */
  constructor(
    posix: TreePosix,
    path: string,
    options: WriteTreeOptions & {
      /** Other threads to leave small files to. Stays the caller's, and must be disposed of before this. */
      readonly pool?: FilePool | undefined;
      /** Whether the names of each directory come in ascending order. @default false */
      readonly isOrdered?: boolean | undefined;
    },
  ) {
    this.#posix = posix;
    this.#path = path;
    this.#options = options;
    this.#metadata = new MetadataWriter(posix, options);
    this.#remove = {
      undoImmutable: options.undoImmutable ?? false,
      onMountPoint: (path) =>
        options.onWarning?.({ path, message: "it is not in the archive, but stays: it is a mount point" }),
    };
    this.#making = { remove: this.#remove, onConflict: options.onConflict ?? "fail" };
    this.#maker = new NodeMaker(this.#metadata, this.#making);
    this.#pool = options.pool;
    // What is not to be deleted has to be remembered all the same.
    this.#isOrdered = (options.isOrdered ?? false) && !(options.delete ?? false);
  }

  /** Whether {@linkcode wait} has something to do. */
  get mustWait(): boolean {
    return this.#deferred.length > MAX_DEFERRED || (this.#pool?.isDue ?? false);
  }

  /** Starts other threads when it is time, and waits for them when they are far behind. */
  async wait(): Promise<void> {
    const pool = this.#pool;
    if (pool?.isDue ?? false) await pool!.start(this.#metadata.byNumbers);
    while (this.#deferred.length > MAX_DEFERRED / 2) await this.#help();
  }

  /** To be called after the last event: waits until all is done. */
  async settle(): Promise<void> {
    while (this.#pool !== undefined && this.#pool.done < this.#pool.published) await this.#help();
    this.#blame(() => this.#settleFiles());
  }

  async #help(): Promise<void> {
    this.#blame(() => this.#settleFiles());
    await this.#pool!.help((directory, job) => this.#blame(() => this.#makeFile(directory, job)));
  }

  /**
   * Does what an event says.
   *
   * @throws {FormatError} If it makes no sense here.
   * @throws {StoreError} If it cannot be done.
   */
  write(event: ArchiveEvent): void {
    this.#blame(() => {
      if (event.type === "data") this.#writeData(event.data);
      else if (event.type === "leave") this.#leave();
      else if (event.name === undefined) this.#enterRoot(event.node);
      else this.#writeNode(event.name, event.node);
    });
  }

  #blame(run: () => void): void {
    try {
      run();
    } catch (cause) {
      // System calls name the file below the root which is to blame.
      throw isSystemError(cause) ? new StoreError(this.#path, "extract to", { cause }) : cause;
    }
  }

  /** Says that no event follows. @throws {FormatError} If something is missing. */
  finish(): void {
    if (!this.#isDone) throw new FormatError(`Cannot extract to '${this.#path}': the archive ends too early`);
  }

  /** Closes what is open. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]?.();
    this.#file = undefined;
    for (const { directory } of this.#deferred.splice(0)) directory[Symbol.dispose]();
    for (const { directory } of this.#levels.splice(0)) directory[Symbol.dispose]();
  }

  #enterRoot(node: ArchiveNode): void {
    if (this.#isDone || this.#levels.length > 0) throw this.#malformed("it has a second root");
    if (node.kind !== "directory") throw this.#malformed(`its root is not a directory, but a ${node.kind}`);
    let directory: TreeDirectory;
    try {
      directory = this.#posix.openRoot(this.#path);
    } catch (error) {
      if (!hasErrorCode(error, "ENOENT")) throw error;
      Deno.mkdirSync(this.#path, { mode: this.#newDirectoryMode() });
      directory = this.#posix.openRoot(this.#path);
    }
    this.#levels.push({ directory, node, names: this.#newNames(), last: undefined, files: 0 });
    if (this.#remove.undoImmutable) clearImmutable(directory);
    this.#metadata.applyEarly(directory, node, { isRoot: true });
  }

  #writeNode(name: Uint8Array, node: ArchiveNode): void {
    const level = this.#levels.at(-1);
    if (level === undefined) throw this.#malformed("it has a node outside of the root");
    if (this.#file !== undefined) throw this.#malformed(`content of '${this.#file.path}' is missing`);
    this.#checkName(level, name);
    const { directory } = level;
    if (node.kind === "directory") this.#enter(directory, name, node);
    else if (node.kind === "file") this.#beginFile(directory, name, node);
    else if (this.#metadata.restores(KIND_FLAGS[node.kind])) this.#writeOther(directory, name, node);
  }

  #newNames(): Set<string> | undefined {
    return this.#isOrdered ? undefined : new Set();
  }

  #checkName(level: Level, name: Uint8Array): void {
    const { directory, names, last } = level;
    if (!isFileName(name)) {
      const text = JSON.stringify(new TextDecoder().decode(name));
      throw this.#malformed(`${text} in '${directory.path}' is not a file name`);
    }
    level.last = name;
    if (names === undefined) {
      if (last === undefined || compareBytes(last, name) < 0) return;
      throw this.#malformed(`'${directory.node(name).path}' is not after the name before it`);
    }
    const key = bytesKey(name);
    if (names.has(key)) throw this.#malformed(`it has '${directory.node(name).path}' twice`);
    names.add(key);
  }

  #enter(parent: TreeDirectory, name: Uint8Array, node: ArchiveNode): void {
    const wantsSubvolume = this.#metadata.restores(FLAG.subvolume) &&
      (node.attributes & FLAG.subvolume) !== 0n;
    const make = () =>
      wantsSubvolume ? parent.makeSubvolume(name) : parent.makeDirectory(name, this.#newDirectoryMode());
    const isNew = make() || this.#clearForDirectory(parent, name) && make();
    const directory = parent.openDirectory(name);
    this.#levels.push({ directory, node, names: this.#newNames(), last: undefined, files: 0 });
    if (isNew) {
      this.#metadata.applyEarly(directory, node);
      return;
    }
    if (this.#metadata.restores(FLAG.subvolume)) {
      const isOne = isSubvolume(directory.stat(), directory.fileSystem());
      if (isOne !== wantsSubvolume) {
        const reason = wantsSubvolume ? "it exists and is not a subvolume" : "it exists and is a subvolume";
        throw new StoreError(directory.path, "extract", { reason });
      }
    }
    if (this.#remove.undoImmutable) clearImmutable(directory);
    this.#metadata.applyEarly(directory, node);
  }

  /** @returns Whether something that is not a directory was in the way, and was removed. */
  #clearForDirectory(parent: TreeDirectory, name: Uint8Array): boolean {
    const existing = parent.node(name);
    if (existing.stat().kind === "directory") return false;
    if (this.#options.onConflict !== "replace") {
      throw new StoreError(existing.path, "extract", { reason: "it exists and is not a directory" });
    }
    removeTree(parent, name, this.#remove);
    return true;
  }

  #leave(): void {
    const level = this.#levels.at(-1);
    if (level === undefined) throw this.#malformed("it leaves a directory that it did not enter");
    if (this.#file !== undefined) throw this.#malformed(`content of '${this.#file.path}' is missing`);
    this.#levels.pop();
    const parent = this.#levels.at(-1);
    if (parent === undefined) this.#isDone = true;
    else parent.files = Math.max(parent.files, level.files);
    if (level.files > (this.#pool?.done ?? 0)) {
      this.#deferred.push(level);
      return;
    }
    try {
      this.#complete(level);
    } finally {
      level.directory[Symbol.dispose]();
    }
  }

  /** Does what has to wait until all is in a directory, and closes it. */
  #complete({ directory, node, names }: Level): void {
    if ((this.#options.delete ?? false) && names !== undefined) {
      for (const { name } of directory.list()) {
        if (!names.has(bytesKey(name))) removeTree(directory, name, this.#remove);
      }
    }
    this.#metadata.apply(directory, node);
    this.#metadata.applyLate(directory, node);
    if (
      this.#metadata.restores(FLAG.subvolumeReadOnly) && (node.attributes & FLAG.subvolumeReadOnly) !== 0n
    ) {
      directory.setReadOnlySubvolume();
    }
    directory[Symbol.dispose]();
  }

  #beginFile(directory: TreeDirectory, name: Uint8Array, node: FileNode): void {
    this.#file = this.#poolFile(directory, name, node) ?? this.#maker.beginFile(directory, name, node);
    if (node.size === 0) this.#finishFile();
  }

  /** Leaves a file to another thread, if there is one that has time for it, and nothing is unusual about it. */
  #poolFile(directory: TreeDirectory, name: Uint8Array, node: FileNode): OpenFile | undefined {
    const pool = this.#pool;
    if (pool === undefined || directory.handle === undefined || !isPlainFile(node)) return undefined;
    this.#settleFiles();
    const content = pool.reserve(name, node.size);
    if (content === undefined) return undefined;
    const owner = this.#metadata.ownerOf(directory.node(name), node);
    return new PooledContent(pool, { directory, name, node, owner, content });
  }

  #writeData(data: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) throw this.#malformed("it has content without a file");
    if (data.length > file.missing) throw this.#malformed(`'${file.path}' has more content than its size`);
    file.write(data);
    if (file.missing === 0) this.#finishFile();
  }

  #finishFile(): void {
    this.#file!.finish();
    this.#file = undefined;
    if (this.#pool !== undefined) this.#levels.at(-1)!.files = this.#pool.published;
  }

  /** Makes a file that was left to another thread. */
  readonly #makeFile: MakeFile = (directory, { name, node, content }) => {
    const restore = { ...this.#metadata.byNumbers, onWarning: this.#options.onWarning };
    this.#byNumbers ??= new NodeMaker(new MetadataWriter(this.#posix, restore), this.#making);
    using file = this.#byNumbers.beginFile(directory, name, node);
    file.write(content);
    file.finish();
  };

  /** Sees which files of the other threads are done, and leaves the directories that waited for them. */
  #settleFiles(): void {
    const pool = this.#pool;
    if (pool === undefined) return;
    pool.harvest(this.#makeFile);
    while (this.#deferred.length > 0 && this.#deferred[0]!.files <= pool.done) {
      const level = this.#deferred[0]!;
      this.#complete(level);
      this.#deferred.shift();
    }
  }

  #writeOther(directory: TreeDirectory, name: Uint8Array, node: Other): void {
    // Nobody may open it before its permissions are there; unless the umask decides on them.
    const mode = this.#metadata.restores(FLAG.permissions) ? 0 : 0o666;
    const temporary = this.#maker.makeTemporary(name, (temporary) => {
      if (node.kind === "symlink") directory.makeSymlink(temporary, node.target, { as: name });
      else directory.makeSpecial(temporary, { major: 0, minor: 0, ...node, mode }, { as: name });
    });
    try {
      this.#metadata.apply(directory.node(temporary, { as: name }), node);
      this.#maker.publish(directory, name, temporary);
    } catch (error) {
      removeQuietly(directory, temporary);
      throw error;
    }
  }

  #newDirectoryMode(): number {
    return this.#metadata.restores(FLAG.permissions) ? 0o700 : 0o777;
  }

  #malformed(what: string): FormatError {
    return new FormatError(`Cannot extract to '${this.#path}': the archive is malformed: ${what}`);
  }
}

/** What has neither content nor members. */
type Other = Exclude<ArchiveNode, { readonly kind: "directory" | "file" }>;

const KIND_FLAGS = {
  symlink: FLAG.symlinks,
  "block-device": FLAG.deviceNodes,
  "character-device": FLAG.deviceNodes,
  fifo: FLAG.fifos,
  socket: FLAG.sockets,
} as const satisfies Record<Other["kind"], bigint>;
