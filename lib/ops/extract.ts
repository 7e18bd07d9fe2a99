/**
 * Rebuilding a blob from its index, a store and seeds.
 *
 * @module
 */

import { assemble, type AssembleOptions } from "../assemble/assemble.ts";
import type { AssembleStats } from "../assemble/stats.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { DesyncError, StoreError } from "../errors.ts";
import { blobSize } from "../format/index_file.ts";
import type { FileSeed } from "../seed/seed.ts";
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
 * @throws {StoreError} If the output cannot be written, or is not a regular file (and `inPlace` is not set).
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
    await refuseDeviceLink(path);
    return await extractBeside(engine, path, options);
  }
  return await extractInPlace(engine, path, { ...options, info });
}

/** A link such as /dev/stdout must not be replaced by a file. */
async function refuseDeviceLink(path: string): Promise<void> {
  const info = await Deno.lstat(path).catch(() => undefined); // To create it will tell.
  if (!(info?.isSymlink ?? false)) return;
  const directory = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : ".";
  if (await Deno.realPath(directory) === "/dev") {
    throw new StoreError(path, "replace", { reason: "it is a link to a device; use cat for a stream" });
  }
}

async function extractBeside(engine: Engine, path: string, options: ExtractOptions): Promise<AssembleStats> {
  using output = attempt(path, () => new AtomicFile(engine.tools.posix, path));
  attempt(path, () => output.file.truncate(blobSize(options.index)));
  const stats = await fill(engine, path, { ...options, path: output.temporary, blank: true });
  await syncFile(output.temporary);
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
  const seeds = await seedsBeside(info, options);
  using file = attempt(path, () => {
    return engine.tools.posix.open(path, { access: "read-write", create: "if-missing" });
  });
  const isRegular = info === undefined || info.isFile;
  if (isRegular) attempt(path, () => file.truncate(size));
  else if (file.size() < size) {
    throw new StoreError(path, "write to", { reason: `it holds ${file.size()} bytes, the blob has ${size}` });
  }
  const blank = isRegular && (info?.size ?? 0) === 0;
  const stats = await fill(engine, path, { ...options, seeds, path, blank });
  await syncFile(path);
  return stats;
}

/** The seeds without those whose data are the output itself: they would be overwritten while they are read. */
async function seedsBeside(output: Deno.FileInfo | undefined, options: ExtractOptions): Promise<FileSeed[]> {
  const seeds: FileSeed[] = [];
  for (const seed of options.seeds ?? []) {
    const info = await Deno.stat(seed.location).catch(() => undefined); // Opening it will tell.
    const isOutput = output?.ino != null && info?.ino === output.ino && info.dev === output.dev;
    if (isOutput) options.onSeedProblem?.(`Seed '${seed.location}' is skipped: it is the output`);
    else seeds.push(seed);
  }
  return seeds;
}

/** Waits until a file is on its device, without keeping this thread from serving signals meanwhile. */
async function syncFile(path: string): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true });
    await file.sync();
  } catch (cause) {
    throw new StoreError(path, "write", { cause });
  }
}

/** Assembles; what the system says of the output becomes an error of the output. */
async function fill(engine: Engine, path: string, options: AssembleOptions): Promise<AssembleStats> {
  try {
    return await assemble(engine, options);
  } catch (cause) {
    throw isSystemError(cause) ? new StoreError(path, "write", { cause }) : cause;
  }
}

/** Whether an error is the file system's own, which does not say what was to be done. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && !(error instanceof DesyncError) && "code" in error &&
    typeof error.code === "string";
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new StoreError(path, "write", { cause });
  }
}
