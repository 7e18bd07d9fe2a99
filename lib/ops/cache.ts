/**
 * Copying chunks from one store to another.
 *
 * @module
 */

import { toColumns } from "../assemble/runs.ts";
import { CHUNK_ID_SIZE, type ChunkId, encodeChunkId } from "../chunk_id.ts";
import type { ChunkTask } from "../concurrency/chunk_task.ts";
import { newControl, shareBytes } from "../concurrency/task.ts";
import { shareCalls } from "../concurrency/store_calls.ts";
import type { StoreTask } from "../concurrency/store_task.ts";
import type { CallingRunOptions, Engine } from "../concurrency/worker_pool.ts";
import { chunkDirectories, chunkDirectory } from "../store/recipe.ts";
import type { ChunkStore, WritableChunkStore } from "../store/types.ts";

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
  /** Calls to the stores at once, unless both are directories. @default as many as get more done, from 10 to 64 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of chunks done. */
  readonly onProgress?: ((chunks: number) => void) | undefined;
}

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
  const sources = chunkDirectories(work.source);
  const target = chunkDirectory(work.target);
  const { ids, maxSize } = work;
  const table = new Uint8Array(ids.length * CHUNK_ID_SIZE);
  ids.forEach((id, i) => table.set(encodeChunkId(id), i * CHUNK_ID_SIZE));
  const run = { work: ids.length * USUAL_CHUNK_SIZE, ...options };
  if (sources === undefined || target === undefined) {
    const counters = await engine.call(...storeTask(engine, { ...work, table }, run));
    return counters.get("copied") ?? 0;
  }
  const task: ChunkTask = {
    kind: "chunks",
    control: newControl(),
    operation: { kind: "copy", sources, target, maxSize },
    ids: shareBytes(table),
  };
  const counters = await engine.run(task, run);
  return counters.get("copied") ?? 0;
}

/** The task that copies through the stores' own interfaces. */
function storeTask(
  engine: Engine,
  work: CacheWork & { readonly table: Uint8Array },
  run: CacheWorkOptions & { readonly work: number },
): [StoreTask, CallingRunOptions] {
  const stores = [work.source, work.target];
  const shares = shareCalls(run.concurrency, { threads: engine.threads, stores });
  const task: StoreTask = {
    kind: "store",
    control: newControl(),
    operation: { kind: "copy" },
    ids: shareBytes(work.table),
    ends: new Float64Array(new SharedArrayBuffer(0)),
    runs: toColumns(work.ids.map((_, row) => [row, 1, 0, 0])),
    calls: shares.calls,
  };
  return [task, { ...run, stores, shares }];
}
