import assert from "node:assert/strict";
import { CONTROL, newControl, shareBytes, shareNumbers } from "../../../lib/concurrency/task.ts";
import { chunkDirectories, chunkDirectory } from "../../../lib/store/recipe.ts";
import type { ChunkTask } from "../../../lib/concurrency/chunk_task.ts";
import type { RowTask } from "../../../lib/concurrency/row_task.ts";
import { openEngine } from "../../../lib/concurrency/worker_pool.ts";
import { ChunkInvalidError } from "../../../lib/errors.ts";
import { verifyIndex } from "../../../lib/ops/verify_index.ts";
import { indexOf, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { directoryStore, fill } from "../../support/stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { toColumns } from "../../../lib/assemble/runs.ts";
import type { Index } from "../../../lib/format/index_file.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };

/** Compares a file with its index, a row a unit of work. */
function checkTask(index: Index, path: string): RowTask {
  return {
    kind: "rows",
    control: newControl(),
    operation: { kind: "check", strict: true },
    ids: shareBytes(index.ids),
    ends: shareNumbers(index.ends),
    outcomes: new Uint8Array(new SharedArrayBuffer(index.ends.length)),
    runs: toColumns(Array.from(index.ends, (_, row) => [row, 1, 0, 0])),
    path,
  };
}

async function writeBlob(dir: TempDir, size = 300_000) {
  await using engine = await openTestEngine({ threads: 1 });
  const bytes = noise(size);
  const path = dir.join("blob");
  await Deno.writeFile(path, bytes);
  return { bytes, path, index: await indexOf(bytes, { sizes: SIZES, digest: engine.tools.digest }) };
}

Deno.test("openEngine() refuses numbers of threads that make no sense", async () => {
  for (const threads of [0, -1, 1.5, NaN, Infinity]) {
    await assert.rejects(openEngine({ threads }), RangeError);
  }
});

Deno.test("openEngine() uses all cores unless told otherwise", async () => {
  await using engine = await openEngine();
  assert.equal(engine.threads, navigator.hardwareConcurrency);
  assert.equal(engine.digest, "sha512-256");
});

Deno.test("Engine.run() works on all units once, whatever the number of threads", async () => {
  await using dir = await tempDir();
  const { path, index } = await writeBlob(dir);
  for (const threads of [1, 2, 3, 5]) {
    await using engine = await openTestEngine({ threads });
    for (let round = 0; round < 3; round++) {
      const task = checkTask(index, path);
      const progress: number[] = [];
      await engine.run(task, { work: 1, onProgress: (done) => progress.push(done) });
      assert.ok(task.outcomes.every((outcome) => outcome === 1));
      assert.equal(Atomics.load(task.control, CONTROL.done), index.ends.length);
      assert.equal(progress.at(-1), index.ends.length);
      assert.deepEqual(progress, progress.toSorted((a, b) => a - b));
    }
  }
});

Deno.test("Engine.run() starts no worker for less work than minWork", async () => {
  await using dir = await tempDir();
  const { path, index } = await writeBlob(dir);
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor() {
      super("data:text/javascript,");
      throw new Error("a worker was started");
    }
  };
  try {
    await using engine = await openEngine({ threads: 4, minWork: 1000 });
    await engine.run(checkTask(index, path), { work: 999 });
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("Engine.run() throws the error of any thread with its class and fields, and stays usable", async () => {
  await using dir = await tempDir();
  const { path, bytes, index } = await writeBlob(dir);
  const damaged = bytes.slice();
  damaged[150_000]! ^= 1;
  for (const threads of [1, 2, 4]) {
    await using engine = await openTestEngine({ threads });
    for (let round = 0; round < 5; round++) {
      await Deno.writeFile(path, damaged);
      await assert.rejects(verifyIndex(engine, { index, path }), (error) => {
        assert.ok(error instanceof ChunkInvalidError);
        assert.equal(error.code, "CHUNK_INVALID");
        assert.match(error.id, /^[0-9a-f]{64}$/);
        return true;
      });
      await Deno.writeFile(path, bytes);
      await verifyIndex(engine, { index, path });
    }
  }
});

Deno.test("Engine.run() does not count what was counted before a failure", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 3 });
  const { digest } = engine.tools;
  await using full = await directoryStore(dir.join("full"), { form: "zstd", digest });
  const bytes = noise(150_000);
  const index = await indexOf(bytes, { sizes: SIZES, digest });
  await fill(full, bytes, { sizes: SIZES, digest });
  const copy = (name: string, ids: Uint8Array): ChunkTask => ({
    kind: "chunks",
    control: newControl(),
    operation: {
      kind: "copy",
      sources: chunkDirectories(full)!,
      target: { root: dir.join(name), form: "zstd" },
      maxSize: SIZES.max,
    },
    ids: shareBytes(ids),
  });
  for (let round = 0; round < 4; round++) {
    const name = `target${round}`;
    await Deno.mkdir(dir.join(name));
    // One chunk that is nowhere makes each thread fail at a different place.
    const ids = index.ids.slice();
    for (const row of [60, 70, 80]) ids.fill(row, 32 * row, 32 * row + 32);
    await assert.rejects(engine.run(copy(name, ids), { work: 1 }));
    const before = (await Array.fromAsync(chunkFiles(dir.join(name)))).length;
    const counters = await engine.run(copy(name, index.ids), { work: 1 });
    assert.equal(counters.get("copied"), index.ends.length - before);
  }
});

