/**
 * The layers of a store, in order: compression, then encryption.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import type { Codec } from "./codec.ts";

/** Several layers, or none. A stack without layers stores chunks as they are. */
export class CodecStack {
  /** From the plain bytes towards the stored form. */
  readonly layers: readonly Codec[];
  /** What the layers add to a chunk's file name, such as `.cacnk`; empty without layers. */
  readonly extension: string;

  /** Makes a stack of `layers`, given from the plain bytes towards the stored form. */
  constructor(layers: readonly Codec[]) {
    this.layers = layers;
    this.extension = layers.map((layer) => layer.extension).join("");
  }

  /** Whether each of the two stacks decodes what the other one encoded. */
  equals(other: CodecStack): boolean {
    return this.layers.length === other.layers.length && this.commonLayers(other) === this.layers.length;
  }

  /** The number of layers, from the plain bytes on, in which two stacks agree. */
  commonLayers(other: CodecStack): number {
    let count = 0;
    while (count < this.layers.length && this.layers[count]!.key === other.layers[count]?.key) count++;
    return count;
  }

  /**
   * Turns plain bytes into the stored form.
   *
   * @returns Fresh bytes; without layers `plain` itself.
   */
  encode(plain: Uint8Array): Uint8Array {
    return this.#encodeFrom(0, plain);
  }

  /**
   * Turns the stored form into plain bytes.
   *
   * @returns Fresh bytes; without layers `stored` itself.
   * @throws {FormatError} If `stored` is malformed or would decode to more than `maxSize` bytes.
   */
  decode(stored: Uint8Array, maxSize: number): Uint8Array {
    return this.#decodeTo(0, stored, maxSize);
  }

  /**
   * Turns the stored form of another stack into that of this one. Inner layers in which both agree are kept,
   * so that nothing is compressed again to be encrypted with another key, and equal stacks change nothing.
   *
   * @returns Fresh bytes, or `stored` itself if there is nothing to change.
   * @throws {FormatError} If a layer which has to be undone finds `stored` malformed, or to hold more than
   * `maxSize` plain bytes.
   */
  convert(
    stored: Uint8Array,
    options: {
      /** The stack that encoded `stored`. */
      readonly from: CodecStack;
      /** What the plain bytes must not exceed. */
      readonly maxSize: number;
    },
  ): Uint8Array {
    if (this.equals(options.from)) return stored;
    const kept = this.commonLayers(options.from);
    return this.#encodeFrom(kept, options.from.#decodeTo(kept, stored, options.maxSize));
  }

  #encodeFrom(first: number, data: Uint8Array): Uint8Array {
    return this.layers.slice(first).reduce((bytes, layer) => layer.encode(bytes), data);
  }

  #decodeTo(first: number, stored: Uint8Array, maxSize: number): Uint8Array {
    // Between layers, data may be larger than the plain bytes: compression adds to noise.
    const innerLimit = maxSize + Math.ceil(maxSize / 8) + 1024;
    let data = stored;
    for (let i = this.layers.length - 1; i >= first; i--) {
      data = this.layers[i]!.decode(data, i === 0 ? maxSize : innerLimit);
    }
    if (first === 0 && data.length > maxSize) {
      throw new FormatError(`Cannot decode chunk: ${data.length} bytes, more than ${maxSize}`);
    }
    return data;
  }
}
