import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { boundaryFilter } from "../../../lib/chunker/boundary_filter.ts";

/** Whether `hash` meets the filter of `divisor`. */
function passes(hash: number, divisor: number): boolean {
  const { multiplier, addend, limit } = boundaryFilter(divisor);
  return (Math.imul(hash, multiplier) + addend | 0) < limit;
}

const divisors = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 27 }),
  fc.integer({ min: 1, max: 300 }),
  fc.nat(27).map((k) => 2 ** k),
  fc.tuple(fc.integer({ min: 1, max: 2 ** 11 }), fc.nat(16)).map(([odd, k]) => (2 * odd + 1) * 2 ** k),
);

Deno.test("boundaryFilter() passes every boundary", () => {
  fc.assert(fc.property(divisors, fc.double({ min: 0, max: 1, noNaN: true }), (divisor, part) => {
    const last = Math.floor(2 ** 32 / divisor) - 1;
    assert.equal(passes(divisor - 1, divisor), true);
    assert.equal(passes(Math.round(part * last) * divisor + divisor - 1, divisor), true);
    assert.equal(passes(last * divisor + divisor - 1, divisor), true);
  }));
});

Deno.test("boundaryFilter() passes nothing but boundaries for odd divisors and powers of two", () => {
  const exact = divisors.filter((d) => d % 2 === 1 || Math.log2(d) % 1 === 0);
  fc.assert(fc.property(exact, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (divisor, hash) => {
    assert.equal(passes(hash, divisor), hash % divisor === divisor - 1);
  }));
});

Deno.test.each([{ divisor: 3 }, { divisor: 49_535 }, { divisor: 49_536 }, { divisor: 65_536 }])(
  "boundaryFilter() knows the hash 2^32 − 1 for $divisor",
  ({ divisor }) => {
    assert.equal(passes(2 ** 32 - 1, divisor), 2 ** 32 % divisor === 0);
  },
);

Deno.test.each([
  { divisor: 12_318, most: 1 / 6_159 },
  { divisor: 49_536, most: 1 / 387 },
  { divisor: 192, most: 1 / 64 },
  { divisor: 65_536, most: 1 / 65_536 },
])("boundaryFilter() lets few hashes pass for $divisor", ({ divisor, most }) => {
  let passed = 0;
  const count = 1_000_000;
  for (let i = 0; i < count; i++) if (passes(Math.imul(i, 0x9e3779b1) >>> 0, divisor)) passed++;
  assert.ok(passed / count < 1.5 * most, `${passed} of ${count}`);
});
