import assert from "node:assert/strict";
import type { Chunk } from "../../../lib/chunk.ts";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import { SingleFlightStore, SingleFlightWritableStore } from "../../../lib/store/single_flight.ts";
import type { CallOptions, PrunableChunkStore, WritableChunkStore } from "../../../lib/store/types.ts";
import { testChunkStore, testPrunableChunkStore } from "../../conformance/chunk_store.ts";
import { chunkOf } from "../../support/chunks.ts";
import { chunkObjects } from "../../support/object_stores.ts";

const chunk = chunkOf("hello world\n");

/** A store whose calls end when the test says so. */
class HeldStore implements WritableChunkStore {
  readonly location = "held:";
  readonly calls: string[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  #pending: PromiseWithResolvers<unknown>[] = [];

  has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return this.#hold("has", id, options) as Promise<boolean>;
  }

  get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    return this.#hold("get", id, options) as Promise<Chunk | undefined>;
  }

  put({ id }: Chunk, options?: CallOptions): Promise<void> {
    return this.#hold("put", id, options) as Promise<void>;
  }

  /** Ends the oldest call. */
  answer(value: unknown): void {
    this.#pending.shift()!.resolve(value);
  }

  fail(error: unknown): void {
    this.#pending.shift()!.reject(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #hold(name: string, id: ChunkId, options?: CallOptions): Promise<unknown> {
    this.calls.push(`${name} ${id.slice(0, 4)}`);
    this.signals.push(options?.signal);
    const pending = Promise.withResolvers<unknown>();
    this.#pending.push(pending);
    return pending.promise;
  }
}

/** Lets everything happen that waits for nothing but promises. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

testChunkStore({
  name: "SingleFlightStore",
  open() {
    const inner = chunkObjects();
    return Promise.resolve({ ...inner, store: new SingleFlightStore(inner.store) });
  },
});

/** Passes on what the suite needs beside writing. */
class Prunable extends SingleFlightWritableStore implements PrunableChunkStore {
  readonly #inner: PrunableChunkStore;

  constructor(inner: PrunableChunkStore) {
    super(inner);
    this.#inner = inner;
  }

  list(options?: CallOptions): AsyncIterable<ChunkId> {
    return this.#inner.list(options);
  }

  remove(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return this.#inner.remove(id, options);
  }
}

testPrunableChunkStore({
  name: "SingleFlightWritableStore",
  open() {
    const inner = chunkObjects();
    return Promise.resolve({ ...inner, store: new Prunable(inner.store) });
  },
});

Deno.test("SingleFlightStore asks once for a chunk that several want, and gives each a chunk of its own", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightStore(inner);
  const gets = [1, 2, 3].map(() => store.get(chunk.id));
  const other = store.get(chunkOf("another").id);
  const checks = [1, 2].map(() => store.has(chunk.id));
  await settle();
  assert.equal(inner.calls.length, 3);
  inner.answer(chunk);
  inner.answer(undefined);
  inner.answer(true);
  const found = await Promise.all(gets);
  assert.equal(new Set(found).size, 3);
  for (const each of found) assert.equal(each!.plain(), chunk.plain());
  assert.equal(await other, undefined);
  assert.deepEqual(await Promise.all(checks), [true, true]);
});

Deno.test("SingleFlightStore keeps nothing after a call has ended", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightStore(inner);
  for (const answer of [undefined, chunk]) {
    const get = store.get(chunk.id);
    await settle();
    inner.answer(answer);
    assert.equal((await get)?.id, answer?.id);
  }
  assert.equal(inner.calls.length, 2);
});

Deno.test("SingleFlightStore gives a failure to all who wait, and asks again afterwards", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightStore(inner);
  const gets = [1, 2, 3].map(() => store.get(chunk.id));
  await settle();
  const failure = new Error("disk failed");
  inner.fail(failure);
  for (const get of gets) await assert.rejects(get, (error) => error === failure);
  const again = store.get(chunk.id);
  await settle();
  inner.answer(chunk);
  assert.equal((await again)?.id, chunk.id);
});

Deno.test("SingleFlightStore gives the failure of a store that throws at once to all who wait", async () => {
  const failure = new Error("thrown at once");
  await using store = new SingleFlightStore({
    location: "broken:",
    has: () => {
      throw failure;
    },
    get: () => {
      throw failure;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  for (let i = 0; i < 2; i++) {
    const calls = [store.get(chunk.id), store.get(chunk.id), store.has(chunk.id)];
    for (const call of calls) await assert.rejects(call, (error) => error === failure);
  }
});

Deno.test("SingleFlightStore does not cancel for one who gives up what others wait for", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightStore(inner);
  const first = new AbortController();
  const leader = store.get(chunk.id, { signal: first.signal });
  const waiter = store.get(chunk.id, { signal: new AbortController().signal });
  await settle();
  const reason = new Error("gone");
  first.abort(reason);
  await assert.rejects(leader, (error) => error === reason);
  assert.equal(inner.signals[0]!.aborted, false);
  inner.answer(chunk);
  assert.equal((await waiter)?.id, chunk.id);
});

Deno.test("SingleFlightStore cancels what nobody waits for any more, and begins anew for who comes then", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightStore(inner);
  const aborts = [new AbortController(), new AbortController()];
  const gets = aborts.map(({ signal }) => store.get(chunk.id, { signal }));
  await settle();
  for (const abort of aborts) abort.abort(new Error("gone"));
  for (const get of gets) await assert.rejects(get, /gone/);
  assert.equal(inner.signals[0]!.aborted, true);
  const late = store.get(chunk.id);
  await settle();
  assert.equal(inner.calls.length, 2);
  inner.fail(new Error("cancelled"));
  inner.answer(chunk);
  assert.equal((await late)?.id, chunk.id);
});

Deno.test("SingleFlightWritableStore writes once what several write, and reads what is being written", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightWritableStore(inner);
  const puts = [1, 2, 3].map(() => store.put(chunk));
  await settle();
  const get = store.get(chunk.id);
  await settle();
  assert.deepEqual(inner.calls, [`put ${chunk.id.slice(0, 4)}`]);
  inner.answer(undefined);
  await Promise.all(puts);
  assert.equal((await get)!.plain(), chunk.plain());
});

Deno.test("SingleFlightWritableStore gives the failure of a write to who reads meanwhile", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightWritableStore(inner);
  const calls = [store.put(chunk), store.put(chunk), store.get(chunk.id)];
  await settle();
  inner.fail(new Error("disk full"));
  for (const call of calls) await assert.rejects(call, /disk full/);
});

Deno.test("SingleFlightWritableStore writes while the chunk is being read", async () => {
  const inner = new HeldStore();
  await using store = new SingleFlightWritableStore(inner);
  const get = store.get(chunk.id);
  await settle();
  const put = store.put(chunk);
  await settle();
  assert.equal(inner.calls.length, 2);
  inner.answer(undefined);
  inner.answer(undefined);
  await put;
  assert.equal(await get, undefined);
});
