import assert from "node:assert/strict";
import { FormatError, StoreError } from "../../../lib/errors.ts";
import { decodeIndex, encodeIndex } from "../../../lib/format/index_file.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { checkIndexName, IndexObjects } from "../../../lib/store/index_objects.ts";
import { type Fault, FaultyObjects } from "../../faults/faulty_objects.ts";

const golden = (path: string) => Deno.readFile(`${import.meta.dirname}/../../golden/${path}`);
const hello = await golden("casync/hello.caibx");
const index = decodeIndex(hello);

/** A store of indexes in memory, with its schedule of faults. */
function openIndexes(...faults: readonly Fault[]) {
  const objects = new MemoryObjects("memory:indexes");
  return { objects, store: new IndexObjects(new FaultyObjects(objects, faults)) };
}

Deno.test("IndexObjects keeps indexes under their names, byte for byte", async () => {
  const { objects, store } = openIndexes();
  await using _store = store;
  for (const name of ["a.caibx", "tree.caidx", "no extension", ".hidden", "ü"]) {
    assert.equal(await store.get(name), undefined);
    await store.put(name, index);
    assert.deepEqual(await objects.get(name), hello);
    assert.deepEqual(await store.get(name), index);
  }
  assert.equal(store.location, "memory:indexes");
});

Deno.test("IndexObjects replaces an index", async () => {
  const { store } = openIndexes();
  await using _store = store;
  const other = decodeIndex(await golden("desync/noise.caibx"));
  await store.put("a.caibx", other);
  await store.put("a.caibx", index);
  assert.deepEqual(encodeIndex((await store.get("a.caibx"))!), hello);
});

Deno.test("IndexObjects throws FormatError that names the index if it is damaged", async () => {
  const { objects, store } = openIndexes("truncated");
  await using _store = store;
  await objects.put("a.caibx", hello);
  await assert.rejects(store.get("a.caibx"), (error) => {
    return error instanceof FormatError &&
      /^Cannot read index 'memory:indexes\/a.caibx': /.test(error.message);
  });
  await objects.put("a.caibx", new Uint8Array());
  await assert.rejects(store.get("a.caibx"), FormatError);
});

Deno.test("IndexObjects throws what the transport throws", async () => {
  const { store } = openIndexes("io-error", "disk-full", "hang");
  await using _store = store;
  await assert.rejects(store.get("a.caibx"), StoreError);
  await assert.rejects(store.put("a.caibx", index), StoreError);
  const abort = new AbortController();
  const reason = new Error("interrupted");
  const result = store.get("a.caibx", { signal: abort.signal });
  abort.abort(reason);
  await assert.rejects(result, (error) => error === reason);
  await assert.rejects(store.put("a.caibx", index, { signal: abort.signal }), (error) => error === reason);
  assert.equal(await store.get("a.caibx"), undefined);
});

Deno.test.each([
  { name: "" },
  { name: "." },
  { name: ".." },
  { name: "/etc/passwd" },
  { name: "../a.caibx" },
  { name: "a/b.caibx" },
  { name: "a\\b.caibx" },
  { name: "a.caibx\0" },
])("IndexObjects refuses the name '$name', which may lead out of the store", async ({ name }) => {
  const { objects, store } = openIndexes();
  await using _store = store;
  assert.throws(() => checkIndexName(name), FormatError);
  await assert.rejects(store.get(name), FormatError);
  await assert.rejects(store.put(name, index), FormatError);
  assert.deepEqual(await Array.fromAsync(objects.list("")), []);
});

Deno.test("checkIndexName() lets other names through", () => {
  for (const name of ["a", "...", "a..b", ".a", "a b.caibx", "-"]) assert.equal(checkIndexName(name), name);
});
