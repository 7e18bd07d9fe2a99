import { chunkDirectories } from "../../../lib/store/recipe.ts";
import assert from "node:assert/strict";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import { ChunkInvalidError, StoreError } from "../../../lib/errors.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { CacheStore } from "../../../lib/store/cache.ts";
import type { CacheOptions } from "../../../lib/store/cache.ts";
import { FailoverStore } from "../../../lib/store/failover.ts";
import { RouterStore } from "../../../lib/store/router.ts";
import type { ChunkStore } from "../../../lib/store/types.ts";
import { testChunkStore } from "../../conformance/chunk_store.ts";
import { type Fault, FaultyObjects } from "../../faults/faulty_objects.ts";
import { absentId, chunkOf } from "../../support/chunks.ts";
import { chunkKey, chunkObjects, type StoredForm } from "../../support/object_stores.ts";

const chunk = chunkOf("hello world\n".repeat(20));

interface Setup {
  /** What the cache does, call by call. @default nothing fails */
  readonly cache?: readonly Fault[];
  /** What the source does. @default nothing fails */
  readonly source?: readonly Fault[];
  readonly cacheForm?: StoredForm;
  readonly options?: CacheOptions;
}

/** A cache over a source which has the chunk. */
async function cacheOver(setup: Setup = {}) {
  const inner = { cache: new MemoryObjects("cache:"), source: new MemoryObjects("source:") };
  await chunkObjects(inner.source).add(chunk);
  const cacheObjects = new FaultyObjects(inner.cache, setup.cache ?? []);
  const sourceObjects = new FaultyObjects(inner.source, setup.source ?? []);
  const { store: cache } = chunkObjects(
    cacheObjects,
    setup.cacheForm === undefined ? {} : { form: setup.cacheForm },
  );
  const { store: source } = chunkObjects(sourceObjects);
  const calls = () =>
    [cacheObjects, sourceObjects].map(({ calls }) => calls.map((call) => call.split(" ")[0]).join(","));
  const untilHanging = () => Promise.race([cacheObjects.untilHanging(), sourceObjects.untilHanging()]);
  return { store: new CacheStore({ cache, source }, setup.options), inner, calls, untilHanging };
}

for (const cacheForm of ["zstd", "plain"] as const) {
  testChunkStore({
    name: `CacheStore, ${cacheForm}`,
    open() {
      const source = chunkObjects();
      const cache = chunkObjects(undefined, { form: cacheForm });
      return Promise.resolve({
        ...source,
        store: new CacheStore({ cache: cache.store, source: source.store }),
      });
    },
  });
}

testChunkStore({
  name: "CacheStore that holds all chunks",
  open() {
    const cache = chunkObjects();
    const source = chunkObjects();
    const store = new CacheStore({ cache: cache.store, source: source.store }, { repair: false });
    return Promise.resolve({ ...cache, store });
  },
});

testChunkStore({
  name: "CacheStore over a router over failover groups",
  open() {
    const inner = [chunkObjects(), chunkObjects()] as const;
    const groups = inner.map(({ store }) => new FailoverStore([store]));
    const cache = chunkObjects();
    const store: ChunkStore = new CacheStore({ cache: cache.store, source: new RouterStore(groups) });
    return Promise.resolve({ ...inner[1], store });
  },
});

Deno.test("CacheStore asks the source once, and the cache from then on", async () => {
  const { store, inner, calls } = await cacheOver();
  await using _store = store;
  for (let i = 0; i < 3; i++) assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
  assert.deepEqual(calls(), ["get,put,get,get", "get"]);
  assert.equal(await inner.cache.has(chunkKey(chunk.id)), true);
  assert.equal(await store.has(chunk.id), true);
  assert.deepEqual(calls(), ["get,put,get,get,has", "get"]);
});

Deno.test("CacheStore keeps the stored form if both stores have the same, and converts it if not", async () => {
  for (const cacheForm of ["zstd", "plain"] as const) {
    const { store, inner } = await cacheOver({ cacheForm });
    await using _store = store;
    await store.get(chunk.id);
    const kept = await inner.cache.get(chunkKey(chunk.id, cacheForm));
    const original = await inner.source.get(chunkKey(chunk.id));
    assert.deepEqual(kept, cacheForm === "zstd" ? original : chunk.plain());
  }
});

Deno.test("CacheStore.has() asks both and keeps nothing", async () => {
  const { store, inner, calls } = await cacheOver();
  await using _store = store;
  assert.equal(await store.has(chunk.id), true);
  assert.equal(await store.has(absentId()), false);
  assert.deepEqual(calls(), ["has,has", "has,has"]);
  assert.equal(await inner.cache.has(chunkKey(chunk.id)), false);
});

Deno.test("CacheStore keeps nothing of a chunk that is absent", async () => {
  const { store, inner, calls } = await cacheOver();
  await using _store = store;
  assert.equal(await store.get(absentId()), undefined);
  assert.equal(await store.get(absentId()), undefined);
  assert.deepEqual(calls(), ["get,get", "get,get"]);
  assert.deepEqual(await Array.fromAsync(inner.cache.list("")), []);
});

