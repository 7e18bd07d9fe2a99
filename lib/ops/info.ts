/**
 * Statistics about an index.
 *
 * @module
 */

import { CHUNK_ID_SIZE, type ChunkId, formatChunkId } from "../chunk_id.ts";
import { TaskGroup } from "../concurrency/task_group.ts";
import { FormatError } from "../errors.ts";
import { blobSize, type Index, rowCount, rowSize } from "../format/index_file.ts";
import type { ChunkStore } from "../store/types.ts";

/** What to look for beside the index. */
export interface IndexInfoOptions {
  /** Count the chunks that are there. */
  readonly store?: ChunkStore | undefined;
  /** Chunks that are there count as cached. */
  readonly cache?: ChunkStore | undefined;
  /** Chunks of these indexes count as seeded. */
  readonly seeds?: readonly Index[] | undefined;
  /** Plain and stored sizes by chunk, of chunks whose stored size is known. */
  readonly storedSizes?:
    | ReadonlyMap<ChunkId, { readonly plain: number; readonly stored: number }>
    | undefined;
  /** Questions to stores at once. @default 10 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Statistics about an index; sizes in bytes. */
export interface IndexInfo {
  /** Rows. */
  readonly total: number;
  /** Chunks. */
  readonly unique: number;
  readonly inStore: number;
  readonly inSeed: number;
  readonly inCache: number;
  readonly notInSeedNorCache: number;
  /** Size of the blob. */
  readonly size: number;
  readonly dedupSizeNotInSeed: number;
  readonly dedupSizeNotInSeedNorCache: number;
  /** Stored size; 0 if it is not known of every chunk. */
  readonly dedupSizeNotInSeedNorCacheCompressed: number;
}

const DEFAULT_CONCURRENCY = 10;

/**
 * Counts an index's chunks, and which of them are where.
 *
 * @throws {FormatError} If `storedSizes` contradicts the index.
 * @throws {StoreError} If a store cannot be asked.
 */
export async function indexInfo(index: Index, options: IndexInfoOptions = {}): Promise<IndexInfo> {
  const sizes = chunkSizes(index);
  const inSeed = new Set<ChunkId>();
  for (const seed of options.seeds ?? []) {
    for (const id of chunkSizes(seed).keys()) if (sizes.has(id)) inSeed.add(id);
  }
  const inCache = await present(options.cache, sizes, options);
  const inStore = await present(options.store, sizes, options);
  let notInSeedNorCache = 0;
  let notInSeed = 0;
  let neither = 0;
  let compressed: number | undefined = 0;
  for (const [id, size] of sizes) {
    if (inSeed.has(id)) continue;
    notInSeed += size;
    if (inCache.has(id)) continue;
    notInSeedNorCache++;
    neither += size;
    compressed = addStored(compressed, { id, size, known: options.storedSizes });
  }
  return {
    total: rowCount(index),
    unique: sizes.size,
    inStore: inStore.size,
    inSeed: inSeed.size,
    inCache: inCache.size,
    notInSeedNorCache,
    size: blobSize(index),
    dedupSizeNotInSeed: notInSeed,
    dedupSizeNotInSeedNorCache: neither,
    dedupSizeNotInSeedNorCacheCompressed: compressed ?? 0,
  };
}

/** Plain size by chunk, in the order in which chunks first appear. */
export function chunkSizes(index: Index): Map<ChunkId, number> {
  const sizes = new Map<ChunkId, number>();
  for (let row = 0; row < rowCount(index); row++) {
    sizes.set(formatChunkId(index.ids, row * CHUNK_ID_SIZE), rowSize(index, row));
  }
  return sizes;
}

/** @returns Undefined once the stored size of one chunk is not known. */
function addStored(
  sum: number | undefined,
  chunk: { readonly id: ChunkId; readonly size: number; readonly known: IndexInfoOptions["storedSizes"] },
): number | undefined {
  const sizes = chunk.known?.get(chunk.id);
  if (sum === undefined || sizes === undefined) return undefined;
  if (sizes.plain !== chunk.size) {
    throw new FormatError(
      `Cannot use chunks info: chunk ${chunk.id} has ${sizes.plain} bytes there, ${chunk.size} in the index`,
    );
  }
  return sizes.stored === 0 ? undefined : sum + sizes.stored;
}

async function present(
  store: ChunkStore | undefined,
  chunks: ReadonlyMap<ChunkId, number>,
  options: IndexInfoOptions,
): Promise<Set<ChunkId>> {
  const found = new Set<ChunkId>();
  if (store === undefined) return found;
  await using group = new TaskGroup({
    limit: options.concurrency ?? DEFAULT_CONCURRENCY,
    signal: options.signal,
  });
  for (const id of chunks.keys()) {
    await group.room();
    group.start(async (signal) => {
      if (await store.has(id, { signal })) found.add(id);
    });
  }
  await group.settle();
  return found;
}
