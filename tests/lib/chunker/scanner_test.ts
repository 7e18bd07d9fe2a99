import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { hashWindow } from "../../../lib/chunker/buzhash.ts";
import { type BoundaryScanner, openScanner, SCANNER_RESERVED } from "../../../lib/chunker/scanner.ts";
import { type ChunkSizes, DEFAULT_CHUNK_SIZES, discriminator } from "../../../lib/chunker/sizes.ts";
import { UnsupportedError } from "../../../lib/errors.ts";
import { xorshift } from "../../support/xorshift.ts";

const PAGE = 65_536;

/** Memory with `pages` pages for data behind the reserved ones. */
function allocate(pages: number, kind: "shared" | "private"): WebAssembly.Memory {
  const count = SCANNER_RESERVED / PAGE + pages;
  return new WebAssembly.Memory({ initial: count, maximum: count, shared: kind === "shared" });
}

/** Sizes whose discriminator is `divisor`. */
function sizesOf(divisor: number): ChunkSizes {
  return { min: divisor, avg: divisor, max: divisor };
}

/** What `find` has to return. */
function findSlowly(bytes: Uint8Array, divisor: number, from: number, to: number): number {
  for (let p = from; p <= to; p++) if (hashWindow(bytes, p) % divisor === divisor - 1) return p;
  return -1;
}

/** Every boundary from `from` to `to`, each found from just behind the one before. */
function findAll(scanner: BoundaryScanner, from: number, to: number): number[] {
  const result: number[] = [];
  for (let p = from; (p = scanner.find(p, to)) >= 0; p++) result.push(p);
  return result;
}

const divisors = fc.oneof(
  fc.integer({ min: 1, max: 4000 }),
  fc.integer({ min: 0, max: 2000 }).map((k) => 2 * k + 1),
  fc.nat(12).map((k) => 2 ** k),
  fc.constantFrom(192, 768, 49_535, 49_536, 65_536, 12_318),
);

for (const kind of ["shared", "private"] as const) {
  Deno.test(`openScanner() finds the same boundaries with WebAssembly and without, ${kind} memory`, () => {
    const memory = allocate(1, kind);
    const bytes = new Uint8Array(memory.buffer);
    const data = bytes.subarray(SCANNER_RESERVED);
    const size = 10_000;
    fc.assert(
      fc.property(
        divisors,
        fc.nat(size - 48),
        fc.nat(size - 48),
        fc.array(fc.record({ at: fc.nat(size), value: fc.nat(255), length: fc.nat(300) }), { maxLength: 3 }),
        fc.boolean(),
        (divisor, a, b, runs, atEnd) => {
          data.fill(0xa5);
          const base = SCANNER_RESERVED + (atEnd ? data.length - size : 0);
          bytes.set(xorshift(size), base);
          for (const { at, value, length } of runs) {
            bytes.fill(value, base + at, Math.min(base + at + length, base + size));
          }
          const from = base + 48 + Math.min(a, b);
          const to = base + 48 + Math.max(a, b);
          const wasm = openScanner({ sizes: sizesOf(divisor), memory, implementation: "wasm" });
          const plain = openScanner({ sizes: sizesOf(divisor), memory, implementation: "plain" });
          assert.equal(plain.find(from, to), findSlowly(bytes, divisor, from, to));
          assert.deepEqual(findAll(wasm, from, to), findAll(plain, from, to));
        },
      ),
      { numRuns: 200 },
    );
  });
}

