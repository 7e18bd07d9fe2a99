/**
 * Chunk and index stores in local directories.
 *
 * @module
 */

import { CodecStack } from "../codec/codec_stack.ts";
import { openZstd } from "../codec/zstd.ts";
import type { Digest } from "../digest/digest.ts";
import { StoreError } from "../errors.ts";
import { checkDirectory, LocalObjects } from "../objects/local.ts";
import { openPosix } from "../platform/posix.ts";
import { TEMPORARY_PREFIX } from "./chunk_files.ts";
import { ChunkObjects } from "./chunk_objects.ts";
import { IndexObjects } from "./index_objects.ts";
import type { PrunableChunkStore, WritableIndexStore } from "./types.ts";

/** How to open a local chunk store. */
export interface LocalChunkStoreOptions {
  readonly digest: Digest;
  /** Keep chunks as they are, without compression. @default false */
  readonly uncompressed?: boolean | undefined;
  /** Verify what is read; otherwise the consumer does. @default true */
  readonly verify?: boolean | undefined;
  /** Create the directory if it does not exist. @default false */
  readonly create?: boolean | undefined;
}

/**
 * Opens the chunk store in a directory.
 *
 * @throws {StoreError} If there is no such directory.
 */
export async function openLocalChunkStore(
  path: string,
  options: LocalChunkStoreOptions,
): Promise<PrunableChunkStore> {
  if (options.create ?? false) await createDirectory(path);
  await checkDirectory(path);
  const uncompressed = options.uncompressed ?? false;
  const objects = new LocalObjects(await openPosix(), path, { temporaryPrefix: TEMPORARY_PREFIX });
  return new ChunkObjects(objects, {
    codecs: new CodecStack(uncompressed ? [] : [await openZstd()]),
    digest: options.digest,
    verify: options.verify,
    directories: [{ root: path, form: uncompressed ? "plain" : "zstd" }],
  });
}

async function createDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new StoreError(path, "create store", { cause });
  }
}

/**
 * Opens the index store in a directory.
 *
 * @throws {StoreError} If there is no such directory.
 */
export async function openLocalIndexStore(directory: string): Promise<WritableIndexStore> {
  const path = withoutSlash(directory);
  await checkDirectory(path);
  const options = { temporaryPrefix: ".tmp-index.", mode: 0o666, sync: true };
  return new IndexObjects(new LocalObjects(await openPosix(), path, options));
}

/** The path without slashes at its end, unless it is nothing else. */
function withoutSlash(path: string): string {
  return path.replace(/(?<=[^/])\/+$/, "");
}
