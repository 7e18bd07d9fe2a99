import assert from "node:assert/strict";
import { runCli } from "../support/cli.ts";
import { concat } from "../support/blobs.ts";
import "../support/engine.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { xorshift } from "../support/xorshift.ts";
import { assertSameFile, runPeer, runProgram } from "./programs.ts";

const casync = peer("casync");
const { ignore } = casync;

const NOISE = xorshift(400_000);
/** Chunks that differ, a repeated one, and runs of zeros. */
const BLOB = concat(
  NOISE,
  new Uint8Array(600_000),
  NOISE.subarray(0, 100_000),
  new TextEncoder().encode("compressible ".repeat(9000)),
);

/** What both programs made of the same blob. */
interface Stores {
  readonly blob: string;
  readonly ours: { readonly index: string; readonly store: string };
  readonly theirs: { readonly index: string; readonly store: string };
}

async function makeStores(dir: TempDir, digest = "sha512-256"): Promise<Stores> {
  const stores = {
    blob: dir.join("blob"),
    ours: { index: dir.join("ours.caibx"), store: dir.join("ours.castr") },
    theirs: { index: dir.join("theirs.caibx"), store: dir.join("theirs.castr") },
  };
  await Deno.writeFile(stores.blob, BLOB);
  await Deno.mkdir(stores.ours.store);
  await run(["--digest", digest, "make", "-s", stores.ours.store, stores.ours.index, stores.blob]);
  const { index, store } = stores.theirs;
  const options = [`--digest=${digest}`, `--store=${store}`];
  await runPeer(casync.require(), ["make", ...options, index, stores.blob]);
  return stores;
}

/** Runs a command line that has to succeed. @returns What it wrote to standard output. */
async function run(argv: readonly string[]): Promise<Uint8Array> {
  const { code, stdoutBytes, stderr } = await runCli(argv);
  assert.deepEqual([code, stderr], [0, ""], argv.join(" "));
  return stdoutBytes;
}

async function chunkFiles(store: string): Promise<string[]> {
  const names: string[] = [];
  for await (const prefix of Deno.readDir(store)) {
    for await (const { name } of Deno.readDir(`${store}/${prefix.name}`)) {
      names.push(`${prefix.name}/${name}`);
    }
  }
  return names.sort();
}

for (const digest of ["sha512-256", "sha256"]) {
  Deno.test({
    name:
      `make writes index and chunk names as casync does, and each extracts what the other made (${digest})`,
    ignore,
    async fn() {
      await using dir = await tempDir();
      const { blob, ours, theirs } = await makeStores(dir, digest);
      await assertSameFile(ours.index, theirs.index);
      assert.deepEqual(await chunkFiles(ours.store), await chunkFiles(theirs.store));

      const byCasync = dir.join("extracted-by-casync");
      await runPeer(casync.require(), ["extract", `--store=${ours.store}`, ours.index, byCasync]);
      await assertSameFile(byCasync, BLOB);
      const byUs = dir.join("extracted");
      await run(["extract", "-s", theirs.store, theirs.index, byUs]);
      await assertSameFile(byUs, BLOB);
      assert.deepEqual(await run(["cat", "-s", theirs.store, theirs.index]), BLOB);
      await run(["verify-index", theirs.index, blob]);
      await run(["--digest", digest, "verify", "-s", theirs.store]);
    },
  });
}

Deno.test({
  name: "make and casync write indexes into each other's stores without writing a chunk twice",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const { blob, ours, theirs } = await makeStores(dir);
    const times = async (store: string) => {
      const files = await chunkFiles(store);
      return await Promise.all(files.map(async (name) => (await Deno.stat(`${store}/${name}`)).ino));
    };
    const before = [await times(ours.store), await times(theirs.store)];
    await run(["make", "-s", theirs.store, dir.join("again.caibx"), blob]);
    await runPeer(casync.require(), ["make", `--store=${ours.store}`, dir.join("again.caibx"), blob]);
    assert.deepEqual([await times(ours.store), await times(theirs.store)], before);
  },
});

Deno.test({
  name: "cache and chop fill stores that casync extracts from",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const { blob, theirs } = await makeStores(dir);
    const [cached, chopped] = [dir.join("cached"), dir.join("chopped")];
    await run(["cache", "--create", "-s", theirs.store, "-c", cached, theirs.index]);
    await run(["chop", "--create", "-s", chopped, theirs.index, blob]);
    for (const store of [cached, chopped]) {
      assert.deepEqual(await chunkFiles(store), await chunkFiles(theirs.store));
      const output = `${store}.output`;
      await runPeer(casync.require(), ["extract", `--store=${store}`, theirs.index, output]);
      await assertSameFile(output, BLOB);
    }
  },
});

