/**
 * Headers of tar: one block of 512 bytes for each member.
 *
 * V7, ustar, GNU and star. Our own codec, since tar-stream decodes all text as UTF-8 and times to milliseconds, and
 * knows no sparse files: names, values of extended attributes and nanoseconds would be lost.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { startsWithText } from "./bytes_order.ts";

/** Size of a block; everything is padded to it. */
export const BLOCK_SIZE = 512;
/** Largest number that the 12 bytes for sizes and times hold in octal digits. */
export const MAX_OCTAL_12 = 0o77777777777;
/** Largest number that the 8 bytes for owners and devices hold in octal digits. */
export const MAX_OCTAL_8 = 0o7777777;
/** Longest name in its field. */
export const MAX_NAME = 100;
/** Longest directory in the field before it. */
export const MAX_PREFIX = 155;

const MAGIC = "ustar";
const SLASH = 0x2f;
const SPACE = 0x20;
const ZERO = 0x30;
const CHECKSUM_AT = 148;
const EMPTY = new Uint8Array();

/** A header as it stands there. */
export interface TarHeader {
  /** One character; `0` for a NUL. */
  readonly type: string;
  /** With its prefix. */
  readonly path: Uint8Array;
  /** Target of a link. */
  readonly link: Uint8Array;
  /** The twelve permission bits. */
  readonly permissions: number;
  /** ID of its owner. */
  readonly uid: number;
  /** ID of its group. */
  readonly gid: number;
  /** Bytes of content. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Owner's name; empty if there is none. */
  readonly user: Uint8Array;
  /** Group's name; empty if there is none. */
  readonly group: Uint8Array;
  /** Driver of a device. */
  readonly major: number;
  /** Device of that driver. */
  readonly minor: number;
}

/** What of a header is not text. */
export interface TarNumbers {
  /** The twelve permission bits. */
  readonly permissions: number;
  /** ID of its owner. */
  readonly uid: number;
  /** ID of its group. */
  readonly gid: number;
  /** Bytes of content. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Driver of a device. */
  readonly major: number;
  /** Device of that driver. */
  readonly minor: number;
}

/** Whether a block is all zeros, as two of them end an archive. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Decodes a header. Texts are fresh.
 *
 * @param offset Of the block, for messages.
 * @throws {FormatError} If the block is no header.
 */
export function decodeTarHeader(block: Uint8Array, offset: number): TarHeader {
  const fail = (reason: string): never => {
    throw new FormatError(`Cannot read tar: the header at offset ${offset} ${reason}`);
  };
  const number = (at: number, size: number, what: string): number => {
    const value = numberAt(block, at, size) ?? fail(`has no valid ${what}`);
    return Number(value);
  };
  checkSum(block, number(CHECKSUM_AT, 8, "checksum"), fail);
  const isUstar = startsWithText(block.subarray(257), MAGIC);
  // GNU tar ends the magic with a space, and uses the room of the prefix for other things.
  const isPosix = isUstar && block[262] === 0;
  const isStar = isPosix && startsWithText(block.subarray(508), "tar");
  const prefix = isPosix ? text(block, 345, isStar ? 131 : MAX_PREFIX) : EMPTY;
  const name = text(block, 0, MAX_NAME);
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156]!);
  const size = number(124, 12, "size");
  if (!Number.isSafeInteger(size) || size < 0) fail("has no valid size");
  const mtime = BigInt(numberAt(block, 136, 12) ?? fail("has no valid time"));
  const isDevice = isUstar && (type === "3" || type === "4");
  return {
    type,
    path: prefix.length === 0 ? name : joinPath(prefix, name),
    link: text(block, 157, MAX_NAME),
    permissions: Number(BigInt.asUintN(12, BigInt(number(100, 8, "mode")))),
    uid: number(108, 8, "owner"),
    gid: number(116, 8, "group"),
    size,
    mtime: mtime * 1_000_000_000n,
    user: isUstar ? text(block, 265, 32) : EMPTY,
    group: isUstar ? text(block, 297, 32) : EMPTY,
    major: isDevice ? number(329, 8, "device") : 0,
    minor: isDevice ? number(337, 8, "device") : 0,
  };
}

