import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ExtractOptions } from "../../../lib/ops/extract.ts";
import { type ChunkId, formatChunkId } from "../../../lib/chunk_id.ts";
import type { Engine } from "../../../lib/concurrency/worker_pool.ts";
import { SeedInvalidError } from "../../../lib/errors.ts";
import type { Index } from "../../../lib/format/index_file.ts";
import { buildBlob, concat, equal, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { openScene } from "../../support/extract_scene.ts";
import { playScenario, scenarios } from "../../support/extract_scenarios.ts";

Deno.test("assemble() rebuilds the blob with any seeds and whatever was in the output", async () => {
  await using engines = new AsyncDisposableStack();
  const byThreads: Engine[] = [];
  for (const threads of [1, 2, 3]) byThreads.push(engines.use(await openTestEngine({ threads })));
  const sizes = fc.constantFrom(
    { min: 256, avg: 1024, max: 4096 },
    { min: 1024, avg: 1024, max: 1024 },
    { min: 48, avg: 300, max: 700 },
  );
  await fc.assert(
    fc.asyncProperty(scenarios({ pieceSize: 12_000, unit: 1 }), sizes, async (scenario, sizes) => {
      const engine = byThreads[scenario.threads - 1]!;
      const options = { bytes: buildBlob(scenario.blob), store: scenario.store, sizes };
      await using scene = await openScene(engine, options);
      await playScenario(scene, scenario);
    }),
    { numRuns: 120 },
  );
});

Deno.test("assemble() takes from the store nothing that a seed has", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const bytes = noise(200_000);
  await using scene = await openScene(engine, { bytes });
  const seed = await scene.seed("shifted", concat(noise(3333, 2), bytes));
  const seeded = idsOf(seed.index);
  for (const id of seeded) await scene.store.remove(id);
  const stats = await scene.extract({ seeds: [seed] });
  assert.ok(equal(await Deno.readFile(scene.output), bytes));
  assert.equal(stats.chunksFromSeeds, [...idsOf(scene.index)].filter((id) => seeded.has(id)).length);
  assert.ok(stats.chunksFromStore < 10);
});

function idsOf(index: Index): Set<ChunkId> {
  return new Set(Array.from(index.ends, (_, row) => formatChunkId(index.ids, 32 * row)));
}

/** Where a store is needed in spite of the seed. */
async function olderVersion(engine: Engine, invalidSeeds: ExtractOptions["invalidSeeds"]) {
  const bytes = noise(200_000);
  const scene = await openScene(engine, { bytes, store: "slow" });
  const older = bytes.slice();
  older.set(noise(2000, 9), 100_000);
  return { scene, older, seed: await scene.seed("older", older), options: { invalidSeeds } };
}

Deno.test("assemble() fetches what differs from an older version, and each chunk once", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const { scene, seed } = await olderVersion(engine, "fail");
  await using _ = scene;
  const stats = await scene.extract({ seeds: [seed] });
  assert.ok(equal(await Deno.readFile(scene.output), scene.bytes));
  assert.ok(
    stats.chunksFromStore > 0 && stats.chunksFromStore < 10,
    `${stats.chunksFromStore} from the store`,
  );
  assert.equal(scene.objects.calls.get, stats.chunksFromStore);
  assert.equal(stats.chunksFromSeeds, stats.chunksTotal - stats.chunksFromStore);
});

Deno.test("assemble() fails at an invalid seed before anything is fetched", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  for (const damage of ["flipped", "truncated", "missing", "directory"] as const) {
    const { scene, seed, older } = await olderVersion(engine, "fail");
    await using _ = scene;
    if (damage === "flipped") await Deno.writeFile(seed.location, older.with(150_000, older[150_000]! ^ 1));
    else if (damage === "truncated") await Deno.truncate(seed.location, 150_000);
    else await Deno.remove(seed.location);
    if (damage === "directory") await Deno.mkdir(seed.location);
    await Deno.writeTextFile(scene.output, "untouched");
    await assert.rejects(scene.extract({ seeds: [seed] }), (error) => {
      assert.ok(error instanceof SeedInvalidError, damage);
      assert.equal(error.location, seed.location);
      return true;
    });
    assert.equal(scene.objects.calls.get, 0);
    assert.deepEqual(await scene.left(), ["blob"]);
    assert.equal(await Deno.readTextFile(scene.output), "untouched");
  }
});

Deno.test("assemble() passes over an invalid seed if told to, and uses the others", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const { scene, seed, older } = await olderVersion(engine, "skip");
  await using _ = scene;
  await Deno.writeFile(seed.location, noise(older.length, 4));
  const good = await scene.seed("good", scene.bytes.slice(50_000));
  const problems: string[] = [];
  const options = { invalidSeeds: "skip" as const, onSeedProblem: (text: string) => problems.push(text) };
  const stats = await scene.extract({ ...options, seeds: [seed, good] });
  assert.ok(equal(await Deno.readFile(scene.output), scene.bytes));
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /^Seed '.*older' is skipped: /);
  assert.ok(stats.chunksFromSeeds > 100 && stats.chunksFromStore > 20);
});

