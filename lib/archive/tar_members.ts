/**
 * Members of a tar archive, with all headers that belong to each of them.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { BLOCK_SIZE, decodeTarHeader, isZeroBlock, type TarHeader } from "./tar_header.ts";
import type { TarInput } from "./tar_input.ts";
import { decodePax, parsePaxNumber, type PaxRecord } from "./tar_pax.ts";
import { checkSparseMap, paxSparse, readOldSparseMap, readSparseMap, type SparseMap } from "./tar_sparse.ts";

/** A member whose content is next in the input. */
export interface TarMember {
  /** Its header; names, sizes and numbers of PAX records are not in it. */
  readonly header: TarHeader;
  /** Its name, whatever form that has. */
  readonly path: Uint8Array;
  /** Target of a link. */
  readonly link: Uint8Array;
  /** Bytes of its content that the archive holds. */
  readonly stored: number;
  /** Where in the file they belong, unless it is all of it. */
  readonly sparse: SparseMap | undefined;
  /** PAX records that apply to it. */
  readonly pax: ReadonlyMap<string, Uint8Array>;
}

/** Most bytes of a header with a long name or PAX records; also of all global records. */
const MAX_EXTRA_SIZE = 4 << 20;
/** Links, devices, directories and pipes have no content, whatever their size is said to be. */
const WITHOUT_CONTENT = "123456";
const NO_RECORDS: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * Reads members; content that is not taken from `input` is passed over.
 *
 * @throws {FormatError} If the archive is malformed or truncated.
 */
export async function* readMembers(
  input: TarInput,
  onWarning: (text: string) => void,
): AsyncGenerator<TarMember> {
  const globals = new Map<string, Uint8Array>();
  let extra: ExtraHeaders = {};
  for (;;) {
    const { offset } = input;
    const block = await input.block();
    if (block === undefined || isZeroBlock(block)) {
      if (Object.keys(extra).length > 0) fail(`the member of a header is missing, at offset ${offset}`);
      if (block === undefined) {
        if (offset === 0) fail("it is empty");
        onWarning("the tar archive has no end mark, it may be truncated");
      } else await endArchive(input, onWarning);
      return;
    }
    const header = decodeTarHeader(block, offset);
    switch (header.type) {
      case "x":
      case "X":
        extra = { ...extra, records: [...extra.records ?? [], ...decodePax(await readExtra(input, header))] };
        break;
      case "g":
        addGlobals(globals, decodePax(await readExtra(input, header)));
        break;
      case "L":
        extra = { ...extra, path: untilNul(await readExtra(input, header)) };
        break;
      case "K":
        extra = { ...extra, link: untilNul(await readExtra(input, header)) };
        break;
      default: {
        const { member, end } = await readMember(input, {
          header,
          block: heldBlock(header, block),
          extra,
          globals,
        });
        yield member;
        await input.skip(end - input.offset);
        await input.skipPadding(end);
        extra = {};
      }
    }
  }
}

/** What headers before a member say of it. */
interface ExtraHeaders {
  readonly path?: Uint8Array;
  readonly link?: Uint8Array;
  readonly records?: readonly PaxRecord[];
}

async function readExtra(input: TarInput, { size }: TarHeader): Promise<Uint8Array> {
  if (size > MAX_EXTRA_SIZE) fail(`a header of ${size} bytes is larger than ${MAX_EXTRA_SIZE} bytes`);
  const bytes = await input.bytes(size);
  await input.skipPadding(size);
  return bytes;
}

function addGlobals(globals: Map<string, Uint8Array>, records: readonly PaxRecord[]): void {
  for (const [key, value] of records) globals.set(key, value.slice());
  let size = 0;
  for (const [key, value] of globals) size += key.length + value.length;
  if (size > MAX_EXTRA_SIZE) fail(`global headers have more than ${MAX_EXTRA_SIZE} bytes`);
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

async function readMember(
  input: TarInput,
  found: {
    readonly header: TarHeader;
    readonly block: Uint8Array | undefined;
    readonly extra: ExtraHeaders;
    readonly globals: ReadonlyMap<string, Uint8Array>;
  },
): Promise<{ readonly member: TarMember; readonly end: number }> {
  const { header, block, extra, globals } = found;
  const { records = [] } = extra;
  const pax = records.length + globals.size === 0 ? NO_RECORDS : new Map([...globals, ...records]);
  const find = (key: string): Uint8Array | undefined => {
    const value = pax.get(key);
    return value?.length === 0 && key !== "GNU.sparse.map" ? undefined : value; // Empty: as if it was not there.
  };
  const sizeRecord = find("size");
  const size = WITHOUT_CONTENT.includes(header.type)
    ? 0
    : sizeRecord === undefined
    ? header.size
    : parsePaxNumber(sizeRecord, "size");
  let sparse = block === undefined ? undefined : await readOldSparseMap(block, input);
  const end = input.offset + size;
  const bySparse = header.type === "S" ? undefined : paxSparse(records, find);
  if (bySparse !== undefined) {
    sparse = bySparse.map ?? (await readSparseMap(input, { size: bySparse.size, available: size })).map;
  }
  const stored = end - input.offset;
  if (sparse !== undefined) checkSparseMap(sparse, stored);
  const path = bySparse?.name ?? find("path") ?? extra.path ?? header.path;
  const link = find("linkpath") ?? extra.link ?? header.link;
  return { member: { header, path, link, stored, sparse, pax }, end };
}

/** A copy of a header that has a sparse map; copies of all would be most of what a run allocates. */
function heldBlock({ type }: TarHeader, block: Uint8Array): Uint8Array | undefined {
  return type === "S" ? block.slice() : undefined;
}

/** After the first of two blocks of zeros. */
async function endArchive(input: TarInput, onWarning: (text: string) => void): Promise<void> {
  const { offset } = input;
  const block = await input.block();
  if (block !== undefined && !isZeroBlock(block)) {
    fail(`a single block of zeros is inside it, at offset ${offset - BLOCK_SIZE}`);
  }
  // Whoever writes into a pipe is not to be ended by what fills up its last record.
  if (await input.drain()) onWarning("other data follow the end of the tar archive, they are ignored");
}

function fail(reason: string): never {
  throw new FormatError(`Cannot read tar: ${reason}`);
}
