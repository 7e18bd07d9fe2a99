/** Extractions of every kind: seeds that help or mislead, outputs that are partly right. */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { AssembleStats } from "../../lib/assemble/stats.ts";
import { SeedInvalidError } from "../../lib/errors.ts";
import type { FileSeed } from "../../lib/seed/seed.ts";
import { concat, equal, noise, type Piece, pieces } from "./blobs.ts";
import type { Scene, StoreKind } from "./extract_scene.ts";

/** How the blob of a seed, or what is in the output, differs from the blob that is wanted. Places are from 0 to 1. */
type Change =
  | { readonly kind: "same" | "other" | "empty" }
  | { readonly kind: "shifted" | "longer"; readonly by: number }
  | { readonly kind: "edited" | "without"; readonly at: number; readonly size: number }
  | { readonly kind: "part"; readonly from: number; readonly to: number };

/** What happened to the data of a seed after its index was made. */
type Damage =
  | { readonly kind: "none" | "replaced" | "missing" }
  | { readonly kind: "flipped"; readonly at: readonly number[] }
  | { readonly kind: "truncated"; readonly at: number };

/** One extraction. */
export interface Scenario {
  readonly blob: readonly Piece[];
  readonly seeds: readonly { readonly change: Change; readonly damage: Damage }[];
  readonly invalidSeeds: "fail" | "skip" | "regenerate";
  /** What is in the output before; null: it does not exist. */
  readonly previous: Change | null;
  readonly inPlace: boolean;
  readonly store: StoreKind;
  readonly threads: number;
  /** What sizes and places are multiples of, in bytes: file systems share whole blocks. */
  readonly unit: number;
}

/** Extractions of blobs whose pieces have up to `pieceSize` bytes. */
export function scenarios(
  options: { readonly pieceSize: number; readonly unit: number },
): fc.Arbitrary<Scenario> {
  const { pieceSize, unit } = options;
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const size = fc.nat(Math.ceil(pieceSize / 2 / unit)).map((units) => units * unit);
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constantFrom("same", "other", "empty") }),
    fc.record({ kind: fc.constantFrom("shifted", "longer"), by: size }),
    fc.record({ kind: fc.constantFrom("edited", "without"), at: place, size }),
    fc.record({ kind: fc.constant("part"), from: place, to: place }),
  );
  const damage: fc.Arbitrary<Damage> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("none") }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("replaced", "missing") }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("flipped"), at: fc.array(place, { minLength: 1 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("truncated"), at: place }) },
  );
  return fc.record({
    blob: pieces({ maxSize: pieceSize, unit }),
    seeds: fc.array(fc.record({ change, damage }), { maxLength: 3 }),
    invalidSeeds: fc.constantFrom("fail", "skip", "regenerate"),
    previous: fc.option(change),
    inPlace: fc.boolean(),
    store: fc.constantFrom("zstd", "plain", "slow"),
    threads: fc.integer({ min: 1, max: 3 }),
    unit: fc.constant(unit),
  });
}

/**
 * Extracts, and checks what came of it.
 *
 * @returns The statistics; undefined if the extraction failed, with reason.
 */
export async function playScenario(scene: Scene, scenario: Scenario): Promise<AssembleStats | undefined> {
  const { inPlace, invalidSeeds, unit } = scenario;
  const seeds: FileSeed[] = [];
  for (const [i, { change, damage }] of scenario.seeds.entries()) {
    const described = changed(scene.bytes, change, unit);
    seeds.push(await scene.seed(`seed${i}`, damaged(described, damage), described));
    if (damage.kind === "missing") await Deno.remove(scene.join(`seed${i}`));
  }
  const previous = scenario.previous === null ? undefined : changed(scene.bytes, scenario.previous, unit);
  if (previous !== undefined) await Deno.writeFile(scene.output, previous);
  try {
    const stats = await scene.extract({ seeds, inPlace, invalidSeeds });
    await checkResult(scene, scenario, stats);
    return stats;
  } catch (error) {
    if (!(error instanceof SeedInvalidError)) throw error;
    // Only these have reason to fail: a seed that is damaged, or cannot be cut again because it is not there.
    const reasons = invalidSeeds === "fail" ? ["flipped", "truncated", "replaced", "missing"] : ["missing"];
    assert.ok(invalidSeeds !== "skip" && scenario.seeds.some(({ damage }) => reasons.includes(damage.kind)));
    if (inPlace) return undefined;
    assert.deepEqual(await scene.left(), previous === undefined ? [] : ["blob"]);
    if (previous !== undefined) assert.ok(equal(await Deno.readFile(scene.output), previous));
    return undefined;
  }
}

async function checkResult(scene: Scene, scenario: Scenario, stats: AssembleStats): Promise<void> {
  assert.ok(equal(await Deno.readFile(scene.output), scene.bytes), "the output is the blob");
  assert.deepEqual(await scene.left(), ["blob"]);
  const { chunksFromSeeds, chunksFromStore, chunksInPlace, chunksTotal } = stats;
  assert.equal(chunksTotal, scene.index.ends.length);
  assert.ok(chunksFromSeeds + chunksFromStore + chunksInPlace <= chunksTotal);
  if (!scenario.inPlace) assert.equal(chunksInPlace, 0);
  assert.equal(stats.bytesTotal, scene.bytes.length);
  assert.equal(stats.seeds, scenario.seeds.length + 1);
  assert.equal(scene.objects.running, 0);
}

function changed(bytes: Uint8Array, change: Change, unit: number): Uint8Array<ArrayBuffer> {
  const at = (place: number) => Math.floor(place * bytes.length / unit) * unit;
  switch (change.kind) {
    case "same":
      return bytes.slice();
    case "other":
      return noise(bytes.length, 80);
    case "empty":
      return new Uint8Array(0);
    case "shifted":
      return concat(noise(change.by, 77), bytes);
    case "longer":
      return concat(bytes, noise(change.by, 79));
    case "part":
      return bytes.slice(at(change.from), at(change.to));
    default: {
      const replacement = change.kind === "edited" ? noise(change.size, 78) : new Uint8Array(0);
      return concat(
        bytes.subarray(0, at(change.at)),
        replacement,
        bytes.subarray(at(change.at) + change.size),
      );
    }
  }
}

function damaged(bytes: Uint8Array, damage: Damage): Uint8Array {
  if (damage.kind === "replaced") return noise(bytes.length, 81);
  if (damage.kind === "truncated") return bytes.subarray(0, Math.floor(damage.at * bytes.length));
  const copy = bytes.slice();
  if (damage.kind === "flipped") {
    for (const at of damage.at) copy[Math.floor(at * (bytes.length - 1))]! ^= 1;
  }
  return copy;
}