Deno.test("assemble() cuts an invalid seed again if told to, and uses what it finds", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const { scene, seed, older } = await olderVersion(engine, "regenerate");
  await using _ = scene;
  await Deno.writeFile(seed.location, concat(noise(700, 5), older));
  const problems: string[] = [];
  const phases: string[] = [];
  const stats = await scene.extract({
    seeds: [seed],
    invalidSeeds: "regenerate",
    onSeedProblem: (text) => problems.push(text),
    onProgress: (phase) => phases.push(`${phase.attempt} ${phase.kind}`),
  });
  assert.ok(equal(await Deno.readFile(scene.output), scene.bytes));
  assert.match(problems.join(), /^Seed '.*older' is cut again: /);
  assert.ok(stats.chunksFromSeeds > 150, `${stats.chunksFromSeeds} from the seed`);
  assert.deepEqual([...new Set(phases)], ["1 seeds", "1 regenerate", "2 seeds", "2 assemble"]);
});

Deno.test("assemble() gives up a seed that goes on changing", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  const { scene, seed, older } = await olderVersion(engine, "regenerate");
  await using _ = scene;
  let version = 0;
  const change = () =>
    Deno.writeFileSync(seed.location, older.with(3000 * ++version, 0).with(3000 * version + 1, 0));
  change();
  const extraction = scene.extract({
    seeds: [seed],
    invalidSeeds: "regenerate",
    onProgress: (phase, { done, total }) => phase.kind === "regenerate" && done === total && change(),
  });
  await assert.rejects(extraction, (error) => {
    assert.ok(error instanceof SeedInvalidError);
    assert.match(error.message, /goes on changing/);
    return true;
  });
  assert.deepEqual(await scene.left(), []);
});

Deno.test("assemble() fails if a seed that is to be cut again is not there", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  const { scene, seed } = await olderVersion(engine, "regenerate");
  await using _ = scene;
  await Deno.remove(seed.location);
  await assert.rejects(scene.extract({ seeds: [seed], invalidSeeds: "regenerate" }), SeedInvalidError);
});

Deno.test("assemble() does not mind an invalid seed that it does not need", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const { scene, seed } = await olderVersion(engine, "fail");
  await using _ = scene;
  await Deno.remove(seed.location);
  const better = await scene.seed("better", scene.bytes);
  const stats = await scene.extract({ seeds: [better, seed] });
  assert.equal(stats.chunksFromSeeds, stats.chunksTotal);
});

Deno.test("assemble() fetches a repeated chunk once, and zeros never", async () => {
  await using engine = await openTestEngine({ threads: 3 });
  const [a, b] = [noise(30_000), noise(20_000, 2)];
  const bytes = concat(a, b, new Uint8Array(100_000), a, b, a, new Uint8Array(50_000));
  await using scene = await openScene(engine, { bytes, store: "slow" });
  for (const inPlace of [false, true]) {
    scene.objects.reset();
    const stats = await scene.extract({ inPlace });
    assert.ok(equal(await Deno.readFile(scene.output), bytes));
    const ids = idsOf(scene.index);
    assert.equal(scene.objects.calls.get, ids.size - 1, "all but the null chunk");
    assert.equal(stats.chunksFromStore, ids.size - 1);
    const { blocks } = await Deno.stat(scene.output);
    assert.ok(blocks! * 512 < bytes.length - 100_000, "runs of zeros are holes");
    await Deno.remove(scene.output);
  }
});

Deno.test("assemble() leaves a file as it is if it is right already", async () => {
  const bytes = concat(noise(100_000), new Uint8Array(20_000), noise(50_000));
  for (const threads of [1, 2]) {
    await using engine = await openTestEngine({ threads });
    await using scene = await openScene(engine, { bytes, filled: false });
    await Deno.writeFile(scene.output, bytes);
    const seed = await scene.seed("seed", bytes);
    const written = spyOnWrites(engine);
    const stats = await scene.extract({ inPlace: true, seeds: [seed] });
    assert.equal(stats.chunksInPlace, stats.chunksTotal);
    assert.equal(stats.bytesCopied + stats.bytesCloned, 0);
    assert.deepEqual(written, []);
    assert.ok(equal(await Deno.readFile(scene.output), bytes));
  }
});

/** Names of the calls by which this thread changes files. */
function spyOnWrites(engine: Engine): string[] {
  const { posix } = engine.tools;
  const open = posix.open.bind(posix);
  const written: string[] = [];
  posix.open = (path, options) => {
    const file = open(path, options);
    for (const name of ["writeAt", "punchHole", "cloneFrom", "allocate"] as const) {
      file[name] = () => {
        written.push(name);
        throw new Error(`${name} was called`);
      };
    }
    return file;
  };
  return written;
}

Deno.test("assemble() writes only what is wrong in the output", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const bytes = noise(200_000);
  await using scene = await openScene(engine, { bytes, store: "slow" });
  await Deno.writeFile(
    scene.output,
    bytes.with(20_000, bytes[20_000]! ^ 1).with(180_000, bytes[180_000]! ^ 1),
  );
  const stats = await scene.extract({ inPlace: true });
  assert.equal(stats.chunksFromStore, 2);
  assert.equal(stats.chunksInPlace, stats.chunksTotal - 2);
  assert.equal(scene.objects.calls.get, 2);
  assert.ok(equal(await Deno.readFile(scene.output), bytes));
});
