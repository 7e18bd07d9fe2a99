/**
 * The stores behind a chunk server: which there are, how they are opened, and how they are replaced.
 *
 * @module
 */

import type { CodecStack } from "../lib/codec/codec_stack.ts";
import { openPosix, type Posix } from "../lib/platform/posix.ts";
import { ChunkReader } from "../lib/server/chunk_reader.ts";
import type { StoreRecipe } from "../lib/store/recipe.ts";
import { SingleFlightStore } from "../lib/store/single_flight.ts";
import { SwapStore, SwapWritableStore } from "../lib/store/swap.ts";
import type { ChunkStore, WritableChunkStore } from "../lib/store/types.ts";
import { UsageError } from "./errors.ts";
import { openChunkSources, openWritableChunkStore, type StoreOptions } from "./locations.ts";
import { readStoreFile, type StoreFile } from "./store_file.ts";

/** What the flags say of stores. */
export interface ServedStoreFlags {
  /** Stores to ask in order. */
  readonly store: readonly string[];
  /** Store to ask first. */
  readonly cache?: string | undefined;
  /** File that names them instead. */
  readonly storeFile?: string | undefined;
  /** Whether clients may write. */
  readonly writable: boolean;
  /** Replace what is damaged in the cache. */
  readonly cacheRepair: boolean;
}

/**
 * Finds out which stores are to be served.
 *
 * @throws {UsageError} If there are none, or not what can be written to.
 * @throws {ConfigError} If the file that names them cannot be read.
 */
export async function findServedStores(flags: ServedStoreFlags): Promise<StoreFile> {
  const { store, cache = "", storeFile = "", writable } = flags;
  let found: StoreFile;
  if (storeFile === "") {
    found = { stores: store, cache: cache === "" ? undefined : cache };
  } else {
    if (store.length > 0) throw new UsageError("--store and --store-file can't be used together");
    if (cache !== "") throw new UsageError("--cache and --store-file can't be used together");
    found = await readStoreFile(storeFile);
  }
  if (found.stores.length === 0) throw new UsageError("no store provided");
  if (writable && (found.stores.length > 1 || found.cache !== undefined)) {
    throw new UsageError("Only one upstream store supported for writing and no cache");
  }
  return found;
}

/** What {@linkcode openServedStores} needs beside the stores. */
export interface ServedStoreOptions {
  /** What the command line says. */
  readonly flags: ServedStoreFlags;
  /** How stores are opened. */
  readonly options: StoreOptions;
  /** The form in which chunks travel. */
  readonly codecs: CodecStack;
}

/** The stores behind a server; they close when they are disposed of. */
export interface ServedStores extends AsyncDisposable {
  /** What chunks are read from. */
  readonly store: ChunkStore;
  /** What chunks are written to; undefined if that is not wanted. */
  readonly target: WritableChunkStore | undefined;
  /** Reads the directory that is asked first, if it has chunks in the form in which they travel. */
  readonly reader: ChunkReader | undefined;
  /**
   * Opens others in their place.
   *
   * @returns When they are installed; `closed` is when those before have ended their work.
   * @throws If they cannot be opened; nothing changes then.
   */
  replace(sources: StoreFile): Promise<{ readonly closed: Promise<void> }>;
}

/** Opens the stores. */
export async function openServedStores(
  sources: StoreFile,
  settings: ServedStoreOptions,
): Promise<ServedStores> {
  const { flags, options, codecs } = settings;
  const posix = await openPosix();
  const readerOver = ({ recipe }: ChunkStore) => readerOf(recipe, { posix, extension: codecs.extension });
  const openTarget = ({ stores }: StoreFile) => openWritableChunkStore(stores[0]!, options);
  const openSource = (from: StoreFile) => openSources(from, settings);
  if (flags.writable) {
    const first = await openTarget(sources);
    return new Served(new SwapWritableStore(first), { first, open: openTarget, readerOver });
  }
  const first = await openSource(sources);
  return new Served(new SwapStore<ChunkStore>(first), { first, open: openSource, readerOver });
}

class Served<Store extends ChunkStore> implements ServedStores {
  readonly store: SwapStore<Store>;
  reader: ChunkReader | undefined;
  readonly #open: (sources: StoreFile) => Promise<Store>;
  readonly #readerOver: (store: ChunkStore) => ChunkReader | undefined;

  constructor(
    store: SwapStore<Store>,
    parts: {
      readonly first: Store;
      readonly open: (sources: StoreFile) => Promise<Store>;
      readonly readerOver: (store: ChunkStore) => ChunkReader | undefined;
    },
  ) {
    this.store = store;
    this.reader = parts.readerOver(parts.first);
    this.#open = parts.open;
    this.#readerOver = parts.readerOver;
  }

  get target(): WritableChunkStore | undefined {
    return this.store instanceof SwapWritableStore ? this.store : undefined;
  }

  async replace(sources: StoreFile): Promise<{ readonly closed: Promise<void> }> {
    const next = await this.#open(sources);
    this.reader = this.#readerOver(next);
    return { closed: this.store.swap(next) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store[Symbol.asyncDispose]();
  }
}

/** Of several clients that want one chunk at the same time, one makes the stores look for it. */
async function openSources(
  sources: StoreFile,
  { flags, options }: ServedStoreOptions,
): Promise<ChunkStore> {
  const store = await openChunkSources({ ...sources, cacheRepair: flags.cacheRepair }, options);
  // A directory is read by synchronous calls: no two of them are ever under way.
  return isLocal(store.recipe) ? store : new SingleFlightStore(store);
}

/** Whether nothing but directories is behind a store. */
function isLocal(recipe: StoreRecipe | undefined): boolean {
  if (recipe === undefined || recipe.kind === "cache" || recipe.kind === "seeded") return false;
  return recipe.kind === "objects" ? recipe.transport.kind === "directory" : recipe.members.every(isLocal);
}

function readerOf(
  recipe: StoreRecipe | undefined,
  options: { readonly posix: Posix; readonly extension: string },
): ChunkReader | undefined {
  const { posix, extension } = options;
  // Not of a failover group, which may be at another member by now.
  const first = recipe?.kind === "router" ? recipe.members[0] : recipe;
  if (first?.kind !== "objects" || first.transport.kind !== "directory" || first.verify) return undefined;
  const stored = first.form === "plain" ? "" : ".cacnk";
  return stored === extension ? new ChunkReader(posix, { root: first.transport.path, extension }) : undefined;
}
