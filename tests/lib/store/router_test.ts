import { chunkDirectories, type StoreRecipe } from "../../../lib/store/recipe.ts";
import assert from "node:assert/strict";
import { ChunkInvalidError, StoreError } from "../../../lib/errors.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { RouterStore } from "../../../lib/store/router.ts";
import type { ChunkStore } from "../../../lib/store/types.ts";
import { testChunkStore } from "../../conformance/chunk_store.ts";
import { type Fault, FaultyObjects } from "../../faults/faulty_objects.ts";
import { chunkOf } from "../../support/chunks.ts";
import { chunkObjects, type OpenObjectStore } from "../../support/object_stores.ts";

const chunk = chunkOf("hello world\n");

/** A router over stores in memory, each with its schedule of faults. */
function routerOver(...schedules: readonly (readonly Fault[])[]) {
  const objects = schedules.map((faults, i) => new FaultyObjects(new MemoryObjects(`store-${i}:`), faults));
  const members = objects.map((objects) => chunkObjects(objects));
  const calls = () => objects.map(({ calls }) => calls.map((call) => call.split(" ")[0]).join(","));
  return { router: new RouterStore(members.map(({ store }) => store)), objects, members, calls };
}

testChunkStore({
  name: "RouterStore of one",
  open() {
    const inner = chunkObjects();
    return Promise.resolve({ ...inner, store: new RouterStore([inner.store]) });
  },
});

testChunkStore({
  name: "RouterStore of three, chunks in the second",
  open() {
    const inner = [chunkObjects(), chunkObjects(), chunkObjects(undefined, { form: "plain" })] as const;
    return Promise.resolve({ ...inner[1], store: new RouterStore(inner.map(({ store }) => store)) });
  },
});

testChunkStore({
  name: "RouterStore of three, chunks spread over them",
  open() {
    const inner = [chunkObjects(), chunkObjects(), chunkObjects()] as const;
    const store = new RouterStore(inner.map(({ store }) => store));
    const memberFor = (id: string) =>
      inner[Number.parseInt(id.slice(0, 8), 16) % inner.length] as OpenObjectStore;
    return Promise.resolve({
      store,
      add: (chunk) => memberFor(chunk.id).add(chunk),
      plant: (id, stored) => memberFor(id).plant(id, stored),
    });
  },
});

Deno.test("RouterStore asks in order, and no further than the first that has the chunk", async () => {
  const { router, members, calls } = routerOver([], [], []);
  await using _router = router;
  await members[1]!.plant(chunk.id, new Uint8Array());
  await members[1]!.add(chunk);
  await members[2]!.add(chunk);
  assert.equal((await router.get(chunk.id))?.id, chunk.id);
  assert.equal(await router.has(chunk.id), true);
  assert.deepEqual(calls(), ["get,has", "put,put,get,has", "put"]);
});

Deno.test("RouterStore moves on from absence alone: a failure is final", async () => {
  const { router, members, calls } = routerOver(["absent", "io-error", "io-error"], ["ok"]);
  await using _router = router;
  await members[1]!.add(chunk);
  assert.equal((await router.get(chunk.id))?.id, chunk.id);
  const isFailure = (error: unknown) => error instanceof StoreError && error.location === "store-0:";
  await assert.rejects(router.get(chunk.id), isFailure);
  await assert.rejects(router.has(chunk.id), isFailure);
  assert.deepEqual(calls(), ["get,get,has", "put,get"]);
});

Deno.test("RouterStore does not pass over a damaged chunk", async () => {
  const { router, members } = routerOver(["ok", "truncated"], ["ok"]);
  await using _router = router;
  await members[0]!.add(chunk);
  await members[1]!.add(chunk);
  await assert.rejects(router.get(chunk.id), ChunkInvalidError);
});

Deno.test("RouterStore gives up a member that hangs when it is aborted", async () => {
  const { router, objects, calls } = routerOver(["hang", "absent"], ["hang"]);
  await using _router = router;
  const reason = new Error("interrupted");
  for (const call of ["get", "has"] as const) {
    const abort = new AbortController();
    const hanging = Promise.race(objects.map((objects) => objects.untilHanging()));
    const result = router[call](chunk.id, { signal: abort.signal });
    await hanging;
    abort.abort(reason);
    await assert.rejects(result, (error) => error === reason);
  }
  assert.deepEqual(calls(), ["get,has", "has"]);
});

Deno.test("RouterStore is called by its members' names", async () => {
  const { router } = routerOver([], []);
  await using _router = router;
  assert.equal(router.location, "store-0:,store-1:");
});

Deno.test("RouterStore consists of directories if all its members do, in their order", () => {
  const directory = (path: string) =>
    ({ kind: "objects", transport: { kind: "directory", path }, form: "zstd", verify: true }) as const;
  const group = (kind: "router" | "failover", ...members: readonly StoreRecipe[]) =>
    ({ kind, members }) as const;
  const of = (recipe: StoreRecipe) =>
    chunkDirectories(new RouterStore([], { recipe }))?.map(({ root }) => root);
  const [a, b, c] = [directory("a"), directory("b"), directory("c")];
  assert.deepEqual(of(group("router", b, group("router", a, c))), ["b", "a", "c"]);
  assert.deepEqual(of(group("router", a, group("failover", b, c))), undefined);
  assert.deepEqual(of(group("router")), []);
  assert.equal(chunkDirectories(new RouterStore([])), undefined);
});

Deno.test("RouterStore of no stores has nothing", async () => {
  await using router = new RouterStore([]);
  assert.equal(await router.get(chunk.id), undefined);
  assert.equal(await router.has(chunk.id), false);
});

Deno.test("RouterStore disposes of all members, also if one fails", async () => {
  const disposed: number[] = [];
  const members = [0, 1, 2].map((i): ChunkStore => ({
    location: `${i}`,
    has: () => Promise.resolve(false),
    get: () => Promise.resolve(undefined),
    [Symbol.asyncDispose]() {
      disposed.push(i);
      return i === 1 ? Promise.reject(new Error("stuck")) : Promise.resolve();
    },
  }));
  await assert.rejects(async () => {
    await using _router = new RouterStore(members);
  }, { message: "stuck" });
  assert.deepEqual(disposed, [0, 1, 2]);
});
