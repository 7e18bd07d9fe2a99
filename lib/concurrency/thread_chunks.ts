/**
 * Storing and loading single chunks on a thread of the engine.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId, sameChunkId } from "../chunk_id.ts";
import { outlineZstd } from "../codec/zstd_frame.ts";
import { ChunkInvalidError, FormatError, StoreError } from "../errors.ts";
import type { ChunkDirectory, ChunkForm } from "../store/types.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** A chunk ID by its place in a table. */
export interface IdAt {
  readonly ids: Uint8Array;
  /** In bytes. */
  readonly offset: number;
}

/**
 * Adds a chunk to a directory unless it is there.
 *
 * @returns Whether it was written.
 * @throws {StoreError} If the directory cannot be asked or written to.
 */
export function storeChunk(
  tools: ThreadTools,
  chunk: { readonly id: IdAt; readonly plain: Uint8Array; readonly directory: ChunkDirectory },
): boolean {
  const { id, plain, directory } = chunk;
  const files = tools.chunkFiles(directory);
  try {
    if (files.has(id.ids, id.offset)) return false;
    if (directory.form === "plain") {
      files.write(id, plain);
    } else {
      const target = tools.buffer("encoded", tools.zstd.encodeBound(plain.length));
      files.write(id, target.subarray(0, tools.zstd.encodeInto(plain, target)));
    }
    return true;
  } catch (cause) {
    throw new StoreError(directory.root, "write chunk to", { cause });
  }
}

/** A chunk in both forms. Borrowed until the next call. */
export interface LoadedChunk {
  readonly plain: Uint8Array;
  readonly stored: Uint8Array;
  readonly directory: ChunkDirectory;
}

/** A chunk to load. */
export interface WantedChunk {
  readonly id: IdAt;
  /** Where to look for it, in this order. */
  readonly directories: readonly ChunkDirectory[];
  /** Bytes that the plain form cannot exceed. */
  readonly maxSize: number;
  /** Bytes that the plain form has. @default anything up to `maxSize` */
  readonly size?: number;
}

/** What several frames, or headers of other writers, may add to a stored form. */
const FRAME_SLACK = 4096;

/**
 * Reads a chunk from the first directory that has it, decodes it and compares it with its ID.
 *
 * @returns Undefined if no directory has it.
 * @throws {ChunkInvalidError} If what is stored is something else, is larger than `maxSize`, or not `size`.
 * @throws {StoreError} If a directory cannot be read.
 */
export function loadChunk(tools: ThreadTools, wanted: WantedChunk): LoadedChunk | undefined {
  for (const directory of wanted.directories) {
    const stored = readStored(tools, { ...wanted, directory });
    if (stored === undefined) continue;
    const plain = checkStored(tools, { ...wanted, form: directory.form, stored });
    return { plain, stored, directory };
  }
  return undefined;
}

/**
 * Decodes a stored form and compares it with its ID.
 *
 * @returns The plain bytes, borrowed until the next call.
 * @throws {ChunkInvalidError} If they are something else, more than `maxSize`, or not `size`.
 */
export function checkStored(
  tools: ThreadTools,
  wanted: Omit<WantedChunk, "directories"> & { readonly form: ChunkForm; readonly stored: Uint8Array },
): Uint8Array {
  const { id, size, form, stored } = wanted;
  const plain = form === "plain" ? stored : decode(tools, wanted);
  if (plain.length === 0) throw invalid(id, "it is empty");
  if (plain.length !== (size ?? plain.length)) {
    throw invalid(id, `it has ${plain.length} bytes, the index says ${size}`);
  }
  const found = tools.digest.digest(plain);
  if (!sameChunkId(found, 0, id.ids, id.offset)) {
    throw invalid(id, `its content hashes to ${formatChunkId(found)}`);
  }
  return plain;
}

function readStored(
  tools: ThreadTools,
  wanted: WantedChunk & { readonly directory: ChunkDirectory },
): Uint8Array | undefined {
  const { id, directory, maxSize } = wanted;
  const limit = directory.form === "plain" ? maxSize : tools.zstd.encodeBound(maxSize) + FRAME_SLACK;
  try {
    return tools.chunkFiles(directory).read(id, (size) => {
      if (size > limit) {
        throw invalid(id, `its stored form has ${size} bytes, too many for ${maxSize} plain ones`);
      }
      return tools.buffer("stored", size);
    });
  } catch (cause) {
    throw cause instanceof ChunkInvalidError
      ? cause
      : new StoreError(directory.root, "read chunk from", { cause });
  }
}

function decode(
  tools: ThreadTools,
  chunk: Omit<WantedChunk, "directories"> & { readonly stored: Uint8Array },
): Uint8Array {
  const { stored, maxSize, size } = chunk;
  try {
    // Without the size, the frames tell how much memory is enough: less than the format allows.
    const bound = size ?? Math.min(maxSize, outlineZstd(stored, maxSize).sizeBound);
    const target = tools.buffer("plain", bound);
    return target.subarray(0, tools.zstd.decodeInto(stored, target));
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new ChunkInvalidError(formatChunkId(chunk.id.ids, chunk.id.offset), "it cannot be decoded", {
      cause,
    });
  }
}

function invalid(id: IdAt, reason: string): ChunkInvalidError {
  return new ChunkInvalidError(formatChunkId(id.ids, id.offset), reason);
}

/** The place of a row's ID in an index's table. */
export function rowId(ids: Uint8Array, row: number): IdAt {
  return { ids, offset: row * CHUNK_ID_SIZE };
}
