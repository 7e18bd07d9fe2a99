/**
 * The outline of zstd data: where frames begin and end, and how much they can hold (RFC 8878, section 3).
 *
 * Libraries differ in what they make of several frames, cut frames, trailing bytes and hostile headers. All
 * that is decided here, before one of them sees the data, so that they agree, and nothing is allocated which
 * `maxSize` does not allow.
 *
 * @module
 */

import { FormatError, UnsupportedError } from "../errors.ts";

/** One frame with data. */
export interface ZstdFrame {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset behind the last byte. */
  readonly end: number;
  /** Size of the plain bytes, if the frame declares it. */
  readonly size: number | undefined;
  /** What the plain bytes cannot exceed; equal to `size` if that is known. */
  readonly sizeBound: number;
}

/** What several frames amount to. */
export interface ZstdOutline {
  /** The frames in order, without skippable ones. */
  readonly frames: readonly ZstdFrame[];
  /** What the plain bytes of all frames together cannot exceed. */
  readonly sizeBound: number;
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK = 128 * 1024;
// The limit of libzstd's own streaming decoder, which `zstd --ultra -22` reaches and casync stays far below.
const MAX_WINDOW = 2 ** 27;

/**
 * Finds the frames of `stored` and checks their headers and the chain of blocks, not the blocks' content.
 *
 * @param maxSize What the plain bytes must not exceed.
 * @throws {FormatError} If `stored` is not a sequence of whole zstd frames, or cannot fit in `maxSize`.
 */
export function outlineZstd(stored: Uint8Array, maxSize: number): ZstdOutline {
  if (stored.length === 0) throw new FormatError("Cannot decode zstd data: there are none");
  const frames: ZstdFrame[] = [];
  let sizeBound = 0;
  let least = 0;
  for (let at = 0; at < stored.length;) {
    const magic = u32(stored, at);
    if (((magic ^ SKIPPABLE_MAGIC) & ~0xf) === 0) {
      need(stored, at, 8);
      const size = u32(stored, at + 4);
      need(stored, at, 8 + size);
      at += 8 + size;
      continue;
    }
    if (magic !== MAGIC) throw at === 0 ? unknownFormat(stored) : malformed(at, "it does not begin like one");
    const { frame, leastSize } = readFrame(stored, at);
    least += leastSize;
    if (least > maxSize) throw tooLarge(maxSize);
    sizeBound += frame.sizeBound;
    frames.push(frame);
    at = frame.end;
  }
  return { frames, sizeBound };
}

/** The size a frame of `size` plain bytes never exceeds: `ZSTD_COMPRESSBOUND` of zstd.h. */
export function zstdBound(size: number): number {
  return size + Math.floor(size / 256) + (size < MAX_BLOCK ? (MAX_BLOCK - size) >> 11 : 0);
}

/** What to throw if the plain bytes exceed `maxSize`. */
export function tooLarge(maxSize: number): FormatError {
  return new FormatError(`Cannot decode zstd data: they hold more than ${maxSize} bytes`);
}

/** What to throw if a library refuses data that {@linkcode outlineZstd} let pass. */
export function corrupt(cause?: unknown): FormatError {
  return new FormatError("Cannot decode zstd data: they are corrupt", cause === undefined ? {} : { cause });
}

/** Reads the frame at `start`; `leastSize` is what it holds at least. */
function readFrame(stored: Uint8Array, start: number): { frame: ZstdFrame; leastSize: number } {
  need(stored, start, 5);
  const descriptor = stored[start + 4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw malformed(start, "a reserved bit is set");
  let at = start + 5;
  if (!singleSegment) {
    need(stored, at, 1);
    checkWindow(stored[at++]!, start);
  }
  const dictionaryIdSize = [0, 1, 2, 4][descriptor & 3]!;
  need(stored, at, dictionaryIdSize);
  for (let i = 0; i < dictionaryIdSize; i++) {
    if (stored[at++] !== 0) throw malformed(start, "it needs a dictionary");
  }
  const sizeSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  need(stored, at, sizeSize);
  const size = sizeSize === 0 ? undefined : readSize(stored, at, sizeSize);
  const blocks = readBlocks(stored, at + sizeSize);
  const end = blocks.end + ((descriptor & 0x04) !== 0 ? 4 : 0); // XXH64 of the content, lower half
  if (end > stored.length) throw cut(start);
  if (size !== undefined && (size < blocks.least || size > blocks.most)) {
    throw malformed(start, `it declares ${size} bytes, which its blocks contradict`);
  }
  return {
    frame: { start, end, size, sizeBound: size ?? blocks.most },
    leastSize: size ?? blocks.least,
  };
}

/** Follows the chain of blocks that begins at `at`. */
function readBlocks(stored: Uint8Array, at: number): { end: number; least: number; most: number } {
  let least = 0;
  let most = 0;
  for (;;) {
    need(stored, at, 3);
    const header = stored[at]! | stored[at + 1]! << 8 | stored[at + 2]! << 16;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3) throw malformed(at, "a block is of the reserved type");
    if (size > MAX_BLOCK) throw malformed(at, `a block of ${size} bytes`);
    at += 3 + (type === 1 ? 1 : size); // 0: stored as it is; 1: one byte, repeated; 2: compressed
    if (at > stored.length) throw cut(at);
    least += type === 2 ? 0 : size;
    most += type === 2 ? MAX_BLOCK : size;
    if ((header & 1) !== 0) return { end: at, least, most };
  }
}

function checkWindow(descriptor: number, start: number): void {
  const base = 2 ** (10 + (descriptor >> 3));
  const size = base + (base / 8) * (descriptor & 7);
  if (size > MAX_WINDOW) {
    throw malformed(start, `its window of ${size / 2 ** 20} MiB exceeds ${MAX_WINDOW / 2 ** 20} MiB`);
  }
}

/** The declared size, in a field of 1, 2, 4 or 8 bytes; that of 2 bytes counts from 256. */
function readSize(stored: Uint8Array, at: number, fieldSize: number): number {
  if (fieldSize === 1) return stored[at]!;
  if (fieldSize === 2) return (stored[at]! | stored[at + 1]! << 8) + 256;
  const low = u32(stored, at);
  return fieldSize === 4 ? low : low + u32(stored, at + 4) * 2 ** 32;
}

function u32(stored: Uint8Array, at: number): number {
  // Zeros stand for what is behind the end; no magic number ends with one.
  return ((stored[at] ?? 0) | (stored[at + 1] ?? 0) << 8 | (stored[at + 2] ?? 0) << 16 |
    (stored[at + 3] ?? 0) << 24) >>> 0;
}

function need(stored: Uint8Array, at: number, size: number): void {
  if (at + size > stored.length) throw cut(at);
}

function cut(at: number): FormatError {
  return malformed(at, "it is cut off");
}

function malformed(at: number, state: string): FormatError {
  return new FormatError(`Cannot decode zstd data: bad frame at byte ${at}: ${state}`);
}

/** casync can be told to write xz and gzip under the same extension; it tells them by these bytes. */
function unknownFormat(stored: Uint8Array): FormatError {
  const startsWith = (...bytes: number[]) => bytes.every((byte, i) => stored[i] === byte);
  const name = startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00) ? "xz" : startsWith(0x1f, 0x8b) ? "gzip" : "";
  if (name === "") return new FormatError("Cannot decode zstd data: they are in no known format");
  const reason = `compressed with ${name}, which is not supported`;
  // The cause tells those who would delete what is damaged that these data are not.
  return new FormatError(`Cannot decode zstd data: they are ${reason}`, {
    cause: new UnsupportedError(reason),
  });
}
