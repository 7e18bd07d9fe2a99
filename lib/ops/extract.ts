/**
 * Rebuilding a blob from its index, a store and seeds.
 *
 * @module
 */

import { assemble, type AssembleOptions } from "../assemble/assemble.ts";
import type { AssembleStats } from "../assemble/stats.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { StoreError } from "../errors.ts";
import { blobSize } from "../format/index_file.ts";
import { AtomicFile } from "../io/atomic_file.ts";

/** How to rebuild a blob. */
export interface ExtractOptions extends Omit<AssembleOptions, "path" | "blank"> {
  /**
   * Work on the output itself, and keep what is right in it; for block devices, and to go on after an interruption.
   * Otherwise a new file takes its place once it is complete. @default false
   */
  readonly inPlace?: boolean | undefined;
}

/**
 * Rebuilds a blob at `path`.
 *
 * @throws {StoreError} If the output cannot be written, is not a regular file (and `inPlace` is not set), or is
 * the data of a seed.
 */
export async function extractBlob(
  engine: Engine,
  path: string,
  options: ExtractOptions,
): Promise<AssembleStats> {
  const info = await Deno.stat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new StoreError(path, "write", { cause: error });
  });
  if (info?.isDirectory ?? false) throw new StoreError(path, "write", { reason: "it is a directory" });
  if (!(options.inPlace ?? false)) {
    if (info !== undefined && !info.isFile) {
      throw new StoreError(path, "replace", {
        reason: "it is not a regular file; write to it with --in-place",
      });
    }
    return await extractBeside(engine, path, options);
  }
  return await extractInPlace(engine, path, { ...options, info });
}

async function extractBeside(engine: Engine, path: string, options: ExtractOptions): Promise<AssembleStats> {
  using output = attempt(path, () => new AtomicFile(engine.tools.posix, path));
  attempt(path, () => output.file.truncate(blobSize(options.index)));
  const stats = await assemble(engine, { ...options, path: output.temporary, blank: true });
  options.signal?.throwIfAborted();
  attempt(path, () => output.commit());
  return stats;
}

async function extractInPlace(
  engine: Engine,
  path: string,
  options: ExtractOptions & { readonly info: Deno.FileInfo | undefined },
): Promise<AssembleStats> {
  const { info } = options;
  const size = blobSize(options.index);
  for (const seed of options.seeds ?? []) {
    const other = await Deno.stat(seed.location).catch(() => undefined);
    if (info !== undefined && other?.ino === info.ino && other.dev === info.dev && info.ino !== null) {
      throw new StoreError(path, "write to", { reason: `it is the data of seed '${seed.location}'` });
    }
  }
  using file = attempt(path, () => {
    return engine.tools.posix.open(path, { access: "read-write", create: "if-missing" });
  });
  const isRegular = info === undefined || info.isFile;
  if (isRegular) attempt(path, () => file.truncate(size));
  else if (file.size() < size) {
    throw new StoreError(path, "write to", { reason: `it holds ${file.size()} bytes, the blob has ${size}` });
  }
  const blank = isRegular && (info?.size ?? 0) === 0;
  const stats = await assemble(engine, { ...options, path, blank });
  attempt(path, () => file.sync());
  return stats;
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new StoreError(path, "write", { cause });
  }
}
