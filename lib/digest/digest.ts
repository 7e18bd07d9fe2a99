/**
 * Digests that name chunks.
 *
 * @module
 */

/** The digests of the format: SHA-512/256 (FIPS 180-4, the default) and SHA-256. */
export type DigestName = "sha512-256" | "sha256";

/** A digest over whole buffers. Opening one may be asynchronous, using it never is. */
export interface Digest {
  readonly name: DigestName;
  /** @returns 32 fresh bytes. */
  digest(data: Uint8Array): Uint8Array<ArrayBuffer>;
}
