/**
 * The bytes of a tar archive, block by block.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { nextTurn } from "../concurrency/event_loop.ts";
import { BLOCK_SIZE } from "./tar_header.ts";

const EMPTY = new Uint8Array();
/** Bytes that are read at once of a file: many headers and small contents. */
const WINDOW_SIZE = 128 << 10;
/** Time that may pass before the event loop is served, in milliseconds. */
const SLICE_MS = 50;

/** A tar archive in a file, where contents can be left until they are needed. */
export interface TarFile {
  /** Size in bytes. */
  size(): number;
  /** @returns Bytes read: fewer than `target` holds only at the end. */
  readAt(target: Uint8Array, offset: number): number;
}

/** Reads a file in order. What is passed over is not read. */
export class TarFileSource implements AsyncIterableIterator<Uint8Array> {
  readonly #file: TarFile;
  readonly #size: number;
  readonly #window = new Uint8Array(WINDOW_SIZE);
  readonly #signal: AbortSignal | undefined;
  #position = 0;
  #sliceStart = performance.now();

  /** The file stays the caller's. @param signal Stops reading. */
  constructor(file: TarFile, signal: AbortSignal | undefined = undefined) {
    this.#file = file;
    this.#signal = signal;
    this.#size = file.size();
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#size - this.#position;
  }

  /** Moves on. */
  skip(size: number): void {
    this.#position += size;
  }

  /** The next bytes, borrowed until the next call. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (performance.now() - this.#sliceStart >= SLICE_MS) {
      await nextTurn();
      this.#sliceStart = performance.now();
    }
    this.#signal?.throwIfAborted();
    const count = this.#file.readAt(this.#window, this.#position);
    this.#position += count;
    return count === 0 ? { done: true, value: undefined } : { value: this.#window.subarray(0, count) };
  }

  /** Itself: the file is read once. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Reads exact amounts from slices of any size. */
export class TarInput {
  readonly #source: AsyncIterator<Uint8Array>;
  #slice: Uint8Array = EMPTY;
  #offset = 0;
  #isOver = false;

  /** Of a source that can pass over bytes without reading them. */
  readonly #skippable: TarFileSource | undefined;

  /** Takes `source` over; {@linkcode close} ends it. */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
    this.#skippable = source instanceof TarFileSource ? source : undefined;
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

  /** Takes the next `size` bytes if they have been read already. @returns False if they have not; none is taken. */
  takeReady(size: number, take: (part: Uint8Array) => void): boolean {
    if (this.#slice.length < size) return false;
    take(this.#cut(size));
    return true;
  }

  /** Passes over what fills the last block of `size` bytes. @throws {FormatError} If it is not there. */
  async skipPadding(size: number): Promise<void> {
    await this.skip((BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE);
  }

  /** Passes over `size` bytes. @throws {FormatError} If there are fewer. */
  async skip(size: number): Promise<void> {
    if (this.#slice.length >= size) return void this.#cut(size);
    const source = this.#skippable;
    const missing = size - this.#slice.length;
    if (source !== undefined && missing <= source.left) {
      source.skip(missing);
      this.#slice = EMPTY;
      this.#offset += size;
    } else for await (const _ of this.parts(size));
  }

  /** Passes over all that is left. @returns Whether any of it is not zero. */
  async drain(): Promise<boolean> {
    let hasData = false;
    do {
      // A loop, as some() takes longer by far for what may be an archive of its own.
      for (let i = 0; i < this.#slice.length && !hasData; i++) hasData = this.#slice[i] !== 0;
      if (hasData && this.#skippable !== undefined) return true; // Nobody writes who would have to be heard.
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
