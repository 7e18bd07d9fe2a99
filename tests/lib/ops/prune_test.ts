import assert from "node:assert/strict";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import { StoreError } from "../../../lib/errors.ts";
import { openDigest } from "../../../lib/digest/open.ts";
import { pruneStore } from "../../../lib/ops/prune.ts";
import { noise } from "../../support/blobs.ts";
import "../../support/engine.ts";
import { SlowObjects } from "../../support/slow_objects.ts";
import { directoryStore, fill, objectStore } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const DAY_MS = 24 * 60 * 60 * 1000;

async function openStore(dir: TempDir, form: "zstd" | "plain" | "memory") {
  const digest = await openDigest("sha512-256");
  const store = form === "memory"
    ? await objectStore(undefined, digest)
    : await directoryStore(dir.path, { form, digest });
  await fill(store, noise(100_000), { sizes: SIZES, digest });
  const ids = (await Array.fromAsync(store.list())).sort();
  return { store, ids, keep: new Set(ids.filter((_, i) => i % 3 === 0)) };
}

for (const form of ["zstd", "plain", "memory"] as const) {
  Deno.test(`pruneStore() deletes what is not to be kept (${form})`, async () => {
    await using dir = await tempDir();
    const { store, ids, keep } = await openStore(dir, form);
    const gone = ids.filter((id) => !keep.has(id));
    const told: ChunkId[] = [];
    const onChunk = (id: ChunkId) => told.push(id);
    const expected = { kept: keep.size, removed: gone.length, temporaries: 0 };
    assert.deepEqual(await pruneStore(store, keep, { dryRun: true, onChunk }), expected);
    assert.deepEqual(told.sort(), gone);
    assert.equal((await Array.fromAsync(store.list())).length, ids.length);
    told.length = 0;
    assert.deepEqual(await pruneStore(store, keep, { onChunk }), expected);
    assert.deepEqual(told.sort(), gone);
    assert.deepEqual((await Array.fromAsync(store.list())).sort(), [...keep]);
    assert.deepEqual(await pruneStore(store, new Set()), { kept: 0, removed: keep.size, temporaries: 0 });
  });
}

Deno.test("pruneStore() deletes what writers left behind more than a day ago, and no other files", async () => {
  await using dir = await tempDir();
  const { store, ids } = await openStore(dir, "zstd");
  const prefix = ids[0]!.slice(0, 4);
  const place = async (name: string, ageMs: number) => {
    await Deno.writeTextFile(dir.join(name), "");
    const time = new Date(Date.now() - ageMs);
    await Deno.utime(dir.join(name), time, time);
  };
  await place(`${prefix}/.tmp-cacnk.1`, DAY_MS + 60_000);
  await place(`${prefix}/.tmp-cacnk.2`, DAY_MS - 60_000);
  await place(`${prefix}/other`, 2 * DAY_MS);
  await place(".tmp-cacnk.3", 2 * DAY_MS);
  await Deno.mkdir(dir.join("other"));
  await place("other/.tmp-cacnk.4", 2 * DAY_MS);
  const foreign = `${prefix}/${ids[0]}`; // a chunk in another form
  await place(foreign, 2 * DAY_MS);
  const keep = new Set(ids);
  const expected = { kept: ids.length, removed: 0, temporaries: 1 };
  assert.deepEqual(await pruneStore(store, keep, { dryRun: true }), expected);
  assert.ok((await Deno.stat(dir.join(prefix, ".tmp-cacnk.1"))).isFile);
  assert.deepEqual(await pruneStore(store, keep), expected);
  const left = (await Array.fromAsync(Deno.readDir(dir.join(prefix)))).map(({ name }) => name);
  for (const name of [".tmp-cacnk.2", "other", ids[0]!]) assert.ok(left.includes(name), name);
  assert.ok(!left.includes(".tmp-cacnk.1"));
  for (const name of [".tmp-cacnk.3", "other/.tmp-cacnk.4"]) {
    assert.ok((await Deno.stat(dir.join(name))).isFile);
  }
});

Deno.test("pruneStore() is bounded, and waits for all calls when one fails", async () => {
  const digest = await openDigest("sha512-256");
  const objects = new SlowObjects();
  const store = await objectStore(objects, digest);
  await fill(await objectStore(objects.inner, digest), noise(60_000), { sizes: SIZES, digest });
  let running = 0;
  let peak = 0;
  let count = 0;
  const failing = Object.assign(store, {
    async remove() {
      peak = Math.max(peak, ++running);
      const fails = ++count === 20;
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
      running--;
      if (fails) throw new StoreError("slow:", "delete from", { reason: "no right to" });
      return true;
    },
  });
  await assert.rejects(pruneStore(failing, new Set(), { concurrency: 4 }), StoreError);
  assert.equal(running, 0);
  assert.equal(peak, 4);
});

Deno.test("pruneStore() throws the reason of its signal, and deletes nothing more", async () => {
  await using dir = await tempDir();
  const { store, ids } = await openStore(dir, "zstd");
  const reason = new Error("enough");
  const before = pruneStore(store, new Set(), { signal: AbortSignal.abort(reason) });
  await assert.rejects(before, (error) => error === reason);
  assert.equal((await Array.fromAsync(store.list())).length, ids.length);
  const abort = new AbortController();
  const onChunk = () => abort.abort(reason);
  const pruning = pruneStore(store, new Set(), { signal: abort.signal, concurrency: 1, onChunk });
  await assert.rejects(pruning, (error) => error === reason);
  assert.ok((await Array.fromAsync(store.list())).length >= ids.length - 2);
});
