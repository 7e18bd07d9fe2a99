import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ChunkSizes } from "../../../lib/chunker/sizes.ts";
import { FileSource, StreamSource } from "../../../lib/concurrency/blob_source.ts";
import { cutBlob, type CutBlobOptions } from "../../../lib/concurrency/cut_blob.ts";
import type { Engine } from "../../../lib/concurrency/worker_pool.ts";
import { ConfigError, StoreError } from "../../../lib/errors.ts";
import type { Index } from "../../../lib/format/index_file.ts";
import {
  assertSameRows,
  buildPieces,
  chunkSizes,
  concat,
  indexOf,
  noise,
  pieces,
  streamOf,
  writeSparse,
} from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { SlowObjects } from "../../support/slow_objects.ts";
import { chunksIn, directoryStore, objectStore } from "../../support/stores.ts";
import { tempDir } from "../../support/temp_dir.ts";

const SMALL: ChunkSizes = { min: 256, avg: 1024, max: 4096 };

async function cut(engine: Engine, bytes: Uint8Array, options: CutBlobOptions) {
  return finish(await cutBlob(engine, new StreamSource(streamOf(bytes)), options), options.sizes);
}

function finish(
  result: Awaited<ReturnType<typeof cutBlob>>,
  sizes: ChunkSizes,
): { index: Index; stored: number } {
  return { index: result.rows.finish({ sizes, flags: 0n }), stored: result.stored };
}

Deno.test("cutBlob() cuts what one thread would cut, from files with holes and streams in any slices", async () => {
  await using dir = await tempDir();
  await using engines = new AsyncDisposableStack();
  const byThreads: Engine[] = [];
  for (const threads of [1, 2, 3, 4]) byThreads.push(engines.use(await openTestEngine({ threads })));

  await fc.assert(
    fc.asyncProperty(
      pieces({ maxSize: 700_000 }),
      chunkSizes({ max: 300_000 }),
      fc.array(fc.nat(200_000), { maxLength: 8 }),
      fc.nat(100_000),
      async (parts, sizes, cuts, start) => {
        const built = buildPieces(parts);
        const bytes = concat(...built);
        const options = { sizes, digest: byThreads[0]!.tools.digest };
        const expected = await indexOf(bytes, options);
        const path = dir.join("blob");
        await writeSparse(path, built);
        for (const engine of byThreads) {
          const stream = await cutBlob(engine, new StreamSource(streamOf(bytes, cuts)), { sizes });
          assertSameRows(finish(stream, sizes).index, expected);
          using file = engine.tools.posix.open(path);
          const fromFile = await cutBlob(engine, new FileSource(file), { sizes });
          assertSameRows(finish(fromFile, sizes).index, expected);
        }
        using file = byThreads[1]!.tools.posix.open(path);
        const rest = await cutBlob(byThreads[1]!, new FileSource(file, start), { sizes });
        assertSameRows(finish(rest, sizes).index, await indexOf(bytes.subarray(start), options));
      },
    ),
    { numRuns: 15 },
  );
});

Deno.test("cutBlob() keeps its order over more chunks and slots than the ring has", async () => {
  await using engine = await openTestEngine({ threads: 3 });
  // 20,000 jobs pass through a ring of 4096; slots of 9 MiB are used again after three.
  for (const sizes of [{ min: 48, avg: 64, max: 256 }, { min: 64, avg: 300, max: 8 << 20 }]) {
    const bytes = concat(noise(2 << 20), new Uint8Array(5 << 20), noise(3 << 20, 2));
    const expected = await indexOf(bytes, { sizes, digest: engine.tools.digest });
    assertSameRows((await cut(engine, bytes, { sizes })).index, expected);
  }
});

