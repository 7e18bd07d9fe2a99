/**
 * Digests computed by `node:crypto`.
 *
 * @module
 */

import type { Digest, DigestName } from "./digest.ts";

/**
 * Opens a digest of `node:crypto`.
 *
 * @returns `undefined` where there is no `node:crypto`, or it does not offer this algorithm.
 */
export function openNodeDigest(name: DigestName): Digest | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.("node:crypto");
  if (crypto === undefined || !crypto.getHashes().includes(name)) return undefined;
  return {
    name,
    implementation: "node",
    // Copied, because the result may be a slice of a pool.
    digest: (data) => new Uint8Array(crypto.createHash(name).update(data).digest()),
    stream: () => crypto.createHash(name),
  };
}
