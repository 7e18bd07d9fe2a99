/**
 * The list of chunks and sizes that `inspect-chunks` writes and `info` reads.
 *
 * @module
 */

import { type ChunkId, isChunkId, parseChunkId } from "../lib/chunk_id.ts";
import { FormatError } from "../lib/errors.ts";
import { readText } from "./input.ts";

/** One chunk; sizes in bytes. */
export interface ChunkInfo {
  readonly id: string;
  readonly uncompressed_size: number;
  readonly compressed_size?: number;
}

/**
 * Reads a list of chunks.
 *
 * @throws {FormatError} If the file is not such a list.
 */
export async function readChunksInfo(
  path: string,
  context: { readonly signal: AbortSignal },
): Promise<Map<ChunkId, { readonly plain: number; readonly stored: number }>> {
  let list: unknown;
  try {
    list = JSON.parse(await readText(path, context));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new FormatError(`Cannot read chunks info '${path}'`, { cause });
  }
  const sizes = new Map<ChunkId, { readonly plain: number; readonly stored: number }>();
  if (list === null) return sizes; // What desync writes for an index without chunks.
  if (!Array.isArray(list)) throw new FormatError(`Cannot read chunks info '${path}': it is not a list`);
  for (const [i, item] of list.entries()) {
    const { id, uncompressed_size: plain, compressed_size: stored = 0 } = (item ?? {}) as Partial<ChunkInfo>;
    if (typeof id !== "string" || !isChunkId(id) || typeof plain !== "number" || typeof stored !== "number") {
      throw new FormatError(`Cannot read chunks info '${path}': item ${i} is not a chunk with its sizes`);
    }
    sizes.set(parseChunkId(id), { plain, stored });
  }
  return sizes;
}
