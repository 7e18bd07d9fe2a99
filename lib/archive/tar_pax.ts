/**
 * Records of PAX headers: what does not fit into the block of a tar member.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { bytesKey } from "./bytes_order.ts";

/** Keyword and value. A keyword has one character for each byte. */
export type PaxRecord = readonly [key: string, value: Uint8Array];

const EQUALS = 0x3d;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const SECOND = 1_000_000_000n;
const ZERO = 0x30;
const NINE = 0x39;
const MAX_KEY_SIZE = 4096;

/**
 * Decodes the content of a header: `<size> <key>=<value>` and a line feed, the size that of all of it.
 *
 * @returns Records in their order; values are parts of `data`.
 * @throws {FormatError} If a record is malformed.
 */
export function decodePax(data: Uint8Array): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length;) {
    let size = 0;
    let digit = at;
    for (; digit < data.length && data[digit]! >= ZERO && data[digit]! <= NINE; digit++) {
      size = 10 * size + data[digit]! - ZERO;
    }
    const end = at + size;
    const equals = data.indexOf(EQUALS, digit);
    const isWhole = digit > at && data[digit] === SPACE && end <= data.length && data[end - 1] === LINE_FEED;
    if (!isWhole || equals <= digit + 1 || equals >= end || equals - digit > MAX_KEY_SIZE) {
      throw new FormatError(`Cannot read tar: a PAX record is malformed, at byte ${at} of its header`);
    }
    records.push([bytesKey(data.subarray(digit + 1, equals)), data.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** Encodes records, as fresh bytes. */
export function encodePax(records: readonly PaxRecord[]): Uint8Array<ArrayBuffer> {
  const sizes = records.map(recordSize);
  const out = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const [i, [key, value]] of records.entries()) {
    const head = `${sizes[i]} ${key}=`;
    for (let j = 0; j < head.length; j++) out[at + j] = head.charCodeAt(j);
    out.set(value, at + head.length);
    at += sizes[i]!;
    out[at - 1] = LINE_FEED;
  }
  return out;
}

/** The size counts its own digits. */
function recordSize([key, value]: PaxRecord): number {
  const rest = key.length + value.length + 3;
  let size = rest + `${rest}`.length;
  if (`${size}`.length > `${rest}`.length) size = rest + `${size}`.length;
  return size;
}

/** Nanoseconds of a time in decimal seconds. @throws {FormatError} If it is none. */
export function parsePaxTime(value: Uint8Array): bigint {
  const text = bytesKey(value.subarray(0, 200));
  const parts = /^(-?)(\d{1,20})(?:\.(\d{0,100}))?$/.exec(text);
  if (parts === null) throw new FormatError(`Cannot read tar: '${text.slice(0, 40)}' is no time`);
  const fraction = parts[3] ?? "";
  let nanoseconds = BigInt(parts[2]!) * SECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  if (parts[1] === "") return nanoseconds;
  // Rounded down, as before 1970 that is away from 0.
  if (/[1-9]/.test(fraction.slice(9))) nanoseconds++;
  return -nanoseconds;
}

/** A time as decimal seconds. */
export function formatPaxTime(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = (size % SECOND).toString().padStart(9, "0").replace(/0+$/, "");
  return `${nanoseconds < 0n ? "-" : ""}${size / SECOND}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * A number of a record.
 *
 * @param what For the message.
 * @throws {FormatError} If it is no number from 0 to 2^53 - 1.
 */
export function parsePaxNumber(value: Uint8Array, what: string): number {
  const text = bytesKey(value.subarray(0, 40));
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number)) throw new FormatError(`Cannot read tar: '${text}' is no ${what}`);
  return number;
}
