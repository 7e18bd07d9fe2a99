/**
 * Index files (`.caibx`, `.caidx`): the list of chunks that make up a blob.
 *
 * Layout: an INDEX record of 48 bytes, a TABLE header of 16, 40 bytes a row (end offset, chunk ID), and a tail of
 * the size of a row. All integers are 64 bits, little-endian.
 *
 * @module
 */

import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import { type ChunkSizes, MAX_CHUNK_SIZE } from "../chunker/sizes.ts";
import type { DigestName } from "../digest/digest.ts";
import { FormatError } from "../errors.ts";
import { SIZE_UNKNOWN, TABLE_TAIL_MARKER, TYPE_INDEX, TYPE_TABLE } from "./constants.ts";
import { digestOf, normalizeFlags, unassignedFlags } from "./feature_flags.ts";

/** An index in columns: a blob of 1 TiB has 16 million rows. */
export interface Index {
  /** The parameters the blob was cut with. */
  readonly sizes: ChunkSizes;
  /** Feature flags; they name the digest. */
  readonly flags: bigint;
  /** n × 32 bytes; the ID of row i starts at byte 32·i. */
  readonly ids: Uint8Array;
  /** n end offsets in bytes, strictly increasing; a row starts where the one before ends. */
  readonly ends: Float64Array;
}

const HEADER_SIZE = 64;
const ROW_SIZE = 40;
const INDEX_RECORD_SIZE = 48n;
/** Size of the TABLE record without its rows: its header and the tail. */
const TABLE_OVERHEAD = 56;

/** Number of rows. */
export function rowCount(index: Index): number {
  return index.ends.length;
}

/** Offset in the blob at which `row` starts; for the number of rows, the size of the blob. */
export function rowStart(index: Index, row: number): number {
  return row === 0 ? 0 : index.ends[row - 1]!;
}

/** Plain size in bytes of the chunk in `row`. */
export function rowSize(index: Index, row: number): number {
  return index.ends[row]! - rowStart(index, row);
}

/** Size of the blob in bytes. */
export function blobSize(index: Index): number {
  return rowStart(index, rowCount(index));
}

