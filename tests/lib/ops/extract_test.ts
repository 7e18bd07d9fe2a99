import assert from "node:assert/strict";
import { Chunk } from "../../../lib/chunk.ts";
import { formatChunkId } from "../../../lib/chunk_id.ts";
import { ChunkInvalidError, ChunkMissingError, StoreError } from "../../../lib/errors.ts";
import { extractBlob } from "../../../lib/ops/extract.ts";
import { concat, equal, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { openScene } from "../../support/extract_scene.ts";
import { canMount, mountTemporary } from "../../support/mount.ts";

const BYTES = concat(noise(60_000), new Uint8Array(30_000), noise(20_000), noise(60_000));

Deno.test("extractBlob() replaces an output in one step, with usual permissions", async () => {
  await using engine = await openTestEngine();
  await using scene = await openScene(engine, { bytes: BYTES });
  await Deno.writeTextFile(scene.output, "old", { mode: 0o600 });
  await Deno.link(scene.output, scene.join("link"));
  using old = await Deno.open(scene.output);
  await scene.extract();
  assert.ok(equal(await Deno.readFile(scene.output), BYTES));
  assert.deepEqual(await scene.left(), ["blob"]);
  assert.equal((await Deno.stat(scene.output)).mode! & 0o777, 0o644 & ~Deno.umask());
  assert.equal(await Deno.readTextFile(scene.join("link")), "old");
  assert.equal((await old.stat()).size, 3);
});

Deno.test("extractBlob() in place keeps the file and its permissions", async () => {
  await using engine = await openTestEngine();
  await using scene = await openScene(engine, { bytes: BYTES });
  await Deno.writeTextFile(scene.output, "old", { mode: 0o600 });
  await Deno.link(scene.output, scene.join("link"));
  await scene.extract({ inPlace: true });
  assert.ok(equal(await Deno.readFile(scene.join("link")), BYTES));
  assert.equal((await Deno.stat(scene.output)).mode! & 0o777, 0o600);
  await Deno.remove(scene.output);
  await scene.extract({ inPlace: true });
  assert.ok(equal(await Deno.readFile(scene.output), BYTES));
  assert.equal((await Deno.stat(scene.output)).mode! & 0o777, 0o666 & ~Deno.umask());
});

Deno.test("extractBlob() goes on in place after an interruption", async () => {
  await using engine = await openTestEngine();
  await using scene = await openScene(engine, { bytes: BYTES, store: "slow" });
  const abort = new AbortController();
  let before = 0;
  const interrupted = scene.extract({
    inPlace: true,
    signal: abort.signal,
    onProgress: () => {
      before = scene.objects.calls.get;
      abort.abort();
    },
  });
  await assert.rejects(interrupted, abort.signal.reason);
  assert.ok(before > 0);
  scene.objects.reset();
  const stats = await scene.extract({ inPlace: true });
  assert.ok(equal(await Deno.readFile(scene.output), BYTES));
  assert.ok(stats.chunksInPlace > 0);
  assert.equal(scene.objects.calls.get, stats.chunksFromStore);
});

Deno.test("extractBlob() leaves nothing behind, wherever it is aborted", async () => {
  const reason = new Error("stop");
  for (const store of ["zstd", "slow"] as const) {
    await using engine = await openTestEngine();
    await using scene = await openScene(engine, { bytes: BYTES, store });
    const seed = await scene.seed("seed", noise(60_000), concat(noise(30_000), noise(30_000, 3)));
    let completed = false;
    for (let at = 0; !completed; at++) {
      const abort = new AbortController();
      let calls = 0;
      const tick = () => {
        if (calls++ === at) abort.abort(reason);
      };
      if (at === 0) abort.abort(reason);
      const options = { signal: abort.signal, seeds: [seed], invalidSeeds: "regenerate" as const };
      try {
        await scene.extract({ ...options, onProgress: tick, onSeedProblem: tick });
        completed = true;
      } catch (error) {
        assert.equal(error, reason);
      }
      assert.deepEqual(await scene.left(), completed ? ["blob"] : []);
      assert.equal(scene.objects.running, 0);
      assert.ok(at > 2 || !completed);
    }
    assert.ok(equal(await Deno.readFile(scene.output), BYTES));
  }
});

Deno.test("extractBlob() refuses outputs that it cannot replace or write to", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  await using scene = await openScene(engine, { bytes: BYTES });
  const extract = (path: string, inPlace = false) =>
    extractBlob(engine, path, { index: scene.index, store: scene.store, inPlace });
  await assert.rejects(extract(scene.join("output")), StoreError);
  await assert.rejects(extract(scene.join("output"), true), StoreError);
  await assert.rejects(extract(scene.join("nowhere/blob")), StoreError);
  await assert.rejects(extract(scene.join("nowhere/blob"), true), StoreError);
  await assert.rejects(extract("/dev/null"), StoreError);
  await assert.rejects(extract("/dev/null", true), StoreError);
  assert.ok((await Deno.stat("/dev/null")).isCharDevice);
  assert.deepEqual(await scene.left(), []);
});

Deno.test("extractBlob() follows a symbolic link in place, and replaces one otherwise", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  await using scene = await openScene(engine, { bytes: BYTES });
  await Deno.writeTextFile(scene.join("target"), "old");
  await Deno.symlink(scene.join("target"), scene.output);
  await scene.extract({ inPlace: true });
  assert.ok(equal(await Deno.readFile(scene.join("target")), BYTES));
  await Deno.writeTextFile(scene.join("target"), "old");
  await scene.extract();
  assert.equal(await Deno.readTextFile(scene.join("target")), "old");
  assert.ok((await Deno.lstat(scene.output)).isFile);
});

