import assert from "node:assert/strict";
import { BUZHASH_TABLE, hashWindow } from "../../../lib/chunker/buzhash.ts";

const text = (ascii: string): Uint8Array => new TextEncoder().encode(ascii);

Deno.test("BUZHASH_TABLE has casync's 256 words", async () => {
  assert.equal(BUZHASH_TABLE.length, 256);
  assert.equal(BUZHASH_TABLE.reduce((sum, word) => sum ^ word, 0), 0);
  const bytes = new Uint8Array(1024);
  BUZHASH_TABLE.forEach((word, i) => new DataView(bytes.buffer).setUint32(4 * i, word, true));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  assert.equal(digest.toHex(), "5b52080d38287da9d2e278466e3e0db7ec98e5e8b226f50612a56fa012b1f660");
});

Deno.test.each([
  { name: "zeros", window: new Uint8Array(48), hash: 0x9e489e48 },
  { name: "0xff", window: new Uint8Array(48).fill(0xff), hash: 0xfdc4023b },
  { name: "0x61", window: new Uint8Array(48).fill(0x61), hash: 0x0d7c0d7c },
  { name: "0 to 47", window: Uint8Array.from({ length: 48 }, (_, i) => i), hash: 0x6b67dec6 },
  { name: "1 to 48", window: Uint8Array.from({ length: 48 }, (_, i) => i + 1), hash: 0xa3fc25f1 },
  { name: "a sentence", window: text("The quick brown fox jumps over the lazy dog 1234"), hash: 0xf67999ec },
  {
    name: "the largest hash",
    window: text("casync+desync: buzhash equals 2^32-1 herey2vacKM"),
    hash: 0xffffffff,
  },
  {
    name: "a boundary",
    window: text("boundary exactly at the minimum size: 0000004335"),
    hash: 0x0aed610a,
  },
])("hashWindow() of $name", ({ window, hash }) => {
  assert.equal(hashWindow(window), hash);
});

Deno.test("hashWindow() takes the 48 bytes that end at the offset", () => {
  const bytes = Uint8Array.from({ length: 60 }, (_, i) => i);
  assert.equal(hashWindow(bytes, 48), 0x6b67dec6);
  assert.equal(hashWindow(bytes, 49), 0xa3fc25f1);
});

Deno.test.each([{ end: 47 }, { end: 61 }, { end: -1 }, { end: Number.NaN }])(
  "hashWindow() refuses the offset $end in 60 bytes",
  ({ end }) => {
    assert.throws(() => hashWindow(new Uint8Array(60), end), RangeError);
  },
);
