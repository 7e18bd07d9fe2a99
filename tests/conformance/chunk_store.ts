/**
 * What every chunk store has to do: those over a transport, and those made of other stores.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { Chunk } from "../../lib/chunk.ts";
import { type ChunkId, isChunkId } from "../../lib/chunk_id.ts";
import { ChunkInvalidError, ChunkMissingError } from "../../lib/errors.ts";
import { type ChunkStore, type PrunableChunkStore, requireChunk } from "../../lib/store/types.ts";
import { noise } from "../support/blobs.ts";
import { absentId, chunkOf, digest } from "../support/chunks.ts";

/** A store, and how chunks get into it. */
export interface StoreUnderTest<Store extends ChunkStore> {
  readonly store: Store;
  /** Adds a chunk, by the store's own means or behind its back. */
  add(chunk: Chunk): Promise<void>;
  /** Puts bytes where the store looks for the stored form of a chunk. */
  plant(id: ChunkId, stored: Uint8Array): Promise<void>;
}

/** An implementation to test. */
export interface ChunkStoreSuite<Store extends ChunkStore> {
  readonly name: string;
  /** Opens a fresh and empty one. Its disposal, or that of `scope`, ends all that was started for it. */
  readonly open: (scope: AsyncDisposableStack) => Promise<StoreUnderTest<Store>>;
  /** Sentences that do not hold here, and why. @default none */
  readonly skip?: Readonly<Record<string, string>>;
  /** @default false */
  readonly ignore?: boolean;
}

type Test<Store extends ChunkStore> = (
  sentence: string,
  run: (given: StoreUnderTest<Store>) => Promise<void>,
) => void;

/** Chunks of every kind: one byte, text, noise, zeros, and the largest that is common. */
function sampleChunks(): readonly Chunk[] {
  return [
    chunkOf(Uint8Array.of(0)),
    chunkOf("hello world\n"),
    chunkOf(noise(70_000)),
    chunkOf(new Uint8Array(262_144)),
    chunkOf(noise(262_144, 2)),
  ];
}

/** Runs the part of the suite that is about reading. */
export function testChunkStore<Store extends ChunkStore>(suite: ChunkStoreSuite<Store>): void {
  run(suite, addReadTests);
}

/** Runs the whole suite. */
export function testPrunableChunkStore(suite: ChunkStoreSuite<PrunableChunkStore>): void {
  run(suite, (test) => {
    addReadTests(test);
    addWriteTests(test);
    addListTests(test);
  });
}

function run<Store extends ChunkStore>(
  suite: ChunkStoreSuite<Store>,
  add: (test: Test<Store>) => void,
): void {
  const unknown = new Set(Object.keys(suite.skip ?? {}));
  add((sentence, run) => {
    unknown.delete(sentence);
    Deno.test({
      name: `${suite.name}: ${sentence}`,
      ignore: (suite.ignore ?? false) || suite.skip?.[sentence] !== undefined,
      fn: async () => {
        await using scope = new AsyncDisposableStack();
        const given = await suite.open(scope);
        await using _store = given.store;
        await run(given);
      },
    });
  });
  assert.deepEqual([...unknown], [], "sentences to skip that are not in the suite");
}

function addReadTests(test: Test<ChunkStore>): void {
  test("get() gives the chunks that were added", async ({ store, add }) => {
    for (const chunk of sampleChunks()) await add(chunk);
    for (const chunk of sampleChunks()) {
      assert.equal(await store.has(chunk.id), true);
      const found = await store.get(chunk.id);
      assert.equal(found?.id, chunk.id);
      assert.ok(equal(found.plain(), chunk.plain()));
      found.verify(digest);
    }
  });

  test("get() gives undefined for a chunk that is absent", async ({ store, add }) => {
    assert.equal(await store.get(absentId()), undefined);
    assert.equal(await store.has(absentId()), false);
    await add(chunkOf("another"));
    assert.equal(await store.get(absentId()), undefined);
    assert.equal(await store.has(absentId()), false);
  });

  test("get() gives a chunk that was added after it was missed", async ({ store, add }) => {
    const chunk = chunkOf("late");
    assert.equal(await store.get(chunk.id), undefined);
    await add(chunk);
    assert.equal(await store.has(chunk.id), true);
    assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
  });

  test("get() gives the same chunk as often as it is asked", async ({ store, add }) => {
    const chunk = chunkOf("again and again");
    await add(chunk);
    for (let i = 0; i < 3; i++) assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
  });

  test("calls may run at the same time", async ({ store, add }) => {
    const chunks = Array.from({ length: 30 }, (_, i) => chunkOf(`chunk number ${i}`));
    for (const chunk of chunks) await add(chunk);
    const ids = [...chunks, ...chunks].map(({ id }) => id);
    const found = await Promise.all(ids.map((id, i) => store.get(i % 5 === 0 ? absentId(i) : id)));
    found.forEach((chunk, i) => assert.equal(chunk?.id, i % 5 === 0 ? undefined : ids[i]));
    assert.ok((await Promise.all(ids.map((id) => store.has(id)))).every((there) => there));
  });

  test("get() throws ChunkInvalidError for what is not that chunk", async ({ store, add, plant }) => {
    const chunk = chunkOf("what it should be");
    await add(chunkOf("something else"));
    const kinds = { empty: new Uint8Array(), noise: noise(50), plain: chunkOf("something else").plain() };
    for (const [kind, stored] of Object.entries(kinds)) {
      await plant(chunk.id, stored);
      await assert.rejects(store.get(chunk.id), (error) => {
        assert.ok(error instanceof ChunkInvalidError, `${kind}: ${error}`);
        assert.equal(error.id, chunk.id);
        return true;
      });
      assert.equal(await store.has(chunk.id), true, "it is not looked into");
    }
  });

  test("get() and has() reject with the reason of an aborted signal", async ({ store, add }) => {
    const chunk = chunkOf("never read");
    await add(chunk);
    const reason = new Error("interrupted");
    const options = { signal: AbortSignal.abort(reason) };
    await assert.rejects(store.get(chunk.id, options), (error) => error === reason);
    await assert.rejects(store.has(chunk.id, options), (error) => error === reason);
    const { signal } = new AbortController();
    assert.equal((await store.get(chunk.id, { signal }))?.id, chunk.id);
  });

  test("requireChunk() throws ChunkMissingError that names chunk and store", async ({ store, add }) => {
    const chunk = chunkOf("there");
    await add(chunk);
    assert.equal((await requireChunk(store, chunk.id)).id, chunk.id);
    assert.ok(store.location.length > 0);
    await assert.rejects(requireChunk(store, absentId()), (error) => {
      assert.ok(error instanceof ChunkMissingError);
      assert.equal(error.id, absentId());
      assert.equal(error.location, store.location);
      return true;
    });
  });
}

