/**
 * Bodies of HTTP/1.1 responses.
 *
 * @module
 */

import { type BodySource, readBody, truncated } from "./http_body.ts";
import type { HttpConnection } from "./http_connection.ts";
import { type BodyFraming, parseChunkSize } from "./http_head.ts";
import { HttpFailure } from "./http_transport.ts";

/** A body that can tell whether all of it was read. */
export interface PlainBody extends BodySource {
  /** Whether the connection is where the next response begins. */
  readonly isComplete: boolean;
  /** Does what {@linkcode readBody} does. */
  readAll(maxSize: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A body up to this size is read into memory of its size; of a larger one only what arrives takes up memory. */
const DIRECT_SIZE = 16 << 20;

/** Read at a time. */
const PIECE_SIZE = 64 << 10;
/** Longest line of a chunked body, in bytes. */
const MAX_LINE = 4096;
/** Most lines after the last piece of a chunked body. */
const MAX_TRAILERS = 64;

/** Opens a body. Its pieces are borrowed until the next one is read. */
export function openPlainBody(connection: HttpConnection, framing: BodyFraming): PlainBody {
  switch (framing.kind) {
    case "size":
      return new SizedBody(connection, framing.size);
    case "chunked":
      return new ChunkedBody(connection);
    case "close":
      return new ClosedBody(connection);
  }
}

class SizedBody implements PlainBody {
  readonly size: number;
  readonly #connection: HttpConnection;
  #left: number;

  constructor(connection: HttpConnection, size: number) {
    this.#connection = connection;
    this.size = size;
    this.#left = size;
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    const piece = await this.#connection.readSome(Math.min(this.#left, PIECE_SIZE));
    if (piece.length === 0) throw truncated(this.size - this.#left, this.size);
    this.#left -= piece.length;
    return piece;
  }

  async readAll(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    const { size } = this;
    if (size > Math.min(maxSize, DIRECT_SIZE)) return await readBody(this, maxSize);
    const bytes = new Uint8Array(size);
    while (this.#left > 0) {
      const at = size - this.#left;
      const count = await this.#connection.readInto(at === 0 ? bytes : bytes.subarray(at));
      if (count === 0) throw truncated(at, size);
      this.#left -= count;
    }
    return bytes;
  }

  cancel(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}

class ChunkedBody implements PlainBody {
  readonly size = undefined;
  readonly #connection: HttpConnection;
  /** What is left of the current piece. */
  #left = 0;
  #state: "first" | "within" | "end" = "first";

  constructor(connection: HttpConnection) {
    this.#connection = connection;
  }

  get isComplete(): boolean {
    return this.#state === "end";
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#state === "end") return undefined;
    if (this.#left === 0) {
      if (this.#state === "within" && await this.#connection.readLine(MAX_LINE) !== "") {
        throw new HttpFailure("a piece of the body is longer than announced", { retryable: true });
      }
      this.#state = "within";
      this.#left = parseChunkSize(await this.#connection.readLine(MAX_LINE));
      if (this.#left === 0) {
        await this.#skipTrailers();
        this.#state = "end";
        return undefined;
      }
    }
    const piece = await this.#connection.readSome(Math.min(this.#left, PIECE_SIZE));
    if (piece.length === 0) {
      throw new HttpFailure("the connection was closed within the body", { retryable: true });
    }
    this.#left -= piece.length;
    return piece;
  }

  readAll(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    return readBody(this, maxSize);
  }

  cancel(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  async #skipTrailers(): Promise<void> {
    for (let lines = 0; await this.#connection.readLine(MAX_LINE) !== ""; lines++) {
      if (lines === MAX_TRAILERS) {
        throw new HttpFailure("the body has too many trailers", { retryable: false });
      }
    }
  }
}

class ClosedBody implements PlainBody {
  readonly size = undefined;
  readonly isComplete = false;
  readonly #connection: HttpConnection;

  constructor(connection: HttpConnection) {
    this.#connection = connection;
  }

  async read(): Promise<Uint8Array | undefined> {
    const piece = await this.#connection.readSome(PIECE_SIZE);
    return piece.length === 0 ? undefined : piece;
  }

  readAll(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    return readBody(this, maxSize);
  }

  cancel(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}
