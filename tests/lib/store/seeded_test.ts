import assert from "node:assert/strict";
import { openPosix } from "../../../lib/platform/posix.ts";
import { SeededStore } from "../../../lib/store/seeded.ts";
import { testChunkStore } from "../../conformance/chunk_store.ts";
import { concat, indexOf, noise } from "../../support/blobs.ts";
import { chunkOf, digest } from "../../support/chunks.ts";
import { chunkObjects } from "../../support/object_stores.ts";
import { tempDir } from "../../support/temp_dir.ts";

const posix = await openPosix();
const SIZES = { min: 256, avg: 1024, max: 4096 };

testChunkStore({
  name: "SeededStore of a seed that does not matter",
  async open() {
    const inner = chunkObjects();
    const { ids, ends } = await indexOf(noise(10_000), { sizes: SIZES, digest });
    const seeds = [{ path: "/nonexistent/seed", ids, ends }];
    return { ...inner, store: new SeededStore({ source: inner.store, seeds, digest, posix }) };
  },
});

Deno.test("SeededStore takes from the file what is as its index says, and asks the store for the rest", async () => {
  await using dir = await tempDir();
  const bytes = noise(50_000);
  const index = await indexOf(bytes, { sizes: SIZES, digest });
  const path = dir.join("seed");
  const rows = index.ends.length;
  const id = (row: number) =>
    chunkOf(bytes.subarray(row === 0 ? 0 : index.ends[row - 1]!, index.ends[row])).id;
  const last = chunkOf(bytes.subarray(index.ends[rows - 2]!));
  for (
    const [content, expected] of [
      [bytes, "seed"],
      [concat(bytes.subarray(0, 49_999), Uint8Array.of(bytes[49_999]! ^ 1)), "store"],
      [bytes.subarray(0, 49_999), "store"],
    ] as const
  ) {
    await Deno.writeFile(path, content);
    const inner = chunkObjects();
    await inner.add(last);
    await using store = new SeededStore({ source: inner.store, seeds: [{ path, ...index }], digest, posix });
    assert.deepEqual((await store.get(id(0)))?.plain(), bytes.slice(0, index.ends[0]));
    assert.deepEqual((await store.get(last.id))?.plain(), last.plain());
    await inner.store.remove(last.id);
    assert.equal((await store.get(last.id))?.id, expected === "seed" ? last.id : undefined);
    assert.equal(await store.has(id(1)), true);
    assert.equal(await store.has(chunkOf("something else").id), false);
    assert.equal(store.location, inner.store.location);
  }
});
