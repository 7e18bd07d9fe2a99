import assert from "node:assert/strict";
import { FileSource } from "../../../lib/concurrency/blob_source.ts";
import { shareCalls } from "../../../lib/concurrency/store_calls.ts";
import type { Engine } from "../../../lib/concurrency/worker_pool.ts";
import { ChunkInvalidError, ChunkMissingError, StoreError } from "../../../lib/errors.ts";
import type { Index } from "../../../lib/format/index_file.ts";
import { cacheChunks } from "../../../lib/ops/cache.ts";
import { chopFile } from "../../../lib/ops/chop.ts";
import { extractBlob } from "../../../lib/ops/extract.ts";
import { chunkSizes } from "../../../lib/ops/info.ts";
import { makeIndex } from "../../../lib/ops/make.ts";
import { readBlob } from "../../../lib/ops/read_blob.ts";
import type { StoreRecipe, TransportRecipe } from "../../../lib/store/recipe.ts";
import type { ChunkStore, PrunableChunkStore } from "../../../lib/store/types.ts";
import { concat, equal, indexOf, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { type ObjectServer, serveObjects, serverStore } from "../../support/object_server.ts";
import { chunksIn, directoryStore, fill } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const BYTES = concat(noise(200_000), new Uint8Array(40_000), noise(50_000), noise(300_000, 2));

/** A blob, and a server for its chunks. */
interface Scene extends AsyncDisposable {
  readonly dir: TempDir;
  readonly engine: Engine;
  readonly server: ObjectServer;
  readonly store: PrunableChunkStore;
  readonly index: Index;
  readonly path: string;
}

async function openScene(
  options: {
    readonly filled: boolean;
    readonly instead?: (number: number) => Response | Promise<Response> | undefined;
  },
): Promise<Scene> {
  await using scope = new AsyncDisposableStack();
  const dir = scope.use(await tempDir());
  const engine = scope.use(await openTestEngine({ threads: 3 }));
  const { digest } = engine.tools;
  let requests = 0;
  let isFilled = false;
  const instead = () => isFilled ? options.instead?.(++requests) : undefined;
  const server = scope.use(serveObjects({ instead }));
  const store = scope.use(await serverStore(server.url, digest));
  if (options.filled) await fill(store, BYTES, { sizes: SIZES, digest });
  isFilled = true;
  server.requests.clear();
  const path = dir.join("blob");
  await Deno.writeFile(path, BYTES);
  const index = await indexOf(BYTES, { sizes: SIZES, digest });
  const resources = scope.move();
  return { dir, engine, server, store, index, path, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function storedIds({ server }: Scene): Promise<string[]> {
  const keys = await Array.fromAsync(server.objects.list(""));
  return keys.map((key) => key.slice(5, 69)).sort();
}

async function expectedIds({ engine }: Scene): Promise<string[]> {
  return [...(await chunksIn(BYTES, { sizes: SIZES, digest: engine.tools.digest })).keys()];
}

async function readAll(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part.slice());
  return concat(...all);
}

Deno.test("extractBlob() fetches from a server, on all threads and no more at once than it may", async () => {
  await using scene = await openScene({ filled: true });
  const { engine, index, store, server } = scene;
  for (const concurrency of [1, 2, 10]) {
    server.requests.clear();
    const stats = await extractBlob(engine, scene.dir.join("out"), { index, store, concurrency });
    assert.ok(equal(await Deno.readFile(scene.dir.join("out")), BYTES));
    assert.equal(server.requests.get("GET"), stats.chunksFromStore);
    assert.ok(server.peak() <= concurrency, `${server.peak()} requests at once, ${concurrency} allowed`);
  }
});

Deno.test("readBlob() reads from a server", async () => {
  await using scene = await openScene({ filled: true });
  const { engine, index, store } = scene;
  assert.ok(equal(await readAll(readBlob(engine, { index, store })), BYTES));
  assert.ok(equal(await readAll(readBlob(engine, { index, store, concurrency: 1 })), BYTES));
  const part = readBlob(engine, { index, store, offset: 123_456, size: 300_001 });
  assert.ok(equal(await readAll(part), BYTES.subarray(123_456, 423_457)));
});

Deno.test("makeIndex() stores on a server what it does not have", async () => {
  await using scene = await openScene({ filled: false });
  const { engine, store, server } = scene;
  for (let round = 0; round < 2; round++) {
    using file = engine.tools.posix.open(scene.path);
    const { index, stored } = await makeIndex(engine, new FileSource(file), {
      sizes: SIZES,
      store,
      concurrency: 10,
    });
    assert.deepEqual(index, scene.index);
    assert.deepEqual(await storedIds(scene), await expectedIds(scene));
    if (round === 1) assert.equal(stored, 0);
    else assert.equal(stored, server.requests.get("PUT"));
  }
  assert.ok(server.peak() <= 10);
});

Deno.test("chopFile() and cacheChunks() store on a server what it does not have", async () => {
  await using scene = await openScene({ filled: false });
  const { engine, index, path, store, dir } = scene;
  assert.equal(await chopFile(engine, { index, path, store }), (await expectedIds(scene)).length);
  assert.deepEqual(await storedIds(scene), await expectedIds(scene));
  assert.equal(await chopFile(engine, { index, path, store }), 0);

  await using copy = serveObjects();
  await using target = await serverStore(copy.url, engine.tools.digest);
  await using local = await directoryStore(dir.join("local"), { form: "plain", digest: engine.tools.digest });
  const ids = [...chunkSizes(index).keys()];
  const maxSize = SIZES.max;
  assert.equal(await cacheChunks(engine, { ids, source: store, target, maxSize }), ids.length);
  assert.equal(await cacheChunks(engine, { ids, source: store, target, maxSize }), 0);
  assert.equal(await cacheChunks(engine, { ids, source: target, target: local, maxSize }), ids.length);
  assert.deepEqual((await Array.fromAsync(local.list())).sort(), ids.sort());
  const key = (await Array.fromAsync(copy.objects.list("")))[0]!;
  assert.deepEqual(await copy.objects.get(key), await scene.server.objects.get(key), "not compressed again");
});

/** Every kind of work that calls stores. */
interface Work {
  readonly name: string;
  /** Whether the chunks have to be there. */
  readonly filled: boolean;
  run(scene: Scene, signal?: AbortSignal): Promise<unknown>;
}

const WORKS: readonly Work[] = [
  {
    name: "extractBlob()",
    filled: true,
    run: ({ engine, index, store, dir }, signal) =>
      extractBlob(engine, dir.join("out"), { index, store, signal }),
  },
  {
    name: "readBlob()",
    filled: true,
    run: ({ engine, index, store }, signal) => readAll(readBlob(engine, { index, store, signal })),
  },
  {
    name: "cacheChunks()",
    filled: true,
    async run({ engine, index, store, dir }, signal) {
      await using target = await directoryStore(dir.join("local"), {
        form: "zstd",
        digest: engine.tools.digest,
      });
      const ids = [...chunkSizes(index).keys()];
      return await cacheChunks(engine, { ids, source: store, target, maxSize: SIZES.max }, { signal });
    },
  },
  {
    name: "makeIndex()",
    filled: false,
    async run({ engine, path, store }, signal) {
      using file = engine.tools.posix.open(path);
      return await makeIndex(engine, new FileSource(file), { sizes: SIZES, store, signal });
    },
  },
  {
    name: "chopFile()",
    filled: false,
    run: ({ engine, index, path, store }, signal) => chopFile(engine, { index, path, store }, { signal }),
  },
];

Deno.test.each(WORKS)("$name ends when a request of any thread fails", async ({ filled, run }) => {
  for (const failing of [1, 7, 60, 200]) {
    const instead = (number: number) =>
      number === failing ? new Response("full", { status: 507 }) : undefined;
    await using scene = await openScene({ filled, instead });
    await assert.rejects(run(scene), (error) => error instanceof StoreError && /507/.test(error.message));
    // The engine can be used again.
    using file = scene.engine.tools.posix.open(scene.path);
    const { index } = await makeIndex(scene.engine, new FileSource(file), { sizes: SIZES });
    assert.deepEqual(index, scene.index);
  }
});

Deno.test.each(WORKS)("$name ends with its signal while requests stall", async ({ filled, run }) => {
  const stalled = Promise.withResolvers<Response>();
  const abort = new AbortController();
  const reason = new Error("enough");
  const instead = (number: number) => {
    if (number < 20) return undefined;
    if (number === 24) abort.abort(reason);
    return stalled.promise.then((response) => response.clone());
  };
  await using scene = await openScene({ filled, instead });
  try {
    await assert.rejects(run(scene, abort.signal), (error) => error === reason);
  } finally {
    stalled.resolve(new Response());
  }
});

Deno.test("extractBlob() names a chunk that the server lacks, or has damaged", async () => {
  await using scene = await openScene({ filled: true });
  const { engine, index, store, server, dir } = scene;
  const [id] = await storedIds(scene);
  const key = `${id!.slice(0, 4)}/${id}.cacnk`;
  await server.objects.put(key, new TextEncoder().encode("garbage"));
  const damaged = extractBlob(engine, dir.join("out"), { index, store });
  await assert.rejects(damaged, (error) => error instanceof ChunkInvalidError && error.id === id);
  await server.objects.remove(key);
  const missing = extractBlob(engine, dir.join("out"), { index, store });
  await assert.rejects(missing, (error) => error instanceof ChunkMissingError && error.id === id);
});

Deno.test("readBlob() ends its requests when the consumer stops early", async () => {
  await using scene = await openScene({ filled: true });
  const parts = readBlob(scene.engine, { index: scene.index, store: scene.store });
  await parts.next();
  await parts.return(undefined);
  assert.ok(equal(await readAll(readBlob(scene.engine, { index: scene.index, store: scene.store })), BYTES));
});

Deno.test("shareCalls() gives every thread a share, and all of them together no more than there are", () => {
  const objects = (transport: TransportRecipe): StoreRecipe => ({
    kind: "objects",
    transport,
    form: "zstd",
    verify: true,
  });
  const store = { recipe: objects({ kind: "http", url: "http://host/", options: {} }) } as ChunkStore;
  const shares = (limit: number, threads: number) => {
    const { limit: own, workers, calls } = shareCalls(limit, { threads, stores: [store] });
    assert.equal(own.start, own.max);
    return [own.max, workers, calls?.limit.max];
  };
  assert.deepEqual(shares(10, 1), [10, 0, undefined]);
  assert.deepEqual(shares(10, 2), [5, 1, 5]);
  assert.deepEqual(shares(10, 4), [4, 3, 2]);
  assert.deepEqual(shares(1, 4), [1, 0, undefined]);
  assert.deepEqual(shares(3, 8), [1, 2, 1]);
  const own = shareCalls(10, { threads: 4, stores: [store, {} as ChunkStore] });
  assert.deepEqual(own, { limit: { start: 10, max: 10 }, workers: 0, calls: undefined });
  const grown = shareCalls(undefined, { threads: 4, stores: [store] });
  assert.deepEqual([grown.limit, grown.calls?.limit], [{ start: 4, max: 16 }, { start: 2, max: 16 }]);
  const directory = { recipe: objects({ kind: "directory", path: "store" }) } as ChunkStore;
  assert.deepEqual(shareCalls(undefined, { threads: 1, stores: [directory] }).limit, { start: 10, max: 10 });
  const both = shareCalls(undefined, { threads: 1, stores: [directory, store] });
  assert.deepEqual(both.limit, { start: 10, max: 64 });
});
