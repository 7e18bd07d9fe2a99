/**
 * Unpacking archives.
 *
 * @module
 */

import { TreeWriter, type WriteTreeOptions } from "../archive/disk_sink.ts";
import type { ArchiveEvent } from "../archive/entry.ts";
import { ArchiveParser } from "../archive/parser.ts";
import { parseArchivePath, PathSelection } from "../archive/select_path.ts";
import { FilePool, type FilePoolOptions } from "../concurrency/file_pool.ts";
import { FormatError, StoreError } from "../errors.ts";
import { DESYNC_FLAGS, FLAG, type FlagSelection, restoreFlags } from "../format/feature_flags.ts";
import type { TreePosix } from "../platform/tree.ts";
import type { CallOptions } from "../store/types.ts";

/** Which archive to read, and what of it. */
export interface ReadArchivePartOptions extends CallOptions {
  /** The archive, for messages. */
  readonly location: string;
  /** Bytes of the archive; the iteration is ended as soon as no more are needed. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Feature flags of the index that the archive is read through; what they say is recorded has to be in it. */
  readonly indexFlags?: bigint | undefined;
  /** What to unpack: one node, with what is below it, and the directories that lead there. @default everything */
  readonly path?: string | undefined;
  /** Called now and then with the bytes of the archive that are done. */
  readonly onProgress?: ((size: number) => void) | undefined;
}

/** How to unpack. */
export interface UnpackOptions
  extends ReadArchivePartOptions, Omit<WriteTreeOptions, "flags" | "skipEpoch">, FilePoolOptions {
  /** Names of feature flags, for what is to be restored. @default all that is recorded */
  readonly selection?: FlagSelection | undefined;
}

/**
 * Unpacks an archive into the directory `target`, which is created if it is missing.
 *
 * @throws {FormatError} If the archive is malformed or truncated; what is complete by then stays.
 * @throws {StoreError} If something cannot be written, or the archive does not have the path.
 * @throws {TypeError} If a part is asked for, and the rest is to be deleted.
 */
export async function unpackArchive(posix: TreePosix, target: string, options: UnpackOptions): Promise<void> {
  if (options.path !== undefined && (options.delete ?? false)) {
    throw new TypeError("Cannot unpack a part of an archive: all else would be deleted");
  }
  await using opened = new AsyncDisposableStack();
  let writer: TreeWriter | undefined;
  try {
    for await (const events of eventBlocks(options)) {
      for (const event of events) {
        writer ??= openWriter(posix, target, { options, root: event, opened });
        writer.write(event);
        if (writer.mustWait) await writer.wait();
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    await writer?.settle(); // What came before is made, or it is what failed first.
    throw error;
  }
  await writer?.settle();
  writer?.finish();
}

/** @param from The first event, and what closes the writer; the threads that use its directories end before that. */
function openWriter(
  posix: TreePosix,
  target: string,
  from: {
    readonly options: UnpackOptions;
    readonly root: ArchiveEvent;
    readonly opened: AsyncDisposableStack;
  },
): TreeWriter {
  const { options, root, opened } = from;
  const hasPool = posix.implementation === "ffi" && (options.threads ?? navigator.hardwareConcurrency) > 1;
  const pool = hasPool ? new FilePool(options) : undefined;
  const writer = opened.use(
    new TreeWriter(posix, target, { ...writeOptions(options, root), pool, isOrdered: true }),
  );
  if (pool !== undefined) opened.use(pool);
  return writer;
}

/** @param root The first event, which knows the archive's feature flags. */
function writeOptions(options: UnpackOptions, root: ArchiveEvent): WriteTreeOptions {
  const flags = root.type === "node" ? root.flags ?? 0n : 0n;
  return {
    ...options,
    flags: restoreFlags(flags, options.selection),
    // To desync, a time of 0 says that none was recorded.
    skipEpoch: ((flags ^ DESYNC_FLAGS) & ~FLAG.sha512256) === 0n,
  };
}

/**
 * The events of an archive, or of a part of it.
 *
 * @returns Contents are borrowed until the next event.
 * @throws {FormatError} If the archive is malformed or truncated.
 * @throws {StoreError} If it does not have the path.
 */
export async function* archiveEvents(options: ReadArchivePartOptions): AsyncGenerator<ArchiveEvent> {
  for await (const events of eventBlocks(options)) yield* events;
}

/** The events of block after block, so that most of them cost no promise. */
async function* eventBlocks(options: ReadArchivePartOptions): AsyncGenerator<Iterable<ArchiveEvent>> {
  const { location, source, path, signal, onProgress } = options;
  const parser = new ArchiveParser({ location });
  const selected: ArchiveEvent[] = [];
  const selection = path === undefined
    ? undefined
    : new PathSelection(parseArchivePath(path), (event) => selected.push(event));
  function* blockEvents(): Generator<ArchiveEvent> {
    for (let event = parser.next(); event !== undefined; event = parser.next()) {
      if (event.type === "node" && event.name === undefined) checkFlags(event.flags ?? 0n, options);
      if (selection === undefined) {
        yield event;
      } else {
        selection.write(event);
        yield* selected.splice(0);
        if (selection.isDone) return;
      }
    }
  }
  let done = 0;
  for await (const bytes of source) {
    signal?.throwIfAborted();
    parser.push(bytes);
    yield blockEvents();
    done += bytes.length;
    onProgress?.(done);
    if (selection?.isDone ?? false) break;
  }
  if (!(selection?.isDone ?? false)) parser.end();
  if (selection !== undefined && !selection.isFound) {
    throw new StoreError(location, `unpack '${path}' from`, { reason: "it has nothing of that name" });
  }
}

/** What an index says about itself is compared if it says that it describes a tree. */
function checkFlags(flags: bigint, options: ReadArchivePartOptions): void {
  const indexFlags = (options.indexFlags ?? 0n) & RECORDED;
  if (indexFlags !== 0n && indexFlags !== (flags & RECORDED)) {
    throw new FormatError(
      `Cannot read archive '${options.location}': its feature flags are 0x${flags.toString(16)}, ` +
        `those of its index 0x${options.indexFlags!.toString(16)}`,
    );
  }
}

/** The flags that say what is recorded; the others are about the making, and the digest of an index. */
const RECORDED = 0x1_ffff_ffffn;