for (const implementation of ["wasm", "plain"] as const) {
  Deno.test(`${implementation} scanner finds a boundary at both ends and nowhere beyond`, () => {
    const memory = allocate(1, "shared");
    const scanner = openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory, implementation });
    const window = new TextEncoder().encode("boundary exactly at the minimum size: 0000004335");
    for (let shift = 0; shift < 70; shift++) {
      const position = SCANNER_RESERVED + 20_000 + 13 * shift;
      scanner.bytes.fill(0, SCANNER_RESERVED);
      scanner.bytes.set(window, position - 48);
      for (const before of [0, 1, 15, 16, 47, 48, 63, 64, 255, 4095, 4096, 4097, 19_000]) {
        assert.equal(scanner.find(position - before, position), position);
        assert.equal(scanner.find(position - before, position + 5000), position);
        if (before > 0) assert.equal(scanner.find(position - before, position - 1), -1);
      }
      assert.equal(scanner.find(position + 1, position + 10_000), -1);
    }
  });

  Deno.test(`${implementation} scanner takes 2^32 − 1 for a boundary only if D is a power of two`, () => {
    const memory = allocate(1, "shared");
    const bytes = new Uint8Array(memory.buffer);
    const position = SCANNER_RESERVED + 20_000;
    bytes.set(new TextEncoder().encode("casync+desync: buzhash equals 2^32-1 herey2vacKM"), position - 48);
    for (const divisor of [3, 5, 48, 192, 641, 6700417, 49_535, 49_536, 65_537]) {
      const scanner = openScanner({ sizes: sizesOf(divisor), memory, implementation });
      assert.equal(scanner.find(position, position), -1, `${divisor}`);
    }
    for (const divisor of [1, 2, 64, 16_384, 65_536, 2 ** 27]) {
      const scanner = openScanner({ sizes: sizesOf(divisor), memory, implementation });
      assert.equal(scanner.find(position, position), position, `${divisor}`);
    }
  });

  Deno.test(`${implementation} scanner reads up to the end of the memory`, () => {
    const memory = allocate(1, "private");
    const scanner = openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory, implementation });
    const end = scanner.bytes.length;
    scanner.bytes.set(new TextEncoder().encode("boundary exactly at the minimum size: 0000004335"), end - 48);
    for (const before of [0, 1, 17, 64, 5000, 60_000]) assert.equal(scanner.find(end - before, end), end);
    assert.equal(scanner.find(end - 60_000, end - 1), -1);
    assert.equal(scanner.isZero(SCANNER_RESERVED, end - 48), true);
    assert.equal(scanner.isZero(SCANNER_RESERVED, end), false);
  });

  Deno.test(`${implementation} scanner knows zeros at every alignment`, () => {
    const memory = allocate(1, "shared");
    const scanner = openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory, implementation });
    const at = SCANNER_RESERVED + 1000;
    for (let length = 0; length < 150; length++) {
      for (let shift = 0; shift < 17; shift++) {
        const from = at + shift;
        scanner.bytes.fill(0xff, at - 64, at + 300);
        scanner.bytes.fill(0, from, from + length);
        assert.equal(scanner.isZero(from, from + length), true);
        assert.equal(scanner.isZero(from - 1, from + length), false);
        assert.equal(scanner.isZero(from, from + length + 1), false);
        if (length === 0) continue;
        const middle = from + (7 * shift) % length;
        scanner.bytes[middle] = 1;
        assert.equal(scanner.isZero(from, from + length), false);
      }
    }
  });
}

Deno.test("openScanner() prefers WebAssembly", () => {
  for (const kind of ["shared", "private"] as const) {
    assert.equal(openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory: allocate(0, kind) }).name, "wasm");
  }
});

Deno.test("openScanner() uses WebAssembly in runtimes without Uint8Array.fromBase64()", () => {
  const { fromBase64 } = Uint8Array;
  Reflect.deleteProperty(Uint8Array, "fromBase64");
  try {
    const memory = allocate(0, "shared");
    assert.equal(openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory, implementation: "wasm" }).name, "wasm");
  } finally {
    Object.defineProperty(Uint8Array, "fromBase64", {
      value: fromBase64,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
});

Deno.test("openScanner() prefers TypeScript for tiny chunks", () => {
  const sizes = { min: 64, avg: 256, max: 1024 };
  assert.equal(openScanner({ sizes, memory: allocate(0, "shared") }).name, "plain");
});

Deno.test("openScanner() falls back to TypeScript where WebAssembly refuses the memory", () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const sizes = DEFAULT_CHUNK_SIZES;
  assert.equal(openScanner({ sizes, memory }).name, "plain");
  assert.throws(
    () => openScanner({ sizes, memory, implementation: "wasm" }),
    (error) => error instanceof UnsupportedError && error.cause instanceof WebAssembly.LinkError,
  );
});

Deno.test("openScanner() lets several scanners share a memory", () => {
  const memory = allocate(16, "shared");
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(xorshift(1_048_576), SCANNER_RESERVED);
  const sizes = [DEFAULT_CHUNK_SIZES, { min: 1024, avg: 4096, max: 16_384 }, {
    min: 1024,
    avg: 1024,
    max: 4096,
  }];
  const scanners = sizes.map((sizes) => openScanner({ sizes, memory }));
  for (let from = SCANNER_RESERVED + 48; from < bytes.length; from += 300_007) {
    for (const [i, scanner] of scanners.entries()) {
      const expected = findSlowly(bytes, discriminator(sizes[i]!), from, bytes.length);
      assert.equal(scanner.find(from, bytes.length), expected);
    }
  }
});

Deno.test("openScanner() refuses invalid sizes and memories without room", () => {
  const memory = new WebAssembly.Memory({ initial: 0, maximum: 0 });
  assert.throws(() => openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory }), RangeError);
  const sizes = { min: 2, avg: 1, max: 3 };
  assert.throws(() => openScanner({ sizes, memory: allocate(1, "private") }), RangeError);
});
