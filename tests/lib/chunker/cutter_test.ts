import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { Cutter } from "../../../lib/chunker/cutter.ts";
import { openScanner, SCANNER_RESERVED, type ScannerImplementation } from "../../../lib/chunker/scanner.ts";
import { type ChunkSizes, DEFAULT_CHUNK_SIZES } from "../../../lib/chunker/sizes.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { xorshift } from "../../support/xorshift.ts";
import { cutSlowly, divisorOf } from "./cut_oracle.ts";

const PAGE = 65_536;
const ROOM = 2_097_152;

interface Setup {
  readonly bytes: Uint8Array;
  readonly cutter: Cutter;
}

function setUp(sizes: ChunkSizes, implementation: ScannerImplementation = "wasm"): Setup {
  const pages = (SCANNER_RESERVED + ROOM) / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const scanner = openScanner({ sizes, memory, implementation });
  return { bytes: scanner.bytes, cutter: new Cutter({ scanner, sizes }) };
}

/** Sizes of the chunks, and which of them are said to be null, when all bytes are there from the start. */
function cutAll(data: Uint8Array, sizes: ChunkSizes): { sizes: number[]; nulls: number[] } {
  const { bytes, cutter } = setUp(sizes);
  bytes.set(data, SCANNER_RESERVED);
  const result = { sizes: [] as number[], nulls: [] as number[] };
  const end = SCANNER_RESERVED + data.length;
  for (let start = SCANNER_RESERVED, size; (size = cutter.last(start, end - start)) > 0; start += size) {
    if (cutter.isNull) result.nulls.push(result.sizes.length);
    result.sizes.push(size);
  }
  return result;
}

/** Sizes of the chunks when bytes arrive in pieces, and the unfinished chunk moves each time. */
function cutPieces(data: Uint8Array, pieces: Iterable<number>, { bytes, cutter }: Setup): number[] {
  const result: number[] = [];
  let start = SCANNER_RESERVED;
  let end = start;
  let taken = 0;
  let shift = 0;
  for (const piece of pieces) {
    shift = (shift + 4099) % 100_000;
    const moved = SCANNER_RESERVED + shift;
    bytes.copyWithin(moved, start, end);
    end += moved - start;
    start = moved;
    const part = data.subarray(taken, taken + piece);
    bytes.set(part, end);
    end += part.length;
    taken += part.length;
    for (let size; (size = cutter.next(start, end - start)) > 0; start += size) result.push(size);
    // What follows the available bytes must not matter.
    bytes.fill(0x5a, end, end + 100);
  }
  assert.equal(taken, data.length);
  for (let size; (size = cutter.last(start, end - start)) > 0; start += size) result.push(size);
  return result;
}

const smallSizes = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 400 }), fc.nat(400), fc.nat(2000)),
  fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(40), fc.nat(60)),
  fc.tuple(fc.nat(9).map((k) => 2 ** k), fc.constant(0), fc.nat(2000)),
  fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.constant(0), fc.constant(0)),
  // D = 3943, which makes a window of zeros a boundary.
  fc.tuple(fc.constant(3943), fc.constant(0), fc.nat(2000)),
).map(([min, more, most]): ChunkSizes => ({ min, avg: min + more, max: min + more + most }));

/** Pseudo-random bytes with runs of one value in them. */
const contents = fc.tuple(
  fc.integer({ min: 0, max: 9000 }),
  fc.array(
    fc.record({ at: fc.nat(9000), length: fc.nat(4000), value: fc.constantFrom(0, 0, 0, 1, 0x61, 0xff) }),
    { maxLength: 4 },
  ),
).map(([size, runs]) => {
  const data = xorshift(size);
  for (const { at, length, value } of runs) data.fill(value, at, at + length);
  return data;
});

const recordable = (sizes: ChunkSizes, data: Uint8Array): boolean =>
  sizes.max >= 48 || sizes.min === sizes.max || data.length <= sizes.max;

Deno.test("Cutter cuts where casync's algorithm does", () => {
  fc.assert(
    fc.property(smallSizes, contents, (sizes, data) => {
      fc.pre(recordable(sizes, data));
      const cut = cutAll(data, sizes);
      assert.deepEqual(cut.sizes, cutSlowly(data, sizes));
      const ends = cut.sizes.map(((sum) => (size) => sum += size)(0));
      for (const i of cut.nulls) {
        assert.equal(cut.sizes[i], sizes.max);
        assert.ok(data.subarray(ends[i]! - sizes.max, ends[i]).every((byte) => byte === 0));
      }
    }),
    { numRuns: 150 },
  );
});

