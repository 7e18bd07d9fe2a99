/**
 * A store in front of another, which keeps what was read.
 *
 * @module
 */

import type { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import { disposeAll } from "../concurrency/dispose.ts";
import { ChunkInvalidError, StoreError } from "../errors.ts";
import type { StoreRecipe } from "./recipe.ts";
import type { CallOptions, ChunkStore, WritableChunkStore } from "./types.ts";

/** How a {@linkcode CacheStore} treats what it finds. */
export interface CacheOptions extends Pick<ChunkStore, "recipe"> {
  /** Fetch a chunk again whose cached form is damaged, and replace it. @default true */
  readonly repair?: boolean | undefined;
  /** Told of every hit, to keep what is used from being cleaned up by age. @default nothing */
  readonly onHit?: ((id: ChunkId) => void) | undefined;
}

/** Asks the cache, then the source; what the source had is put into the cache before it is handed out. */
export class CacheStore implements ChunkStore {
  readonly location: string;
  readonly recipe: StoreRecipe | undefined;
  readonly #cache: WritableChunkStore;
  readonly #source: ChunkStore;
  readonly #options: CacheOptions;

  /** Takes ownership of both stores. */
  constructor(
    stores: { readonly cache: WritableChunkStore; readonly source: ChunkStore },
    options: CacheOptions = {},
  ) {
    this.location = stores.source.location;
    this.#cache = stores.cache;
    this.#source = stores.source;
    this.recipe = options.recipe;
    this.#options = options;
  }

  /** Whether one of the two has the chunk. */
  async has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return await this.#cache.has(id, options) || await this.#source.has(id, options);
  }

  /** Reads the chunk from the cache, or from the source by way of the cache. */
  async get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    const cached = await this.#cached(id, options);
    if (cached !== undefined) {
      this.#options.onHit?.(id);
      return cached;
    }
    const chunk = await this.#source.get(id, options);
    if (chunk === undefined) return undefined;
    try {
      await this.#cache.put(chunk, options);
    } catch (cause) {
      options?.signal?.throwIfAborted();
      throw new StoreError(this.#cache.location, `write chunk ${id} to cache`, { cause });
    }
    return chunk;
  }

  /** Closes what it was made of. */
  [Symbol.asyncDispose](): Promise<void> {
    return disposeAll([this.#cache, this.#source]);
  }

  async #cached(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    try {
      return await this.#cache.get(id, options);
    } catch (error) {
      if (error instanceof ChunkInvalidError && (this.#options.repair ?? true)) return undefined;
      throw error;
    }
  }
}
