/**
 * Picks a digest's implementation; the ID of the chunk of zeros.
 *
 * @module
 */

import { type ChunkId, formatChunkId } from "../chunk_id.ts";
import { UnsupportedError } from "../errors.ts";
import type { Digest, DigestImplementation, DigestName } from "./digest.ts";

/** Options of {@linkcode openDigest}. */
export interface OpenDigestOptions {
  /** The only implementation to try. @default the first that works of "ffi", "node", "portable" */
  readonly implementation?: DigestImplementation | undefined;
}

const OPENERS: Readonly<Record<DigestImplementation, (name: DigestName) => Promise<Digest | undefined>>> = {
  ffi: async (name) => (await import("./ffi.ts")).openFfiDigest(name),
  node: async (name) => (await import("./node.ts")).openNodeDigest(name),
  portable: async (name) => await (await import("./portable.ts")).openPortableDigest(name),
};

/**
 * Opens the fastest digest that works here.
 *
 * @throws {UnsupportedError} If the implementation asked for cannot be had.
 */
export async function openDigest(name: DigestName, options: OpenDigestOptions = {}): Promise<Digest> {
  const { implementation } = options;
  const openers = implementation === undefined ? Object.values(OPENERS) : [OPENERS[implementation]];
  for (const open of openers) {
    const digest = await open(name);
    if (digest !== undefined) return digest;
  }
  throw new UnsupportedError(
    `Cannot open digest ${name}: no implementation '${implementation ?? "any"}' here`,
  );
}

// Checked against casync and desync, for whose default max size nearly every index is made.
const DEFAULT_MAX = 262_144;
const DEFAULT_NULL_CHUNKS: Readonly<Record<DigestName, string>> = {
  "sha512-256": "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
  "sha256": "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90",
};

/**
 * The ID of the null chunk: as many zero bytes as a chunk can have.
 *
 * Keep the result: for a `max` other than the default one, every call hashes that many bytes.
 *
 * @param max Size of the largest chunk, in bytes.
 */
export function nullChunkId(digest: Digest, max: number): ChunkId {
  if (max === DEFAULT_MAX) return DEFAULT_NULL_CHUNKS[digest.name] as ChunkId;
  // Reserves addresses, not memory: pages that are only read stay the system's one page of zeros.
  return formatChunkId(digest.digest(new Uint8Array(max)));
}
