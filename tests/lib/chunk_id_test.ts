import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  CHUNK_ID_SIZE,
  encodeChunkId,
  formatChunkId,
  isChunkId,
  parseChunkId,
  sameChunkId,
} from "../../lib/chunk_id.ts";
import { FormatError } from "../../lib/errors.ts";

const HELLO = "bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134";
const idBytes = fc.uint8Array({ minLength: CHUNK_ID_SIZE, maxLength: CHUNK_ID_SIZE });

Deno.test("parseChunkId() accepts digits of either case and gives lower case", () => {
  assert.equal(parseChunkId(HELLO), HELLO);
  assert.equal(parseChunkId(HELLO.toUpperCase()), HELLO);
});

Deno.test.each([
  { text: "" },
  { text: HELLO.slice(1) },
  { text: `${HELLO}0` },
  { text: `${HELLO.slice(1)}g` },
  { text: `${HELLO}\n` },
  { text: ` ${HELLO.slice(1)}` },
  { text: `0x${HELLO.slice(2)}` },
])("parseChunkId() throws FormatError for '$text'", ({ text }) => {
  assert.equal(isChunkId(text), false);
  assert.throws(
    () => parseChunkId(text),
    (error) => error instanceof FormatError && error.message.includes(text),
  );
});

Deno.test("formatChunkId() and encodeChunkId() are each other's inverse, at any offset", () => {
  fc.assert(fc.property(idBytes, fc.nat(100), (bytes, offset) => {
    const table = new Uint8Array(offset + CHUNK_ID_SIZE + 5).fill(0xee);
    table.set(bytes, offset);
    const id = formatChunkId(table, offset);
    assert.ok(isChunkId(id));
    assert.equal(id, bytes.toHex());
    assert.deepEqual([...encodeChunkId(id)], [...bytes]);
  }));
});

Deno.test("sameChunkId() compares 32 bytes, each at its own offset", () => {
  fc.assert(fc.property(idBytes, fc.nat(40), fc.nat(40), fc.nat(CHUNK_ID_SIZE - 1), (bytes, a, b, at) => {
    const tableA = new Uint8Array(100);
    const tableB = new Uint8Array(100).fill(1);
    tableA.set(bytes, a);
    tableB.set(bytes, b);
    assert.ok(sameChunkId(tableA, a, tableB, b));
    tableB[b + at]! ^= 1;
    assert.ok(!sameChunkId(tableA, a, tableB, b));
  }));
});
