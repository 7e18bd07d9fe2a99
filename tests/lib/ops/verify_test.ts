import assert from "node:assert/strict";
import { Chunk } from "../../../lib/chunk.ts";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import type { Finding } from "../../../lib/concurrency/thread_tools.ts";
import { UnsupportedError } from "../../../lib/errors.ts";
import { verifyStore } from "../../../lib/ops/verify.ts";
import { noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { chunksIn, directoryStore, fill, objectStore } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const BYTES = noise(200_000);

async function openStore(dir: TempDir, form: "zstd" | "plain" = "zstd") {
  const engine = await openTestEngine({ threads: 3 });
  const { digest } = engine.tools;
  const store = await directoryStore(dir.join("store"), { form, digest });
  await fill(store, BYTES, { sizes: SIZES, digest });
  const ids = [...(await chunksIn(BYTES, { sizes: SIZES, digest })).keys()] as ChunkId[];
  const extension = form === "zstd" ? ".cacnk" : "";
  return {
    engine,
    store,
    ids,
    pathOf: (id: ChunkId) => dir.join("store", id.slice(0, 4), id + extension),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

for (const form of ["zstd", "plain"] as const) {
  Deno.test(`verifyStore() finds what is not what its name says (${form})`, async () => {
    await using dir = await tempDir();
    await using open = await openStore(dir, form);
    const { engine, store, ids } = open;
    const progress: string[] = [];
    const onProgress = (done: number, total: number) => progress.push(`${done} of ${total}`);
    assert.deepEqual(await verifyStore(engine, store, { onProgress }), {
      chunks: ids.length,
      invalid: 0,
      unreadable: 0,
      removed: 0,
    });
    assert.equal(progress.at(-1), `${ids.length} of ${ids.length}`);

    const [other, empty, cut, flipped] = ids as [ChunkId, ChunkId, ChunkId, ChunkId];
    await store.put(Chunk.fromPlain(other, noise(1000, 3)));
    await Deno.truncate(open.pathOf(empty), 0);
    await Deno.truncate(open.pathOf(cut), 100);
    const stored = await Deno.readFile(open.pathOf(flipped));
    await Deno.writeFile(open.pathOf(flipped), stored.with(50, stored[50]! ^ 1));
    const damaged = [other, empty, cut, flipped].sort();

    const found: Finding[] = [];
    const result = await verifyStore(engine, store, { onFinding: (finding) => found.push(finding) });
    assert.deepEqual(result, { chunks: ids.length, invalid: 4, unreadable: 0, removed: 0 });
    assert.deepEqual(found.map(({ subject }) => subject).sort(), damaged);
    for (const { subject, text } of found) assert.ok(text.includes(subject), text);
    for (const id of ids) assert.ok(await store.has(id));

    const repaired: Finding[] = [];
    const options = { repair: true, onFinding: (finding: Finding) => repaired.push(finding) };
    assert.equal((await verifyStore(engine, store, options)).removed, 4);
    for (const { text } of repaired) assert.match(text, /: removed$/);
    assert.deepEqual((await Array.fromAsync(store.list())).sort(), ids.filter((id) => !damaged.includes(id)));
    assert.equal((await verifyStore(engine, store)).invalid, 0);
  });
}

Deno.test("verifyStore() counts chunks that cannot be read, and never deletes them", async () => {
  await using dir = await tempDir();
  await using open = await openStore(dir);
  const { engine, store, ids } = open;
  const id = ids[3]!;
  await Deno.rename(open.pathOf(id), dir.join("chunk"));
  await Deno.symlink(dir.join("chunk"), open.pathOf(id));
  const found: Finding[] = [];
  const onFinding = (finding: Finding) => found.push(finding);
  const result = await verifyStore(engine, store, { repair: true, onFinding });
  assert.deepEqual(result, { chunks: ids.length, invalid: 0, unreadable: 1, removed: 0 });
  assert.equal(found[0]!.subject, id);
  assert.ok((await Deno.lstat(open.pathOf(id))).isSymlink);
});

Deno.test("verifyStore() verifies by the engine's digest", async () => {
  await using dir = await tempDir();
  await using open = await openStore(dir);
  await using engine = await openTestEngine({ threads: 1, digest: "sha256" });
  const result = await verifyStore(engine, open.store);
  assert.equal(result.invalid, result.chunks);
});

Deno.test("verifyStore() throws UnsupportedError for a store that is no directory", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  await using store = await objectStore(undefined, engine.tools.digest);
  await assert.rejects(verifyStore(engine, store), UnsupportedError);
});

Deno.test("verifyStore() throws the reason of its signal", async () => {
  await using dir = await tempDir();
  await using open = await openStore(dir);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(verifyStore(open.engine, open.store, { signal }), (error) => error === reason);
});
