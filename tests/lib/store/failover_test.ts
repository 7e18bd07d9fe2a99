import { chunkDirectories } from "../../../lib/store/recipe.ts";
import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { Chunk } from "../../../lib/chunk.ts";
import { ChunkInvalidError, StoreError } from "../../../lib/errors.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { FailoverStore } from "../../../lib/store/failover.ts";
import type { ChunkStore } from "../../../lib/store/types.ts";
import { testChunkStore } from "../../conformance/chunk_store.ts";
import { type Fault, FaultyObjects } from "../../faults/faulty_objects.ts";
import { absentId, chunkOf } from "../../support/chunks.ts";
import { chunkObjects } from "../../support/object_stores.ts";

const chunk = chunkOf("hello world\n");

/** A group over stores in memory which have the chunk, each with its schedule of faults. */
async function groupOver(...schedules: readonly (readonly Fault[])[]) {
  const objects: FaultyObjects[] = [];
  for (const [i, faults] of schedules.entries()) {
    const memory = new MemoryObjects(`store-${i}:`);
    await chunkObjects(memory).add(chunk);
    objects.push(new FaultyObjects(memory, faults));
  }
  const group = new FailoverStore(objects.map((objects) => chunkObjects(objects).store));
  const calls = () => objects.map(({ calls }) => calls.map((call) => call.split(" ")[0]).join(","));
  return { group, calls };
}

/** Matches the failure of a member. */
function failureOf(member: number): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.location === `store-${member}:`;
}

testChunkStore({
  name: "FailoverStore of one",
  open() {
    const inner = chunkObjects();
    return Promise.resolve({ ...inner, store: new FailoverStore([inner.store]) });
  },
});

