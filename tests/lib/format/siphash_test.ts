import assert from "node:assert/strict";
import { type Hash64, sipHash } from "../../../lib/format/siphash.ts";

function hash(name: string): string {
  const out: Hash64 = { low: 0, high: 0 };
  sipHash(new TextEncoder().encode(name), out);
  return [out.high, out.low].map((half) => half.toString(16).padStart(8, "0")).join("");
}

// Of the format's description, but for the last two: there in archives that casync made.
Deno.test.each([
  { name: "", expected: "b64acab6ca921906" },
  { name: "a", expected: "51ba5a19e058c7ad" },
  { name: "b", expected: "9007695395e7df8f" },
  { name: "c", expected: "9e09fb7343978b70" },
  { name: "f", expected: "61cffdbff93ec8e0" },
  { name: "foo", expected: "4a2193ae181986cb" },
  { name: "bar", expected: "08c623136aa46418" },
  { name: "null", expected: "bee3afecee8d85cb" },
  { name: "pipe", expected: "d87a0a906ba7a2ef" },
  { name: "hello.txt", expected: "768166ec6f1259fb" },
  { name: "empty", expected: "01850bd3837c51b2" },
  { name: "sock", expected: "7b572a38c4674ec6" },
])("sipHash() of '$name' is $expected", ({ name, expected }) => {
  assert.equal(hash(name), expected);
});

Deno.test("sipHash() agrees with arithmetic on 64 bits for names of every length", () => {
  const out: Hash64 = { low: 0, high: 0 };
  for (let size = 0; size <= 255; size++) {
    const name = Uint8Array.from({ length: size }, (_, i) => (i * 151 + size * 7) ^ 0xa5);
    sipHash(name, out);
    assert.equal(BigInt(out.high) << 32n | BigInt(out.low), plainSipHash(name), `${size} bytes`);
  }
});

/** The algorithm as it is described. */
function plainSipHash(name: Uint8Array): bigint {
  const cut = (value: bigint) => BigInt.asUintN(64, value);
  const rotate = (value: bigint, count: bigint) => cut(value << count) | value >> (64n - count);
  const [k0, k1] = [0x8574442b0f1d84b3n, 0x2736ed30d1c22ec1n];
  let [v0, v1, v2, v3] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  const round = () => {
    v0 = cut(v0 + v1);
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = cut(v2 + v3);
    v3 = rotate(v3, 16n) ^ v2;
    v0 = cut(v0 + v3);
    v3 = rotate(v3, 21n) ^ v0;
    v2 = cut(v2 + v1);
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = new Uint8Array((Math.floor(name.length / 8) + 1) * 8);
  padded.set(name);
  padded[padded.length - 1] = name.length;
  for (const word of new BigUint64Array(padded.buffer)) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}
