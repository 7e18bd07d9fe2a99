/**
 * Stores as plain data: what a location stands for, in a form that can be posted to another thread, which then opens
 * the store by itself. This is the one place that knows how stores are put together.
 *
 * @module
 */

import type { ChunkId } from "../chunk_id.ts";
import { CodecStack } from "../codec/codec_stack.ts";
import { openZstd, ZSTD_EXTENSION, type ZstdCodec } from "../codec/zstd.ts";
import type { Digest } from "../digest/digest.ts";
import { StoreError } from "../errors.ts";
import type { HttpOptions } from "../objects/http.ts";
import { checkDirectory, LocalObjects, touchFile } from "../objects/local.ts";
import type { ObjectStore } from "../objects/objects.ts";
import { openPosix } from "../platform/posix.ts";
import { CacheStore } from "./cache.ts";
import { TEMPORARY_PREFIX } from "./chunk_files.ts";
import { chunkKey, ChunkObjects } from "./chunk_objects.ts";
import { FailoverStore } from "./failover.ts";
import { RouterStore } from "./router.ts";
import { type SeedColumns, SeededStore } from "./seeded.ts";
import type { ChunkDirectory, ChunkForm, ChunkStore, PrunableChunkStore } from "./types.ts";

/** How to open a store. */
export type StoreRecipe = ObjectsRecipe | GroupRecipe | CacheRecipe | SeededRecipe;

/** Chunks as objects of a transport. */
export interface ObjectsRecipe {
  /** Tells recipes apart. */
  readonly kind: "objects";
  /** Where the objects are. */
  readonly transport: TransportRecipe;
  /** How the chunks are kept. */
  readonly form: ChunkForm;
  /** Verify what is read; otherwise the consumer does. */
  readonly verify: boolean;
}

/** A place for objects. */
export type TransportRecipe =
  | {
    readonly kind: "directory";
    readonly path: string;
    /** Create the directory if it does not exist. @default false */
    readonly create?: boolean | undefined;
  }
  | { readonly kind: "http"; readonly url: string; readonly options: HttpOptions };

/** Stores asked in turn, or one until it fails. */
export interface GroupRecipe {
  /** Tells recipes apart. */
  readonly kind: "router" | "failover";
  /** At least one. */
  readonly members: readonly StoreRecipe[];
}

/** A store in front of another. */
export interface CacheRecipe {
  /** Tells recipes apart. */
  readonly kind: "cache";
  /** Asked first, and given what the source has. */
  readonly cache: ObjectsRecipe;
  /** Asked for what the cache does not have. */
  readonly source: StoreRecipe;
  /** Fetch a chunk again whose cached form is damaged, and replace it. */
  readonly repair: boolean;
}

/** Local files in front of a store. */
export interface SeededRecipe {
  /** Tells recipes apart. */
  readonly kind: "seeded";
  /** Asked in this order. */
  readonly seeds: readonly SeedColumns[];
  /** Asked for what the files do not have. */
  readonly source: StoreRecipe;
}

/** What stores are opened with. */
export interface StoreParts {
  /** Names the chunks; what is read is verified with it. */
  readonly digest: Digest;
  /** The codec of compressed stores, which stays the caller's. @default one is opened */
  readonly zstd?: ZstdCodec | undefined;
}

/**
 * Opens a store.
 *
 * @throws {StoreError} If a directory does not exist.
 */
export async function openStore(recipe: StoreRecipe, parts: StoreParts): Promise<ChunkStore> {
  switch (recipe.kind) {
    case "objects":
      return await openObjectsStore(recipe, parts);
    case "cache":
      return await openCache(recipe, parts);
    case "seeded": {
      const source = await openStore(recipe.source, parts);
      const { seeds } = recipe;
      return new SeededStore({ source, seeds, digest: parts.digest, posix: await openPosix() }, { recipe });
    }
    default:
      return await openGroup(recipe, parts);
  }
}

/**
 * Opens the store of one transport, with all that it can do.
 *
 * @throws {StoreError} If a directory does not exist.
 */
export async function openObjectsStore(
  recipe: ObjectsRecipe,
  parts: StoreParts,
): Promise<PrunableChunkStore> {
  const objects = await openTransport(recipe.transport, TEMPORARY_PREFIX);
  return new ChunkObjects(objects, {
    codecs: new CodecStack(recipe.form === "plain" ? [] : [parts.zstd ?? await openZstd()]),
    digest: parts.digest,
    verify: recipe.verify,
    recipe,
  });
}

async function openTransport(transport: TransportRecipe, temporaryPrefix: string): Promise<ObjectStore> {
  if (transport.kind === "http") {
    const { openHttpObjects } = await import("../objects/http.ts");
    return await openHttpObjects(transport.url, transport.options);
  }
  const { path } = transport;
  if (transport.create ?? false) await createDirectory(path);
  await checkDirectory(path);
  return new LocalObjects(await openPosix(), path, { temporaryPrefix });
}

async function createDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return; // As what it is will be seen when it is opened.
    throw new StoreError(path, "create store", { cause });
  }
}

async function openGroup(recipe: GroupRecipe, parts: StoreParts): Promise<ChunkStore> {
  await using opened = new AsyncDisposableStack();
  const members: ChunkStore[] = [];
  for (const member of recipe.members) members.push(opened.use(await openStore(member, parts)));
  opened.move();
  return recipe.kind === "router"
    ? new RouterStore(members, { recipe })
    : new FailoverStore(members, { recipe });
}

async function openCache(recipe: CacheRecipe, parts: StoreParts): Promise<ChunkStore> {
  await using opened = new AsyncDisposableStack();
  const source = opened.use(await openStore(recipe.source, parts));
  const cache = opened.use(await openObjectsStore(recipe.cache, parts));
  opened.move();
  const { transport, form } = recipe.cache;
  const extension = form === "plain" ? "" : ZSTD_EXTENSION;
  const onHit = transport.kind !== "directory"
    ? undefined
    : (id: ChunkId) => touchFile(`${transport.path}/${chunkKey(id, extension)}`);
  return new CacheStore({ cache, source }, { repair: recipe.repair, onHit, recipe });
}

/**
 * The directories that together hold all that a store has, in the order in which they are asked; threads read and
 * write these without going through the store.
 *
 * @returns Undefined if there is more to the store than that.
 */
export function chunkDirectories(store: ChunkStore): readonly ChunkDirectory[] | undefined {
  return store.recipe && directoriesOf(store.recipe);
}

/** The directory that a store consists of; undefined if it is something else. */
export function chunkDirectory(store: ChunkStore): ChunkDirectory | undefined {
  const directories = chunkDirectories(store);
  return directories?.length === 1 ? directories[0] : undefined;
}

function directoriesOf(recipe: StoreRecipe): readonly ChunkDirectory[] | undefined {
  if (recipe.kind === "objects") {
    const { transport, form } = recipe;
    return transport.kind === "directory" ? [{ root: transport.path, form }] : undefined;
  }
  if (recipe.kind !== "router") return undefined;
  const lists = recipe.members.map(directoriesOf);
  return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
}