for (const form of ["zstd", "plain"] as const) {
  Deno.test(`cutBlob() stores each chunk once in a directory (${form})`, async () => {
    await using engines = new AsyncDisposableStack();
    const byThreads: Engine[] = [];
    for (const threads of [1, 2, 4]) byThreads.push(engines.use(await openTestEngine({ threads })));
    await fc.assert(
      fc.asyncProperty(
        pieces({ maxSize: 60_000 }),
        fc.constantFrom(SMALL, { min: 4096, avg: 4096, max: 4096 }, { min: 1000, avg: 20_000, max: 20_000 }),
        fc.constantFrom(...byThreads),
        async (parts, sizes, engine) => {
          await using dir = await tempDir();
          await using store = await directoryStore(dir.path, { form, digest: engine.tools.digest });
          const bytes = concat(...buildPieces(parts));
          const first = await cut(engine, bytes, { sizes, store });
          const expected = await chunksIn(bytes, { sizes, digest: engine.tools.digest });
          const most = engine.threads === 1 ? expected.size : first.index.ends.length;
          assert.ok(expected.size <= first.stored && first.stored <= most, `${first.stored} stored`);
          assert.deepEqual(await storedChunks(store), expected);
          assert.equal((await cut(engine, bytes, { sizes, store })).stored, 0);
        },
      ),
      { numRuns: 20 },
    );
  });
}

/** Contents by ID of a store that has nothing else. */
async function storedChunks(store: Awaited<ReturnType<typeof directoryStore>>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const id of store.list()) found.set(id, (await store.get(id))!.plain().toHex());
  return new Map([...found].sort());
}

Deno.test("cutBlob() stores each chunk once in a store that answers late", async () => {
  await using engines = new AsyncDisposableStack();
  const byThreads: Engine[] = [];
  for (const threads of [1, 2, 3]) byThreads.push(engines.use(await openTestEngine({ threads })));
  await fc.assert(
    fc.asyncProperty(
      pieces({ maxSize: 40_000 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(...byThreads),
      async (parts, delays, concurrency, engine) => {
        const objects = new SlowObjects({ delay: (call) => delays[call % delays.length]! });
        await using store = await objectStore(objects, engine.tools.digest);
        const bytes = concat(...buildPieces(parts));
        const first = await cut(engine, bytes, { sizes: SMALL, store, concurrency });
        const expected = await chunksIn(bytes, { sizes: SMALL, digest: engine.tools.digest });
        assert.equal(first.stored, expected.size);
        assert.equal(objects.calls.put, expected.size);
        assert.deepEqual(await storedChunks(store), expected);
        assert.ok(objects.peak <= concurrency, `${objects.peak} calls at once`);
        assert.equal((await cut(engine, bytes, { sizes: SMALL, store })).stored, 0);
        assert.equal(objects.running, 0);
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("cutBlob() fails with the store's error, after all calls to it have ended", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  await fc.assert(
    fc.asyncProperty(fc.nat(60), fc.integer({ min: 1, max: 12 }), async (failing, concurrency) => {
      const objects = new SlowObjects({ fails: (call) => call === failing });
      await using store = await objectStore(objects, engine.tools.digest);
      await assert.rejects(
        cut(engine, noise(100_000), { sizes: SMALL, store, concurrency }),
        (error) => error instanceof StoreError && error.message.endsWith(`call ${failing} fails`),
      );
      assert.equal(objects.running, 0);
    }),
    { numRuns: 20 },
  );
  const { index } = await cut(engine, noise(100_000), { sizes: SMALL });
  const expected = await indexOf(noise(100_000), { sizes: SMALL, digest: engine.tools.digest });
  assertSameRows(index, expected);
});

Deno.test("cutBlob() fails if a directory cannot be written to", async () => {
  for (const threads of [1, 3]) {
    await using engine = await openTestEngine({ threads });
    await using dir = await tempDir();
    await using store = await directoryStore(dir.path, { form: "zstd", digest: engine.tools.digest });
    await Deno.remove(dir.path, { recursive: true });
    await Deno.writeTextFile(dir.path, "");
    await assert.rejects(cut(engine, noise(100_000), { sizes: SMALL, store }), StoreError);
    await Deno.remove(dir.path);
    await Deno.mkdir(dir.path);
    const { stored, index } = await cut(engine, noise(100_000), { sizes: SMALL, store });
    assert.equal(stored, index.ends.length);
  }
});

Deno.test("cutBlob() fails with the source's error, and the engine stays usable", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const broken = ReadableStream.from((async function* () {
    for (let slice = 0; slice < 40; slice++) yield noise(70_000, slice);
    throw new Error("broken pipe");
  })());
  await assert.rejects(cutBlob(engine, new StreamSource(broken), { sizes: SMALL }), {
    message: "broken pipe",
  });
  assert.equal((await cut(engine, new Uint8Array(0), { sizes: SMALL })).index.ends.length, 0);
});

Deno.test("cutBlob() fails if a chunk cannot be cut", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const sizes = { min: 1, avg: 8, max: 40 };
  await assert.rejects(cut(engine, noise(41), { sizes }), ConfigError);
  assert.deepEqual([...(await cut(engine, noise(40), { sizes })).index.ends], [40]);
});

Deno.test("cutBlob() stops when it is aborted", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const reason = new Error("stop");
  await assert.rejects(
    cut(engine, noise(100_000), { sizes: SMALL, signal: AbortSignal.abort(reason) }),
    reason,
  );
  for (const when of [1, 20]) {
    const abort = new AbortController();
    let slices = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++slices === when) abort.abort(reason);
        controller.enqueue(noise(200_000, slices));
      },
    });
    const objects = new SlowObjects();
    await using store = await objectStore(objects, engine.tools.digest);
    const options = { sizes: SMALL, store, signal: abort.signal };
    await assert.rejects(cutBlob(engine, new StreamSource(endless), options), reason);
    assert.equal(objects.running, 0);
  }
});