/** The row that holds the byte at `offset`; the number of rows if that is past the end. */
export function rowAt(index: Index, offset: number): number {
  let low = 0;
  let high = rowCount(index);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (index.ends[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The digest that names the chunks of `index`. */
export function indexDigest(index: Index): DigestName {
  return digestOf(index.flags);
}

/**
 * Reads an index file, as strictly as casync does.
 *
 * @param options `location`: where the bytes come from, for messages.
 * @returns Columns of their own; `bytes` may be reused.
 * @throws {FormatError} If anything is wrong; the message says what, and in which row.
 */
export function decodeIndex(bytes: Uint8Array, options: { readonly location?: string } = {}): Index {
  const { location } = options;
  const fail: Fail = (reason) => {
    throw new FormatError(`Cannot read index${location === undefined ? "" : ` '${location}'`}: ${reason}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = (bytes.length - HEADER_SIZE - ROW_SIZE) / ROW_SIZE;
  if (bytes.length >= 16 && view.getBigUint64(8, true) !== TYPE_INDEX) {
    fail("it does not start with an INDEX record");
  }
  if (bytes.length < HEADER_SIZE + ROW_SIZE) fail(`it is truncated: ${bytes.length} bytes`);
  if (view.getBigUint64(0, true) !== INDEX_RECORD_SIZE) {
    fail(`INDEX has size ${view.getBigUint64(0, true)}, not 48`);
  }
  const flags = decodeFlags(view, fail);
  const sizes = decodeSizes(view, fail);
  if (view.getBigUint64(48, true) !== SIZE_UNKNOWN) fail("the size of TABLE is not 2^64 - 1");
  if (view.getBigUint64(56, true) !== TYPE_TABLE) fail("INDEX is not followed by a TABLE record");
  if (!Number.isInteger(rows)) fail(`it is truncated, or followed by other data: ${bytes.length} bytes`);
  checkTail(view, { rows, fail });

  const ids = new Uint8Array(rows * CHUNK_ID_SIZE);
  const ends = new Float64Array(rows);
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const at = HEADER_SIZE + row * ROW_SIZE;
    // Halves as doubles: exact below 2^53, and faster than a bigint a row.
    const end = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
    if (!(end > start)) fail(`row ${row} ends at offset ${end}, not after ${start}`);
    if (end - start > sizes.max) {
      fail(`row ${row} has ${end - start} bytes, more than the maximum of ${sizes.max}`);
    }
    if (end > Number.MAX_SAFE_INTEGER) fail(`row ${row} ends at offset ${end}, past 2^53`);
    ends[row] = start = end;
    ids.set(bytes.subarray(at + 8, at + ROW_SIZE), row * CHUNK_ID_SIZE);
  }
  return { sizes, flags, ids, ends };
}

/** Throws an error that says what is wrong with the index. */
type Fail = (reason: string) => never;

function decodeFlags(view: DataView, fail: Fail): bigint {
  const flags = view.getBigUint64(16, true);
  const unknown = unassignedFlags(flags);
  if (unknown !== 0n) fail(`it has unknown feature flags 0x${unknown.toString(16)}`);
  if (normalizeFlags(flags) !== flags) {
    fail(`its feature flags 0x${flags.toString(16)} contradict each other`);
  }
  return flags;
}

function decodeSizes(view: DataView, fail: Fail): ChunkSizes {
  const [min, avg, max] = [24, 32, 40].map((at) => view.getBigUint64(at, true)) as [bigint, bigint, bigint];
  if (!(1n <= min && min <= avg && avg <= max && max <= BigInt(MAX_CHUNK_SIZE))) {
    fail(`its chunk sizes ${min}:${avg}:${max} are not 1 ≤ min ≤ avg ≤ max ≤ 128 MiB`);
  }
  return { min: Number(min), avg: Number(avg), max: Number(max) };
}

function checkTail(view: DataView, { rows, fail }: { readonly rows: number; readonly fail: Fail }): void {
  const at = HEADER_SIZE + rows * ROW_SIZE;
  const [zero, alsoZero, offset, size, marker] = [0, 8, 16, 24, 32].map((i) =>
    view.getBigUint64(at + i, true)
  );
  if (marker !== TABLE_TAIL_MARKER) {
    fail("it is truncated, or followed by other data: no tail marker at its end");
  }
  if (zero !== 0n || alsoZero !== 0n || offset !== INDEX_RECORD_SIZE) fail("its tail is damaged");
  if (size !== BigInt(TABLE_OVERHEAD + rows * ROW_SIZE)) {
    fail(`its tail gives a table of ${size} bytes for ${rows} rows`);
  }
}

/**
 * Writes an index file. With casync's flags the bytes are those that casync writes.
 *
 * @returns Fresh bytes.
 */
export function encodeIndex(index: Index): Uint8Array<ArrayBuffer> {
  const rows = rowCount(index);
  const bytes = new Uint8Array(HEADER_SIZE + (rows + 1) * ROW_SIZE);
  const view = new DataView(bytes.buffer);
  const { min, avg, max } = index.sizes;
  const header = [INDEX_RECORD_SIZE, TYPE_INDEX, index.flags, BigInt(min), BigInt(avg), BigInt(max)];
  [...header, SIZE_UNKNOWN, TYPE_TABLE].forEach((value, i) => view.setBigUint64(8 * i, value, true));
  for (let row = 0; row < rows; row++) {
    const at = HEADER_SIZE + row * ROW_SIZE;
    const end = index.ends[row]!;
    view.setUint32(at, end % 0x1_0000_0000, true);
    view.setUint32(at + 4, Math.floor(end / 0x1_0000_0000), true);
    bytes.set(index.ids.subarray(row * CHUNK_ID_SIZE, (row + 1) * CHUNK_ID_SIZE), at + 8);
  }
  const tail = bytes.length - ROW_SIZE;
  view.setBigUint64(tail + 16, INDEX_RECORD_SIZE, true);
  view.setBigUint64(tail + 24, BigInt(TABLE_OVERHEAD + rows * ROW_SIZE), true);
  view.setBigUint64(tail + 32, TABLE_TAIL_MARKER, true);
  return bytes;
}

/** Columns that grow: what a chunker appends to while the number of rows is not known. */
export class IndexBuilder {
  #ids = new Uint8Array(1024 * CHUNK_ID_SIZE);
  #ends = new Float64Array(1024);
  #rows = 0;
  #end = 0;

  /** Rows appended so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Bytes of the blob described so far. */
  get size(): number {
    return this.#end;
  }

  /** Appends `count` rows of `size` bytes each, all with the ID at byte `offset` of `ids`. */
  append(
    ids: Uint8Array,
    row: { readonly offset: number; readonly size: number; readonly count?: number },
  ): void {
    const count = row.count ?? 1;
    this.#reserve(this.#rows + count);
    const id = ids.subarray(row.offset, row.offset + CHUNK_ID_SIZE);
    for (let i = 0; i < count; i++) {
      this.#ids.set(id, this.#rows * CHUNK_ID_SIZE);
      this.#ends[this.#rows++] = this.#end += row.size;
    }
  }

  /** The rows from `row` on, borrowed until the next call of {@linkcode append}. */
  since(row: number): Pick<Index, "ids" | "ends"> {
    return {
      ids: this.#ids.subarray(row * CHUNK_ID_SIZE, this.#rows * CHUNK_ID_SIZE),
      ends: this.#ends.subarray(row, this.#rows),
    };
  }

  /** The index; the builder must not be used afterwards. */
  finish(options: { readonly sizes: ChunkSizes; readonly flags: bigint }): Index {
    return { sizes: options.sizes, flags: options.flags, ...this.since(0) };
  }

  #reserve(rows: number): void {
    if (rows <= this.#ends.length) return;
    const capacity = Math.max(rows, 2 * this.#ends.length);
    const ids = new Uint8Array(capacity * CHUNK_ID_SIZE);
    const ends = new Float64Array(capacity);
    ids.set(this.#ids);
    ends.set(this.#ends);
    this.#ids = ids;
    this.#ends = ends;
  }
}
