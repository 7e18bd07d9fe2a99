import { chunkDirectories } from "../../../lib/store/recipe.ts";
import assert from "node:assert/strict";
import { parseChunkId } from "../../../lib/chunk_id.ts";
import { ChunkInvalidError, StoreError } from "../../../lib/errors.ts";
import { LocalObjects } from "../../../lib/objects/local.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { openPosix, type Posix } from "../../../lib/platform/posix.ts";
import { openPosixFfi } from "../../../lib/platform/posix_ffi.ts";
import { ChunkObjects } from "../../../lib/store/chunk_objects.ts";
import { testPrunableChunkStore } from "../../conformance/chunk_store.ts";
import { FaultyObjects } from "../../faults/faulty_objects.ts";
import { noise } from "../../support/blobs.ts";
import { chunkOf, digest } from "../../support/chunks.ts";
import { chunkKey, chunkObjects, CODECS, type StoredForm } from "../../support/object_stores.ts";
import { tempDir } from "../../support/temp_dir.ts";

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const implementations: readonly Posix[] = [
  ...openPosixFfi() === undefined ? [] : [await openPosix({ implementation: "ffi" })],
  await openPosix({ implementation: "deno" }),
];
const FORMS: readonly StoredForm[] = ["zstd", "plain"];
const hello = chunkOf("hello world\n");

for (const form of FORMS) {
  testPrunableChunkStore({
    name: `ChunkObjects over MemoryObjects, ${form}`,
    open: () => Promise.resolve(chunkObjects(new MemoryObjects(), { form })),
  });
  for (const posix of implementations) {
    testPrunableChunkStore({
      name: `ChunkObjects over LocalObjects (${posix.implementation}), ${form}`,
      async open(scope) {
        const { path } = scope.use(await tempDir());
        return chunkObjects(new LocalObjects(posix, path, { temporaryPrefix: ".tmp-test." }), { form });
      },
    });
  }
}

Deno.test.each([
  { form: "zstd" as const, key: `bf73/${hello.id}.cacnk` },
  { form: "plain" as const, key: `bf73/${hello.id}` },
])("ChunkObjects names chunks as casync does, $form", async ({ form, key }) => {
  const objects = new MemoryObjects();
  await using store = chunkObjects(objects, { form }).store;
  await store.put(hello);
  assert.deepEqual(await Array.fromAsync(objects.list("")), [key]);
  const stored = await objects.get(key);
  assert.deepEqual(CODECS[form].decode(stored!, 100), hello.plain());
});

Deno.test("ChunkObjects has the location of its transport", async () => {
  await using store = chunkObjects(new MemoryObjects("s3+https://host/bucket")).store;
  assert.equal(store.location, "s3+https://host/bucket");
  assert.equal(chunkDirectories(store), undefined);
});

Deno.test("ChunkObjects keeps to itself that it is a directory, unless it is told so", async () => {
  const transport = { kind: "directory", path: "/s" } as const;
  const recipe = { kind: "objects", transport, form: "zstd", verify: true } as const;
  await using store = new ChunkObjects(new MemoryObjects(), { codecs: CODECS.zstd, digest, recipe });
  assert.deepEqual(chunkDirectories(store), [{ root: "/s", form: "zstd" }]);
});

Deno.test("ChunkObjects.list() passes over what is no chunk in the store's own form", async () => {
  const others = (id: string) => [
    id,
    `${id}.cacnk`,
    `${id.slice(0, 4)}/${id.slice(0, 63)}.cacnk`,
    `${id.slice(0, 4)}/${id}0.cacnk`,
    `${id.slice(0, 4)}/${id}.cacnk.tmp`,
    `${id.slice(0, 4)}/${id}.xchacha20-poly1305-50d64035`,
    `${id.slice(0, 4)}/${id}.cacnk.xchacha20-poly1305-50d64035`,
    `${id.slice(0, 4)}/${id.toUpperCase()}.cacnk`,
    `${id.slice(0, 4).toUpperCase()}/${id}.cacnk`,
    `0000/${id}.cacnk`,
    `${id.slice(0, 3)}/${id}.cacnk`,
    `x/${id.slice(0, 4)}/${id}.cacnk`,
    `${id.slice(0, 4)}/x/${id}.cacnk`,
    `${id.slice(0, 4)}/.tmp-cacnk.123456`,
    `${id.slice(0, 4)}/`,
    `${id.slice(0, 4)}`,
    "index.caibx",
    ".cacnk",
  ];
  for (const form of FORMS) {
    const objects = new MemoryObjects();
    await using store = chunkObjects(objects, { form }).store;
    for (const key of others(hello.id)) await objects.put(key, new Uint8Array(1));
    const expected = form === "zstd" ? "plain" : "zstd";
    await objects.put(chunkKey(hello.id, expected), new Uint8Array(1));
    assert.deepEqual(await Array.fromAsync(store.list()), []);
    assert.equal(await store.has(hello.id), false, "one form does not see the other");
    await store.put(hello);
    assert.deepEqual(await Array.fromAsync(store.list()), [hello.id]);
  }
});

Deno.test("ChunkObjects.get() hands out what is stored if it is not to verify", async () => {
  const { store, plant } = chunkObjects(new MemoryObjects(), { verify: false });
  await using _store = store;
  await plant(hello.id, CODECS.zstd.encode(chunkOf("another").plain()));
  const chunk = await store.get(hello.id);
  assert.deepEqual(chunk?.plain(), chunkOf("another").plain());
  assert.throws(() => chunk!.verify(digest), ChunkInvalidError);
});