testChunkStore({
  name: "FailoverStore whose first member always fails",
  open() {
    const inner = chunkObjects();
    const broken: ChunkStore = {
      location: "broken:",
      has: (_id, options) => fail(options?.signal),
      get: (_id, options) => fail(options?.signal),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    return Promise.resolve({ ...inner, store: new FailoverStore([broken, inner.store]) });
  },
  skip: {
    "get() throws ChunkInvalidError for what is not that chunk":
      "what the member throws that is asked last counts",
  },
});

function fail(signal: AbortSignal | undefined): Promise<never> {
  return Promise.reject(signal?.aborted ? signal.reason : new StoreError("broken:", "ask"));
}

Deno.test("FailoverStore asks the active member alone", async () => {
  const { group, calls } = await groupOver([], []);
  await using _group = group;
  assert.equal((await group.get(chunk.id))?.id, chunk.id);
  assert.equal(await group.has(chunk.id), true);
  assert.deepEqual(calls(), ["get,has", ""]);
});

Deno.test("FailoverStore takes absence for an answer", async () => {
  const { group, calls } = await groupOver(["absent", "absent"], []);
  await using _group = group;
  assert.equal(await group.get(chunk.id), undefined);
  assert.equal(await group.has(chunk.id), false);
  assert.equal(await group.get(absentId()), undefined);
  assert.deepEqual(calls(), ["get,has,get", ""]);
});

Deno.test("FailoverStore moves on at a failure, and stays there", async () => {
  const { group, calls } = await groupOver(["io-error"], [], []);
  await using _group = group;
  for (let i = 0; i < 3; i++) assert.equal((await group.get(chunk.id))?.id, chunk.id);
  assert.equal(await group.has(chunk.id), true);
  assert.deepEqual(calls(), ["get", "get,get,get,has", ""]);
});

Deno.test("FailoverStore moves on from a damaged chunk", async () => {
  const { group } = await groupOver(["truncated"], []);
  await using _group = group;
  assert.equal((await group.get(chunk.id))?.id, chunk.id);
});

Deno.test("FailoverStore goes back to the first member after the last", async () => {
  const { group, calls } = await groupOver(["io-error"], ["ok", "io-error"]);
  await using _group = group;
  for (let i = 0; i < 3; i++) assert.equal((await group.get(chunk.id))?.id, chunk.id);
  assert.deepEqual(calls(), ["get,get,get", "get,get"]);
});

Deno.test("FailoverStore throws the last failure if all members fail, each asked once", async () => {
  const { group, calls } = await groupOver(["io-error", "io-error"], ["flipped"], ["io-error"]);
  await using _group = group;
  await assert.rejects(group.get(chunk.id), failureOf(2));
  assert.deepEqual(calls(), ["get", "get", "get"]);
  // It has come round to the first.
  assert.equal(await group.has(chunk.id), true);
  assert.deepEqual(calls(), ["get,has", "get,has", "get"]);
});

Deno.test("FailoverStore throws ChunkInvalidError if that was the last failure", async () => {
  const { group } = await groupOver(["io-error"], ["truncated"]);
  await using _group = group;
  await assert.rejects(group.get(chunk.id), ChunkInvalidError);
});

Deno.test("FailoverStore moves on once if several calls fail together", async () => {
  const { group, calls } = await groupOver(["io-error", "io-error", "io-error", "io-error"], [], []);
  await using _group = group;
  const found = await Promise.all(Array.from({ length: 4 }, () => group.get(chunk.id)));
  assert.ok(found.every((each) => each?.id === chunk.id));
  assert.deepEqual(calls(), ["get,get,get,get", "get,get,get,get", ""]);
});

/** Lets everything happen that waits for nothing. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** A member whose calls end when the test says so, whatever their signal says. */
function manualMember() {
  const calls: PromiseWithResolvers<Chunk | undefined>[] = [];
  const store: ChunkStore = {
    location: "manual:",
    has: () => Promise.reject(new Error("not asked for")),
    get() {
      const call = Promise.withResolvers<Chunk | undefined>();
      calls.push(call);
      return call.promise;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { store, calls };
}

Deno.test("FailoverStore is not moved back by a call that fails late", async () => {
  const members = [manualMember(), manualMember(), manualMember()] as const;
  const [first, second, third] = members;
  await using group = new FailoverStore(members.map(({ store }) => store));
  const late = group.get(chunk.id);
  const early = group.get(chunk.id);
  first.calls[1]!.reject(new Error("the first fails"));
  await turn();
  second.calls[0]!.reject(new Error("the second fails"));
  await turn();
  third.calls[0]!.resolve(chunk);
  assert.equal(await early, chunk);
  first.calls[0]!.reject(new Error("the first fails late"));
  await turn();
  assert.deepEqual(members.map(({ calls }) => calls.length), [2, 1, 2]);
  third.calls[1]!.resolve(chunk);
  assert.equal(await late, chunk);
});

Deno.test("FailoverStore does not move on when it is aborted", async () => {
  const members = [manualMember(), manualMember()] as const;
  await using group = new FailoverStore(members.map(({ store }) => store));
  const abort = new AbortController();
  const reason = new Error("interrupted");
  const result = group.get(chunk.id, { signal: abort.signal });
  abort.abort(reason);
  members[0].calls[0]!.reject(reason);
  await assert.rejects(result, (error) => error === reason);
  assert.equal(members[1].calls.length, 0);
});

Deno.test("FailoverStore gives up a member that hangs when it is aborted, and asks it again", async () => {
  const { group, calls } = await groupOver(["hang"], []);
  await using _group = group;
  const abort = new AbortController();
  const reason = new Error("interrupted");
  const result = group.get(chunk.id, { signal: abort.signal });
  abort.abort(reason);
  await assert.rejects(result, (error) => error === reason);
  assert.equal((await group.get(chunk.id))?.id, chunk.id);
  assert.deepEqual(calls(), ["get,get", ""]);
});

Deno.test("FailoverStore answers as long as one member does, whatever the others do", async () => {
  const faults = fc.array(fc.constantFrom<Fault>("ok", "truncated", "io-error"), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(faults, faults, fc.integer({ min: 1, max: 8 }), async (first, second, count) => {
      const inner = new MemoryObjects();
      await chunkObjects(inner).add(chunk);
      // Faults that are not reached do not matter here.
      const memberOf = (faults: readonly Fault[]) => chunkObjects(new FaultyObjects(inner, faults)).store;
      const group = new FailoverStore([memberOf(first), memberOf(second), chunkObjects(inner).store]);
      for (let i = 0; i < count; i++) assert.equal((await group.get(chunk.id))?.id, chunk.id);
    }),
  );
});

Deno.test("FailoverStore is called by its members' names, has no directories, and needs a member", async () => {
  const { group } = await groupOver([], []);
  await using _group = group;
  assert.equal(group.location, "store-0:|store-1:");
  assert.equal(chunkDirectories(group), undefined);
  assert.throws(() => new FailoverStore([]), RangeError);
});
