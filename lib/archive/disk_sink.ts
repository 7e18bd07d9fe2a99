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
import { isSystemError, type TreeDirectory, type TreeFile, type TreePosix } from "../platform/tree.ts";
import { bytesKey } from "./bytes_order.ts";
import { isSubvolume } from "./disk_metadata.ts";
import { clearImmutable, type RemoveOptions, removeTree, withoutImmutable } from "./disk_remove.ts";
import { MetadataWriter, type RestoreOptions } from "./disk_restore.ts";
import type { ArchiveEvent, ArchiveNode } from "./entry.ts";
import { SparseContent } from "./sparse_content.ts";

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
  /** Names in the archive, as keys. */
  readonly names: Set<string>;
}

/** A file that is being written. */
interface OpenFile {
  readonly file: TreeFile;
  readonly content: SparseContent;
  readonly node: ArchiveNode;
  readonly directory: TreeDirectory;
  readonly name: Uint8Array;
  readonly temporary: Uint8Array;
}

const MAX_NAME = 255;
const SLASH = 0x2f;
const DOT = 0x2e;
const HEX_DIGITS = 16;
const MAX_ATTEMPTS = 100;
const ENCODER = new TextEncoder();

/** Writes a tree event by event. Disposed of before {@linkcode finish}, it removes the file that is not complete. */
export class TreeWriter implements Disposable {
  readonly #posix: TreePosix;
  readonly #path: string;
  readonly #options: WriteTreeOptions;
  readonly #metadata: MetadataWriter;
  readonly #remove: RemoveOptions;
  readonly #levels: Level[] = [];
  #file: OpenFile | undefined;
  #isDone = false;
  #serial = crypto.getRandomValues(new BigUint64Array(1))[0]!;

