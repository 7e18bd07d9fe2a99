import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { CHUNK_ID_SIZE } from "../../../lib/chunk_id.ts";
import { type Index, rowCount, rowSize, rowStart } from "../../../lib/format/index_file.ts";
import { commonRows, FileSeed } from "../../../lib/seed/seed.ts";
import { fakeIndex, rowSpecs } from "../../support/fake_indexes.ts";

/** A row as text. */
function rowText(index: Index, row: number): string {
  return `${rowSize(index, row)} ${
    index.ids.subarray(row * CHUNK_ID_SIZE, (row + 1) * CHUNK_ID_SIZE).toHex()
  }`;
}

/** Rows that two indexes have in common, in the simplest way. */
function countCommon(a: Index, aRow: number, b: Index, bRow: number): number {
  let count = 0;
  while (aRow + count < rowCount(a) && bRow + count < rowCount(b)) {
    if (rowText(a, aRow + count) !== rowText(b, bRow + count)) break;
    count++;
  }
  return count;
}

const indexes = rowSpecs({ ids: 8, maxLength: 40 }).map((rows) => fakeIndex(rows));

Deno.test("commonRows() counts rows of the same ID and size", () => {
  fc.assert(fc.property(indexes, indexes, fc.nat(39), fc.nat(39), (a, b, aRow, bRow) => {
    fc.pre(aRow < rowCount(a) && bRow < rowCount(b));
    const expected = countCommon(a, aRow, b, bRow);
    assert.equal(commonRows({ index: a, row: aRow }, { index: b, row: bRow }), expected);
  }));
});

Deno.test("FileSeed.match() is the longest run that the seed has, and the first of those", () => {
  fc.assert(fc.property(indexes, indexes, (seedIndex, target) => {
    const seed = new FileSeed("seed", seedIndex);
    for (let first = 0; first < rowCount(target); first++) {
      const runs = Array.from({ length: rowCount(seedIndex) }, (_, row) => {
        return { offset: rowStart(seedIndex, row), count: countCommon(seedIndex, row, target, first) };
      });
      const longest = Math.max(0, ...runs.map(({ count }) => count));
      const expected = longest === 0 ? undefined : runs.find(({ count }) => count === longest);
      assert.deepEqual(seed.match(target, first), expected);
    }
  }));
});

Deno.test("FileSeed.match() gives a run that is right, also where there are too many to try all", () => {
  const repeated = (count: number) => fakeIndex(Array.from({ length: count }, () => ({ id: 3, size: 10 })));
  const seed = new FileSeed("seed", repeated(5000));
  assert.deepEqual(seed.match(repeated(4000), 0), { offset: 0, count: 4000 });
  assert.deepEqual(seed.match(repeated(9000), 0), { offset: 0, count: 5000 });
  assert.deepEqual(seed.match(repeated(9000), 8999), { offset: 0, count: 1 });
});

Deno.test("FileSeed keeps location and index", () => {
  const index = fakeIndex([{ id: 1, size: 5 }]);
  const seed = new FileSeed("/data/old.img", index);
  assert.equal(seed.location, "/data/old.img");
  assert.equal(seed.index, index);
  assert.equal(new FileSeed("empty", fakeIndex([])).match(index, 0), undefined);
});
