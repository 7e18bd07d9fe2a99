/**
 * Archives that somebody damaged or forged: each gives events that can be written again to the same bytes, or
 * a FormatError. Runs a fixed share of cases; `FUZZ_SECONDS=600` goes on for that long.
 */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ArchiveEvent } from "../../lib/archive/entry.ts";
import type { ReadArchiveOptions } from "../../lib/archive/parser.ts";
import { FormatError } from "../../lib/errors.ts";
import { RECORD } from "../../lib/format/elements.ts";
import { isPortableOwnerName } from "../../lib/format/elements_metadata.ts";
import { FLAG } from "../../lib/format/feature_flags.ts";
import { ascii, parseSlices, slicesOf, u64, writeEvents } from "../support/archives.ts";
import { concat } from "../support/blobs.ts";

const SECONDS = Number(Deno.env.get("FUZZ_SECONDS") ?? 0);
const SHARE = SECONDS > 0 ? { numRuns: 2 ** 31, interruptAfterTimeLimit: SECONDS * 1000 } : { numRuns: 1500 };

const GOLDEN = new URL("../golden/catar/", import.meta.url);
const corpus = await Promise.all(
  [
    ...[
      "acls",
      "all-metadata",
      "device-pipe",
      "kinds",
      "kinds-unix",
      "names-xattr",
      "odd",
      "odd-fat",
      "three-entries",
    ]
      .map((name) => `casync/${name}`),
    ...["kinds", "names-xattr", "odd", "file"].map((name) => `desync/${name}`),
  ].map((name) => Deno.readFile(new URL(`${name}.catar`, GOLDEN))),
);

/** What goes wrong with an archive. Places are parts of the whole. */
type Damage =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  /** Of the record near `at`: 0 is its size, 1 its type, and so on. */
  | { readonly kind: "number"; readonly at: number; readonly word: number; readonly value: bigint }
  | { readonly kind: "cut"; readonly at: number }
  /** Whole records. */
  | { readonly kind: "remove" | "repeat"; readonly at: number; readonly count: number }
  | { readonly kind: "move"; readonly at: number; readonly to: number };

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const TYPES = Object.values(RECORD).map(({ low, high }) => BigInt(high) << 32n | BigInt(low));
const words = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.constantFrom(
    ...TYPES,
    0o100644n,
    0o040755n,
    2n ** 31n,
    2n ** 32n,
    2n ** 50n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant("number" as const), at: place, word: fc.nat(7), value: words }),
  fc.record({ kind: fc.constant("cut" as const), at: place }),
  fc.record({
    kind: fc.constantFrom("remove" as const, "repeat" as const),
    at: place,
    count: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant("move" as const), at: place, to: place }),
);

/** Offsets of the records, as far as sizes tell, and the end. */
function boundaries(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets = [0];
  for (let at = 0; at + 16 <= bytes.length;) {
    const size = Number(view.getBigUint64(at, true));
    if (size < 16 || at + size > bytes.length) break;
    at += size;
    offsets.push(at);
  }
  return offsets;
}

function apply(bytes: Uint8Array<ArrayBuffer>, damage: Damage): Uint8Array<ArrayBuffer> {
  const offsets = boundaries(bytes);
  const record = (at: number) => Math.floor(at * Math.max(offsets.length - 1, 1));
  const part = (from: number, to?: number) =>
    bytes.subarray(offsets[Math.min(from, offsets.length - 1)], to === undefined ? undefined : offsets[to]);
  const first = record(damage.at);
  switch (damage.kind) {
    case "flip": {
      const at = Math.floor(damage.at * bytes.length);
      if (at < bytes.length) bytes[at]! ^= 1 << damage.bit;
      return bytes;
    }
    case "number": {
      const at = offsets[first]! + 8 * damage.word;
      if (at + 8 <= bytes.length) bytes.set(u64(damage.value), at);
      return bytes;
    }
    case "cut":
      return bytes.slice(0, Math.floor(damage.at * bytes.length));
    case "remove":
      return concat(part(0, first), part(first + damage.count));
    case "repeat":
      return concat(part(0, Math.min(first + damage.count, offsets.length - 1)), part(first));
    case "move": {
      const moved = part(first, Math.min(first + 1, offsets.length - 1)).slice();
      const rest = concat(part(0, first), part(first + 1));
      const targets = boundaries(rest);
      const to = targets[Math.floor(damage.to * targets.length)]!;
      return concat(rest.subarray(0, to), moved, rest.subarray(to));
    }
  }
}

