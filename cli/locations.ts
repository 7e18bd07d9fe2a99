/**
 * From what the command line says to stores and indexes: the one place that turns locations into composed stores.
 *
 * @module
 */

import type { Digest } from "../lib/digest/digest.ts";
import { ConfigError, IndexMissingError, StoreError, UnsupportedError } from "../lib/errors.ts";
import { decodeIndex, encodeIndex, type Index } from "../lib/format/index_file.ts";
import { CacheStore } from "../lib/store/cache.ts";
import { FailoverStore } from "../lib/store/failover.ts";
import { openLocalChunkStore, openLocalIndexStore } from "../lib/store/local.ts";
import { RouterStore } from "../lib/store/router.ts";
import type { ChunkStore, PrunableChunkStore, WritableChunkStore } from "../lib/store/types.ts";
import { indexStoreOptionsFor } from "./config.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./errors.ts";
import { redactLocation } from "./location_match.ts";
import type { StoreSettings } from "./store_settings.ts";
import { untilAborted } from "./until_aborted.ts";

/** What stores are opened with. */
export interface StoreOptions {
  /** Names the chunks. */
  readonly digest: Digest;
  /** What configuration and command line say of the store at a location. */
  readonly settings: (location: string) => StoreSettings;
  /** Create a directory that does not exist. @default false */
  readonly create?: boolean | undefined;
}

/** Stores to read chunks from. */
export interface ChunkSources {
  /** Asked in order; `a|b` is a failover group. */
  readonly stores: readonly string[];
  /** Asked first, and given what the others have. */
  readonly cache?: string | undefined;
  /** Replace damaged chunks of the cache. @default true */
  readonly cacheRepair?: boolean | undefined;
}

/** Transports that have a name, but no implementation here. */
const REMOTE_SCHEMES = ["http", "https", "s3+http", "s3+https", "gs", "sftp", "ssh", "oci+http", "oci+https"];

/**
 * Opens the stores that chunks are read from.
 *
 * @throws {UsageError} If there are none.
 */
export async function openChunkSources(sources: ChunkSources, options: StoreOptions): Promise<ChunkStore> {
  if (sources.stores.length === 0) throw new UsageError("no store given (use -s <location>)");
  await using opened = new AsyncDisposableStack();
  const members: ChunkStore[] = [];
  for (const location of sources.stores) members.push(opened.use(await openGroup(location, options)));
  const router = members.length === 1 ? members[0]! : new RouterStore(members);
  const store = sources.cache === undefined || sources.cache === "" ? router : new CacheStore(
    { source: router, cache: opened.use(await openWritableChunkStore(sources.cache, options)) },
    { repair: sources.cacheRepair },
  );
  opened.move();
  return store;
}

async function openGroup(location: string, options: StoreOptions): Promise<ChunkStore> {
  if (!location.includes("|")) return await openPrunableChunkStore(location, options);
  await using opened = new AsyncDisposableStack();
  const members: ChunkStore[] = [];
  for (const member of location.split("|")) {
    members.push(opened.use(await openPrunableChunkStore(member, options)));
  }
  opened.move();
  return new FailoverStore(members);
}

/** Opens a store that chunks are written to. */
export async function openWritableChunkStore(
  location: string,
  options: StoreOptions,
): Promise<WritableChunkStore> {
  return await openPrunableChunkStore(location, options);
}

/** Opens a store that chunks are deleted from. */
export async function openPrunableChunkStore(
  location: string,
  options: StoreOptions,
): Promise<PrunableChunkStore> {
  checkLocal(location, "store");
  const { encryption, uncompressed, skipVerify } = options.settings(location);
  if (encryption !== undefined) {
    throw new UnsupportedError(`Cannot open store '${location}': encryption is not supported`);
  }
  const { digest, create } = options;
  return await openLocalChunkStore(location, { digest, uncompressed, verify: !skipVerify, create });
}

/**
 * Makes sure that `location` is a path. What looks like a URL is never a file of that name.
 *
 * @throws {ConfigError} If its scheme is not known.
 * @throws {UnsupportedError} If it is, but there is no such transport here.
 */