Deno.test("ChunkObjects.get() asks for no more than a chunk can have", async () => {
  let asked: number | undefined;
  const objects = new MemoryObjects();
  objects.get = (_key, options) => {
    asked = options?.maxSize;
    return Promise.resolve(undefined);
  };
  await using store = chunkObjects(objects).store;
  await store.get(hello.id);
  assert.ok(asked !== undefined && asked >= 2 ** 27 && asked <= 2 ** 28);
});

Deno.test("ChunkObjects throws ChunkInvalidError for what arrives damaged, and the transport's error otherwise", async () => {
  const objects = new FaultyObjects(new MemoryObjects(), [
    "ok",
    "truncated",
    "flipped",
    "io-error",
    "absent",
    "ok",
  ]);
  await using store = chunkObjects(objects).store;
  const chunk = chunkOf(noise(1000));
  await store.put(chunk);
  await assert.rejects(store.get(chunk.id), ChunkInvalidError);
  await assert.rejects(store.get(chunk.id), ChunkInvalidError);
  await assert.rejects(store.get(chunk.id), (error) => error instanceof StoreError && error.retryable);
  assert.equal(await store.get(chunk.id), undefined);
  assert.equal((await store.get(chunk.id))?.id, chunk.id);
});

Deno.test("ChunkObjects.put() rejects with ChunkInvalidError for a chunk that cannot be converted", async () => {
  const source = chunkObjects(new MemoryObjects(), { form: "zstd", verify: false });
  await using _source = source.store;
  await source.plant(hello.id, noise(30));
  const damaged = await source.store.get(hello.id);
  const objects = new MemoryObjects();
  await using target = chunkObjects(objects, { form: "plain" }).store;
  await assert.rejects(target.put(damaged!), ChunkInvalidError);
  assert.deepEqual(await Array.fromAsync(objects.list("")), []);
});

Deno.test("ChunkObjects gives up a call that hangs when it is aborted", async () => {
  const objects = new FaultyObjects(new MemoryObjects(), ["hang", "hang", "hang", "hang", "hang"]);
  await using store = chunkObjects(objects).store;
  const calls = [
    (signal: AbortSignal) => store.get(hello.id, { signal }),
    (signal: AbortSignal) => store.has(hello.id, { signal }),
    (signal: AbortSignal) => store.put(hello, { signal }),
    (signal: AbortSignal) => store.remove(hello.id, { signal }),
    (signal: AbortSignal) => Array.fromAsync(store.list({ signal })),
  ];
  for (const call of calls) {
    const abort = new AbortController();
    const reason = new Error("interrupted");
    const result = call(abort.signal);
    abort.abort(reason);
    await assert.rejects(result, (error) => error === reason);
  }
  assert.equal(await store.has(hello.id), false);
});

const golden = (path: string) => `${import.meta.dirname}/../../golden/${path}`;
const NUMBERS = parseChunkId("fe04b55c2b5d8b2febf88eb9e3abc55dc84dba2ebe54170591ea08b7bfc23eb4");
const NULL_CHUNK = parseChunkId("1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2");
const numbers = new TextEncoder().encode(Array.from({ length: 4000 }, (_, i) => `${i + 1}\n`).join(""));

/** The store that a reference program made. */
function goldenStore(path: string, form: StoredForm) {
  return chunkObjects(new LocalObjects(implementations[0]!, golden(path), { temporaryPrefix: ".tmp" }), {
    form,
  }).store;
}

Deno.test.each([
  { path: "casync/zstd.castr", form: "zstd" as const, count: 5 },
  { path: "desync/zstd.castr", form: "zstd" as const, count: 5 },
  { path: "desync/plain.castr", form: "plain" as const, count: 2 },
])("ChunkObjects reads $path", async ({ path, form, count }) => {
  await using store = goldenStore(path, form);
  assert.deepEqual((await store.get(hello.id))?.plain(), hello.plain());
  assert.deepEqual((await store.get(NUMBERS))?.plain(), numbers);
  if (form === "zstd") assert.deepEqual((await store.get(NULL_CHUNK))?.plain(), new Uint8Array(262_144));
  const ids = await Array.fromAsync(store.list());
  assert.equal(ids.length, count);
  // The chunk that SHA-256 names, which nothing in a store says.
  const others = ids.filter((id) => id.startsWith("a948"));
  for (const id of ids) {
    if (others.includes(id)) await assert.rejects(store.get(id), ChunkInvalidError);
    else assert.equal((await store.get(id))?.id, id);
  }
});

Deno.test.each([
  { compression: "xz" },
  { compression: "gzip" },
])(
  "ChunkObjects says that chunks which casync compressed with $compression are not supported",
  async ({ compression }) => {
    await using store = goldenStore(`casync/${compression}.castr`, "zstd");
    for (const id of [hello.id, NUMBERS]) {
      assert.equal(await store.has(id), true);
      await assert.rejects(store.get(id), (error) => {
        assert.ok(error instanceof ChunkInvalidError);
        assert.match(error.message, new RegExp(`compressed with ${compression}, which is not supported`));
        return true;
      });
    }
  },
);
