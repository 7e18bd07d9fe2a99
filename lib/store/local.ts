/**
 * Chunk and index stores in local directories.
 *
 * @module
 */

import type { Digest } from "../digest/digest.ts";
import { checkDirectory, LocalObjects } from "../objects/local.ts";
import { openPosix } from "../platform/posix.ts";
import { IndexObjects } from "./index_objects.ts";
import { openObjectsStore } from "./recipe.ts";
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
  const { digest, uncompressed = false, verify = true, create } = options;
  const transport = { kind: "directory", path, create } as const;
  return await openObjectsStore(
    { kind: "objects", transport, form: uncompressed ? "plain" : "zstd", verify },
    { digest },
  );
}

/**
 * Opens the index store in a directory.
 *
 * @throws {StoreError} If there is no such directory.
 */
export async function openLocalIndexStore(directory: string): Promise<WritableIndexStore> {
  const path = withoutSlash(directory);
  await checkDirectory(path);
  const options = { temporaryPrefix: ".tmp-index.", mode: 0o666, sync: true, followLinks: true };
  return new IndexObjects(new LocalObjects(await openPosix(), path, options));
}

/** The path without slashes at its end, unless it is nothing else. */
function withoutSlash(path: string): string {
  return path.replace(/(?<=[^/])\/+$/, "");
}
