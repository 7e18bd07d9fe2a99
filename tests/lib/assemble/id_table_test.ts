import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { IdTable } from "../../../lib/assemble/id_table.ts";
import { idBytes } from "../../support/fake_indexes.ts";

/** A table of IDs, by their numbers. */
function tableOf(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(32 * ids.length);
  ids.forEach((id, row) => bytes.set(idBytes(id), 32 * row));
  return bytes;
}

Deno.test("IdTable finds what a Map of the rows of each ID finds", () => {
  const ids = fc.array(fc.nat(40), { maxLength: 200 });
  fc.assert(fc.property(ids, fc.nat(99), (ids, offset) => {
    const table = new IdTable(tableOf(ids));
    const rows = new Map<number, number[]>();
    ids.forEach((id, row) => rows.set(id, [...rows.get(id) ?? [], row]));
    for (let id = 0; id <= 45; id++) {
      const wanted = new Uint8Array(offset + 32);
      wanted.set(idBytes(id), offset);
      const found: number[] = [];
      for (let row = table.find(wanted, offset); row >= 0; row = table.following(row)) found.push(row);
      assert.deepEqual(found, rows.get(id) ?? []);
    }
  }));
});

Deno.test("IdTable tells IDs apart that differ in one byte only", () => {
  const base = idBytes(7);
  const table = Uint8Array.of(
    ...base,
    ...Array.from({ length: 32 }, (_, i) => base.map((byte, j) => i === j ? byte ^ 0x80 : byte)).flatMap((
      id,
    ) => [...id]),
  );
  const ids = new IdTable(table);
  for (let row = 0; row <= 32; row++) {
    assert.equal(ids.find(table, 32 * row), row);
    assert.equal(ids.following(row), -1);
  }
});

Deno.test("IdTable of no rows finds nothing", () => {
  assert.equal(new IdTable(new Uint8Array()).find(idBytes(1), 0), -1);
});

Deno.test("IdTable finds each of many rows", () => {
  const count = 100_000;
  const ids = new Uint8Array(32 * count);
  const words = new Uint32Array(ids.buffer);
  for (let row = 0; row < count; row++) {
    words[8 * row] = Math.imul(row, 0x9e37_79b1);
    words[8 * row + 7] = row;
  }
  const table = new IdTable(ids);
  for (let row = 0; row < count; row++) assert.equal(table.find(ids, 32 * row), row);
});
