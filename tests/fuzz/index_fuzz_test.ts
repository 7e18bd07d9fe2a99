/**
 * Index files that somebody damaged or forged: each gives a valid index or a FormatError, with no more memory than
 * the input has. Runs a fixed share of cases; `FUZZ_SECONDS=600` goes on for that long.
 */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { FormatError } from "../../lib/errors.ts";
import { normalizeFlags, unassignedFlags } from "../../lib/format/feature_flags.ts";
import { decodeIndex, encodeIndex, type Index, rowCount, rowSize } from "../../lib/format/index_file.ts";

const SECONDS = Number(Deno.env.get("FUZZ_SECONDS") ?? 0);
const SHARE = SECONDS > 0 ? { numRuns: 2 ** 31, interruptAfterTimeLimit: SECONDS * 1000 } : { numRuns: 4000 };

const corpus = await Promise.all(
  ["empty", "hello", "hello-sha256", "zeros", "noise"].flatMap((name) => [`casync/${name}`, `desync/${name}`])
    .map((path) => Deno.readFile(new URL(`../golden/${path}.caibx`, import.meta.url))),
);

/** What goes wrong with bytes. Places are parts of the whole, so that a case shrinks with its input. */
type Damage =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "number"; readonly word: number; readonly value: bigint }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "remove" | "repeat"; readonly at: number; readonly size: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array };

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const words = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 300_000n }),
  fc.constantFrom(
    ...[0n, 1n, 47n, 48n, 49n, 2n ** 27n, 2n ** 27n + 1n],
    ...[2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n],
  ),
);
const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: place, bit: fc.nat(7) }),
  // Also counted from the end, where the tail is.
  fc.record({ kind: fc.constant("number" as const), word: fc.integer({ min: -6, max: 20 }), value: words }),
  fc.record({ kind: fc.constant("cut" as const), at: place }),
  fc.record({
    kind: fc.constantFrom("remove" as const, "repeat" as const),
    at: place,
    size: fc.oneof(fc.constantFrom(8, 40, 80), fc.nat(100)),
  }),
  fc.record({ kind: fc.constant("insert" as const), at: place, bytes: fc.uint8Array({ maxLength: 90 }) }),
);

function apply(bytes: Uint8Array<ArrayBuffer>, damage: Damage): Uint8Array<ArrayBuffer> {
  if (damage.kind === "number") {
    const at = 8 * (damage.word < 0 ? Math.floor(bytes.length / 8) + damage.word : damage.word);
    if (at < 0 || at + 8 > bytes.length) return bytes;
    new DataView(bytes.buffer).setBigUint64(at, damage.value, true);
    return bytes;
  }
  // Mostly between rows, where the sizes still fit.
  const exact = Math.floor(damage.at * bytes.length);
  const at = damage.kind === "flip" ? exact : exact - exact % 8;
  switch (damage.kind) {
    case "flip":
      if (at < bytes.length) bytes[at]! ^= 1 << damage.bit;
      return bytes;
    case "cut":
      return bytes.slice(0, exact);
    case "remove":
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + damage.size));
    case "repeat":
      return Uint8Array.of(...bytes.subarray(0, at + damage.size), ...bytes.subarray(at));
    case "insert":
      return Uint8Array.of(...bytes.subarray(0, at), ...damage.bytes, ...bytes.subarray(at));
  }
}

/** What every index has to be, whoever wrote it. */
function checkIndex(index: Index): void {
  const { sizes: { min, avg, max }, flags, ids, ends } = index;
  assert.ok(1 <= min && min <= avg && avg <= max && max <= 2 ** 27);
  assert.equal(unassignedFlags(flags), 0n);
  assert.equal(normalizeFlags(flags), flags);
  assert.equal(ids.length, 32 * ends.length);
  for (let row = 0; row < rowCount(index); row++) {
    assert.ok(rowSize(index, row) >= 1 && rowSize(index, row) <= max && Number.isSafeInteger(ends[row]));
  }
}

/** @returns Whether `bytes` are an index. */
function tryDecode(bytes: Uint8Array): boolean {
  const before = bytes.slice();
  let index;
  try {
    index = decodeIndex(bytes);
  } catch (error) {
    assert.ok(error instanceof FormatError, `${error}`);
    return false;
  } finally {
    assert.deepEqual(bytes, before);
  }
  checkIndex(index);
  assert.ok(index.ids.buffer.byteLength + index.ends.buffer.byteLength <= bytes.length);
  // There is one way only to write an index.
  assert.deepEqual(encodeIndex(index), before);
  return true;
}

Deno.test("decodeIndex() of a damaged index gives an index or a FormatError", () => {
  let valid = 0;
  fc.assert(
    fc.property(fc.constantFrom(...corpus), fc.array(damages, { maxLength: 4 }), (bytes, list) => {
      if (tryDecode(list.reduce(apply, bytes.slice()))) valid++;
    }),
    SHARE,
  );
  assert.ok(valid > 0);
});

Deno.test("decodeIndex() of any bytes gives an index or a FormatError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void tryDecode(bytes)), SHARE);
});

Deno.test("decodeIndex() of a forged index gives an index or a FormatError", () => {
  const row = fc.tuple(words, fc.uint8Array({ minLength: 32, maxLength: 32 }));
  // The head and the tail are right but for one number, so that the rows are reached.
  const wrong = fc.option(fc.record({ word: fc.nat(7), value: words }));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), wrong, (rows, change) => {
      const bytes = new Uint8Array(104 + 40 * rows.length);
      const view = new DataView(bytes.buffer);
      bytes.set(corpus[0]!.subarray(0, 64));
      rows.forEach(([end, id], i) => {
        view.setBigUint64(64 + 40 * i, end, true);
        bytes.set(id, 72 + 40 * i);
      });
      bytes.set(corpus[0]!.subarray(64), bytes.length - 40);
      view.setBigUint64(bytes.length - 16, BigInt(56 + 40 * rows.length), true);
      if (change !== null) view.setBigUint64(8 * change.word, change.value, true);
      tryDecode(bytes);
    }),
    SHARE,
  );
});