function checkLocal(location: string, kind: "store" | "index"): void {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(location)?.[1]?.toLowerCase();
  if (scheme === undefined) return;
  if (REMOTE_SCHEMES.includes(scheme)) {
    throw new UnsupportedError(
      `Cannot open ${kind} '${redactLocation(location)}': ${scheme} is not supported`,
    );
  }
  throw new ConfigError(`Cannot open ${kind} '${redactLocation(location)}': unknown scheme '${scheme}'`);
}

/** What indexes are read with. */
export type IndexContext = Pick<CommandContext, "stdin" | "config" | "signal">;

/** The configuration may not say of a place for indexes that it is encrypted. */
async function checkIndexSettings(location: string, context: Pick<CommandContext, "config">): Promise<void> {
  indexStoreOptionsFor(await context.config(), location);
}

/**
 * Reads an index, from `stdin` if the location is `-`.
 *
 * @throws {IndexMissingError} If there is none.
 * @throws {FormatError} If it is not an index.
 */
export async function readIndex(location: string, context: IndexContext): Promise<Index> {
  await checkIndexSettings(location, context);
  if (location === "-") return decodeIndex(await readInput(context), { location: "-" });
  checkLocal(location, "index");
  let bytes;
  try {
    // Not through an index store: a pipe such as /dev/fd/63 is as good as a file.
    bytes = await Deno.readFile(location, { signal: context.signal });
  } catch (cause) {
    context.signal.throwIfAborted();
    if (cause instanceof Deno.errors.NotFound) throw new IndexMissingError(location);
    throw new StoreError(location, "read index", { cause });
  }
  return decodeIndex(bytes, { location });
}

/** Reads all of `stdin`. */
async function readInput(context: Pick<CommandContext, "stdin">): Promise<Uint8Array> {
  const { stdin } = context;
  if (stdin.locked) throw new UsageError("standard input can be read only once: '-' is given twice");
  return await new Response(stdin).bytes();
}

/** Writes an index to something that is no regular file. */
async function writeInto(
  location: string,
  work: { readonly index: Index; readonly signal: AbortSignal },
): Promise<void> {
  const { index, signal } = work;
  try {
    await untilAborted(Deno.writeFile(location, encodeIndex(index)), { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new StoreError(location, "write index", { cause });
  }
}

/** A place for an index, which was found fit before the work began. */
export interface IndexTarget {
  /** Writes the index; a reader of a file sees the old one or the new one, whole. */
  write(index: Index): Promise<void>;
}

/**
 * Prepares to write an index, to `stdout` if the location is `-`.
 *
 * @throws {StoreError} If its directory does not exist.
 */
export async function openIndexTarget(
  location: string,
  context: Pick<CommandContext, "stdout" | "config" | "signal">,
): Promise<IndexTarget> {
  await checkIndexSettings(location, context);
  if (location === "-") {
    return {
      async write(index) {
        await context.stdout.write(encodeIndex(index));
        await context.stdout.flush();
      },
    };
  }
  checkLocal(location, "index");
  const info = await Deno.stat(location).catch(() => undefined); // What cannot be seen is written, or fails then.
  if (info?.isDirectory ?? false) {
    throw new StoreError(location, "write index", { reason: "it is a directory" });
  }
  if (info !== undefined && !info.isFile) {
    // A device or a pipe: to rename a file over it would destroy it.
    return { write: (index) => writeInto(location, { index, signal: context.signal }) };
  }
  const path = info === undefined ? location : await Deno.realPath(location);
  const slash = path.lastIndexOf("/");
  const directory = slash < 0 ? "." : path.slice(0, slash + 1);
  if (!await isDirectory(directory)) {
    throw new StoreError(location, "write index", { reason: "its directory does not exist" });
  }
  return {
    async write(index) {
      await using store = await openLocalIndexStore(directory);
      await store.put(path.slice(slash + 1), index);
    },
  };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return false;
    throw new StoreError(path, "open", { cause });
  }
}

/**
 * Makes sure that neither an index is written over its data, nor its data over an index.
 *
 * @throws {UsageError} If the two are one file.
 */
export async function refuseSameFile(
  index: string,
  other: { readonly path: string; readonly kind: "data" | "output" },
): Promise<void> {
  const { path, kind } = other;
  if (index === "-" || path === "-") return;
  const [a, b] = await Promise.all([index, path].map((name) => Deno.realPath(name).catch(() => name)));
  if (a === b) throw new UsageError(`index and ${kind} are the same file: '${path}'`);
}
