/**
 * Layers between a chunk's plain bytes and its stored form.
 *
 * @module
 */

/** One layer: compression or encryption. Opening one may be asynchronous, using it never is. */
export interface Codec {
  /** File extension this layer adds, such as `.cacnk`. */
  readonly extension: string;
  /** @returns Fresh bytes. */
  encode(plain: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * @returns Fresh bytes.
   * @throws {FormatError} If `stored` is malformed or would decode to more than `maxSize` bytes.
   */
  decode(stored: Uint8Array, maxSize: number): Uint8Array<ArrayBuffer>;
}
