/**
 * Reading the bodies of responses within limits.
 *
 * @module
 */

import { HttpFailure } from "./http_transport.ts";

/** A body that arrives piece by piece. */
export interface BodySource {
  /** Size that was announced, in bytes. */
  readonly size: number | undefined;
  /** The next piece, borrowed until the next call; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Gives up the rest. */
  cancel(): Promise<void>;
}

/** What is allocated on the word of a header; a larger body gets more room while it arrives. */
const FIRST_ROOM = 16 << 20;

/** A rest up to this size is read so that the connection can be used again; beyond, a new one is cheaper. */
const DRAIN_SIZE = 64 << 10;

/**
 * Reads all of a body.
 *
 * @returns Fresh bytes.
 * @throws {HttpFailure} If it has more than `maxSize` bytes, or not as many as announced.
 */
export async function readBody(source: BodySource, maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = source;
  if (size !== undefined && size > maxSize) {
    await source.cancel();
    throw tooLarge(size, maxSize);
  }
  let bytes = new Uint8Array(Math.min(size ?? 4096, FIRST_ROOM));
  let at = 0;
  for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
    const end = at + piece.length;
    if (end > (size ?? maxSize)) {
      await source.cancel();
      if (size === undefined) throw tooLarge(undefined, maxSize);
      throw new HttpFailure(`the body has more than the ${size} bytes that were announced`, {
        retryable: true,
      });
    }
    if (end > bytes.length) {
      const grown = new Uint8Array(Math.max(end, Math.min(bytes.length * 2, size ?? maxSize)));
      grown.set(bytes.subarray(0, at));
      bytes = grown;
    }
    bytes.set(piece, at);
    at = end;
  }
  if (size !== undefined && at < size) throw truncated(at, size);
  return at === bytes.length ? bytes : bytes.slice(0, at);
}

/** Reads the start of a body, and drops the rest. That a body breaks off is not worth an error here. */
export async function readBodyStart(source: BodySource, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let at = 0;
  let total = 0;
  try {
    for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
      const part = piece.subarray(0, size - at);
      bytes.set(part, at);
      at += part.length;
      total += piece.length;
      if (total > size + DRAIN_SIZE) {
        await source.cancel();
        break;
      }
    }
  } catch {
    await source.cancel();
  }
  return bytes.slice(0, at);
}

/** Drops a body: a small one is read, so that the connection can be used again. */
export async function discardBody(source: BodySource): Promise<void> {
  if ((source.size ?? 0) > DRAIN_SIZE) await source.cancel();
  else await readBodyStart(source, 0);
}

/** The failure of a body that is larger than its reader can take. */
export function tooLarge(size: number | undefined, maxSize: number): HttpFailure {
  const what = size === undefined ? `more than ${maxSize} bytes` : `${size} bytes are more than ${maxSize}`;
  return new HttpFailure(what, { retryable: false });
}

/** The failure of a body that ends too soon. */
export function truncated(received: number, size: number): HttpFailure {
  return new HttpFailure(`the body broke off after ${received} of ${size} bytes`, { retryable: true });
}

/**
 * Reads the value of a `content-length`.
 *
 * @throws {HttpFailure} If it is not one number.
 */
export function parseContentLength(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  // The same length twice is allowed, and joined by a comma.
  const first = value.split(",", 1)[0]!.trim();
  const valid = /^\d{1,16}$/.test(first) && value.split(",").every((part) => part.trim() === first);
  if (!valid || !Number.isSafeInteger(Number(first))) {
    throw new HttpFailure("the response has no valid Content-Length", { retryable: true });
  }
  return Number(first);
}
