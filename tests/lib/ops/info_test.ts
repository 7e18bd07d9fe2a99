import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import { openDigest } from "../../../lib/digest/open.ts";
import { FormatError, StoreError } from "../../../lib/errors.ts";
import { chunkSizes, indexInfo } from "../../../lib/ops/info.ts";
import { buildBlob, chunkSizes as anySizes, concat, indexOf, noise, pieces } from "../../support/blobs.ts";
import "../../support/engine.ts";
import { SlowObjects } from "../../support/slow_objects.ts";
import { chunksIn, fill, objectStore } from "../../support/stores.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const digest = await openDigest("sha512-256");
const index = (bytes: Uint8Array, sizes = SIZES) => indexOf(bytes, { sizes, digest });
const total = (sizes: Iterable<number>) => [...sizes].reduce((sum, size) => sum + size, 0);

Deno.test("chunkSizes() gives each chunk of an index once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(pieces({ maxSize: 20_000 }), anySizes({ max: 5000 }), async (parts, sizes) => {
      const bytes = buildBlob(parts);
      const expected = await chunksIn(bytes, { sizes, digest });
      const found = chunkSizes(await index(bytes, sizes));
      assert.deepEqual([...found.keys()].sort(), [...expected.keys()]);
      for (const [id, size] of found) assert.equal(size, expected.get(id)!.length / 2);
    }),
    { numRuns: 20 },
  );
});

Deno.test("indexInfo() counts chunks, and what they are made of", async () => {
  const bytes = concat(noise(50_000), new Uint8Array(20_000), noise(50_000));
  const info = await indexInfo(await index(bytes));
  const chunks = await chunksIn(bytes, { sizes: SIZES, digest });
  const dedup = total(chunks.values().map((content) => content.length / 2));
  assert.equal(info.size, bytes.length);
  assert.equal(info.total, (await index(bytes)).ends.length);
  assert.equal(info.unique, chunks.size);
  assert.deepEqual([info.inStore, info.inSeed, info.inCache], [0, 0, 0]);
  assert.equal(info.notInSeedNorCache, chunks.size);
  assert.equal(info.dedupSizeNotInSeed, dedup);
  assert.equal(info.dedupSizeNotInSeedNorCache, dedup);
  assert.equal(info.dedupSizeNotInSeedNorCacheCompressed, 0);
  const empty = await indexInfo(await index(new Uint8Array(0)));
  assert.deepEqual([...new Set(Object.values(empty))], [0]);
});

Deno.test("indexInfo() counts what is in store, cache and seeds", async () => {
  const bytes = noise(60_000);
  const sizes = chunkSizes(await index(bytes));
  const ids = [...sizes.keys()];
  const storeWith = async (chosen: readonly ChunkId[]) => {
    const objects = new SlowObjects();
    const store = await objectStore(objects, digest);
    const inner = await objectStore(objects.inner, digest);
    await fill(inner, bytes, { sizes: SIZES, digest });
    await fill(inner, noise(5000, 9), { sizes: SIZES, digest });
    for (const id of ids) if (!chosen.includes(id)) await inner.remove(id);
    return { store, objects };
  };
  const inStore = ids.filter((_, i) => i % 2 === 0);
  const inCache = ids.filter((_, i) => i % 3 === 0);
  const store = await storeWith(inStore);
  const cache = await storeWith(inCache);
  const seeds = [await index(bytes.subarray(40_000)), await index(noise(10_000, 4))];
  const inSeed = ids.filter((id) => chunkSizes(seeds[0]!).has(id));
  const options = { store: store.store, cache: cache.store, seeds, concurrency: 3 };
  const info = await indexInfo(await index(bytes), options);
  const rest = ids.filter((id) => !inSeed.includes(id));
  const needed = rest.filter((id) => !inCache.includes(id));
  assert.ok(inSeed.length > 0 && needed.length > 0);
  assert.equal(info.inStore, inStore.length);
  assert.equal(info.inCache, inCache.length);
  assert.equal(info.inSeed, inSeed.length);
  assert.equal(info.notInSeedNorCache, needed.length);
  assert.equal(info.dedupSizeNotInSeed, total(rest.map((id) => sizes.get(id)!)));
  assert.equal(info.dedupSizeNotInSeedNorCache, total(needed.map((id) => sizes.get(id)!)));
  assert.equal(store.objects.peak, 3);
});

Deno.test("indexInfo() adds stored sizes only if it knows all of them", async () => {
  const bytes = noise(30_000);
  const sizes = chunkSizes(await index(bytes));
  const known = new Map([...sizes].map(([id, plain], i) => [id, { plain, stored: 100 + i }]));
  const compressed = async (storedSizes: typeof known) =>
    (await indexInfo(await index(bytes), { storedSizes })).dedupSizeNotInSeedNorCacheCompressed;
  assert.equal(await compressed(known), total(known.values().map(({ stored }) => stored)));
  const [[first, firstSizes]] = known as unknown as [[ChunkId, { plain: number; stored: number }]];
  assert.equal(await compressed(new Map(known).set(first, { ...firstSizes, stored: 0 })), 0);
  const without = new Map(known);
  without.delete(first);
  assert.equal(await compressed(without), 0);
  const wrong = new Map(known).set(first, { ...firstSizes, plain: firstSizes.plain + 1 });
  await assert.rejects(compressed(wrong), FormatError);
});

Deno.test("indexInfo() throws a store's failure after all calls to it have ended", async () => {
  const objects = new SlowObjects({ fails: (call) => call === 9 });
  const store = await objectStore(objects, digest);
  await assert.rejects(indexInfo(await index(noise(60_000)), { store }), StoreError);
  assert.equal(objects.running, 0);
});