for (const implementation of ["wasm", "plain"] as const) {
  Deno.test(`Cutter gives the same chunks in whatever pieces bytes come, ${implementation}`, () => {
    fc.assert(
      fc.property(smallSizes, contents, fc.array(fc.nat(600)), (sizes, data, pieces) => {
        fc.pre(recordable(sizes, data));
        const rest = Math.max(0, data.length - pieces.reduce((sum, piece) => sum + piece, 0));
        const cut = cutPieces(data, [...pieces, rest], setUp(sizes, implementation));
        assert.deepEqual(cut, cutSlowly(data, sizes));
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("Cutter gives the same chunks byte by byte", () => {
  for (const sizes of [{ min: 64, avg: 256, max: 1024 }, { min: 1, avg: 64, max: 256 }]) {
    const data = xorshift(20_000);
    data.fill(0, 5000, 9000);
    assert.deepEqual(cutPieces(data, data.map(() => 1), setUp(sizes)), cutSlowly(data, sizes));
  }
});

Deno.test("Cutter does not scan twice what it scanned", () => {
  const sizes = DEFAULT_CHUNK_SIZES;
  const { bytes } = setUp(sizes);
  const ranges: [number, number][] = [];
  const scanner = {
    name: "plain" as const,
    bytes,
    find: (from: number, to: number) => (ranges.push([from, to]), -1),
    isZero: () => false,
  };
  const cutter = new Cutter({ scanner, sizes });
  const start = SCANNER_RESERVED;
  for (const available of [16_383, 16_384, 16_385, 16_385, 100_000, 262_143]) {
    assert.equal(cutter.next(start, available), 0);
  }
  assert.equal(cutter.next(start + 5, 300_000), 262_144);
  assert.deepEqual(ranges, [
    [start + 16_384, start + 16_384],
    [start + 16_385, start + 16_385],
    [start + 16_386, start + 100_000],
    [start + 100_001, start + 262_143],
    [start + 5 + 262_144, start + 5 + 262_144],
  ]);
});

Deno.test("Cutter knows null chunks", () => {
  assert.deepEqual(cutAll(new Uint8Array(1_048_576), DEFAULT_CHUNK_SIZES), {
    sizes: [262_144, 262_144, 262_144, 262_144],
    nulls: [0, 1, 2, 3],
  });
  assert.deepEqual(cutAll(new Uint8Array(600_000), DEFAULT_CHUNK_SIZES), {
    sizes: [262_144, 262_144, 75_712],
    nulls: [0, 1],
  });
  const almost = new Uint8Array(600_000);
  almost[262_143] = 1;
  assert.deepEqual(cutAll(almost, DEFAULT_CHUNK_SIZES), { sizes: [262_144, 262_144, 75_712], nulls: [1] });
  const fixed = { min: 1000, avg: 1000, max: 1000 };
  assert.deepEqual(cutAll(new Uint8Array(2500), fixed), { sizes: [1000, 1000, 500], nulls: [0, 1] });
});

Deno.test("Cutter finds null chunks while zeros arrive in pieces", () => {
  const { bytes, cutter } = setUp(DEFAULT_CHUNK_SIZES);
  for (const available of [1, 20_000, 20_000, 262_143]) {
    assert.equal(cutter.next(SCANNER_RESERVED, available), 0);
    assert.equal(cutter.isNull, false);
  }
  assert.equal(cutter.next(SCANNER_RESERVED, 262_145), 262_144);
  assert.equal(cutter.isNull, true);
  bytes[SCANNER_RESERVED + 262_144] = 1;
  assert.equal(cutter.next(SCANNER_RESERVED + 262_144, 300_000), 262_144);
  assert.equal(cutter.isNull, false);
});

Deno.test("Cutter cuts runs of zeros where a window of zeros is a boundary", () => {
  // The hash of zeros is 0x9e489e48, and one more is 3943 × 673,487.
  const sizes = { min: 1000, avg: 5251, max: 5500 };
  assert.equal(divisorOf(sizes), 3943);
  const data = new Uint8Array(7000);
  assert.deepEqual(cutSlowly(data, sizes), Array.from({ length: 7 }, () => 1000));
  assert.deepEqual(cutAll(data, sizes), { sizes: cutSlowly(data, sizes), nulls: [] });
  assert.equal(setUp(sizes).cutter.cutsZerosAtMax, false);
  assert.equal(setUp(DEFAULT_CHUNK_SIZES).cutter.cutsZerosAtMax, true);
  assert.equal(setUp({ min: 7, avg: 7, max: 7 }).cutter.cutsZerosAtMax, true);
  assert.equal(setUp({ min: 1, avg: 2, max: 40 }).cutter.cutsZerosAtMax, false);
});

Deno.test("Cutter.last() returns 0 if no byte is left, and is at the next chunk afterwards", () => {
  const { bytes, cutter } = setUp(DEFAULT_CHUNK_SIZES);
  assert.equal(cutter.last(SCANNER_RESERVED, 0), 0);
  bytes.set(xorshift(1_048_576), SCANNER_RESERVED);
  assert.equal(cutter.last(SCANNER_RESERVED, 22_991), 22_991);
  assert.equal(cutter.next(SCANNER_RESERVED, 22_991), 0);
  cutter.reset();
  assert.equal(cutter.next(SCANNER_RESERVED + 22_992, 1_000_000), 104_077);
});

Deno.test("Cutter refuses what casync cannot record: a max below 48 that a chunk exceeds", () => {
  const sizes = { min: 1, avg: 2, max: 40 };
  assert.deepEqual(cutAll(xorshift(40), sizes), { sizes: [40], nulls: [] });
  for (const size of [41, 48, 100]) {
    assert.throws(
      () => cutAll(xorshift(size), sizes),
      (error) => error instanceof ConfigError && /at most 40 bytes.*48/.test(error.message),
    );
  }
  const { cutter } = setUp(sizes);
  assert.equal(cutter.next(SCANNER_RESERVED, 40), 0);
  assert.throws(() => cutter.next(SCANNER_RESERVED, 41), ConfigError);
});

Deno.test("Cutter refuses invalid sizes", () => {
  const { bytes } = setUp(DEFAULT_CHUNK_SIZES);
  const scanner = { name: "plain" as const, bytes, find: () => -1, isZero: () => false };
  assert.throws(() => new Cutter({ scanner, sizes: { min: 3, avg: 2, max: 1 } }), RangeError);
});