/** Whether casync's form, in which archives are written, has all that the events say. */
function isPlain(events: readonly ArchiveEvent[], flags: bigint): boolean {
  const portable = (id: number, name: Uint8Array | undefined) =>
    name === undefined ||
    (isPortableOwnerName(name) && (id !== 0 || (flags & (FLAG.uids16 | FLAG.uids32)) === 0n));
  return events.every((event) => {
    if (event.type !== "node") return true;
    const { node } = event;
    const entries = [node.acl, node.defaultAcl].flatMap((acl) =>
      acl === undefined ? [] : [...acl.users, ...acl.groups]
    );
    return portable(node.uid, node.user) && portable(node.gid, node.group) &&
      entries.every(({ id, name }) => portable(id, name)) &&
      (node.fcaps === undefined || (flags & FLAG.fcaps) !== 0n) &&
      (node.projectId === undefined || (flags & FLAG.quotaProjid) !== 0n);
  });
}

function tryParse(slices: Iterable<Uint8Array>, options: ReadArchiveOptions): ArchiveEvent[] | string {
  try {
    return parseSlices(slices, options);
  } catch (error) {
    assert.ok(error instanceof FormatError, `${error}`);
    return error.message;
  }
}

/** @returns Whether `bytes` are an archive. */
function check(bytes: Uint8Array<ArrayBuffer>): boolean {
  const before = bytes.slice();
  for (const dialect of ["casync", "auto"] as const) {
    const whole = tryParse([bytes], { dialect });
    assert.deepEqual(tryParse(slicesOf(bytes, 37), { dialect }), whole);
    const unverified = tryParse([bytes], { dialect, verifyGoodbye: false });
    if (typeof whole !== "string") assert.deepEqual(unverified, whole);
    if (dialect === "auto") continue;
    assert.deepEqual(bytes, before);
    if (typeof whole === "string") return false;
    const flags = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(16, true);
    // There is one way only to write an archive.
    if (isPlain(whole, flags)) assert.deepEqual(writeEvents(whole, { flags }), before);
  }
  return true;
}

Deno.test("ArchiveParser of a damaged archive gives its events or a FormatError", () => {
  let [valid, count] = [0, 0];
  fc.assert(
    fc.property(fc.constantFrom(...corpus), fc.array(damages, { maxLength: 3 }), (bytes, list) => {
      count++;
      if (check(list.reduce(apply, bytes.slice()))) valid++;
    }),
    SHARE,
  );
  assert.ok(valid > 0);
  if (SECONDS > 0) Deno.stderr.writeSync(ascii(`\n${valid} of ${count} archives were read\n`));
});

Deno.test("ArchiveParser of any records gives events or a FormatError", () => {
  const records = fc.tuple(
    fc.constantFrom(...TYPES),
    fc.array(words, { maxLength: 6 }),
    fc.uint8Array({ maxLength: 9 }),
  )
    .map(([type, body, tail]) => concat(u64(16 + 8 * body.length + tail.length, type, ...body), tail));
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      fc.nat(6),
      fc.array(records, { maxLength: 6 }),
      (bytes, kept, list) => {
        const offsets = boundaries(bytes);
        check(concat(bytes.subarray(0, offsets[Math.min(kept, offsets.length - 1)]), ...list));
      },
    ),
    SHARE,
  );
});