async function* chunkFiles(root: string): AsyncGenerator<string> {
  for await (const prefix of Deno.readDir(root)) {
    for await (const { name } of Deno.readDir(`${root}/${prefix.name}`)) yield name;
  }
}

Deno.test("Engine.run() tells the main thread what any thread finds", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 3 });
  const { digest } = engine.tools;
  await using store = await directoryStore(dir.path, { form: "plain", digest });
  const bytes = noise(300_000);
  const index = await indexOf(bytes, { sizes: SIZES, digest });
  await fill(store, bytes, { sizes: SIZES, digest });
  const damaged = new Set<string>();
  for await (const id of store.list()) {
    if (damaged.size === 20) break;
    await Deno.writeTextFile(dir.join(id.slice(0, 4), id), "damaged");
    damaged.add(id);
  }
  const found: string[] = [];
  const task: ChunkTask = {
    kind: "chunks",
    control: newControl(),
    operation: { kind: "verify", directory: chunkDirectory(store)!, repair: false },
    ids: shareBytes(index.ids),
  };
  const counters = await engine.run(task, { work: 1, onFinding: ({ subject }) => found.push(subject) });
  assert.deepEqual(found.toSorted(), [...damaged].sort());
  assert.equal(counters.get("invalid"), 20);
});

Deno.test("Engine.run() throws the reason of its signal once all threads have stopped", async () => {
  await using dir = await tempDir();
  const { path, index } = await writeBlob(dir);
  const reason = new Error("enough");
  for (const threads of [1, 3]) {
    await using engine = await openTestEngine({ threads });
    const task = checkTask(index, path);
    const signal = AbortSignal.abort(reason);
    await assert.rejects(engine.run(task, { work: 1, signal }), (error) => error === reason);
    const done = Atomics.load(task.control, CONTROL.done);
    await engine.run(checkTask(index, path), { work: 1 });
    assert.equal(Atomics.load(task.control, CONTROL.done), done);
  }
});

Deno.test("Engine does without workers that cannot be started, and can be disposed of", async () => {
  await using dir = await tempDir();
  const { path, index } = await writeBlob(dir);
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor() {
      super("data:text/javascript,throw new Error('no such module')", { type: "module" });
    }
  };
  try {
    await using engine = await openTestEngine({ threads: 3 });
    for (let round = 0; round < 2; round++) {
      const task = checkTask(index, path);
      await engine.run(task, { work: 1 });
      assert.equal(Atomics.load(task.control, CONTROL.done), index.ends.length);
    }
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("Engine can be disposed of before it has worked", async () => {
  await using _engine = await openTestEngine({ threads: 4 });
});