Deno.test("CacheStore fetches a damaged chunk again and replaces it", async () => {
  const { store, inner, calls } = await cacheOver();
  await using _store = store;
  for (const damaged of [new Uint8Array(), new Uint8Array(50), chunkOf("another").plain()]) {
    await inner.cache.put(chunkKey(chunk.id), damaged);
    assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
    assert.deepEqual(await inner.cache.get(chunkKey(chunk.id)), await inner.source.get(chunkKey(chunk.id)));
  }
  assert.deepEqual(calls(), ["get,put,get,put,get,put", "get,get,get"]);
});

Deno.test("CacheStore that is not to repair throws ChunkInvalidError for a damaged chunk", async () => {
  const { store, inner, calls } = await cacheOver({ options: { repair: false } });
  await using _store = store;
  await inner.cache.put(chunkKey(chunk.id), new Uint8Array(50));
  await assert.rejects(store.get(chunk.id), ChunkInvalidError);
  assert.deepEqual(calls(), ["get", ""]);
});

Deno.test("CacheStore throws what is wrong with the cache other than damage", async () => {
  const { store, calls } = await cacheOver({ cache: ["io-error", "io-error"] });
  await using _store = store;
  const isCacheFailure = (error: unknown) => error instanceof StoreError && error.location === "cache:";
  await assert.rejects(store.get(chunk.id), isCacheFailure);
  await assert.rejects(store.has(chunk.id), isCacheFailure);
  assert.deepEqual(calls(), ["get,has", ""]);
});

Deno.test("CacheStore throws what is wrong with the source, and keeps nothing damaged", async () => {
  const { store, inner } = await cacheOver({ source: ["io-error", "truncated", "io-error", "ok"] });
  await using _store = store;
  const isSourceFailure = (error: unknown) => error instanceof StoreError && error.location === "source:";
  await assert.rejects(store.get(chunk.id), isSourceFailure);
  await assert.rejects(store.get(chunk.id), ChunkInvalidError);
  await assert.rejects(store.has(chunk.id), isSourceFailure);
  assert.deepEqual(await Array.fromAsync(inner.cache.list("")), []);
  assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
});

Deno.test("CacheStore throws StoreError that names chunk and cache if it cannot keep a chunk", async () => {
  for (const fault of ["io-error", "disk-full"] as const) {
    const { store } = await cacheOver({ cache: ["absent", fault] });
    await using _store = store;
    await assert.rejects(store.get(chunk.id), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.location, "cache:");
      assert.match(error.message, new RegExp(`write chunk ${chunk.id} to cache`));
      assert.ok(error.cause instanceof StoreError);
      return true;
    });
    assert.equal((await store.get(chunk.id))?.id, chunk.id, "the next time it goes well");
  }
});

Deno.test("CacheStore gives up when it is aborted, wherever it is", async () => {
  const schedules: readonly Setup[] = [
    { cache: ["hang"] },
    { source: ["hang"] },
    { cache: ["absent", "hang"] },
  ];
  for (const schedule of schedules) {
    const { store, inner, untilHanging } = await cacheOver(schedule);
    await using _store = store;
    const abort = new AbortController();
    const reason = new Error("interrupted");
    const hanging = untilHanging();
    const result = store.get(chunk.id, { signal: abort.signal });
    await hanging;
    abort.abort(reason);
    await assert.rejects(result, (error) => error === reason);
    assert.deepEqual(await Array.fromAsync(inner.cache.list("")), []);
  }
});

Deno.test("CacheStore tells of hits, and of nothing else", async () => {
  const hits: ChunkId[] = [];
  const { store, inner } = await cacheOver({ options: { onHit: (id) => hits.push(id) } });
  await using _store = store;
  await store.get(absentId());
  await store.get(chunk.id);
  await store.has(chunk.id);
  assert.deepEqual(hits, []);
  await store.get(chunk.id);
  assert.deepEqual(hits, [chunk.id]);
  await inner.cache.put(chunkKey(chunk.id), new Uint8Array(3));
  await store.get(chunk.id);
  assert.deepEqual(hits, [chunk.id], "a damaged chunk is none");
});

Deno.test("CacheStore serves calls for the same chunk at the same time", async () => {
  const { store } = await cacheOver();
  await using _store = store;
  const found = await Promise.all(Array.from({ length: 10 }, () => store.get(chunk.id)));
  assert.ok(found.every((each) => each?.id === chunk.id));
});

Deno.test("CacheStore has the name of its source, and disposes of both", async () => {
  const { store } = await cacheOver();
  assert.equal(store.location, "source:");
  assert.equal(chunkDirectories(store), undefined);
  await store[Symbol.asyncDispose]();
  assert.equal(await store.has(chunk.id), false, "objects in memory are gone then");
});
