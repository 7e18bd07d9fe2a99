/**
 * Digests that name chunks.
 *
 * @module
 */

/** The digests of the format: SHA-512/256 (FIPS 180-4, the default) and SHA-256. */
export type DigestName = "sha512-256" | "sha256";

/** Who computes: OpenSSL by FFI, `node:crypto`, or JavaScript; fastest first. */
export type DigestImplementation = "ffi" | "node" | "portable";

/** A digest of data that come in pieces. */
export interface DigestStream {
  /** Adds data, which may lie in shared memory. Has no result. */
  update(data: Uint8Array): unknown;
  /** Ends the stream, which has to be called once. @returns 32 fresh bytes. */
  digest(): Uint8Array;
}

/** A digest over whole buffers, or over streams. Opening one may be asynchronous, using it never is. */
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
  /** Begins to hash data that come in pieces. It holds a little memory until its `digest()` is called. */
  stream(): DigestStream;
}
