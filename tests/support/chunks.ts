/** Chunks for tests. */

import { Chunk } from "../../lib/chunk.ts";
import { type ChunkId, formatChunkId } from "../../lib/chunk_id.ts";
import { openDigest } from "../../lib/digest/open.ts";

// Opened once: a library stays open for the life of the thread, which counts as a leak in a test.
/** SHA-512/256, the digest that names the chunks of tests. */
export const digest = await openDigest("sha512-256");

/** The chunk of these bytes, or of this text. */
export function chunkOf(plain: Uint8Array | string): Chunk {
  const bytes = typeof plain === "string" ? new TextEncoder().encode(plain) : plain;
  return Chunk.fromPlain(formatChunkId(digest.digest(bytes)), bytes);
}

/** An ID under which nothing is stored. */
export function absentId(number = 0): ChunkId {
  return chunkOf(`nothing is stored under the ID of this text, number ${number}`).id;
}
