/**
 * Chunk IDs: the digest of a chunk's plain bytes, as text where single chunks travel, as 32 bytes in tables.
 *
 * @module
 */

import { FormatError } from "./errors.ts";

/** The name of a chunk: 64 lower-case hexadecimal digits. */
export type ChunkId = string & { readonly __type: "ChunkId" };

/** Bytes in a chunk ID, with either digest. */
export const CHUNK_ID_SIZE = 32;

/**
 * Reads a chunk ID. Upper-case digits are accepted, as desync does.
 *
 * @throws {FormatError} If `text` is not 64 hexadecimal digits.
 */
export function parseChunkId(text: string): ChunkId {
  if (!isChunkId(text)) throw new FormatError(`Cannot read chunk ID: not 64 hexadecimal digits: '${text}'`);
  return text.toLowerCase() as ChunkId;
}

/** Whether `text` is 64 hexadecimal digits of either case. */
export function isChunkId(text: string): boolean {
  return /^[0-9a-fA-F]{64}$/.test(text);
}

/** The ID in the 32 bytes of `table` that start at `offset`. */
export function formatChunkId(table: Uint8Array, offset = 0): ChunkId {
  let text = "";
  for (let i = offset; i < offset + CHUNK_ID_SIZE; i++) text += HEX[table[i]!];
  return text as ChunkId;
}

/** The ID as 32 fresh bytes. */
export function encodeChunkId(id: ChunkId): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CHUNK_ID_SIZE);
  for (let i = 0; i < CHUNK_ID_SIZE; i++) bytes[i] = parseInt(id.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Whether two tables hold the same ID, each at its own offset in bytes. */
export function sameChunkId(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  for (let i = 0; i < CHUNK_ID_SIZE; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
