/**
 * Layers between a chunk's plain bytes and its stored form.
 *
 * @module
 */

/** One layer: compression or encryption. Opening one may be asynchronous, using it never is. */
export interface Codec {
  /**
   * Identifies what the layer does: of two layers with the same key, each decodes what the other one encoded.
   * For encryption it includes which key is used, but does not reveal it.
   */
  readonly key: string;
  /** File extension this layer adds, such as `.cacnk`. */
  readonly extension: string;
  /**
   * Turns `plain`, which may lie in shared memory but must not change meanwhile, into the stored form.
   *
   * @returns Fresh bytes.
   */
  encode(plain: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * Turns the stored form, which may lie in shared memory but must not change meanwhile, into the plain bytes.
   *
   * @returns Fresh bytes.
   * @throws {FormatError} If `stored` is malformed or would decode to more than `maxSize` bytes.
   */
  decode(stored: Uint8Array, maxSize: number): Uint8Array<ArrayBuffer>;
}

/** A codec that can write into the caller's memory, shared or not. Source and target must not overlap. */
export interface BufferCodec extends Codec {
  /** The size that suffices to encode any `size` bytes. */
  encodeBound(size: number): number;
  /**
   * Writes the stored form to the beginning of `target`.
   *
   * @returns The number of bytes written; those behind them are undefined.
   * @throws {RangeError} If `target` is too small, which it never is with `encodeBound(plain.length)` bytes.
   */
  encodeInto(plain: Uint8Array, target: Uint8Array): number;
  /**
   * Writes the plain bytes to the beginning of `target`.
   *
   * @returns The number of bytes written; those behind them are undefined.
   * @throws {FormatError} If `stored` is malformed or would decode to more than `target` holds; what `target`
   * contains is then undefined.
   */
  decodeInto(stored: Uint8Array, target: Uint8Array): number;
}
