import assert from "node:assert/strict";
import { type ChunkId, formatChunkId } from "../../../lib/chunk_id.ts";
import { ChunkInvalidError, StoreError } from "../../../lib/errors.ts";
import { chopFile } from "../../../lib/ops/chop.ts";
import type { PrunableChunkStore } from "../../../lib/store/types.ts";
import { concat, indexOf, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { SlowObjects, type SlowObjectsOptions } from "../../support/slow_objects.ts";
import { chunksIn, directoryStore, objectStore } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const BYTES = concat(noise(50_000), new Uint8Array(20_000), noise(50_000), noise(30_000, 2));

async function openWork(dir: TempDir, kind: "zstd" | "plain" | "slow", slow?: SlowObjectsOptions) {
  const engine = await openTestEngine({ threads: 3 });
  const { digest } = engine.tools;
  const path = dir.join("blob");
  await Deno.writeFile(path, BYTES);
  const objects = new SlowObjects(slow);
  const store: PrunableChunkStore = kind === "slow"
    ? await objectStore(objects, digest)
    : await directoryStore(dir.join("store"), { form: kind, digest });
  const index = await indexOf(BYTES, { sizes: SIZES, digest });
  const expected = await chunksIn(BYTES, { sizes: SIZES, digest });
  return {
    engine,
    work: { index, path, store },
    objects,
    expected,
    ids: async () => (await Array.fromAsync(store.list())).sort(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

for (const kind of ["zstd", "plain", "slow"] as const) {
  Deno.test(`chopFile() stores each chunk of the file once (${kind})`, async () => {
    await using dir = await tempDir();
    await using chop = await openWork(dir, kind);
    const progress: number[] = [];
    const options = { onProgress: (rows: number) => progress.push(rows), concurrency: 4 };
    assert.equal(await chopFile(chop.engine, chop.work, options), chop.expected.size);
    assert.ok(chop.objects.peak <= 4);
    assert.deepEqual(await chop.ids(), [...chop.expected.keys()]);
    for (const [id, content] of chop.expected) {
      assert.equal((await chop.work.store.get(id as ChunkId))!.plain().toHex(), content);
    }
    assert.equal(progress.at(-1), chop.expected.size);
    assert.equal(await chopFile(chop.engine, chop.work), 0);
  });

  Deno.test(`chopFile() leaves out what is to be ignored, and does not read it (${kind})`, async () => {
    await using dir = await tempDir();
    await using chop = await openWork(dir, kind);
    const { index, path } = chop.work;
    const ignore = new Set<ChunkId>();
    for (let row = 0; row < index.ends.length; row += 2) ignore.add(formatChunkId(index.ids, 32 * row));
    await Deno.writeFile(path, BYTES.with(0, BYTES[0]! ^ 1));
    const left = [...chop.expected.keys()].filter((id) => !ignore.has(id as ChunkId));
    assert.equal(await chopFile(chop.engine, chop.work, { ignore }), left.length);
    assert.deepEqual(await chop.ids(), left);
  });

  Deno.test(`chopFile() fails if the file is not what the index describes (${kind})`, async () => {
    await using dir = await tempDir();
    await using chop = await openWork(dir, kind);
    await Deno.writeFile(chop.work.path, BYTES.with(130_000, BYTES[130_000]! ^ 1));
    await assert.rejects(chopFile(chop.engine, chop.work), ChunkInvalidError);
    await Deno.truncate(chop.work.path, 130_000);
    await assert.rejects(chopFile(chop.engine, chop.work), (error) => {
      assert.ok(error instanceof ChunkInvalidError);
      assert.match(error.message, /ends at offset 130000, before the chunk does/);
      return true;
    });
    // What was stored before is right.
    for (const id of await chop.ids()) {
      assert.equal((await chop.work.store.get(id))!.plain().toHex(), chop.expected.get(id));
    }
    assert.equal(chop.objects.running, 0);
  });

  Deno.test(`chopFile() fails if there is no file (${kind})`, async () => {
    await using dir = await tempDir();
    await using chop = await openWork(dir, kind);
    await Deno.remove(chop.work.path);
    await assert.rejects(chopFile(chop.engine, chop.work), (error) => {
      assert.ok(error instanceof StoreError, String(error));
      assert.equal(error.location, chop.work.path);
      return true;
    });
  });

  Deno.test(`chopFile() throws the reason of its signal (${kind})`, async () => {
    await using dir = await tempDir();
    await using chop = await openWork(dir, kind);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await assert.rejects(chopFile(chop.engine, chop.work, { signal }), (error) => error === reason);
    if (kind !== "slow") return;
    const abort = new AbortController();
    const onProgress = () => abort.abort(reason);
    const chopping = chopFile(chop.engine, chop.work, { signal: abort.signal, onProgress });
    await assert.rejects(chopping, (error) => error === reason);
    assert.equal(chop.objects.running, 0);
  });
}

Deno.test("chopFile() throws a store's failure after all calls to it have ended", async () => {
  await using dir = await tempDir();
  await using chop = await openWork(dir, "slow", { fails: (call) => call === 33 });
  await assert.rejects(chopFile(chop.engine, chop.work), StoreError);
  assert.equal(chop.objects.running, 0);
});

Deno.test("chopFile() fails if the last chunk is shorter than the index says", async () => {
  await using dir = await tempDir();
  for (const kind of ["plain", "slow"] as const) {
    await using chop = await openWork(dir, kind);
    const { index } = chop.work;
    const ends = index.ends.with(-1, index.ends.at(-1)! + 1);
    await assert.rejects(
      chopFile(chop.engine, { ...chop.work, index: { ...index, ends } }),
      ChunkInvalidError,
    );
  }
});
