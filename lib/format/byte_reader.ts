/**
 * Fields of a record: bounds-checked, little-endian.
 *
 * @module
 */

import { FormatError } from "../errors.ts";

const TWO_32 = 0x1_0000_0000;
/** Up to this size a loop copies faster than a call. */
const SMALL = 64;

/** A cursor over bytes. Errors name the record that is being read, and where it starts. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;
  #end: number;
  #record = "record";
  #offset = 0;

  /**
   * Starts at the first of `bytes`, which are borrowed.
   *
   * @param options `what`: what the bytes are part of, for messages.
   */
  constructor(bytes: Uint8Array, options: { readonly what?: string | undefined } = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = options.what ?? "archive";
    this.#end = bytes.length;
  }

  /** Bytes that are left to read. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Continues with the `size` bytes at `at`, and no others. */
  window(at: number, size: number): void {
    if (!(at >= 0 && size >= 0 && at + size <= this.#bytes.length)) {
      throw new RangeError(`Cannot read ${size} bytes at ${at}: there are ${this.#bytes.length}`);
    }
    this.#at = at;
    this.#end = at + size;
  }

  /** Names what is read next, for messages: a record, and the offset at which its header starts. */
  context(record: string, offset: number): void {
    this.#record = record;
    this.#offset = offset;
  }

  /** Gives up, for a reason that completes a message on the record. @throws {FormatError} Always. */
  fail(reason: string): never {
    throw new FormatError(`Cannot read ${this.#what}: ${this.#record} at offset ${this.#offset}: ${reason}`);
  }

  /** Reads 32 bits. @throws {FormatError} If the record ends before. */
  u32(field: string): number {
    const at = this.#advance(4, field);
    return this.#view.getUint32(at, true);
  }

  /** Reads 64 bits as a number. @throws {FormatError} If it is 2^53 or more, or the record ends before. */
  u64(field: string): number {
    const at = this.#advance(8, field);
    // Halves as doubles: exact below 2^53, and faster than a bigint.
    const value = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * TWO_32;
    if (value > Number.MAX_SAFE_INTEGER) {
      this.fail(`${field} is 0x${this.#view.getBigUint64(at, true).toString(16)}`);
    }
    return value;
  }

  /** Reads 64 bits. @throws {FormatError} If the record ends before. */
  big(field: string): bigint {
    const at = this.#advance(8, field);
    return this.#view.getBigUint64(at, true);
  }

  /** Reads `size` bytes. @returns Fresh bytes. @throws {FormatError} If the record ends before. */
  bytes(size: number, field: string): Uint8Array<ArrayBuffer> {
    const at = this.#advance(size, field);
    // Never shared, even if what is read from is.
    if (size > SMALL) return this.#bytes.slice(at, at + size) as Uint8Array<ArrayBuffer>;
    const copy = new Uint8Array(size);
    for (let i = 0; i < size; i++) copy[i] = this.#bytes[at + i]!;
    return copy;
  }

  /**
   * Reads the bytes up to the next NUL, and the NUL.
   *
   * @returns Fresh bytes without the NUL.
   * @throws {FormatError} If there is no NUL.
   */
  untilNul(field: string): Uint8Array<ArrayBuffer> {
    let size = 0;
    while (size < this.left && this.#bytes[this.#at + size] !== 0) size++;
    if (size === this.left) this.fail(`${field} is not terminated by NUL`);
    const text = this.bytes(size, field);
    this.#at++;
    return text;
  }

  /**
   * Reads the bytes up to the NUL that ends the record.
   *
   * @returns Fresh bytes without the NUL.
   * @throws {FormatError} If there is no NUL, if it comes before the end, or if there is nothing before it.
   */
  text(field: string): Uint8Array<ArrayBuffer> {
    const text = this.untilNul(field);
    if (this.left > 0) this.fail(`${field} contains NUL`);
    if (text.length === 0) this.fail(`${field} is empty`);
    return text;
  }

  /** Whether what is left is `text` and a NUL; nothing is read. */
  isText(text: Uint8Array): boolean {
    if (this.left !== text.length + 1 || this.#bytes[this.#end - 1] !== 0) return false;
    for (let i = 0; i < text.length; i++) if (this.#bytes[this.#at + i] !== text[i]) return false;
    return true;
  }

  #advance(size: number, field: string): number {
    const at = this.#at;
    if (size > this.#end - at) this.fail(`it ends inside ${field}`);
    this.#at = at + size;
    return at;
  }
}