Deno.test("cutBlob() stops when it is aborted while a stream keeps it waiting", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const abort = new AbortController();
  const reason = new Error("stop");
  let cancelled: unknown;
  const silent = new ReadableStream<Uint8Array>({
    pull: () => {
      setTimeout(() => abort.abort(reason), 0);
      return new Promise(() => {});
    },
    cancel: (why) => {
      cancelled = why;
    },
  });
  const options = { sizes: SMALL, signal: abort.signal };
  await assert.rejects(cutBlob(engine, new StreamSource(silent), options), reason);
  assert.equal(cancelled, reason);
});

Deno.test("cutBlob() does not read holes, unless chunks can end inside them", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  await using dir = await tempDir();
  const size = 1 << 30;
  await writeSparse(dir.join("blob"), [noise(100_000), new Uint8Array(0)]);
  await Deno.truncate(dir.join("blob"), size);
  using file = engine.tools.posix.open(dir.join("blob"));
  let read = 0;
  const counting = Object.assign(Object.create(file), {
    readAt(target: Uint8Array, offset: number) {
      read += target.length;
      return file.readAt(target, offset);
    },
    size: () => file.size(),
    nextData: (offset: number) => file.nextData(offset),
    nextHole: (offset: number) => file.nextHole(offset),
  });
  const sizes = { min: 16_384, avg: 65_536, max: 262_144 };
  const { rows } = await cutBlob(engine, new FileSource(counting), { sizes });
  assert.equal(rows.size, size);
  assert.ok(rows.rows >= size / sizes.max);
  if (engine.tools.posix.implementation === "ffi") assert.ok(read < 8 << 20, `${read} bytes were read`);
});

Deno.test("cutBlob() reads a file to its end, also if it has grown since it was opened", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  await using dir = await tempDir();
  for (const grown of [10, 1 << 20, 5 << 20]) {
    await Deno.writeFile(dir.join("log"), noise(10));
    using file = engine.tools.posix.open(dir.join("log"));
    const source = new FileSource(file);
    await Deno.writeFile(dir.join("log"), noise(grown));
    const { index } = finish(await cutBlob(engine, source, { sizes: SMALL }), SMALL);
    const expected = await indexOf(noise(grown), { sizes: SMALL, digest: engine.tools.digest });
    assertSameRows(index, expected);
  }
});

Deno.test("cutBlob() tells how far it is, and all rows in order", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const bytes = noise(3 << 20);
  const progress: number[] = [];
  const ids: Uint8Array[] = [];
  const ends: number[] = [];
  const { index } = await cut(engine, bytes, {
    sizes: SMALL,
    onProgress: (size) => progress.push(size),
    onRows: async (rows) => {
      await Promise.resolve();
      ids.push(rows.ids.slice());
      ends.push(...rows.ends);
    },
  });
  assert.deepEqual(progress, progress.toSorted((a, b) => a - b));
  assert.equal(progress.at(-1), bytes.length);
  assertSameRows({ ids: concat(...ids), ends: Float64Array.from(ends) }, index);
});

Deno.test("cutBlob() fails with the error of onRows", async () => {
  await using engine = await openTestEngine({ threads: 2 });
  const onRows = () => Promise.reject(new Error("full"));
  await assert.rejects(cut(engine, noise(100_000), { sizes: SMALL, onRows }), { message: "full" });
});