function addWriteTests(test: Test<PrunableChunkStore>): void {
  test("put() of a chunk that is there is harmless", async ({ store }) => {
    const chunk = chunkOf("twice");
    await store.put(chunk);
    await store.put(chunk);
    await Promise.all(Array.from({ length: 10 }, () => store.put(chunk)));
    assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
  });

  test("put() replaces what is damaged", async ({ store, plant }) => {
    const chunk = chunkOf("as it should be");
    await plant(chunk.id, noise(10));
    await store.put(chunk);
    assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
  });

  test("put() takes a chunk that another store gave", async ({ store }) => {
    const chunk = chunkOf(noise(5000));
    await store.put(chunk);
    const given = await store.get(chunk.id);
    await store.remove(chunk.id);
    await store.put(given!);
    assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
  });

  test("readers see all of a chunk or none of it", async ({ store }) => {
    const chunk = chunkOf(noise(500_000));
    const writing = Promise.all([store.put(chunk), store.put(chunk)]);
    for (let i = 0; i < 20; i++) {
      const found = await store.get(chunk.id);
      assert.ok(found === undefined || equal(found.plain(), chunk.plain()));
    }
    await writing;
    assert.ok(equal((await store.get(chunk.id))!.plain(), chunk.plain()));
  });

  test("holds any chunk", async ({ store }) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (plain) => {
        const chunk = chunkOf(plain);
        await store.put(chunk);
        assert.ok(equal((await store.get(chunk.id))!.plain(), plain));
      }),
      { numRuns: 30 },
    );
  });
}

function addListTests(test: Test<PrunableChunkStore>): void {
  const list = async (store: PrunableChunkStore) => (await Array.fromAsync(store.list())).sort();

  test("list() yields every chunk once", async ({ store }) => {
    assert.deepEqual(await list(store), []);
    const ids: ChunkId[] = [];
    for (let i = 0; i < 30; i++) {
      const chunk = chunkOf(`chunk number ${i}`);
      await store.put(chunk);
      ids.push(chunk.id);
    }
    const found = await list(store);
    assert.deepEqual(found, ids.sort());
    assert.ok(found.every(isChunkId));
  });

  test("remove() deletes one chunk, and says whether it was there", async ({ store }) => {
    const [kept, removed] = [chunkOf("kept"), chunkOf("removed")];
    await store.put(kept);
    await store.put(removed);
    assert.equal(await store.remove(removed.id), true);
    assert.equal(await store.remove(removed.id), false);
    assert.equal(await store.remove(absentId()), false);
    assert.equal(await store.has(removed.id), false);
    assert.equal(await store.get(removed.id), undefined);
    assert.deepEqual(await list(store), [kept.id]);
    await store.put(removed);
    assert.equal((await store.get(removed.id))?.id, removed.id);
  });

  test("chunks can be removed while they are listed", async ({ store }) => {
    for (let i = 0; i < 30; i++) await store.put(chunkOf(`chunk number ${i}`));
    for await (const id of store.list()) assert.equal(await store.remove(id), true);
    assert.deepEqual(await list(store), []);
  });

  test("put(), list() and remove() reject with the reason of an aborted signal", async ({ store }) => {
    const chunk = chunkOf("here to stay");
    await store.put(chunk);
    const reason = new Error("interrupted");
    const options = { signal: AbortSignal.abort(reason) };
    const isReason = (error: unknown) => error === reason;
    await assert.rejects(store.put(chunkOf("never written"), options), isReason);
    await assert.rejects(store.remove(chunk.id, options), isReason);
    await assert.rejects(Array.fromAsync(store.list(options)), isReason);
    assert.deepEqual(await list(store), [chunk.id]);
  });
}

/** `deepEqual` takes long for large arrays. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
