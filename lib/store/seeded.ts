/**
 * Local data in front of a store.
 *
 * @module
 */

import { IdTable } from "../assemble/id_table.ts";
import { Chunk } from "../chunk.ts";
import { type ChunkId, encodeChunkId } from "../chunk_id.ts";
import { disposeAll } from "../concurrency/dispose.ts";
import type { Digest } from "../digest/digest.ts";
import { ChunkInvalidError } from "../errors.ts";
import { hasErrorCode, type Posix, type PosixFile } from "../platform/posix.ts";
import type { StoreRecipe } from "./recipe.ts";
import type { CallOptions, ChunkStore } from "./types.ts";

/** A file and the columns of the index that describes it; in shared memory, other threads see the same. */
export interface SeedColumns {
  /** Path of the file. */
  readonly path: string;
  /** 32 bytes a row. */
  readonly ids: Uint8Array;
  /** End offsets in bytes. */
  readonly ends: Float64Array;
}

interface OpenSeed extends SeedColumns {
  readonly table: IdTable;
  /** Undefined if it cannot be opened. */
  readonly file: PosixFile | undefined;
}

/** Takes chunks from local files as far as these hold what their indexes say, and all others from a store. */
export class SeededStore implements ChunkStore {
  readonly location: string;
  readonly recipe: StoreRecipe | undefined;
  readonly #source: ChunkStore;
  readonly #seeds: readonly OpenSeed[];
  readonly #digest: Digest;

  /** Takes ownership of `source`. */
  constructor(
    parts: {
      readonly source: ChunkStore;
      readonly seeds: readonly SeedColumns[];
      readonly digest: Digest;
      readonly posix: Posix;
    },
    options: Pick<ChunkStore, "recipe"> = {},
  ) {
    this.location = parts.source.location;
    this.recipe = options.recipe;
    this.#source = parts.source;
    this.#digest = parts.digest;
    this.#seeds = parts.seeds.map((seed) => ({
      ...seed,
      table: new IdTable(seed.ids),
      file: openFile(parts.posix, seed.path),
    }));
  }

  /** Whether a seed should have the chunk, or the store has it. */
  async has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    const bytes = encodeChunkId(id);
    return this.#seeds.some((seed) => seed.file !== undefined && seed.table.find(bytes, 0) >= 0) ||
      await this.#source.has(id, options);
  }

  /** Reads the chunk from the first seed that really has it, else from the store. */
  async get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    options?.signal?.throwIfAborted();
    const bytes = encodeChunkId(id);
    for (const seed of this.#seeds) {
      const chunk = this.#read(seed, { id, bytes });
      if (chunk !== undefined) return chunk;
    }
    return await this.#source.get(id, options);
  }

  /** Closes the files and the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { file } of this.#seeds) file?.[Symbol.dispose]();
    await disposeAll([this.#source]);
  }

  #read(
    seed: OpenSeed,
    { id, bytes }: { readonly id: ChunkId; readonly bytes: Uint8Array },
  ): Chunk | undefined {
    const { file, table, ends } = seed;
    const row = file === undefined ? -1 : table.find(bytes, 0);
    if (row < 0) return undefined;
    const start = row === 0 ? 0 : ends[row - 1]!;
    const plain = new Uint8Array(ends[row]! - start);
    const chunk = Chunk.fromPlain(id, plain.subarray(0, file!.readAt(plain, start)));
    try {
      chunk.verify(this.#digest);
      return chunk;
    } catch (error) {
      if (error instanceof ChunkInvalidError) return undefined; // It was changed since it was indexed.
      throw error;
    }
  }
}

function openFile(posix: Posix, path: string): PosixFile | undefined {
  try {
    return posix.open(path);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "EACCES", "EISDIR")) return undefined;
    throw error;
  }
}
