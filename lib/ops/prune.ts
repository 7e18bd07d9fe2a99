/**
 * Deleting the chunks of a store that no index needs.
 *
 * @module
 */

import type { ChunkId } from "../chunk_id.ts";
import { TaskGroup } from "../concurrency/task_group.ts";
import { TEMPORARY_PREFIX } from "../store/chunk_files.ts";
import { chunkDirectories } from "../store/recipe.ts";
import type { ChunkDirectory, PrunableChunkStore } from "../store/types.ts";

/** How to prune. */
export interface PruneOptions {
  /** Only count what would be deleted. @default false */
  readonly dryRun?: boolean | undefined;
  /** Calls to the store at once. @default 10 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with each chunk that is, or would be, deleted. */
  readonly onChunk?: ((id: ChunkId) => void) | undefined;
}

/** What was, or would be, deleted and kept. */
export interface PruneResult {
  readonly kept: number;
  readonly removed: number;
  /** Files that interrupted writers left behind. */
  readonly temporaries: number;
}

const DEFAULT_CONCURRENCY = 10;
/** A younger file may still be in the hands of its writer. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Deletes all chunks of `store` that are not in `keep`, and files which writers left behind more than a day ago. */
export async function pruneStore(
  store: PrunableChunkStore,
  keep: ReadonlySet<ChunkId>,
  options: PruneOptions = {},
): Promise<PruneResult> {
  const { dryRun = false, concurrency: limit = DEFAULT_CONCURRENCY, signal } = options;
  await using group = new TaskGroup({ limit, signal });
  let kept = 0;
  let removed = 0;
  for await (const id of store.list({ signal })) {
    signal?.throwIfAborted();
    if (keep.has(id)) {
      kept++;
      continue;
    }
    await group.room();
    group.start(async (signal) => {
      if (dryRun || await store.remove(id, { signal })) {
        removed++;
        options.onChunk?.(id);
      }
    });
  }
  await group.settle();
  let temporaries = 0;
  for (const directory of chunkDirectories(store) ?? []) {
    temporaries += await removeStale(directory, { dryRun, signal });
  }
  return { kept, removed, temporaries };
}

async function removeStale(
  directory: ChunkDirectory,
  options: { readonly dryRun: boolean; readonly signal: AbortSignal | undefined },
): Promise<number> {
  let count = 0;
  for await (const prefix of Deno.readDir(directory.root)) {
    if (!prefix.isDirectory || !/^[0-9a-f]{4}$/.test(prefix.name)) continue;
    for await (const { name } of Deno.readDir(`${directory.root}/${prefix.name}`)) {
      options.signal?.throwIfAborted();
      if (!name.startsWith(TEMPORARY_PREFIX)) continue;
      const path = `${directory.root}/${prefix.name}/${name}`;
      const info = await Deno.stat(path).catch(() => undefined); // Renamed or deleted meanwhile.
      if (info?.mtime == null || Date.now() - info.mtime.getTime() < STALE_MS) continue;
      if (!options.dryRun) await Deno.remove(path);
      count++;
    }
  }
  return count;
}
