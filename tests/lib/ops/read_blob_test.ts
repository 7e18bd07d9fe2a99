import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { Chunk } from "../../../lib/chunk.ts";
import { type ChunkId, formatChunkId } from "../../../lib/chunk_id.ts";
import type { Engine } from "../../../lib/concurrency/worker_pool.ts";
import { ChunkInvalidError, ChunkMissingError, StoreError } from "../../../lib/errors.ts";
import { blobSize, type Index, rowCount, rowSize } from "../../../lib/format/index_file.ts";
import { readBlob, type ReadBlobOptions } from "../../../lib/ops/read_blob.ts";
import { openStore } from "../../../lib/store/recipe.ts";
import type { ChunkStore, WritableChunkStore } from "../../../lib/store/types.ts";
import { buildBlob, concat, equal, indexOf, noise, pieces } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { SlowObjects, type SlowObjectsOptions } from "../../support/slow_objects.ts";
import { directoryStore, fill, objectStore } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 512, avg: 2048, max: 8192 };

async function read(engine: Engine, options: ReadBlobOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of readBlob(engine, options)) {
    assert.ok(part.length > 0);
    parts.push(part.slice());
  }
  return concat(...parts);
}

/** A blob in a store of some kind. */
interface Stored extends AsyncDisposable {
  readonly index: Index;
  readonly store: ChunkStore;
  readonly bytes: Uint8Array;
  readonly objects: SlowObjects;
}

type StoreKind = "zstd" | "plain" | "two directories" | "slow";

async function storeBlob(
  engine: Engine,
  dir: TempDir,
  options: { readonly bytes: Uint8Array; readonly kind: StoreKind; readonly slow?: SlowObjectsOptions },
): Promise<Stored> {
  const { bytes, kind } = options;
  const { digest } = engine.tools;
  const objects = new SlowObjects(options.slow);
  const store = await openKind();
  return {
    index: await indexOf(bytes, { sizes: SIZES, digest }),
    store,
    bytes,
    objects,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };

  async function openKind(): Promise<ChunkStore> {
    if (kind === "slow") {
      await filled(await objectStore(objects.inner, digest));
      return await objectStore(objects, digest);
    }
    if (kind !== "two directories") {
      return await filled(await directoryStore(dir.join(kind), { form: kind, digest }));
    }
    const first = await directoryStore(dir.join("first"), { form: "plain", digest });
    const second = await filled(await directoryStore(dir.join("second"), { form: "zstd", digest }));
    // Half of the chunks are in the first directory, which is asked first.
    for await (const id of second.list()) {
      if (parseInt(id[0]!, 16) % 2 === 0) continue;
      await first.put((await second.get(id))!);
      await second.remove(id);
    }
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    return await openStore({ kind: "router", members: [first.recipe!, second.recipe!] }, { digest });
  }

  async function filled<T extends WritableChunkStore>(store: T): Promise<T> {
    await fill(store, bytes, { sizes: SIZES, digest });
    return store;
  }
}

for (const kind of ["zstd", "plain", "two directories", "slow"] as const) {
  Deno.test(`readBlob() gives any part of a blob (${kind})`, async () => {
    await using engines = new AsyncDisposableStack();
    const byThreads: Engine[] = [];
    for (const threads of [1, 2, 3]) byThreads.push(engines.use(await openTestEngine({ threads })));
    const part = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(
        pieces({ maxSize: 30_000 }),
        fc.array(part, { maxLength: 6 }),
        async (parts, ranges) => {
          await using dir = await tempDir();
          const bytes = buildBlob(parts);
          await using blob = await storeBlob(byThreads[0]!, dir, { bytes, kind });
          for (const [i, [from, length]] of ranges.entries()) {
            const engine = byThreads[i % byThreads.length]!;
            const offset = Math.floor(from * bytes.length);
            const size = Math.floor(length * (bytes.length - offset));
            const found = await read(engine, { ...blob, offset, size, concurrency: 1 + i });
            assert.ok(equal(found, bytes.subarray(offset, offset + size)), `${size} bytes at ${offset}`);
            assert.ok(
              equal(await read(engine, { ...blob, offset }), bytes.subarray(offset)),
              `from ${offset}`,
            );
          }
          for (const engine of byThreads) assert.ok(equal(await read(engine, blob), bytes));
          assert.equal(blob.objects.running, 0);
        },
      ),
      { numRuns: 10 },
    );
  });
}

Deno.test("readBlob() passes on more chunks than its window holds", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 3 });
  const sizes = { min: 1 << 18, avg: 1 << 19, max: 2 << 20 };
  const { digest } = engine.tools;
  await using store = await directoryStore(dir.path, { form: "plain", digest });
  const bytes = noise(16 << 20);
  await fill(store, bytes, { sizes, digest });
  const index = await indexOf(bytes, { sizes, digest });
  assert.ok(equal(await read(engine, { index, store }), bytes));
});

Deno.test("readBlob() does not mind what becomes of bytes that it handed out", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine();
  await using blob = await storeBlob(engine, dir, { bytes: noise(400_000), kind: "plain" });
  const parts: Uint8Array[] = [];
  for await (const part of readBlob(engine, blob)) {
    parts.push(part.slice());
    part.fill(0);
  }
  assert.ok(equal(concat(...parts), blob.bytes));
});

