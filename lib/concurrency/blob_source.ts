/**
 * Where the bytes of a blob come from: a file or device, by position; or a stream.
 *
 * @module
 */

import type { PosixFile } from "../platform/posix.ts";
import type { CallOptions } from "../store/types.ts";

/** Bytes in order, read into memory that the caller owns. */
export interface BlobSource {
  /** Size in bytes, if it is known beforehand. */
  readonly size: number | undefined;
  /** Fills `target`; fewer bytes than it holds come only at the end. */
  read(target: Uint8Array, options?: CallOptions): number | Promise<number>;
  /** Bytes from here on that are known to be zero without being read. */
  holeAhead(): number;
  /** Moves on by `size` bytes of a hole. */
  skip(size: number): void;
}

/** The bytes of a file from `start` on. The file stays the caller's. */
export class FileSource implements BlobSource {
  readonly size: number;
  readonly #file: PosixFile;
  #position: number;
  /** Start of the next data, as far as it is known: no hole is looked for before it. */
  #data: number;
  /** End of the data that is known. */
  #dataEnd: number;
  readonly #end: number;

  constructor(file: PosixFile, start = 0) {
    this.#file = file;
    this.#end = file.size();
    this.#position = this.#data = this.#dataEnd = start;
    this.size = Math.max(0, this.#end - start);
  }

  /** Reads on. */
  read(target: Uint8Array): number {
    const count = this.#file.readAt(target, this.#position);
    this.#position += count;
    return count;
  }

  /** Asks the file system, once for each stretch of data or hole. */
  holeAhead(): number {
    if (this.#position < this.#data) return this.#data - this.#position;
    if (this.#position < this.#dataEnd || this.#position >= this.#end) return 0;
    this.#data = Math.min(this.#file.nextData(this.#position) ?? this.#end, this.#end);
    this.#dataEnd = this.#data >= this.#end ? this.#end : this.#file.nextHole(this.#data);
    return Math.max(0, this.#data - this.#position);
  }

  /** Moves on without reading. */
  skip(size: number): void {
    this.#position += size;
  }
}

/** The bytes of a stream. It is read only as far as the blob is. */
export class StreamSource implements BlobSource {
  readonly size = undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Collects what the stream gives until `target` is full. Aborted, it cancels the stream, which may be silent. */
  async read(target: Uint8Array, { signal }: CallOptions = {}): Promise<number> {
    signal?.throwIfAborted();
    const cancel = () => {
      this.#reader.cancel(signal?.reason).catch(() => {}); // The reason is what the caller has to see.
    };
    signal?.addEventListener("abort", cancel);
    try {
      return await this.#fill(target);
    } finally {
      signal?.removeEventListener("abort", cancel);
      signal?.throwIfAborted();
    }
  }

  async #fill(target: Uint8Array): Promise<number> {
    let done = 0;
    while (done < target.length) {
      if (this.#rest.length === 0) {
        const next = await this.#reader.read();
        if (next.done) break;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, target.length - done);
      target.set(part, done);
      this.#rest = this.#rest.subarray(part.length);
      done += part.length;
    }
    return done;
  }

  /** Streams have no holes. */
  holeAhead(): number {
    return 0;
  }

  /** Streams have no holes. */
  skip(): void {
    throw new TypeError("Cannot skip a hole of a stream: there are none");
  }
}