Deno.test({
  name: "prune removes chunks that casync wrote, and casync's gc those that make wrote",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const { ours, theirs } = await makeStores(dir);
    const small = dir.join("small");
    await Deno.writeFile(small, NOISE.subarray(0, 50_000));
    const index = dir.join("small.caibx");
    await run(["make", "-s", ours.store, index, small]);
    await run(["cache", "-s", ours.store, "-c", theirs.store, index]);

    await run(["prune", "--yes", "-s", theirs.store, index]);
    await runPeer(casync.require(), ["gc", `--store=${ours.store}`, index]);
    assert.deepEqual(await chunkFiles(theirs.store), await chunkFiles(ours.store));
    const output = dir.join("output");
    await run(["extract", "-s", theirs.store, index, output]);
    await assertSameFile(output, small);
  },
});

Deno.test({
  name: "extract rebuilds the archive of casync's archive index, and make writes that index from it",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const tree = dir.join("tree");
    await Deno.mkdir(`${tree}/sub`, { recursive: true });
    await Deno.writeFile(`${tree}/sub/noise`, NOISE);
    await Deno.writeTextFile(`${tree}/text`, "hello world\n");
    const [archive, index, store] = [dir.join("tree.catar"), dir.join("tree.caidx"), dir.join("store")];
    await runPeer(casync.require(), ["make", archive, tree]);
    await runPeer(casync.require(), ["make", `--store=${store}`, index, tree]);

    await run(["extract", "-s", store, index, dir.join("output")]);
    await assertSameFile(dir.join("output"), archive);
    await run(["make", dir.join("ours.caidx"), archive]);
    await assertSameFile(dir.join("ours.caidx"), index);
    await runPeer(casync.require(), ["make", `--store=${store}`, dir.join("blob.caibx"), archive]);
    await run(["make", dir.join("ours.caibx"), archive]);
    await assertSameFile(dir.join("ours.caibx"), dir.join("blob.caibx"));
  },
});

for (const compression of ["xz", "gzip"]) {
  Deno.test({
    name: `Commands that read a store in which casync used ${compression} fail with an error that says so`,
    ignore,
    async fn() {
      await using dir = await tempDir();
      const [blob, index, store] = [dir.join("blob"), dir.join("blob.caibx"), dir.join("store")];
      await Deno.writeFile(blob, NOISE.subarray(0, 100_000));
      const options = [`--compression=${compression}`, `--store=${store}`];
      await runPeer(casync.require(), ["make", ...options, index, blob]);
      const before = await chunkFiles(store);
      await Deno.mkdir(dir.join("target"));

      for (
        const argv of [
          ["extract", "-s", store, index, dir.join("output")],
          ["extract", "-s", store, "-c", dir.join("target"), index, dir.join("output")],
          ["cat", "-s", store, index],
          ["cat", "-s", store, index, dir.join("output")],
          ["cache", "-s", store, "-c", dir.join("target"), index],
          ["verify", "-s", store],
        ]
      ) {
        const { code, stdout, stderr } = await runCli(argv);
        assert.deepEqual([code, stdout], [1, ""], argv.join(" "));
        assert.match(stderr, new RegExp(`compressed with ${compression}, which is not supported`));
      }
      assert.deepEqual(await chunkFiles(dir.join("target")), []);
      assert.deepEqual(await chunkFiles(store), before);
      const left = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name);
      assert.deepEqual(left.sort(), ["blob", "blob.caibx", "store", "target"]);
    },
  });
}

Deno.test({
  name:
    "extract with a damaged cache that casync filled replaces the damaged chunks so that casync can read them",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const { ours, theirs } = await makeStores(dir);
    for (const name of await chunkFiles(theirs.store)) {
      await Deno.chmod(`${theirs.store}/${name}`, 0o644);
      await Deno.writeTextFile(`${theirs.store}/${name}`, "damaged");
    }
    const output = dir.join("output");
    const broken = await runProgram(casync.require(), [
      "extract",
      `--store=${theirs.store}`,
      theirs.index,
      output,
    ]);
    assert.notEqual(broken.code, 0);
    await run(["extract", "-s", ours.store, "-c", theirs.store, theirs.index, output]);
    await assertSameFile(output, BLOB);
    // The chunk of zeros, which extract made by itself.
    assert.equal((await runCli(["verify", "-r", "-s", theirs.store])).code, 1);
    await run(["cache", "-s", ours.store, "-c", theirs.store, theirs.index]);
    await Deno.remove(output);
    await runPeer(casync.require(), ["extract", `--store=${theirs.store}`, theirs.index, output]);
    await assertSameFile(output, BLOB);
  },
});
