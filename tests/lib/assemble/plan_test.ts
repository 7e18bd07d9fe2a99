import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { planSteps, type Step } from "../../../lib/assemble/plan.ts";
import { CHUNK_ID_SIZE } from "../../../lib/chunk_id.ts";
import { type Index, rowCount, rowSize, rowStart } from "../../../lib/format/index_file.ts";
import { FileSeed, type Seed } from "../../../lib/seed/seed.ts";
import {
  fakeIndex,
  idBytes,
  NULL_ID,
  type RowSpec,
  rowSpecs,
  SMALL_SIZES,
} from "../../support/fake_indexes.ts";

const nullId = idBytes(NULL_ID);

/** A row as text. */
function rowText(index: Index, row: number): string {
  return `${rowSize(index, row)} ${
    index.ids.subarray(row * CHUNK_ID_SIZE, (row + 1) * CHUNK_ID_SIZE).toHex()
  }`;
}

function idText(index: Index, row: number): string {
  return rowText(index, row).split(" ")[1]!;
}

/** The row that starts at `offset`. */
function rowFrom(index: Index, offset: number): number {
  return Array.from({ length: rowCount(index) }, (_, row) => rowStart(index, row)).indexOf(offset);
}

/** First row with the ID of `row`. */
function firstOf(index: Index, row: number): number {
  let first = 0;
  while (idText(index, first) !== idText(index, row)) first++;
  return first;
}

/** What is planned: an index, seeds, which of them not to use, and which rows are open. */
interface Case {
  readonly index: Index;
  readonly seeds: readonly FileSeed[];
  readonly without: ReadonlySet<number>;
  readonly open: readonly boolean[];
}

const rows = rowSpecs({ ids: 4, maxLength: 40 });
const cases: fc.Arbitrary<Case> = fc.record({
  index: rows.map((rows) => fakeIndex(rows)),
  seeds: fc.array(rows, { maxLength: 3 }).map((all) =>
    all.map((rows, i) => new FileSeed(`seed ${i}`, fakeIndex(rows)))
  ),
  without: fc.uniqueArray(fc.nat(2), { maxLength: 2 }).map((numbers) => new Set(numbers)),
  open: fc.oneof(fc.constant(Array(40).fill(true)), fc.array(fc.boolean(), { minLength: 40, maxLength: 40 })),
});

function plan({ index, seeds, without, open }: Case): Step[] {
  return planSteps(index, { seeds, without, nullId, isOpen: (row) => open[row]! });
}

/** The row from which each row of a step is taken, as text: the right ID and size. */
function sourceText(step: Step, row: number, { index, seeds }: Case): string {
  if (step.kind === "zero") return `${SMALL_SIZES.max} ${nullId.toHex()}`;
  if (step.kind === "fetch") return rowText(index, row);
  const source = step.kind === "self" ? index : seeds[step.seed]!.index;
  const first = rowFrom(source, step.offset);
  assert.ok(first >= 0, "a step starts where a row starts");
  return rowText(source, first + row - step.first);
}

Deno.test("planSteps() tiles the open rows exactly once and in order", () => {
  fc.assert(fc.property(cases, (given) => {
    const covered: number[] = [];
    for (const { first, count } of plan(given)) {
      assert.ok(count > 0);
      for (let row = first; row < first + count; row++) covered.push(row);
    }
    const open = Array.from({ length: rowCount(given.index) }, (_, row) => row).filter((row) =>
      given.open[row]
    );
    assert.deepEqual(covered, open);
  }));
});

Deno.test("planSteps() takes every row from where the same ID and size are", () => {
  fc.assert(fc.property(cases, (given) => {
    for (const step of plan(given)) {
      for (let row = step.first; row < step.first + step.count; row++) {
        assert.equal(sourceText(step, row, given), rowText(given.index, row));
      }
    }
  }));
});

Deno.test("planSteps() never uses a seed in `without`", () => {
  fc.assert(fc.property(cases, (given) => {
    for (const step of plan(given)) {
      if (step.kind === "copy") assert.ok(step.seed < given.seeds.length && !given.without.has(step.seed));
    }
  }));
});

Deno.test("planSteps() copies within the output only from rows that no such step writes", () => {
  fc.assert(fc.property(cases, (given) => {
    const written = new Set<number>();
    const read = new Set<number>();
    for (const step of plan(given)) {
      if (step.kind !== "self") continue;
      const from = rowFrom(given.index, step.offset);
      for (let i = 0; i < step.count; i++) {
        written.add(step.first + i);
        read.add(from + i);
        assert.ok(from + i < step.first + i, "from an earlier row");
      }
    }
    assert.ok(written.isDisjointFrom(read));
  }));
});

/** Rows from `row` on, while they are open and satisfy `belongs`. */
function runFrom(given: Case, row: number, belongs: (row: number) => boolean): number {
  let end = row;
  while (end < rowCount(given.index) && given.open[end] && belongs(end)) end++;
  return end - row;
}