Deno.test("extractBlob() passes over a seed whose data are the output", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  await using scene = await openScene(engine, { bytes: BYTES });
  const data = noise(50_000, 4);
  const seed = await scene.seed("seed", data);
  await Deno.symlink(seed.location, scene.output);
  // Replacing the link is harmless, and so is a seed that the output replaces.
  await scene.extract({ seeds: [seed] });
  assert.ok(equal(await Deno.readFile(scene.output), BYTES));
  assert.ok(equal(await Deno.readFile(seed.location), data));

  await Deno.remove(scene.output);
  await Deno.symlink(seed.location, scene.output);
  const problems: string[] = [];
  const onSeedProblem = (message: string) => problems.push(message);
  const stats = await scene.extract({ inPlace: true, seeds: [seed], onSeedProblem });
  assert.ok(equal(await Deno.readFile(seed.location), BYTES));
  assert.equal(stats.seeds, 1);
  assert.deepEqual(problems, [`Seed '${seed.location}' is skipped: it is the output`]);
});

Deno.test("extractBlob() writes an empty blob", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  await using scene = await openScene(engine, { bytes: new Uint8Array(0) });
  for (const inPlace of [false, true]) {
    await Deno.writeTextFile(scene.output, "old");
    const stats = await scene.extract({ inPlace });
    assert.equal((await Deno.stat(scene.output)).size, 0);
    assert.equal(stats.chunksTotal + stats.bytesTotal, 0);
  }
});

Deno.test("extractBlob() extracts with the digest of the engine", async () => {
  await using engine = await openTestEngine({ digest: "sha256" });
  await using scene = await openScene(engine, { bytes: BYTES });
  assert.equal(scene.index.flags & (1n << 61n), 0n);
  await scene.extract({ seeds: [await scene.seed("seed", BYTES.subarray(50_000))] });
  assert.ok(equal(await Deno.readFile(scene.output), BYTES));
  await using other = await openTestEngine({ threads: 1 });
  const wrong = extractBlob(other, scene.output, { index: scene.index, store: scene.store });
  await assert.rejects(wrong, ChunkInvalidError);
});

for (const kind of ["zstd", "plain", "slow"] as const) {
  Deno.test(`extractBlob() fails at a chunk that is missing, damaged or of another size (${kind})`, async () => {
    for (const threads of [1, 3]) {
      await using engine = await openTestEngine({ threads });
      await using scene = await openScene(engine, { bytes: BYTES, store: kind });
      const { index, store } = scene;
      const row = 7;
      const id = formatChunkId(index.ids, 32 * row);
      const fails = async (error: typeof ChunkMissingError | typeof ChunkInvalidError, options = {}) => {
        for (const inPlace of [false, true]) {
          await assert.rejects(scene.extract({ inPlace, ...options }), (found) => {
            assert.ok(found instanceof error, String(found));
            assert.equal(found.id, id);
            return true;
          });
          assert.deepEqual(await scene.left(), inPlace ? ["blob"] : []);
          assert.equal(scene.objects.running, 0);
        }
        await Deno.remove(scene.output);
      };
      for (const shift of [-1, 1]) {
        const ends = index.ends.map((end, i) => i >= row ? end + shift : end);
        await fails(ChunkInvalidError, { index: { ...index, ends } });
      }
      const chunk = (await store.get(id))!;
      const { length } = chunk.plain();
      for (const wrong of [noise(length, 6), noise(length + 1), noise(length - 1), noise(1)]) {
        await store.put(Chunk.fromPlain(id, wrong));
        await fails(ChunkInvalidError);
      }
      await store.remove(id);
      await fails(ChunkMissingError);
      await store.put(chunk);
      await scene.extract();
      assert.ok(equal(await Deno.readFile(scene.output), BYTES));
    }
  });
}

Deno.test("extractBlob() reports its progress up to the end", async () => {
  await using engine = await openTestEngine();
  for (const store of ["zstd", "slow"] as const) {
    await using scene = await openScene(engine, { bytes: BYTES, store });
    const seed = await scene.seed("seed", BYTES.subarray(0, 40_000));
    const last = new Map<string, { readonly done: number; readonly total: number }>();
    await scene.extract({
      seeds: [seed],
      onProgress: ({ kind, attempt }, progress) => {
        assert.equal(attempt, 1);
        assert.ok(progress.done >= (last.get(kind)?.done ?? 0) && progress.done <= progress.total);
        last.set(kind, progress);
      },
    });
    assert.deepEqual([...last.keys()], ["seeds", "assemble"]);
    for (const { done, total } of last.values()) assert.equal(done, total);
    assert.equal(last.get("assemble")!.total, scene.index.ends.length);
  }
});

Deno.test({
  name: "extractBlob() fails at once, and leaves nothing behind, if there is no room for the output",
  ignore: !await canMount({ kind: "tmpfs", sizeKib: 256 }),
  async fn() {
    await using engine = await openTestEngine();
    await using mount = await mountTemporary({ kind: "tmpfs", sizeKib: 256 });
    for (const store of ["zstd", "slow"] as const) {
      await using scene = await openScene(engine, { bytes: noise(400_000), store });
      const output = `${mount.path}/blob`;
      for (const inPlace of [false, true]) {
        const extraction = extractBlob(engine, output, { index: scene.index, store: scene.store, inPlace });
        await assert.rejects(extraction, (error) => {
          assert.ok(error instanceof StoreError, String(error));
          assert.equal(error.location, output);
          assert.match(error.message, /No space left on device/);
          return true;
        });
      }
      await Deno.remove(output);
      assert.deepEqual(await Array.fromAsync(Deno.readDir(mount.path)), []);
    }
  },
});
