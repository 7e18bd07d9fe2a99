/**
 * The bytes of a tar archive, block by block.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { BLOCK_SIZE } from "./tar_header.ts";

const EMPTY = new Uint8Array();

/** Reads exact amounts from slices of any size. */
export class TarInput {
  readonly #source: AsyncIterator<Uint8Array>;
  #slice: Uint8Array = EMPTY;
  #offset = 0;
  #isOver = false;

  /** Takes `source` over; {@linkcode close} ends it. */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** The next block, borrowed until the next call; undefined at the end. @throws {FormatError} Inside a block. */
  async block(): Promise<Uint8Array | undefined> {
    if (this.#slice.length === 0 && !await this.#more()) return undefined;
    if (this.#slice.length >= BLOCK_SIZE) return this.#cut(BLOCK_SIZE);
    return await this.bytes(BLOCK_SIZE);
  }

  /** `size` fresh bytes; the caller has bounded `size`. @throws {FormatError} If there are fewer. */
  async bytes(size: number): Promise<Uint8Array<ArrayBuffer>> {
    // Mostly so, and much faster than by parts.
    if (this.#slice.length >= size) return new Uint8Array(this.#cut(size));
    const out = new Uint8Array(size);
    let at = 0;
    for await (const part of this.parts(size)) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  /** The next `size` bytes in parts, each borrowed until the next one. @throws {FormatError} If there are fewer. */
  async *parts(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      if (this.#slice.length === 0 && !await this.#more()) {
        throw new FormatError(`Cannot read tar: it is truncated, at offset ${this.#offset}`);
      }
      const part = this.#cut(Math.min(left, this.#slice.length));
      left -= part.length;
      yield part;
    }
  }

  /** Passes over what fills the last block of `size` bytes. @throws {FormatError} If it is not there. */
  async skipPadding(size: number): Promise<void> {
    await this.skip((BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE);
  }

  /** Passes over `size` bytes. @throws {FormatError} If there are fewer. */
  async skip(size: number): Promise<void> {
    if (this.#slice.length >= size) this.#cut(size);
    else for await (const _ of this.parts(size));
  }

  /** Passes over all that is left. @returns Whether any of it is not zero. */
  async drain(): Promise<boolean> {
    let hasData = false;
    do {
      hasData ||= this.#slice.some((byte) => byte !== 0);
      this.#slice = EMPTY;
    } while (await this.#more());
    return hasData;
  }

  /** Ends the source. */
  async close(): Promise<void> {
    if (!this.#isOver) await this.#source.return?.();
  }

  #cut(size: number): Uint8Array {
    const part = this.#slice.subarray(0, size);
    this.#slice = this.#slice.subarray(size);
    this.#offset += size;
    return part;
  }

  async #more(): Promise<boolean> {
    while (!this.#isOver && this.#slice.length === 0) {
      const { done, value } = await this.#source.next();
      if (done ?? false) this.#isOver = true;
      else this.#slice = value;
    }
    return this.#slice.length > 0;
  }
}
