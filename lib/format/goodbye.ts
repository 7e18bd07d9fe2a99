/**
 * GOODBYE records: the end of a directory, with a table to search its entries by the hashes of their names.
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import { ByteWriter } from "./byte_writer.ts";
import { GOODBYE_TAIL_MARKER } from "./constants.ts";
import { encodeHeader, RECORD, RECORD_HEADER_SIZE } from "./elements.ts";
import { type Hash64, sipHash } from "./siphash.ts";

/** Size of an item of the table, and of its tail, in bytes. */
const ITEM_SIZE = 24;
/** Numbers kept of an entry: start, size, halves of its hash. */
const STRIDE = 4;

/** Where a directory and its GOODBYE start in the archive, in bytes. */
export interface GoodbyePlace {
  /** Offset of the directory's ENTRY. */
  readonly entryOffset: number;
  /** Offset of the GOODBYE. */
  readonly goodbyeOffset: number;
}

/** Collects the entries of a directory; then writes its GOODBYE, or checks one. */
export class GoodbyeTable {
  readonly #items: number[] = [];
  readonly #hash: Hash64 = { low: 0, high: 0 };

  /** Number of entries. */
  get count(): number {
    return this.#items.length / STRIDE;
  }

  /** Size of the whole record in bytes. */
  get size(): number {
    return goodbyeSize(this.count);
  }

  /** Adds the next entry: `start` is the offset of its FILENAME, `end` that of what follows its node. */
  add(name: Uint8Array, bounds: { readonly start: number; readonly end: number }): void {
    sipHash(name, this.#hash);
    this.#items.push(bounds.start, bounds.end - bounds.start, this.#hash.low, this.#hash.high);
  }

  /** Appends the record. */
  encode(out: ByteWriter, place: GoodbyePlace): void {
    encodeHeader(out, { type: RECORD.GOODBYE, bodySize: this.size - RECORD_HEADER_SIZE });
    this.#encodeItems(out, place);
    out.u64(place.goodbyeOffset - place.entryOffset);
    out.u64(this.size);
    out.big(GOODBYE_TAIL_MARKER);
  }

  /**
   * Checks the body of a record of the right size against the entries.
   *
   * @throws {FormatError} If anything differs from what {@linkcode encode} writes.
   */
  verify(reader: ByteReader, place: GoodbyePlace): void {
    const out = new ByteWriter(new Uint8Array(this.count * ITEM_SIZE));
    this.#encodeItems(out, place);
    const expected = out.written;
    const items = reader.bytes(expected.length, "items");
    for (let at = 0; at < expected.length; at++) {
      if (items[at] !== expected[at]) reader.fail(`item ${Math.floor(at / ITEM_SIZE)} of its table is wrong`);
    }
    decodeGoodbyeTail(reader, { ...place, size: this.size });
  }

  #encodeItems(out: ByteWriter, { goodbyeOffset }: GoodbyePlace): void {
    const items = this.#items;
    for (const item of this.#layout()) {
      const at = STRIDE * item;
      out.u64(goodbyeOffset - items[at]!);
      out.u64(items[at + 1]!);
      out.u32(items[at + 2]!);
      out.u32(items[at + 3]!);
    }
  }

  /** Entries in the order of the table. */
  #layout(): Uint32Array {
    const items = this.#items;
    const sorted = Uint32Array.from({ length: this.count }, (_, i) => i).sort((a, b) =>
      items[STRIDE * a + 3]! - items[STRIDE * b + 3]! || items[STRIDE * a + 2]! - items[STRIDE * b + 2]! ||
      a - b
    );
    return searchOrder(sorted);
  }
}

/** Size in bytes of the GOODBYE of a directory with `count` entries. */
export function goodbyeSize(count: number): number {
  return RECORD_HEADER_SIZE + (count + 1) * ITEM_SIZE;
}

/**
 * Arranges ascending items as a complete binary search tree, level by level: the children of slot i are 2i +
 * 1 and 2i + 2.
 *
 * @returns A fresh array.
 */
export function searchOrder(sorted: Uint32Array): Uint32Array {
  const out = new Uint32Array(sorted.length);
  let next = 0;
  function fill(slot: number): void {
    if (slot >= out.length) return;
    fill(2 * slot + 1);
    out[slot] = sorted[next++]!;
    fill(2 * slot + 2);
  }
  fill(0);
  return out;
}

/**
 * Reads the tail of a GOODBYE: its last 24 bytes.
 *
 * @param expected Where the record stands, and its size in bytes.
 * @throws {FormatError} If it is of another record.
 */
export function decodeGoodbyeTail(
  reader: ByteReader,
  expected: GoodbyePlace & { readonly size: number },
): void {
  const distance = reader.u64("distance to ENTRY");
  const size = reader.u64("repeated size");
  const marker = reader.big("tail marker");
  if (marker !== GOODBYE_TAIL_MARKER) reader.fail(`its tail marker is 0x${marker.toString(16)}`);
  if (size !== expected.size) reader.fail(`its tail gives the size as ${size}, not ${expected.size}`);
  if (distance !== expected.goodbyeOffset - expected.entryOffset) {
    reader.fail(`its ENTRY is not ${distance} bytes before it`);
  }
}

/** An entry of a directory, as its table describes it. */
export interface GoodbyeItem {
  /** Bytes from the entry's FILENAME to the GOODBYE. */
  readonly distance: number;
  /** Bytes from the entry's FILENAME to the end of its node. */
  readonly size: number;
}

/**
 * Looks a name up in a whole GOODBYE record.
 *
 * @returns Every entry whose name has the hash of `name`; its FILENAME has to be compared.
 */
export function findInGoodbye(record: Uint8Array, name: Uint8Array): GoodbyeItem[] {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const count = Math.floor(record.length / ITEM_SIZE) - 1;
  const wanted: Hash64 = { low: 0, high: 0 };
  sipHash(name, wanted);
  const found: GoodbyeItem[] = [];
  function search(slot: number): void {
    if (slot >= count) return;
    const at = RECORD_HEADER_SIZE + ITEM_SIZE * slot;
    const order = wanted.high - view.getUint32(at + 20, true) || wanted.low - view.getUint32(at + 16, true);
    // Equal hashes can be on both sides.
    if (order <= 0) search(2 * slot + 1);
    if (order === 0) {
      found.push({
        distance: Number(view.getBigUint64(at, true)),
        size: Number(view.getBigUint64(at + 8, true)),
      });
    }
    if (order >= 0) search(2 * slot + 2);
  }
  search(0);
  return found;
}
