/**
 * A chunk store over any transport that can move bytes under a key.
 *
 * @module
 */

import { Chunk } from "../chunk.ts";
import { type ChunkId, isChunkId, parseChunkId } from "../chunk_id.ts";
import { MAX_CHUNK_SIZE } from "../chunker/sizes.ts";
import type { CodecStack } from "../codec/codec_stack.ts";
import type { Digest } from "../digest/digest.ts";
import type { ObjectStore } from "../objects/objects.ts";
import type { StoreRecipe } from "./recipe.ts";
import type { CallOptions, ChunkStore, PrunableChunkStore } from "./types.ts";

/** What a {@linkcode ChunkObjects} is made of. */
export interface ChunkObjectsOptions extends Pick<ChunkStore, "recipe"> {
  /** Layers between plain and stored form; their extensions end the names of chunks. */
  readonly codecs: CodecStack;
  /** Names the chunks; what is read is verified with it. */
  readonly digest: Digest;
  /** Hand out chunks as they are stored; the consumer verifies them. @default true */
  readonly verify?: boolean | undefined;
}

/** Room for what encodings add to data that cannot be compressed, and for encryption's nonce and tag. */
const ENCODING_OVERHEAD = 1 << 20;

/** Chunks as objects named `<first 4 hex digits>/<64 hex digits><extension>`. */
export class ChunkObjects implements PrunableChunkStore {
  readonly location: string;
  readonly recipe: StoreRecipe | undefined;
  readonly #objects: ObjectStore;
  readonly #options: ChunkObjectsOptions;

  /** Takes ownership of `objects`. */
  constructor(objects: ObjectStore, options: ChunkObjectsOptions) {
    this.location = objects.location;
    this.recipe = options.recipe;
    this.#objects = objects;
    this.#options = options;
  }

  /** Whether the store has the chunk. */
  has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return this.#objects.has(this.#key(id), options);
  }

  /** Reads and verifies one chunk. */
  async get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    const maxSize = MAX_CHUNK_SIZE;
    const stored = await this.#objects.get(this.#key(id), {
      ...options,
      maxSize: maxSize + ENCODING_OVERHEAD,
    });
    if (stored === undefined) return undefined;
    const chunk = Chunk.fromStored(id, stored, { codecs: this.#options.codecs, maxSize });
    if (this.#options.verify ?? true) chunk.verify(this.#options.digest);
    return chunk;
  }

  /** Adds a chunk. */
  async put(chunk: Chunk, options?: CallOptions): Promise<void> {
    await this.#objects.put(this.#key(chunk.id), chunk.storedAs(this.#options.codecs), options);
  }

  /** IDs of the chunks in this store's form; all other objects are passed over. */
  async *list(options?: CallOptions): AsyncIterable<ChunkId> {
    const { extension } = this.#options.codecs;
    for await (const key of this.#objects.list("", options)) {
      const digits = key.slice(5, key.length - extension.length);
      if (key.endsWith(extension) && isChunkId(digits) && key === this.#key(parseChunkId(digits))) {
        yield parseChunkId(digits);
      }
    }
  }

  /** Deletes a chunk. */
  remove(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return this.#objects.remove(this.#key(id), options);
  }

  /** Closes what it was made of. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#objects[Symbol.asyncDispose]());
  }

  #key(id: ChunkId): string {
    return chunkKey(id, this.#options.codecs.extension);
  }
}

/** Where a chunk is, relative to its store. */
export function chunkKey(id: ChunkId, extension: string): string {
  return `${id.slice(0, 4)}/${id}${extension}`;
}
