/**
 * What a place for chunks, or for indexes, has to offer.
 *
 * @module
 */

import type { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import { ChunkMissingError } from "../errors.ts";
import type { Index } from "../format/index_file.ts";
import type { StoreRecipe } from "./recipe.ts";

/** Options of every call that may wait. */
export interface CallOptions {
  /** Stops the call; it then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** How chunks are kept: compressed with zstd, or as they are. */
export type ChunkForm = "zstd" | "plain";

/** Chunks in a local directory, which every thread reads and writes by itself. */
export interface ChunkDirectory {
  /** Its path. */
  readonly root: string;
  /** How the chunks are kept. */
  readonly form: ChunkForm;
}

/** A place chunks can be read from. */
export interface ChunkStore extends AsyncDisposable {
  /** Where the store is, credentials removed; goes into messages. */
  readonly location: string;
  /** How another thread opens the store; undefined if only this one can use it. */
  readonly recipe?: StoreRecipe | undefined;
  /** Whether the store has the chunk. It is not read. */
  has(id: ChunkId, options?: CallOptions): Promise<boolean>;
  /**
   * Reads and verifies one chunk; `undefined` if the store does not have it.
   *
   * @throws {ChunkInvalidError} If what is stored is not that chunk.
   * @throws {StoreError} If the store cannot be asked.
   */
  get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined>;
}

/** A place chunks can be written to. */
export interface WritableChunkStore extends ChunkStore {
  /** Adds a chunk; readers see all of it or none of it. Storing it twice is harmless. */
  put(chunk: Chunk, options?: CallOptions): Promise<void>;
}

/** A place chunks can be listed and deleted in. */
export interface PrunableChunkStore extends WritableChunkStore {
  /** IDs of all chunks in the store's own form, in no particular order. */
  list(options?: CallOptions): AsyncIterable<ChunkId>;
  /** Deletes a chunk. @returns Whether it was there. */
  remove(id: ChunkId, options?: CallOptions): Promise<boolean>;
}

/** A place indexes can be read from. */
export interface IndexStore extends AsyncDisposable {
  /** Where the store is, credentials removed. */
  readonly location: string;
  /** Reads an index; `undefined` if the store does not have it. */
  get(name: string, options?: CallOptions): Promise<Index | undefined>;
}

/** A place indexes can be written to. */
export interface WritableIndexStore extends IndexStore {
  /** Adds or replaces an index; readers see the old one or the new one, whole. */
  put(name: string, index: Index, options?: CallOptions): Promise<void>;
}

/**
 * Reads a chunk that has to be there.
 *
 * @throws {ChunkMissingError} If the store does not have it.
 */
export async function requireChunk(store: ChunkStore, id: ChunkId, options?: CallOptions): Promise<Chunk> {
  const chunk = await store.get(id, options);
  if (chunk === undefined) throw new ChunkMissingError(id, store.location);
  return chunk;
}
