import assert from "node:assert/strict";
import { FormatError } from "../../../lib/errors.ts";
import { ByteReader } from "../../../lib/format/byte_reader.ts";
import { ByteWriter } from "../../../lib/format/byte_writer.ts";
import { findInGoodbye, goodbyeSize, GoodbyeTable, searchOrder } from "../../../lib/format/goodbye.ts";

// Checked by the format's description against casync.
Deno.test.each([
  { order: [] },
  { order: [0] },
  { order: [1, 0] },
  { order: [1, 0, 2] },
  { order: [2, 1, 3, 0] },
  { order: [3, 1, 4, 0, 2] },
  { order: [3, 1, 5, 0, 2, 4] },
  { order: [3, 1, 5, 0, 2, 4, 6] },
  { order: [4, 2, 6, 1, 3, 5, 7, 0] },
  { order: [5, 3, 7, 1, 4, 6, 8, 0, 2] },
  { order: [6, 3, 8, 1, 5, 7, 9, 0, 2, 4] },
  { order: [7, 3, 9, 1, 5, 8, 10, 0, 2, 4, 6] },
  { order: [7, 3, 10, 1, 5, 9, 11, 0, 2, 4, 6, 8] },
  { order: [7, 3, 11, 1, 5, 9, 12, 0, 2, 4, 6, 8, 10] },
  { order: [8, 4, 12, 2, 6, 10, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0] },
  { order: [9, 5, 13, 3, 7, 11, 15, 1, 4, 6, 8, 10, 12, 14, 16, 0, 2] },
  { order: [15, 7, 19, 3, 11, 17, 21, 1, 5, 9, 13, 16, 18, 20, 22, 0, 2, 4, 6, 8, 10, 12, 14] },
])("searchOrder() arranges $order.length items", ({ order }) => {
  assert.deepEqual([...searchOrder(Uint32Array.from(order, (_, i) => i))], order);
});

const PLACE = { entryOffset: 100, goodbyeOffset: 1_000_000 };

function table(count: number): GoodbyeTable {
  const made = new GoodbyeTable();
  for (let i = 0; i < count; i++) {
    made.add(new TextEncoder().encode(`name ${i}`), { start: 164 + 50 * i, end: 164 + 50 * i + 50 });
  }
  return made;
}

function encode(made: GoodbyeTable): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  made.encode(out, PLACE);
  return out.take();
}

Deno.test("GoodbyeTable.encode() writes a record in which findInGoodbye() finds every entry", () => {
  for (const count of [0, 1, 2, 3, 100, 257]) {
    const bytes = encode(table(count));
    assert.equal(bytes.length, goodbyeSize(count));
    for (let i = 0; i < count; i++) {
      const found = findInGoodbye(bytes, new TextEncoder().encode(`name ${i}`));
      assert.deepEqual(found, [{ distance: 1_000_000 - 164 - 50 * i, size: 50 }]);
    }
    assert.deepEqual(findInGoodbye(bytes, new TextEncoder().encode("other")), []);
  }
});

Deno.test("findInGoodbye() finds all entries of equal hashes, and the table has them in their order", () => {
  const made = new GoodbyeTable();
  const name = new TextEncoder().encode("twin");
  for (let i = 0; i < 6; i++) made.add(name, { start: 200 + i, end: 201 + i });
  const bytes = encode(made);
  const starts = findInGoodbye(bytes, name).map(({ distance }) => 1_000_000 - distance);
  assert.deepEqual(starts.sort(), [200, 201, 202, 203, 204, 205]);
  const view = new DataView(bytes.buffer);
  const slots = [0, 1, 2, 3, 4, 5].map((slot) =>
    1_000_000 - Number(view.getBigUint64(16 + 24 * slot, true)) - 200
  );
  assert.deepEqual(slots, [3, 1, 5, 0, 2, 4]);
});

Deno.test("GoodbyeTable.verify() accepts what it writes, and nothing else", () => {
  for (const count of [0, 1, 5]) {
    const bytes = encode(table(count));
    const verify = () => {
      const reader = new ByteReader(bytes);
      reader.window(16, bytes.length - 16);
      table(count).verify(reader, PLACE);
    };
    verify();
    for (let at = 16; at < bytes.length; at++) {
      bytes[at]! ^= 1;
      assert.throws(verify, FormatError, `byte ${at}`);
      bytes[at]! ^= 1;
    }
  }
});
