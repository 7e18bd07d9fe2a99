/**
 * Packing directory trees, and tar files, into archives.
 *
 * @module
 */

import { TreeSource } from "../archive/archive_source.ts";
import type { Skipped } from "../archive/disk_source.ts";
import type { ArchiveEvent } from "../archive/entry.ts";
import { EventPath } from "../archive/event_path.ts";
import { writeArchive } from "../archive/writer.ts";
import { type BlobSource, StreamSource } from "../concurrency/blob_source.ts";
import { readBlocks } from "../concurrency/read_blocks.ts";
import { FLAG } from "../format/feature_flags.ts";
import type { TarFile } from "../archive/tar_input.ts";
import type { TreePosix } from "../platform/tree.ts";
import type { CallOptions } from "../store/types.ts";

/** What goes into an archive. */
export interface PackOptions {
  /** Normalized feature flags; those above bit 59 also say what of a tree is left out. */
  readonly flags: bigint;
  /** Is told what is left out. */
  readonly onSkipped?: ((skipped: Skipped) => void) | undefined;
}

/** How to read a tar file. */
export interface PackTarOptions extends PackOptions {
  /** Put a directory around everything, for a tar file without one. @default false */
  readonly addRoot?: boolean | undefined;
  /** Stops reading. */
  readonly signal?: AbortSignal | undefined;
  /** Is told what cannot be kept. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** An archive that is made while it is read, for {@linkcode writeBlob} or `makeIndex()`. */
export interface PackSource extends BlobSource, AsyncDisposable {}

/** The archive of the directory at `path`. Nothing is read before it is asked for. */
export function packTree(posix: TreePosix, path: string, options: PackOptions): PackSource {
  const { flags, onSkipped } = options;
  const has = (bit: bigint) => (flags & bit) !== 0n;
  const source = new TreeSource(posix, path, {
    flags,
    oneFileSystem: has(FLAG.excludeSubmounts),
    excludeNodump: has(FLAG.excludeNodump),
    excludeFile: has(FLAG.excludeFile),
    onSkipped,
  });
  return Object.assign(source, {
    [Symbol.asyncDispose]() {
      source[Symbol.dispose]();
      return Promise.resolve();
    },
  });
}

/**
 * The archive of what is in a tar file. Nothing is read before it is asked for.
 *
 * @param tar Its bytes; or the file, whose contents then need not be copied. It stays the caller's.
 */
export async function packTar(
  tar: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | TarFile,
  options: PackTarOptions,
): Promise<PackSource> {
  const { flags, addRoot, onWarning, onSkipped, signal } = options;
  const { readTar } = await import("../archive/tar_source.ts");
  const events = readTar(tar, { addRoot, onWarning, signal });
  const archive = writeArchive(withoutOtherKinds(events, { flags, onSkipped }), { flags });
  // Streams made from iterators ask for the next part only when it is wanted, so parts may be borrowed.
  const source = new StreamSource(ReadableStream.from(archive));
  return Object.assign(source, {
    async [Symbol.asyncDispose]() {
      await archive.return(undefined);
      await events.return(undefined);
    },
  });
}

/** Leaves out the kinds of nodes that the feature flags do not have. */
async function* withoutOtherKinds(
  events: AsyncIterable<ArchiveEvent>,
  options: PackOptions,
): AsyncGenerator<ArchiveEvent> {
  const place = new EventPath();
  for await (const event of events) {
    const path = place.follow(event);
    if (event.type === "node" && path !== undefined) {
      const { kind } = event.node;
      const flag = KIND_FLAGS[kind as keyof typeof KIND_FLAGS] as bigint | undefined;
      if (flag !== undefined && (options.flags & flag) === 0n) {
        options.onSkipped?.({ path, kind, reason: "kind" });
        continue;
      }
    }
    yield event;
  }
}

const KIND_FLAGS = {
  "symlink": FLAG.symlinks,
  "block-device": FLAG.deviceNodes,
  "character-device": FLAG.deviceNodes,
  "fifo": FLAG.fifos,
  "socket": FLAG.sockets,
} as const;

/** Reads a blob to its end. @param options `write` takes its bytes in order, borrowed until its promise settles. */
export async function writeBlob(
  source: BlobSource,
  options: CallOptions & { readonly write: (bytes: Uint8Array) => Promise<void> },
): Promise<void> {
  const { write, signal } = options;
  for await (const bytes of readBlocks(source, { signal })) await write(bytes);
}
