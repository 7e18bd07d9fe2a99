import assert from "node:assert/strict";
import type { ChunkStore } from "../../../lib/store/types.ts";
import { SwapStore, SwapWritableStore } from "../../../lib/store/swap.ts";
import { testChunkStore } from "../../conformance/chunk_store.ts";
import { chunkOf } from "../../support/chunks.ts";
import { chunkObjects } from "../../support/object_stores.ts";

testChunkStore({
  name: "SwapStore",
  open() {
    const inner = chunkObjects();
    return Promise.resolve({ ...inner, store: new SwapStore(inner.store) });
  },
});

const chunk = chunkOf("hello world\n");

/** A store that says when it is closed, and answers when it is told to. */
function observed(
  location: string,
): ChunkStore & { isClosed: boolean; readonly gate: PromiseWithResolvers<void> } {
  const gate = Promise.withResolvers<void>();
  return {
    location,
    gate,
    isClosed: false,
    has: () => Promise.resolve(true),
    async get() {
      await gate.promise;
      assert.equal(this.isClosed, false, "closed while in use");
      return chunk;
    },
    [Symbol.asyncDispose]() {
      this.isClosed = true;
      return Promise.resolve();
    },
  };
}

Deno.test("SwapStore.swap() serves new calls at once, and closes the old store when its last call has ended", async () => {
  const [first, second] = [observed("first:"), observed("second:")];
  const store = new SwapStore<ChunkStore>(first);
  const slow = [store.get(chunk.id), store.get(chunk.id)];
  const closed = store.swap(second);
  assert.equal(store.location, "second:");
  second.gate.resolve();
  assert.equal((await store.get(chunk.id))?.id, chunk.id);
  assert.deepEqual([first.isClosed, second.isClosed], [false, false]);
  first.gate.resolve();
  await Promise.all(slow);
  await closed;
  assert.deepEqual([first.isClosed, second.isClosed], [true, false]);
  await store[Symbol.asyncDispose]();
  assert.equal(second.isClosed, true);
});

Deno.test("SwapStore.swap() closes a store at once that nobody uses", async () => {
  const stores = ["a:", "b:", "c:"].map(observed);
  await using store = new SwapStore<ChunkStore>(stores[0]!);
  await store.swap(stores[1]!);
  await store.swap(stores[2]!);
  assert.deepEqual(stores.map(({ isClosed }) => isClosed), [true, true, false]);
});

Deno.test("SwapStore counts calls that fail", async () => {
  const failing: ChunkStore = { ...observed("failing:"), get: () => Promise.reject(new Error("broken")) };
  const store = new SwapStore<ChunkStore>(failing);
  await assert.rejects(store.get(chunk.id), /broken/);
  await store.swap(observed("next:"));
  await store[Symbol.asyncDispose]();
});

Deno.test("SwapWritableStore.put() writes to the current store", async () => {
  const [first, second] = [chunkObjects(), chunkObjects()];
  await using store = new SwapWritableStore(first.store);
  await store.swap(second.store);
  await store.put(chunk);
  assert.equal(await second.store.has(chunk.id), true);
  assert.equal(await first.store.has(chunk.id), false);
});
