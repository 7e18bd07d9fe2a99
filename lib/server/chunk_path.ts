/**
 * Paths of chunks in requests.
 *
 * @module
 */

import { type ChunkId, isChunkId, parseChunkId } from "../chunk_id.ts";

/** The chunk that a path names, or what is wrong with the path. */
export type ChunkPath = { readonly id: ChunkId } | { readonly problem: string };

/**
 * Reads a request target `/<first 4 digits>/<64 digits><extension>`.
 *
 * Nothing is decoded: a path that needs escapes is not that of a chunk. What comes out is the ID alone, from which stores
 * build their own paths.
 */
export function parseChunkPath(target: string, extension: string): ChunkPath {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (!path.endsWith(extension)) {
    return { problem: "invalid chunk extension, verify compression and encryption settings" };
  }
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1, Math.max(path.length - extension.length, slash + 1));
  if (name.includes(".")) {
    return {
      problem:
        `requested chunk with an unexpected file extension, this server expects '<chunkid>${extension}', ` +
        "verify compression and encryption settings",
    };
  }
  if (name.length < 4 || path !== `/${name.slice(0, 4)}/${name}${extension}`) {
    return { problem: `expected format '/<prefix>/<chunkid>${extension}` };
  }
  if (!isChunkId(name)) return { problem: "invalid chunk id: expected 64 hexadecimal digits" };
  return { id: parseChunkId(name) };
}
