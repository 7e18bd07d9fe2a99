import assert from "node:assert/strict";
import { Chunk } from "../../../lib/chunk.ts";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import type { Engine } from "../../../lib/concurrency/worker_pool.ts";
import { ChunkInvalidError, ChunkMissingError, StoreError } from "../../../lib/errors.ts";
import { cacheChunks } from "../../../lib/ops/cache.ts";
import type { PrunableChunkStore } from "../../../lib/store/types.ts";
import { noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { SlowObjects } from "../../support/slow_objects.ts";
import { chunksIn, directoryStore, fill, objectStore } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const BYTES = noise(40_000);
const KINDS = ["zstd", "plain", "slow"] as const;

async function openWork(
  engine: Engine,
  dir: TempDir,
  kinds: { readonly source: typeof KINDS[number]; readonly target: typeof KINDS[number] },
) {
  const { digest } = engine.tools;
  const objects = new SlowObjects();
  const open = async (name: string, kind: typeof KINDS[number]): Promise<PrunableChunkStore> =>
    kind === "slow"
      ? await objectStore(objects, digest)
      : await directoryStore(dir.join(name), { form: kind, digest });
  const source = await open("source", kinds.source);
  // One slow store would be source and target.
  const target = kinds.target === kinds.source && kinds.source === "slow"
    ? await objectStore(new SlowObjects(), digest)
    : await open("target", kinds.target);
  await fill(source, BYTES, { sizes: SIZES, digest });
  const expected = await chunksIn(BYTES, { sizes: SIZES, digest });
  const ids = [...expected.keys()] as ChunkId[];
  return { source, target, objects, expected, ids, work: { ids, source, target, maxSize: SIZES.max } };
}

for (const source of KINDS) {
  for (const target of KINDS) {
    Deno.test(`cacheChunks() copies what the target does not have (${source} to ${target})`, async () => {
      await using dir = await tempDir();
      await using engine = await openTestEngine({ threads: 3 });
      const cache = await openWork(engine, dir, { source, target });
      const [first, second, ...others] = cache.ids;
      const done: number[] = [];
      const onProgress = (chunks: number) => done.push(chunks);
      assert.equal(await cacheChunks(engine, { ...cache.work, ids: [first!, second!] }, { onProgress }), 2);
      assert.equal(done.at(-1), 2);
      assert.equal(await cacheChunks(engine, cache.work, { onProgress, concurrency: 3 }), others.length);
      assert.equal(done.at(-1), cache.ids.length);
      assert.equal(await cacheChunks(engine, cache.work), 0);
      assert.deepEqual((await Array.fromAsync(cache.target.list())).sort(), cache.ids);
      for (const [id, content] of cache.expected) {
        assert.equal((await cache.target.get(id as ChunkId))!.plain().toHex(), content);
      }
    });

    Deno.test(`cacheChunks() copies nothing that is missing or damaged (${source} to ${target})`, async () => {
      await using dir = await tempDir();
      await using engine = await openTestEngine({ threads: 2 });
      const cache = await openWork(engine, dir, { source, target });
      const id = cache.ids[5]!;
      for (const wrong of [noise(1000, 9), noise(1), noise(SIZES.max + 1)]) {
        await cache.source.put(Chunk.fromPlain(id, wrong));
        await assert.rejects(cacheChunks(engine, cache.work), (error) => {
          assert.ok(error instanceof ChunkInvalidError, String(error));
          assert.equal(error.id, id);
          return true;
        });
        assert.equal(await cache.target.has(id), false);
      }
      await cache.source.remove(id);
      await assert.rejects(cacheChunks(engine, cache.work), ChunkMissingError);
      assert.equal(await cache.target.has(id), false);
      assert.equal(cache.objects.running, 0);
    });
  }
}

Deno.test("cacheChunks() between directories of one form keeps the stored bytes", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 2 });
  const cache = await openWork(engine, dir, { source: "zstd", target: "zstd" });
  const id = cache.ids[0]!;
  const name = `${id.slice(0, 4)}/${id}.cacnk`;
  // A skippable frame changes nothing of the content, and would not survive compressing it again.
  const stored = await Deno.readFile(dir.join("source", name));
  const odd = new Uint8Array([...stored, 0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
  await Deno.writeFile(dir.join("source", name), odd);
  await cacheChunks(engine, cache.work);
  assert.deepEqual(await Deno.readFile(dir.join("target", name)), odd);
});

Deno.test("cacheChunks() fails if the target cannot be written to", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 2 });
  const cache = await openWork(engine, dir, { source: "zstd", target: "plain" });
  await Deno.remove(dir.join("target"));
  await assert.rejects(cacheChunks(engine, cache.work), StoreError);
  await Deno.writeTextFile(dir.join("target"), "");
  await assert.rejects(cacheChunks(engine, cache.work), StoreError);
});

Deno.test("cacheChunks() throws the reason of its signal", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 2 });
  const reason = new Error("enough");
  for (const source of ["zstd", "slow"] as const) {
    const cache = await openWork(engine, dir, { source, target: "plain" });
    const signal = AbortSignal.abort(reason);
    await assert.rejects(cacheChunks(engine, cache.work, { signal }), (error) => error === reason);
    assert.equal(cache.objects.running, 0);
  }
});
