import assert from "node:assert/strict";
import { StoreError } from "../../../lib/errors.ts";
import { decodeIndex, encodeIndex } from "../../../lib/format/index_file.ts";
import { openLocalChunkStore, openLocalIndexStore } from "../../../lib/store/local.ts";
import { chunkDirectories } from "../../../lib/store/recipe.ts";
import { testPrunableChunkStore } from "../../conformance/chunk_store.ts";
import { chunkOf, digest } from "../../support/chunks.ts";
import { chunkKey, type StoredForm } from "../../support/object_stores.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { openPosix } from "../../../lib/platform/posix.ts";

await openPosix(); // A library stays open for the life of the thread, which counts as a leak in a test.
const FORMS: readonly StoredForm[] = ["zstd", "plain"];
const hello = chunkOf("hello world\n");
const golden = (path: string) => `${import.meta.dirname}/../../golden/${path}`;

for (const form of FORMS) {
  testPrunableChunkStore({
    name: `openLocalChunkStore(), ${form}`,
    async open(scope) {
      const dir = scope.use(await tempDir());
      const store = await openLocalChunkStore(dir.path, { digest, uncompressed: form === "plain" });
      return {
        store,
        add: (chunk) => store.put(chunk),
        async plant(id, stored) {
          await Deno.mkdir(dir.join(id.slice(0, 4)), { recursive: true });
          await Deno.writeFile(dir.join(chunkKey(id, form)), stored);
        },
      };
    },
  });

  Deno.test(`openLocalChunkStore() offers the directory to other threads, ${form}`, async () => {
    await using dir = await tempDir();
    await using store = await openLocalChunkStore(dir.path, { digest, uncompressed: form === "plain" });
    assert.deepEqual(chunkDirectories(store), [{ root: dir.path, form }]);
    assert.equal(store.location, dir.path);
    await store.put(hello);
    const { mode } = await Deno.stat(dir.join(chunkKey(hello.id, form)));
    assert.equal(mode! & 0o777, 0o644 & ~Deno.umask());
  });
}

Deno.test("openLocalChunkStore() reads the stores of casync and desync", async () => {
  for (const path of ["casync/zstd.castr", "desync/zstd.castr", "desync/plain.castr"]) {
    const uncompressed = path.includes("plain");
    await using store = await openLocalChunkStore(golden(path), { digest, uncompressed });
    assert.deepEqual((await store.get(hello.id))?.plain(), hello.plain());
  }
});

Deno.test("openLocalChunkStore() throws StoreError unless there is a directory", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "");
  for (const name of ["absent", "file", "file/below"]) {
    await assert.rejects(openLocalChunkStore(dir.join(name), { digest }), (error) => {
      return error instanceof StoreError && error.location === dir.join(name);
    });
  }
  await assert.rejects(Deno.stat(dir.join("absent")), Deno.errors.NotFound);
});

Deno.test("openLocalChunkStore() creates the directory if it is told to", async () => {
  await using dir = await tempDir();
  const path = dir.join("a", "b");
  for (let round = 0; round < 2; round++) {
    await using store = await openLocalChunkStore(path, { digest, create: true });
    if (round === 0) await store.put(hello);
    assert.equal(await store.has(hello.id), true);
  }
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o755 & ~Deno.umask());
});

Deno.test("openLocalChunkStore() throws StoreError if the directory cannot be created", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "");
  for (const name of ["file", "file/below"]) {
    await assert.rejects(openLocalChunkStore(dir.join(name), { digest, create: true }), (error) => {
      return error instanceof StoreError && error.location === dir.join(name);
    });
  }
});

Deno.test("openLocalIndexStore() reads and writes index files", async () => {
  await using dir = await tempDir();
  const bytes = await Deno.readFile(golden("desync/noise.caibx"));
  const index = decodeIndex(bytes);
  await using store = await openLocalIndexStore(dir.path);
  assert.equal(await store.get("new.caibx"), undefined);
  await store.put("new.caibx", index);
  assert.deepEqual(await Deno.readFile(dir.join("new.caibx")), bytes);
  assert.deepEqual(encodeIndex((await store.get("new.caibx"))!), bytes);
  assert.equal((await Deno.stat(dir.join("new.caibx"))).mode! & 0o777, 0o666 & ~Deno.umask());
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name), ["new.caibx"]);
  assert.equal(store.location, dir.path);
});

Deno.test("openLocalIndexStore() throws StoreError unless there is a directory", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "");
  for (const name of ["absent", "file"]) {
    await assert.rejects(openLocalIndexStore(dir.join(name)), StoreError);
  }
});

Deno.test("openLocalIndexStore() follows links to files, and to nothing else", async () => {
  await using dir = await tempDir();
  const bytes = await Deno.readFile(golden("desync/noise.caibx"));
  await Deno.mkdir(dir.join("releases"));
  await Deno.writeFile(dir.join("releases/2.caibx"), bytes);
  await Deno.symlink("releases/2.caibx", dir.join("latest.caibx"));
  await Deno.symlink("releases", dir.join("directory.caibx"));
  await Deno.symlink("nowhere", dir.join("dangling.caibx"));
  await using store = await openLocalIndexStore(dir.path);
  assert.deepEqual(encodeIndex((await store.get("latest.caibx"))!), bytes);
  assert.equal(await store.get("dangling.caibx"), undefined);
  await assert.rejects(store.get("directory.caibx"), StoreError);
});