/** How many rows each source could supply from `row` on, in order of preference. */
function runsFrom(given: Case, row: number): readonly { readonly source: string; readonly count: number }[] {
  const { index, seeds, without } = given;
  const nullText = `${SMALL_SIZES.max} ${nullId.toHex()}`;
  const first = firstOf(index, row);
  const isSelf = (other: number) =>
    first < row && firstOf(index, other) === first + other - row &&
    rowText(index, other) === rowText(index, first + other - row);
  const seedRun = ({ index: source }: FileSeed) => {
    const runs = Array.from({ length: rowCount(source) }, (_, at) => {
      const isSame = (other: number) =>
        at + other - row < rowCount(source) && rowText(source, at + other - row) === rowText(index, other);
      return runFrom(given, row, isSame);
    });
    return Math.max(0, ...runs);
  };
  return [
    { source: "zero", count: runFrom(given, row, (other) => rowText(index, other) === nullText) },
    ...seeds.map((seed, i) => ({ source: `copy ${i}`, count: without.has(i) ? 0 : seedRun(seed) })),
    { source: "self", count: runFrom(given, row, isSelf) },
  ];
}

Deno.test("planSteps() takes the longest run, and the first source that has one of that size", () => {
  fc.assert(fc.property(cases, (given) => {
    for (const step of plan(given)) {
      const rows = step.kind === "fetch"
        ? Array.from({ length: step.count }, (_, i) => step.first + i)
        : [step.first];
      for (const row of rows) {
        const best = runsFrom(given, row).reduce((best, run) => run.count > best.count ? run : best, {
          source: "fetch",
          count: 0,
        });
        assert.equal(step.kind === "copy" ? `copy ${step.seed}` : step.kind, best.source);
        if (step.kind !== "fetch") assert.equal(step.count, best.count);
      }
    }
  }));
});

const row = (id: number, size = SMALL_SIZES.max): RowSpec => ({ id, size });

Deno.test("planSteps() joins rows that are to be fetched", () => {
  const index = fakeIndex([row(1), row(2), row(NULL_ID), row(3)]);
  assert.deepEqual(planSteps(index, { nullId }), [
    { kind: "fetch", first: 0, count: 2 },
    { kind: "zero", first: 2, count: 1 },
    { kind: "fetch", first: 3, count: 1 },
  ]);
});

Deno.test("planSteps() takes only chunks of the maximum size for zeros", () => {
  const index = fakeIndex([row(NULL_ID), row(NULL_ID), row(NULL_ID, 99)]);
  assert.deepEqual(planSteps(index, { nullId }), [
    { kind: "zero", first: 0, count: 2 },
    { kind: "fetch", first: 2, count: 1 },
  ]);
});

Deno.test("planSteps() prefers the earlier of two seeds that have as much, and the later one that has more", () => {
  const index = fakeIndex([row(1), row(2), row(3)]);
  const seeds = [[row(1)], [row(9), row(1)], [row(2), row(3)], [row(2), row(3), row(4)]]
    .map((rows, i) => new FileSeed(`${i}`, fakeIndex(rows)));
  assert.deepEqual(planSteps(index, { nullId, seeds }), [
    { kind: "copy", first: 0, count: 1, seed: 0, offset: 0 },
    { kind: "copy", first: 1, count: 2, seed: 2, offset: 0 },
  ]);
  assert.deepEqual(planSteps(index, { nullId, seeds, without: new Set([0, 2]) }), [
    { kind: "copy", first: 0, count: 1, seed: 1, offset: 100 },
    { kind: "copy", first: 1, count: 2, seed: 3, offset: 0 },
  ]);
  assert.deepEqual(planSteps(index, { nullId, seeds: [...seeds, new FileSeed("4", index)] }), [
    { kind: "copy", first: 0, count: 3, seed: 4, offset: 0 },
  ]);
});

Deno.test("planSteps() repeats what is in the output already, also where that needs no step", () => {
  const index = fakeIndex([row(1), row(2), row(1), row(2), row(1)]);
  assert.deepEqual(planSteps(index, { nullId }), [
    { kind: "fetch", first: 0, count: 2 },
    { kind: "self", first: 2, count: 2, offset: 0 },
    { kind: "self", first: 4, count: 1, offset: 0 },
  ]);
  assert.deepEqual(planSteps(index, { nullId, isOpen: (row) => row === 3 }), [
    { kind: "self", first: 3, count: 1, offset: 100 },
  ]);
});

Deno.test("planSteps() does not show seeds what follows a row that is closed", () => {
  // A seed compares rows up to the first difference: to do that again for every open row takes quadratic time.
  const index = fakeIndex(Array.from({ length: 10 }, (_, id) => row(id)));
  const shown: string[] = [];
  const seed: Seed = {
    location: "seed",
    match(target, first) {
      shown.push(`${first} of ${rowCount(target)}`);
      return undefined;
    },
  };
  planSteps(index, { nullId, seeds: [seed], isOpen: (row) => ![0, 2, 5].includes(row) });
  assert.deepEqual(shown, ["1 of 2", "3 of 5", "4 of 5", "6 of 10", "7 of 10", "8 of 10", "9 of 10"]);
});

Deno.test("planSteps() plans nothing for no rows", () => {
  assert.deepEqual(planSteps(fakeIndex([]), { nullId }), []);
  assert.deepEqual(planSteps(fakeIndex([row(1)]), { nullId, isOpen: () => false }), []);
});
