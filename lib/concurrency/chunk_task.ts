/**
 * A thread's share in work on single chunks of directories: verify them, or copy them into another directory.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../chunk_id.ts";
import { MAX_CHUNK_SIZE } from "../chunker/sizes.ts";
import {
  ChunkInvalidError,
  ChunkMissingError,
  FormatError,
  StoreError,
  UnsupportedError,
} from "../errors.ts";
import type { ChunkDirectory } from "../store/types.ts";
import { claimUnit, CONTROL, type Pace } from "./task.ts";
import { loadChunk, rowId, storeChunk } from "./thread_chunks.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** Work on chunks by their IDs; each thread claims one chunk after another. */
export interface ChunkTask {
  readonly kind: "chunks";
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly operation: ChunkOperation;
  /** 32 bytes a chunk. */
  readonly ids: Uint8Array<SharedArrayBuffer>;
}

/** What is to be done with the chunks of a {@linkcode ChunkTask}. */
export type ChunkOperation =
  /** Report what is not what its ID says, and delete it if `repair` says so. */
  | { readonly kind: "verify"; readonly directory: ChunkDirectory; readonly repair: boolean }
  /** Copy what the target does not have; the largest plain size is `maxSize` bytes. */
  | {
    readonly kind: "copy";
    readonly sources: readonly ChunkDirectory[];
    readonly target: ChunkDirectory;
    readonly maxSize: number;
  };

/** Works on chunks. @returns False if the pace ended it, true if there is nothing left to claim. */
export function runChunkTask(task: ChunkTask, tools: ThreadTools, pace: Pace): boolean {
  for (;;) {
    const unit = claimUnit(task.control, task.ids.length / CHUNK_ID_SIZE);
    if (unit < 0) return true;
    if (task.operation.kind === "verify") verifyChunk(task, tools, { row: unit, ...task.operation });
    else copyChunk(task, tools, { row: unit, ...task.operation });
    Atomics.add(task.control, CONTROL.done, 1);
    if (pace.expired()) return false;
  }
}

function verifyChunk(
  task: ChunkTask,
  tools: ThreadTools,
  work: { readonly row: number; readonly directory: ChunkDirectory; readonly repair: boolean },
): void {
  const id = rowId(task.ids, work.row);
  try {
    // One that was deleted since the store was listed is not of interest any more.
    loadChunk(tools, { id, directories: [work.directory], maxSize: MAX_CHUNK_SIZE });
  } catch (error) {
    if (error instanceof ChunkInvalidError && !isOtherwiseCompressed(error)) {
      tools.count("invalid", 1);
      let text = describe(error);
      if (work.repair) text += remove(tools, { id, directory: work.directory });
      tools.report({ subject: error.id, text });
    } else if (error instanceof ChunkInvalidError || error instanceof StoreError) {
      tools.count("unreadable", 1);
      tools.report({ subject: formatChunkId(id.ids, id.offset), text: describe(error) });
    } else throw error;
  }
}

/** Whether a chunk is what casync wrote with another compression: not damaged, only not readable here. */
function isOtherwiseCompressed(error: ChunkInvalidError): boolean {
  return error.cause instanceof FormatError && error.cause.cause instanceof UnsupportedError;
}

function describe(error: ChunkInvalidError | StoreError): string {
  const { message, cause } = error;
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message}: ${cause.message}`
    : message;
}

function remove(
  tools: ThreadTools,
  chunk: {
    readonly id: { readonly ids: Uint8Array; readonly offset: number };
    readonly directory: ChunkDirectory;
  },
): string {
  try {
    tools.chunkFiles(chunk.directory).remove(chunk.id.ids, chunk.id.offset);
    tools.count("removed", 1);
    return ": removed";
  } catch (error) {
    return `: not removed: ${error instanceof Error ? error.message : error}`;
  }
}

function copyChunk(
  task: ChunkTask,
  tools: ThreadTools,
  work: {
    readonly row: number;
    readonly sources: readonly ChunkDirectory[];
    readonly target: ChunkDirectory;
    readonly maxSize: number;
  },
): void {
  const id = rowId(task.ids, work.row);
  const target = tools.chunkFiles(work.target);
  try {
    if (target.has(id.ids, id.offset)) return;
  } catch (cause) {
    throw new StoreError(work.target.root, "look for chunk in", { cause });
  }
  const chunk = loadChunk(tools, { id, directories: work.sources, maxSize: work.maxSize });
  if (chunk === undefined) {
    const roots = work.sources.map(({ root }) => root).join(", ");
    throw new ChunkMissingError(formatChunkId(id.ids, id.offset), roots);
  }
  tools.count("copied", 1);
  if (chunk.directory.form !== work.target.form) {
    storeChunk(tools, { id, plain: chunk.plain, directory: work.target });
    return;
  }
  try {
    target.write(id, chunk.stored); // The forms agree, so nothing is compressed again.
  } catch (cause) {
    throw new StoreError(work.target.root, "write chunk to", { cause });
  }
}
