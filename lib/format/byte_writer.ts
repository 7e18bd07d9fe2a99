/**
 * Appends little-endian fields to a buffer that grows.
 *
 * @module
 */

const TWO_32 = 0x1_0000_0000;

/** A buffer to append to. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #size = 0;

  /**
   * Writes into `buffer`, from its start, for as long as it is large enough; then goes on in a larger one of
   * its own.
   *
   * @param buffer May be shared memory. @default 4 KiB of its own
   */
  constructor(buffer: Uint8Array = new Uint8Array(4096)) {
    this.#bytes = buffer;
    this.#view = viewOf(buffer);
  }

  /** Bytes written since the last {@linkcode clear}. */
  get size(): number {
    return this.#size;
  }

  /** What was written: borrowed until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Forgets what was written; the buffer stays. */
  clear(): void {
    this.#size = 0;
  }

  /** Forgets what was written. @returns It, as fresh bytes. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#size);
    bytes.set(this.written);
    this.#size = 0;
    return bytes;
  }

  /** Appends 32 bits. */
  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** Appends 64 bits. @param value 0 to 2^53 - 1. */
  u64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setUint32(at, value % TWO_32, true);
    this.#view.setUint32(at + 4, Math.floor(value / TWO_32), true);
  }

  /** Appends 64 bits; `value` modulo 2^64. */
  big(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
  }

  /** Appends bytes. */
  bytes(data: Uint8Array): void {
    const at = this.#reserve(data.length);
    this.#bytes.set(data, at);
  }

  /** Appends bytes and a NUL. */
  text(data: Uint8Array): void {
    const at = this.#reserve(data.length + 1);
    this.#bytes.set(data, at);
    this.#bytes[at + data.length] = 0;
  }

  #reserve(size: number): number {
    const at = this.#size;
    if (at + size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(at + size, 2 * this.#bytes.length));
      larger.set(this.written);
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    this.#size = at + size;
    return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
