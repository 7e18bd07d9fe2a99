/**
 * Sparse files in tar: which parts of a file its member holds.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { BLOCK_SIZE, decodeNumber } from "./tar_header.ts";
import type { TarInput } from "./tar_input.ts";
import { parsePaxNumber, type PaxRecord } from "./tar_pax.ts";

/** A file with holes. */
export interface SparseMap {
  /** Bytes, holes included. */
  readonly size: number;
  /** Offset and size of each part that the archive holds, ascending. */
  readonly extents: readonly number[];
}

/** Most extents of one file, whose map is in memory. */
const MAX_EXTENTS = 1 << 20;
const OLD_ENTRY_SIZE = 24;
const LINE_FEED = 0x0a;
const encoder = new TextEncoder();

/** Reads the map in a GNU header, and in the blocks that continue it. @throws {FormatError} If it is malformed. */
export async function readOldSparseMap(block: Uint8Array, input: TarInput): Promise<SparseMap> {
  const size = field(block, 483);
  const extents: number[] = [];
  let isContinued = block[482] !== 0;
  addOldEntries(extents, block.subarray(386, 386 + 4 * OLD_ENTRY_SIZE));
  while (isContinued) {
    const more = await input.bytes(BLOCK_SIZE);
    addOldEntries(extents, more.subarray(0, 21 * OLD_ENTRY_SIZE));
    isContinued = more[504] !== 0;
  }
  return { size, extents };
}

function addOldEntries(extents: number[], entries: Uint8Array): void {
  for (let at = 0; at < entries.length && entries[at] !== 0; at += OLD_ENTRY_SIZE) {
    extents.push(field(entries, at), field(entries, at + 12));
  }
  checkCount(extents.length / 2);
}

function field(block: Uint8Array, at: number): number {
  const value = decodeNumber(block.subarray(at, at + 12));
  if (value === undefined || value < 0n || value > Number.MAX_SAFE_INTEGER) {
    malformed("it has no valid number");
  }
  return Number(value);
}

/** What PAX records say of holes. */
export interface PaxSparse {
  /** Name that the header only has in another form. */
  readonly name: Uint8Array | undefined;
  /** Undefined if the content begins with the map, see {@linkcode readSparseMap}. */
  readonly map: SparseMap | undefined;
  /** Bytes, holes included. */
  readonly size: number;
}

/** Reads the records of GNU tar's formats 0.0, 0.1 and 1.0; undefined if there are none. */
export function paxSparse(
  records: readonly PaxRecord[],
  find: (key: string) => Uint8Array | undefined,
): PaxSparse | undefined {
  const realSize = find("GNU.sparse.realsize") ?? find("GNU.sparse.size");
  if (realSize === undefined) return undefined;
  const size = parsePaxNumber(realSize, "size");
  const name = find("GNU.sparse.name");
  if (find("GNU.sparse.major") !== undefined) {
    const [major, minor] = ["major", "minor"].map((part) => {
      const value = find(`GNU.sparse.${part}`);
      return value === undefined ? 0 : parsePaxNumber(value, "version");
    });
    if (major !== 1 || minor !== 0) malformed(`its version is ${major}.${minor}`);
    return { name, map: undefined, size };
  }
  const map = find("GNU.sparse.map");
  const extents = map === undefined
    ? records.flatMap(([key, value]) =>
      key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes" ? [parsePaxNumber(value, "size")] : []
    )
    : map.length === 0
    ? []
    : new TextDecoder().decode(map).split(",").map((part) => parsePaxNumber(encoder.encode(part), "size"));
  if (extents.length % 2 !== 0) malformed("an extent has no size");
  checkCount(extents.length / 2);
  return { name, map: { size, extents }, size };
}

/**
 * Reads the map that a file's content begins with in format 1.0: lines with numbers, padded to blocks.
 *
 * @param available Bytes of content.
 * @returns The map, and how many bytes it took.
 */
export async function readSparseMap(
  input: TarInput,
  options: { readonly size: number; readonly available: number },
): Promise<{ readonly map: SparseMap; readonly mapSize: number }> {
  let mapSize = 0;
  let block = new Uint8Array();
  let at = 0;
  const nextNumber = async (): Promise<number> => {
    const digits: number[] = [];
    for (;;) {
      if (at === block.length) {
        if (mapSize + BLOCK_SIZE > options.available) malformed("it is larger than its member");
        block = await input.bytes(BLOCK_SIZE);
        mapSize += BLOCK_SIZE;
        at = 0;
      }
      const byte = block[at++]!;
      if (byte === LINE_FEED) return parsePaxNumber(Uint8Array.from(digits), "size");
      if (digits.push(byte) > 16) malformed("a line is too long");
    }
  };
  const count = await nextNumber();
  checkCount(count);
  const extents: number[] = [];
  for (let i = 0; i < 2 * count; i++) extents.push(await nextNumber());
  return { map: { size: options.size, extents }, mapSize };
}

/** Makes sure that extents ascend inside the file, and are as many bytes as `stored`. @throws {FormatError} */
export function checkSparseMap({ size, extents }: SparseMap, stored: number): void {
  let end = 0;
  let sum = 0;
  for (let i = 0; i < extents.length; i += 2) {
    const offset = extents[i]!;
    if (offset < end) malformed("its extents do not ascend");
    end = offset + extents[i + 1]!;
    sum += extents[i + 1]!;
    if (end > size) malformed("an extent reaches past the end of the file");
  }
  if (sum !== stored) malformed(`its extents have ${sum} bytes, its member ${stored}`);
}

function checkCount(count: number): void {
  if (count > MAX_EXTENTS) malformed(`it has more than ${MAX_EXTENTS} extents`);
}

function malformed(reason: string): never {
  throw new FormatError(`Cannot read tar: the map of a sparse file is malformed: ${reason}`);
}
