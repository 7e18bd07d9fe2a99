/**
 * Digests that name chunks.
 *
 * @module
 */

/** The digests of the format: SHA-512/256 (FIPS 180-4, the default) and SHA-256. */
export type DigestName = "sha512-256" | "sha256";

/** Who computes: OpenSSL by FFI, `node:crypto`, or JavaScript; fastest first. */
export type DigestImplementation = "ffi" | "node" | "portable";

/** A digest over whole buffers. Opening one may be asynchronous, using it never is. */
export interface Digest {
  /** Which digest this is. */
  readonly name: DigestName;
  /** Who computes it. */
  readonly implementation: DigestImplementation;
  /**
   * Hashes `data`, which may lie in shared memory but must not change meanwhile.
   *
   * @returns 32 fresh bytes.
   */
  digest(data: Uint8Array): Uint8Array<ArrayBuffer>;
}
