/**
 * Compressed chunks made by the reference programs, and hostile ones made by hand.
 *
 * @module
 */

/** A chunk as a reference program stored it. */
export interface Golden {
  readonly name: string;
  /** In hexadecimal. */
  readonly stored: string;
  readonly plain: Uint8Array<ArrayBuffer>;
}

const text = (value: string) => new TextEncoder().encode(value);
const REPEATED = text("desync\n".repeat(40_000)).slice(0, 262_144);

/** Written by casync 2: size not declared, no checksum. */
export const CASYNC: readonly [Golden, ...Golden[]] = [
  {
    name: "casync's 12 bytes",
    stored: "28b52ffd005861000068656c6c6f20776f726c640a",
    plain: text("hello world\n"),
  },
  {
    name: "casync's 27 bytes",
    stored: "28b52ffd0058d9000068656c6c6f20636173796e6320776972652070726f746f636f6c0a",
    plain: text("hello casync wire protocol\n"),
  },
  {
    // yes desync | head -c 262144 >blob; casync make --store=s.castr blob.caibx blob
    name: "casync's 256 KiB",
    stored: "28b52ffd00587c000038646573796e630a0100f6ffca8b114c0000086e0100fcff391002010000",
    plain: REPEATED,
  },
];

/** Written by desync 1.0.4: with checksum. */
export const DESYNC: readonly [Golden, ...Golden[]] = [
  {
    name: "desync's 12 bytes",
    stored: "28b52ffd040061000068656c6c6f20776f726c640a8c6d7d20",
    plain: text("hello world\n"),
  },
  {
    // yes desync | head -c 262144 >blob; desync make -s s.castr blob.caibx blob
    name: "desync's 256 KiB",
    stored: "28b52ffda40000040084000038646573796e630a0154070334f6ff0a5d0000000154001034fdffffff018ea04616",
    plain: REPEATED,
  },
];

/** Written by casync 2 with `--compression=xz` and `--compression=gzip`; plain bytes `hello world` and a newline. */
export const OTHER_FORMATS: readonly { readonly format: string; readonly stored: string }[] = [
  {
    format: "xz",
    stored:
      "fd377a585a000004e6d6b4460200210116000000742fe5a301000b68656c6c6f20776f726c640a00a1f2ffc46a7fbfcf0001" +
      "240ca618d8d81fb6f37d010000000004595a",
  },
  {
    format: "gzip",
    stored: "1f8b0800000000000003cb48cdc9c95728cf2fca49e102002d3b08af0c000000",
  },
];

/** A frame of a header, in hexadecimal from the descriptor on, and blocks. */
export function frame(
  parts: { readonly header: string; readonly blocks: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const header = Uint8Array.fromHex(`28b52ffd${parts.header.replaceAll(" ", "")}`);
  return Uint8Array.of(...header, ...parts.blocks);
}

/** A block that is stored as it is. */
export function rawBlock(hex: string, position: "last" | "inner"): Uint8Array<ArrayBuffer> {
  const content = Uint8Array.fromHex(hex);
  return Uint8Array.of(...blockHeader(content.length << 3, position), ...content);
}

/** A block of 128 KiB of zeros, in 4 bytes. */
export function rleBlock(position: "last" | "inner"): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(...blockHeader(2 ** 17 << 3 | 1 << 1, position), 0);
}

/** 32 KiB that hold 1 GiB of zeros; no declared size, but the outline alone tells. */
export const BOMB: Uint8Array<ArrayBuffer> = frame({
  header: "00 58",
  blocks: repeat(rleBlock("inner"), { count: 8192, last: rleBlock("last") }),
});

/** 96 KiB that hold 1 GiB; one has to decode them to know. The blocks are those of casync's 256 KiB. */
export const COMPRESSED_BOMB: Uint8Array<ArrayBuffer> = frame({
  header: "00 58 7c000038646573796e630a0100f6ffca8b11",
  blocks: repeat(Uint8Array.fromHex("4c0000086e0100fcff391002"), { count: 8191, last: rawBlock("", "last") }),
});

function repeat(
  block: Uint8Array,
  options: { readonly count: number; readonly last: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const blocks = new Uint8Array(block.length * options.count + options.last.length);
  for (let i = 0; i < options.count; i++) blocks.set(block, i * block.length);
  blocks.set(options.last, options.count * block.length);
  return blocks;
}

function blockHeader(value: number, position: "last" | "inner"): [number, number, number] {
  const header = value | (position === "last" ? 1 : 0);
  return [header & 255, header >> 8 & 255, header >> 16];
}