Deno.test("readBlob() refuses parts that are not inside the blob", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 1 });
  await using blob = await storeBlob(engine, dir, { bytes: noise(1000), kind: "slow" });
  for (
    const part of [{ offset: -1 }, { offset: 1001 }, { size: 1001 }, { offset: 500, size: 501 }, { size: -1 }]
  ) {
    await assert.rejects(read(engine, { ...blob, ...part }), RangeError);
  }
  assert.equal((await read(engine, { ...blob, offset: 1000 })).length, 0);
  assert.equal((await read(engine, { ...blob, size: 0 })).length, 0);
});

Deno.test("readBlob() ends all work when the consumer stops early", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 3 });
  for (const kind of ["zstd", "slow"] as const) {
    await using blob = await storeBlob(engine, dir, { bytes: noise(400_000), kind });
    for (let round = 0; round < 3; round++) {
      for await (const part of readBlob(engine, blob)) {
        assert.ok(equal(part, blob.bytes.subarray(0, part.length)));
        break;
      }
      assert.equal(blob.objects.running, 0);
    }
    assert.ok(equal(await read(engine, blob), blob.bytes));
  }
});

Deno.test("readBlob() reads no further ahead than its window while the consumer waits", async () => {
  await using engine = await openTestEngine();
  await using dir = await tempDir();
  await using blob = await storeBlob(engine, dir, {
    bytes: noise(5_000_000),
    kind: "slow",
    slow: { delay: () => 0 },
  });
  const parts = readBlob(engine, { ...blob, concurrency: 4 });
  await parts.next();
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  // Slots of the largest chunk's size fill 8 MiB, and what was handed out left some of them.
  const window = Math.floor((8 << 20) / largestRow(blob.index));
  assert.ok(blob.objects.calls.get <= window + 4, `${blob.objects.calls.get} chunks were read`);
  assert.ok(rowCount(blob.index) > window + 8);
  await parts.return(undefined);
});

function largestRow(index: Index): number {
  return Math.max(...Array.from({ length: rowCount(index) }, (_, row) => rowSize(index, row)));
}

Deno.test("readBlob() throws the reason of its signal", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 3 });
  const reason = new Error("enough");
  for (const kind of ["zstd", "slow"] as const) {
    await using blob = await storeBlob(engine, dir, { bytes: noise(400_000), kind });
    for (const before of [0, 1]) {
      const abort = new AbortController();
      let count = 0;
      if (before === 0) abort.abort(reason);
      const reading = (async () => {
        for await (const _part of readBlob(engine, { ...blob, signal: abort.signal })) {
          if (++count === before) abort.abort(reason);
        }
      })();
      await assert.rejects(reading, (error) => error === reason);
      assert.equal(blob.objects.running, 0);
    }
    assert.ok(equal(await read(engine, { ...blob, signal: new AbortController().signal }), blob.bytes));
  }
});

Deno.test("readBlob() gives what comes before a chunk that is missing or damaged, and throws", async () => {
  await using engines = new AsyncDisposableStack();
  for (const threads of [1, 3]) {
    const engine = engines.use(await openTestEngine({ threads }));
    for (const kind of ["zstd", "plain", "slow"] as const) {
      await using dir = await tempDir();
      await using blob = await storeBlob(engine, dir, { bytes: noise(300_000), kind });
      const row = 100;
      const id = formatChunkId(blob.index.ids, 32 * row);
      const good = (await blob.store.get(id))!;
      const offset = blob.index.ends[row - 1]!;
      for (const damage of ["missing", "damaged"] as const) {
        if (damage === "missing") await remove(blob.store, id);
        else await (blob.store as WritableChunkStore).put(Chunk.fromPlain(id, noise(good.plain().length, 5)));
        const parts: Uint8Array[] = [];
        const reading = (async () => {
          for await (const part of readBlob(engine, blob)) parts.push(part.slice());
        })();
        await assert.rejects(reading, (error) => {
          assert.ok(error instanceof (damage === "missing" ? ChunkMissingError : ChunkInvalidError));
          assert.equal(error.id, id);
          return true;
        });
        const got = concat(...parts);
        assert.ok(got.length <= offset && equal(got, blob.bytes.subarray(0, got.length)));
        // What does not need the chunk can still be read.
        assert.ok(equal(await read(engine, { ...blob, size: offset }), blob.bytes.subarray(0, offset)));
        const next = { offset: blob.index.ends[row]! };
        assert.ok(equal(await read(engine, { ...blob, ...next }), blob.bytes.subarray(next.offset)));
      }
      assert.equal(blob.objects.running, 0);
    }
  }
});

async function remove(store: ChunkStore, id: ChunkId): Promise<void> {
  assert.ok(await (store as ChunkStore & { remove(id: ChunkId): Promise<boolean> }).remove(id));
}

Deno.test("readBlob() throws ChunkInvalidError if the index gives a chunk another size", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 2 });
  for (const kind of ["zstd", "plain", "slow"] as const) {
    await using blob = await storeBlob(engine, dir, { bytes: noise(10_000), kind });
    for (const shift of [-1, 1]) {
      const ends = blob.index.ends.map((end, row) => row === 2 ? end + shift : end);
      await assert.rejects(read(engine, { ...blob, index: { ...blob.index, ends } }), ChunkInvalidError);
    }
    assert.equal(blobSize(blob.index), 10_000);
  }
});

Deno.test("readBlob() throws a store's failure after all calls to it have ended", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 2 });
  let failing = false;
  await using blob = await storeBlob(engine, dir, {
    bytes: noise(100_000),
    kind: "slow",
    slow: { fails: (call) => failing && call % 17 === 0 },
  });
  failing = true;
  await assert.rejects(read(engine, blob), StoreError);
  assert.equal(blob.objects.running, 0);
});