  /** Nothing is touched before the first event. */
  constructor(posix: TreePosix, path: string, options: WriteTreeOptions) {
    this.#posix = posix;
    this.#path = path;
    this.#options = options;
    this.#metadata = new MetadataWriter(posix, options);
    this.#remove = {
      undoImmutable: options.undoImmutable ?? false,
      onMountPoint: (path) =>
        options.onWarning?.({ path, message: "it is not in the archive, but stays: it is a mount point" }),
    };
  }

  /**
   * Does what an event says.
   *
   * @throws {FormatError} If it makes no sense here.
   * @throws {StoreError} If it cannot be done.
   */
  write(event: ArchiveEvent): void {
    try {
      if (event.type === "data") this.#writeData(event.data);
      else if (event.type === "leave") this.#leave();
      else if (event.name === undefined) this.#enterRoot(event.node);
      else this.#writeNode(event.name, event.node);
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
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) {
      file.file[Symbol.dispose]();
      removeQuietly(file.directory, file.temporary);
    }
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
    this.#levels.push({ directory, node, names: new Set() });
    if (this.#remove.undoImmutable) clearImmutable(directory);
    this.#metadata.applyEarly(directory, node, { isRoot: true });
  }

  #writeNode(name: Uint8Array, node: ArchiveNode): void {
    const level = this.#levels.at(-1);
    if (level === undefined) throw this.#malformed("it has a node outside of the root");
    if (this.#file !== undefined) throw this.#malformed(`content of '${this.#file.file.path}' is missing`);
    this.#checkName(level, name);
    const { directory } = level;
    if (node.kind === "directory") this.#enter(directory, name, node);
    else if (node.kind === "file") this.#beginFile(directory, name, node);
    else if (this.#metadata.restores(KIND_FLAGS[node.kind])) this.#writeOther(directory, name, node);
  }

  #checkName({ directory, names }: Level, name: Uint8Array): void {
    const isDots = name.length <= 2 && name.every((byte) => byte === DOT); // Or empty.
    if (isDots || name.length > MAX_NAME || name.includes(SLASH) || name.includes(0)) {
      const text = JSON.stringify(new TextDecoder().decode(name));
      throw this.#malformed(`${text} in '${directory.path}' is not a file name`);
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
    this.#levels.push({ directory, node, names: new Set() });
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
    if (this.#file !== undefined) throw this.#malformed(`content of '${this.#file.file.path}' is missing`);
    const { directory, node, names } = level;
    if (this.#options.delete ?? false) {
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
    this.#levels.pop();
    directory[Symbol.dispose]();
    this.#isDone = this.#levels.length === 0;
  }

  #beginFile(
    directory: TreeDirectory,
    name: Uint8Array,
    node: ArchiveNode & { readonly kind: "file" },
  ): void {
    // Others get no access before it has its owner.
    const mode = this.#metadata.restores(FLAG.permissions) ? 0o600 : 0o666;
    let file: TreeFile | undefined;
    const temporary = this.#makeTemporary(name, (temporary) => {
      file = directory.createFile(temporary, mode, { as: name });
    });
    const content = new SparseContent(file!, node.size);
    this.#file = { file: file!, content, node, directory, name, temporary };
    this.#metadata.applyEarly(file!, node);
    if (node.size === 0) this.#finishFile(this.#file);
  }

  #writeData(data: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) throw this.#malformed("it has content without a file");
    if (data.length > file.content.missing) {
      throw this.#malformed(`'${file.file.path}' has more content than its size`);
    }
    file.content.write(data);
    if (file.content.missing === 0) this.#finishFile(file);
  }

  #finishFile(open: OpenFile): void {
    const { file, content, node, directory, name, temporary } = open;
    content.finish();
    this.#metadata.apply(file, node);
    this.#publish(directory, name, temporary);
    this.#file = undefined;
    try {
      this.#metadata.applyLate(file, node);
    } finally {
      file[Symbol.dispose]();
    }
  }

  #writeOther(directory: TreeDirectory, name: Uint8Array, node: Other): void {
    const temporary = this.#makeTemporary(name, (temporary) => {
      if (node.kind === "symlink") directory.makeSymlink(temporary, node.target, { as: name });
      else directory.makeSpecial(temporary, { major: 0, minor: 0, ...node }, { as: name });
    });
    try {
      this.#metadata.apply(directory.node(temporary, { as: name }), node);
      this.#publish(directory, name, temporary);
    } catch (error) {
      removeQuietly(directory, temporary);
      throw error;
    }
  }

  /** Gives what is complete its name. */
  #publish(directory: TreeDirectory, name: Uint8Array, temporary: Uint8Array): void {
    const run = () => directory.rename(temporary, name);
    try {
      withoutImmutable(directory, name, { ...this.#remove, run });
    } catch (error) {
      if (!hasErrorCode(error, "EISDIR", "ENOTEMPTY", "EEXIST")) throw error;
      if (this.#options.onConflict !== "replace") {
        const reason = "it exists and is a directory";
        throw new StoreError(directory.node(name).path, "extract", { cause: error, reason });
      }
      removeTree(directory, name, this.#remove);
      run();
    }
  }

  /** Makes something under a name that nothing has; as casync's, it begins with `.#`. */
  #makeTemporary(name: Uint8Array, make: (temporary: Uint8Array) => void): Uint8Array {
    for (let attempt = 1;; attempt++) {
      this.#serial = BigInt.asUintN(64, this.#serial + 1n);
      const stem = name.subarray(0, MAX_NAME - HEX_DIGITS - 2);
      const temporary = new Uint8Array(stem.length + HEX_DIGITS + 2);
      ENCODER.encodeInto(".#", temporary);
      temporary.set(stem, 2);
      const digits = this.#serial.toString(HEX_DIGITS).padStart(HEX_DIGITS, "0");
      ENCODER.encodeInto(digits, temporary.subarray(stem.length + 2));
      try {
        make(temporary);
        return temporary;
      } catch (error) {
        if (!hasErrorCode(error, "EEXIST") || attempt === MAX_ATTEMPTS) throw error;
      }
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

/** For use while another error is under way: that one is what the caller has to see. */
function removeQuietly(directory: TreeDirectory, name: Uint8Array): void {
  try {
    directory.remove(name);
  } catch {
    // It stays under its temporary name, which nobody takes for a result.
  }
}