function checkSum(block: Uint8Array, wanted: number, fail: (reason: string) => never): void {
  // The field itself counts as spaces.
  let sum = 8 * SPACE;
  for (let i = 0; i < CHECKSUM_AT; i++) sum += block[i]!;
  for (let i = CHECKSUM_AT + 8; i < BLOCK_SIZE; i++) sum += block[i]!;
  if (wanted === sum) return;
  let signed = 8 * SPACE; // Some old programs added signed characters.
  for (let i = 0; i < BLOCK_SIZE; i++) {
    if (i < CHECKSUM_AT || i >= CHECKSUM_AT + 8) signed += block[i]! << 24 >> 24;
  }
  if (wanted !== signed) fail(`has the checksum ${wanted}, not ${sum}`);
}

/** A number in octal digits, or in base 256 if the first bit is set; undefined if it is neither. */
export function decodeNumber(field: Uint8Array): bigint | undefined {
  const value = numberAt(field, 0, field.length);
  return value === undefined ? undefined : BigInt(value);
}

/** Without objects of its own, as there are eight numbers in each header; a bigint only in base 256. */
function numberAt(block: Uint8Array, start: number, size: number): number | bigint | undefined {
  const end = start + size;
  const first = block[start]!;
  if ((first & 0x80) !== 0) {
    // All other bits are those of the number, in two's complement.
    let value = BigInt.asIntN(7, BigInt(first & 0x7f));
    for (let i = start + 1; i < end; i++) value = value << 8n | BigInt(block[i]!);
    return value;
  }
  let value = 0; // Twelve digits fit into a double.
  let at = start;
  while (at < end && block[at] === SPACE) at++;
  for (; at < end && block[at] !== 0 && block[at] !== SPACE; at++) {
    const digit = block[at]! - ZERO;
    if (digit < 0 || digit > 7) return undefined;
    value = 8 * value + digit;
  }
  while (at < end && block[at] === SPACE) at++;
  return at < end && block[at] !== 0 ? undefined : value;
}

/** Fresh bytes up to the first NUL. */
function text(block: Uint8Array, at: number, size: number): Uint8Array {
  // No call of indexOf(): most texts are short or empty, and it costs more than such a loop.
  let end = at;
  while (end < at + size && block[end] !== 0) end++;
  return end === at ? EMPTY : block.slice(at, end);
}

function joinPath(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  const path = new Uint8Array(prefix.length + 1 + name.length);
  path.set(prefix);
  path[prefix.length] = SLASH;
  path.set(name, prefix.length + 1);
  return path;
}

/** Texts of a header, each short enough for its field. */
export interface TarTexts {
  /** What comes before the name, without the slash between them. */
  readonly prefix?: Uint8Array | undefined;
  /** The path, or the end of it. */
  readonly name: Uint8Array;
  /** Target of a link. */
  readonly link?: Uint8Array | undefined;
  /** Owner's name. */
  readonly user?: Uint8Array | undefined;
  /** Group's name. */
  readonly group?: Uint8Array | undefined;
}

/**
 * Encodes a header of ustar, as fresh bytes.
 *
 * @throws {RangeError} If something does not fit into its field.
 */
export function encodeTarHeader(
  type: string,
  header: TarTexts & Partial<TarNumbers>,
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  const put = (at: number, size: number, bytes: Uint8Array = EMPTY) => {
    if (bytes.length > size) {
      throw new RangeError(`Cannot write tar: ${bytes.length} bytes for a field of ${size}`);
    }
    block.set(bytes, at);
  };
  const octal = (at: number, size: number, value = 0) => {
    const digits = value.toString(8).padStart(size - 1, "0");
    if (value < 0 || digits.length >= size) throw new RangeError(`Cannot write tar: ${value} does not fit`);
    put(at, size, ascii(digits));
  };
  put(0, MAX_NAME, header.name);
  octal(100, 8, header.permissions);
  octal(108, 8, header.uid);
  octal(116, 8, header.gid);
  octal(124, 12, header.size);
  octal(136, 12, header.mtime);
  block.fill(SPACE, CHECKSUM_AT, CHECKSUM_AT + 8);
  put(156, 1, ascii(type));
  put(157, MAX_NAME, header.link);
  put(257, 8, ascii(`${MAGIC}\0` + "00"));
  put(265, 31, header.user);
  put(297, 31, header.group);
  octal(329, 8, header.major);
  octal(337, 8, header.minor);
  put(345, MAX_PREFIX, header.prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(CHECKSUM_AT, 8, ascii(`${sum.toString(8).padStart(6, "0")}\0 `));
  return block;
}

function ascii(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = value.charCodeAt(i);
  return bytes;
}
