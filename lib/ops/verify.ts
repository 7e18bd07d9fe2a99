/**
 * Verifying the chunks of a store.
 *
 * @module
 */

import { CHUNK_ID_SIZE, encodeChunkId } from "../chunk_id.ts";
import type { ChunkTask } from "../concurrency/chunk_task.ts";
import { newControl, shareBytes } from "../concurrency/task.ts";
import type { Finding } from "../concurrency/thread_tools.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { UnsupportedError } from "../errors.ts";
import { chunkDirectory } from "../store/recipe.ts";
import type { PrunableChunkStore } from "../store/types.ts";

/** How to verify. */
export interface VerifyOptions {
  /** Delete chunks that are not what their IDs say. @default false */
  readonly repair?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for every chunk that is damaged or cannot be read. */
  readonly onFinding?: ((finding: Finding) => void) | undefined;
  readonly onProgress?: ((chunks: number, total: number) => void) | undefined;
}

/** What was found. */
export interface VerifyResult {
  readonly chunks: number;
  /** Chunks that are not what their IDs say. */
  readonly invalid: number;
  /** Chunks that could not be read. */
  readonly unreadable: number;
  /** Invalid chunks that were deleted. */
  readonly removed: number;
}

const USUAL_CHUNK_SIZE = 65_536;

/**
 * Decodes and hashes every chunk of a store in a directory.
 *
 * @throws {UnsupportedError} If the store is not a directory.
 */
export async function verifyStore(
  engine: Engine,
  store: PrunableChunkStore,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const directory = chunkDirectory(store);
  if (directory === undefined) {
    throw new UnsupportedError(`Cannot verify '${store.location}': it is no directory`);
  }
  const ids: Uint8Array[] = [];
  for await (const id of store.list({ signal: options.signal })) ids.push(encodeChunkId(id));
  const table = new Uint8Array(ids.length * CHUNK_ID_SIZE);
  ids.forEach((id, i) => table.set(id, i * CHUNK_ID_SIZE));
  const task: ChunkTask = {
    kind: "chunks",
    control: newControl(),
    operation: { kind: "verify", directory, repair: options.repair ?? false },
    ids: shareBytes(table),
  };
  const counters = await engine.run(task, {
    work: ids.length * USUAL_CHUNK_SIZE,
    signal: options.signal,
    onFinding: options.onFinding,
    onProgress: (done) => options.onProgress?.(done, ids.length),
  });
  return {
    chunks: ids.length,
    invalid: counters.get("invalid") ?? 0,
    unreadable: counters.get("unreadable") ?? 0,
    removed: counters.get("removed") ?? 0,
  };
}
