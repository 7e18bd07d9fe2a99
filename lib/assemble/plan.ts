/**
 * Planning an extraction: which rows come from where, as data.
 *
 * @module
 */

import { CHUNK_ID_SIZE, sameChunkId } from "../chunk_id.ts";
import { type Index, rowCount, rowSize, rowStart } from "../format/index_file.ts";
import type { Seed } from "../seed/seed.ts";
import { IdTable } from "./id_table.ts";

/** A run of rows and where its bytes come from. All steps together tile the rows that were to be planned. */
export type Step =
  /** Null chunks: the output is made to read as zeros. */
  | { readonly kind: "zero"; readonly first: number; readonly count: number }
  /** From a seed, by its number; `offset` in its data, in bytes. */
  | {
    readonly kind: "copy";
    readonly first: number;
    readonly count: number;
    readonly seed: number;
    readonly offset: number;
  }
  /** From elsewhere in the output, which other steps write; `offset` in bytes. */
  | { readonly kind: "self"; readonly first: number; readonly count: number; readonly offset: number }
  /** From the store. */
  | { readonly kind: "fetch"; readonly first: number; readonly count: number };

/** What to plan with. */
export interface PlanOptions {
  /** In order of preference among runs of the same size. @default none */
  readonly seeds?: readonly Seed[] | undefined;
  /** Numbers of seeds that must not be used. @default none */
  readonly without?: ReadonlySet<number> | undefined;
  /** 32 bytes: the ID of the chunk of `max` zero bytes. */
  readonly nullId: Uint8Array;
  /** Whether a row still has to be supplied. @default every row has to */
  readonly isOpen?: ((row: number) => boolean) | undefined;
}

/** Where a run could come from. */
type Candidate =
  & { readonly count: number }
  & ({ readonly seed: number; readonly offset: number } | {
    readonly kind: "zero" | "self";
    readonly offset: number;
  });

/**
 * Plans from the first row to the last. Of several sources for a row, the one with the longest run in bytes is taken:
 * zeros before seeds in their order, before the output itself, before the store.
 *
 * A row is copied within the output only from the first row that has its ID, and that one never is: so steps of kind
 * `self` depend on steps of other kinds alone.
 */
export function planSteps(index: Index, options: PlanOptions): Step[] {
  const isOpen = options.isOpen ?? (() => true);
  const seeds = (options.seeds ?? []).map((seed, number) => ({ seed, number }))
    .filter(({ number }) => !(options.without?.has(number) ?? false));
  const table = new IdTable(index.ids);
  const steps: Step[] = [];
  const rows = rowCount(index);
  for (let row = 0; row < rows;) {
    if (!isOpen(row)) {
      row++;
      continue;
    }
    const end = openEnd(row, { rows, isOpen });
    // Seeds that saw more would compare rows up to the next difference, again for every range.
    const range = head(index, end);
    while (row < end) {
      const candidates = [
        zeroRun(range, { row, nullId: options.nullId }),
        ...seeds.map(({ seed, number }) => fromSeed(range, { row, seed, number })),
        selfRun(range, { row, table }),
      ];
      const best = longest(range, { row, candidates });
      if (best === undefined) addFetch(steps, row++);
      else {
        steps.push(toStep(best, row));
        row += best.count;
      }
    }
  }
  return steps;
}

/** The first row after `row` that is not open. */
function openEnd(
  row: number,
  of: { readonly rows: number; readonly isOpen: (row: number) => boolean },
): number {
  let end = row + 1;
  while (end < of.rows && of.isOpen(end)) end++;
  return end;
}

/** The first `rows` rows of an index. */
function head(index: Index, rows: number): Index {
  return { ...index, ids: index.ids.subarray(0, rows * CHUNK_ID_SIZE), ends: index.ends.subarray(0, rows) };
}

/** Rows from `row` to the end of `index` which satisfy `belongs`; that one does. */
function runLength(index: Index, row: number, belongs: (row: number) => boolean): number {
  let end = row + 1;
  while (end < rowCount(index) && belongs(end)) end++;
  return end - row;
}

function zeroRun(
  index: Index,
  place: { readonly row: number; readonly nullId: Uint8Array },
): Candidate | undefined {
  const { row, nullId } = place;
  const isNull = (row: number) =>
    sameChunkId(index.ids, row * CHUNK_ID_SIZE, nullId, 0) && rowSize(index, row) === index.sizes.max;
  return isNull(row) ? { kind: "zero", count: runLength(index, row, isNull), offset: 0 } : undefined;
}

function fromSeed(
  index: Index,
  place: { readonly row: number; readonly seed: Seed; readonly number: number },
): Candidate | undefined {
  const match = place.seed.match(index, place.row);
  return match === undefined ? undefined : { seed: place.number, ...match };
}

function selfRun(
  index: Index,
  place: { readonly row: number; readonly table: IdTable },
): Candidate | undefined {
  const { row, table } = place;
  const source = table.find(index.ids, row * CHUNK_ID_SIZE);
  if (source === row) return undefined;
  const repeats = (other: number) => {
    const from = source + other - row;
    return table.find(index.ids, other * CHUNK_ID_SIZE) === from &&
      rowSize(index, from) === rowSize(index, other);
  };
  if (!repeats(row)) return undefined;
  return { kind: "self", count: runLength(index, row, repeats), offset: rowStart(index, source) };
}

function longest(
  index: Index,
  choice: { readonly row: number; readonly candidates: readonly (Candidate | undefined)[] },
): Candidate | undefined {
  const sizeOf = ({ count }: Candidate) => rowStart(index, choice.row + count) - rowStart(index, choice.row);
  let best: Candidate | undefined;
  for (const candidate of choice.candidates) {
    if (candidate !== undefined && (best === undefined || sizeOf(candidate) > sizeOf(best))) best = candidate;
  }
  return best;
}

function toStep(candidate: Candidate, first: number): Step {
  const { count, offset } = candidate;
  if ("seed" in candidate) return { kind: "copy", first, count, seed: candidate.seed, offset };
  return candidate.kind === "zero" ? { kind: "zero", first, count } : { kind: "self", first, count, offset };
}

/** Adds a row to the fetch that ends before it, or starts a new one. */
function addFetch(steps: Step[], row: number): void {
  const last = steps.at(-1);
  if (last?.kind === "fetch" && last.first + last.count === row) {
    steps[steps.length - 1] = { ...last, count: last.count + 1 };
  } else {
    steps.push({ kind: "fetch", first: row, count: 1 });
  }
}
