/**
 * Copying chunks from one store to another.
 *
 * @module
 */

import { CHUNK_ID_SIZE, type ChunkId, encodeChunkId } from "../chunk_id.ts";
import type { ChunkTask } from "../concurrency/chunk_task.ts";
import { newControl, shareBytes } from "../concurrency/task.ts";
import { TaskGroup } from "../concurrency/task_group.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { type ChunkStore, requireChunk, type WritableChunkStore } from "../store/types.ts";

/** Which chunks to copy, and where. */
export interface CacheWork {
  readonly ids: readonly ChunkId[];
  readonly source: ChunkStore;
  readonly target: WritableChunkStore;
  /** Largest plain size of a chunk, in bytes. */
  readonly maxSize: number;
}

/** How to copy. */
export interface CacheWorkOptions {
  /** Calls to the stores at once, unless both are directories. @default 10 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of chunks done. */
  readonly onProgress?: ((chunks: number) => void) | undefined;
}

const DEFAULT_CONCURRENCY = 10;
/** Work in a chunk, as a guess: what decides whether threads are started. */
const USUAL_CHUNK_SIZE = 65_536;

/**
 * Copies the chunks which the target does not have. They are verified on the way.
 *
 * @returns Chunks that were copied.
 * @throws {ChunkMissingError} If the source lacks a chunk.
 */
export async function cacheChunks(
  engine: Engine,
  work: CacheWork,
  options: CacheWorkOptions = {},
): Promise<number> {
  const sources = work.source.directories;
  const target = work.target.directories?.length === 1 ? work.target.directories[0] : undefined;
  if (sources === undefined || target === undefined) return await copyThroughStores(engine, work, options);
  const { ids, maxSize } = work;
  const table = new Uint8Array(ids.length * CHUNK_ID_SIZE);
  ids.forEach((id, i) => table.set(encodeChunkId(id), i * CHUNK_ID_SIZE));
  const task: ChunkTask = {
    kind: "chunks",
    control: newControl(),
    operation: { kind: "copy", sources, target, maxSize },
    ids: shareBytes(table),
  };
  const counters = await engine.run(task, { work: ids.length * USUAL_CHUNK_SIZE, ...options });
  return counters.get("copied") ?? 0;
}

async function copyThroughStores(
  engine: Engine,
  work: CacheWork,
  options: CacheWorkOptions,
): Promise<number> {
  const { source, target } = work;
  const { concurrency: limit = DEFAULT_CONCURRENCY, signal } = options;
  await using group = new TaskGroup({ limit, signal });
  let copied = 0;
  let done = 0;
  for (const id of work.ids) {
    await group.room();
    group.start(async (signal) => {
      if (!await target.has(id, { signal })) {
        const chunk = await requireChunk(source, id, { signal });
        chunk.verify(engine.tools.digest);
        await target.put(chunk, { signal });
        copied++;
      }
      options.onProgress?.(++done);
    });
  }
  await group.settle();
  return copied;
}
