import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { SeedInvalidError, StoreError } from "../../../lib/errors.ts";
import { FileSource } from "../../../lib/concurrency/blob_source.ts";
import type { Engine } from "../../../lib/concurrency/worker_pool.ts";
import { extractBlob } from "../../../lib/ops/extract.ts";
import { makeIndex } from "../../../lib/ops/make.ts";
import { verifyIndex } from "../../../lib/ops/verify_index.ts";
import { assertSameRows, buildBlob, concat, equal, indexOf, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { openScene } from "../../support/extract_scene.ts";
import { playScenario, scenarios } from "../../support/extract_scenarios.ts";
import { canMount, loopDevice, mountTemporary, sharedSize } from "../../support/mount.ts";
import { tempDir } from "../../support/temp_dir.ts";

const BLOCK = 4096;
const SIZES = { min: 4096, avg: 16_384, max: 65_536 };
const BYTES = noise(8 << 20);
/** As long as the blob, and different only in the middle: all else is at the same place. */
const OLDER = concat(BYTES.subarray(0, 4 << 20), noise(100_000, 2), BYTES.subarray((4 << 20) + 100_000));

const without = {
  xfs: !await canMount({ kind: "xfs" }),
  btrfs: !await canMount({ kind: "btrfs" }),
  ext4: !await canMount({ kind: "ext4" }),
  device: !await canMount({ kind: "device" }),
};

for (const kind of ["xfs", "btrfs"] as const) {
  const ignore = without[kind];

  Deno.test({
    name: `extractBlob() shares the extents of a seed (${kind})`,
    ignore,
    async fn() {
      await using engine = await openTestEngine();
      await using mount = await mountTemporary({ kind });
      await using scene = await openScene(engine, { bytes: BYTES, sizes: SIZES, path: mount.path });
      const seed = await scene.seed("seed", OLDER);
      const before = await mount.used();
      const stats = await scene.extract({ seeds: [seed] });
      const grown = await mount.used() - before;
      assert.ok(equal(await Deno.readFile(scene.output), BYTES));
      assert.ok(stats.bytesCloned > 7 << 20, `${stats.bytesCloned} bytes cloned`);
      assert.ok(await sharedSize(scene.output) >= stats.bytesCloned);
      assert.ok(grown < 1 << 20, `${grown} bytes more in use`);
      assert.equal(stats.blockSize, BLOCK);
      // What is shared is not changed with the seed.
      await Deno.writeFile(seed.location, noise(OLDER.length, 3));
      assert.ok(equal(await Deno.readFile(scene.output), BYTES));
    },
  });

  Deno.test({
    name: `extractBlob() shares extents within the output (${kind})`,
    ignore,
    async fn() {
      await using engine = await openTestEngine();
      await using mount = await mountTemporary({ kind });
      const part = BYTES.subarray(0, 2 << 20);
      const bytes = concat(part, part, part, noise(100_000, 5), part);
      await using scene = await openScene(engine, { bytes, sizes: SIZES, path: mount.path });
      const before = await mount.used();
      const stats = await scene.extract();
      const grown = await mount.used() - before;
      assert.ok(equal(await Deno.readFile(scene.output), bytes));
      // The last part is not aligned like the first one.
      assert.ok(stats.bytesCloned > 3.5 * (1 << 20), `${stats.bytesCloned} bytes cloned`);
      assert.ok(await sharedSize(scene.output) > 5.5 * (1 << 20));
      assert.ok(grown < 5 << 20, `${grown} bytes more in use`);
    },
  });

  Deno.test({
    name: `extractBlob() finds damage in what it cloned (${kind})`,
    ignore,
    async fn() {
      await using engine = await openTestEngine();
      await using mount = await mountTemporary({ kind });
      await using scene = await openScene(engine, { bytes: BYTES, sizes: SIZES, path: mount.path });
      const seed = await scene.seed("seed", OLDER.with(6_000_000, OLDER[6_000_000]! ^ 1), OLDER);
      const before = await Deno.readFile(seed.location);
      await assert.rejects(scene.extract({ seeds: [seed] }), SeedInvalidError);
      assert.deepEqual(await scene.left(), []);
      for (const invalidSeeds of ["skip", "regenerate"] as const) {
        for (const inPlace of [false, true]) {
          const stats = await scene.extract({ seeds: [seed], invalidSeeds, inPlace });
          assert.ok(equal(await Deno.readFile(scene.output), BYTES));
          assert.ok(equal(await Deno.readFile(seed.location), before), "the seed is left alone");
          if (!inPlace) assert.ok(stats.bytesCloned > 0);
        }
      }
    },
  });

  Deno.test({
    name: `extractBlob() leaves nothing of what it cloned from a damaged seed (${kind})`,
    ignore,
    async fn() {
      await using engine = await openTestEngine();
      await using mount = await mountTemporary({ kind });
      // Zeros that are also in the seed, by its index: what is cloned in their place has to go again.
      const bytes = concat(new Uint8Array(4 * SIZES.max), noise(SIZES.max), new Uint8Array(4 * SIZES.max));
      await using scene = await openScene(engine, { bytes, sizes: SIZES, path: mount.path });
      const seed = await scene.seed("seed", noise(bytes.length, 2), bytes);
      for (const invalidSeeds of ["skip", "regenerate"] as const) {
        await scene.extract({ seeds: [seed], invalidSeeds });
        assert.ok(equal(await Deno.readFile(scene.output), bytes), invalidSeeds);
      }
    },
  });

  Deno.test({
    name: `extractBlob() clones what is aligned, and copies what is not (${kind})`,
    ignore,
    async fn() {
      await using engine = await openTestEngine();
      await using mount = await mountTemporary({ kind });
      await using scene = await openScene(engine, { bytes: BYTES, sizes: SIZES, path: mount.path });
      for (const [shift, clones] of [[BLOCK, true], [3 * BLOCK, true], [1, false], [512, false]] as const) {
        const seed = await scene.seed("seed", concat(noise(shift, 7), BYTES));
        const stats = await scene.extract({ seeds: [seed] });
        assert.ok(equal(await Deno.readFile(scene.output), BYTES));
        assert.equal(stats.bytesCloned > 7 << 20, clones, `shifted by ${shift}: ${stats.bytesCloned} cloned`);
        assert.equal(stats.bytesCloned > 0, clones);
      }
    },
  });

  Deno.test({
    name: `extractBlob() rebuilds the blob with shared extents in any scenario (${kind})`,
    ignore,
    async fn() {
      await using engines = new AsyncDisposableStack();
      const byThreads: Engine[] = [];
      for (const threads of [1, 2, 3]) byThreads.push(engines.use(await openTestEngine({ threads })));
      await using mount = await mountTemporary({ kind });
      let run = 0;
      let cloned = 0;
      await fc.assert(
        fc.asyncProperty(scenarios({ pieceSize: 60_000, unit: BLOCK }), async (scenario) => {
          const path = `${mount.path}/${run++}`;
          await Deno.mkdir(path);
          const { store } = scenario;
          const options = {
            bytes: buildBlob(scenario.blob),
            store,
            path,
            sizes: { min: 1024, avg: 4096, max: 16_384 },
          };
          await using scene = await openScene(byThreads[scenario.threads - 1]!, options);
          cloned += (await playScenario(scene, scenario))?.bytesCloned ?? 0;
          await Deno.remove(path, { recursive: true });
        }),
        { numRuns: 40 },
      );
      assert.ok(cloned > 0);
    },
  });
}

Deno.test({
  name: "extractBlob() copies where extents cannot be shared",
  ignore: without.xfs || without.ext4,
  async fn() {
    await using engine = await openTestEngine();
    await using plain = await openTestEngine({ implementations: { posix: "deno" } });
    await using ext4 = await mountTemporary({ kind: "ext4" });
    await using xfs = await mountTemporary({ kind: "xfs" });
    for (
      const { engine: used, from, to } of [
        { engine, from: ext4, to: ext4 },
        { engine, from: ext4, to: xfs },
        { engine, from: xfs, to: ext4 },
        { engine: plain, from: xfs, to: xfs },
      ]
    ) {
      await using scene = await openScene(used, { bytes: BYTES, sizes: SIZES, path: from.path });
      const seed = await scene.seed("seed", OLDER);
      const { index, store } = scene;
      const output = `${to.path}/copied`;
      const stats = await extractBlob(used, output, { index, store, seeds: [seed] });
      assert.ok(equal(await Deno.readFile(output), BYTES));
      assert.equal(stats.bytesCloned, 0);
      assert.ok(stats.bytesCopied > 7 << 20);
      assert.equal(await sharedSize(output), 0);
    }
  },
});

Deno.test({
  name: "extractBlob() shares extents between the subvolumes of a file system",
  ignore: without.btrfs,
  async fn() {
    await using engine = await openTestEngine();
    await using mount = await mountTemporary({ kind: "btrfs" });
    const [one, other] = [`${mount.path}/one`, `${mount.path}/other`];
    for (const path of [one, other]) {
      await new Deno.Command("btrfs", { args: ["subvolume", "create", path] }).output();
    }
    assert.notEqual((await Deno.stat(one)).dev, (await Deno.stat(other)).dev);
    await using scene = await openScene(engine, { bytes: BYTES, sizes: SIZES, path: one });
    const { index, store } = scene;
    const seed = await scene.seed("seed", OLDER);
    const stats = await extractBlob(engine, `${other}/output`, { index, store, seeds: [seed] });
    assert.ok(equal(await Deno.readFile(`${other}/output`), BYTES));
    assert.ok(stats.bytesCloned > 7 << 20, `${stats.bytesCloned} bytes cloned`);
  },
});

Deno.test({
  name: "extractBlob() writes to a block device in place, which may be larger than the blob",
  ignore: without.device,
  async fn() {
    await using engine = await openTestEngine();
    const bytes = concat(
      BYTES.subarray(0, 2 << 20),
      new Uint8Array(600_000),
      BYTES.subarray(0, 1 << 20),
      noise(777, 8),
    );
    const least = -bytes.length & 511; // A device consists of sectors of 512 bytes.
    for (const room of [least, least + (1 << 20)]) {
      await using device = await loopDevice(bytes.length + room);
      await using scene = await openScene(engine, { bytes, sizes: SIZES });
      const { index, store } = scene;
      const dirt = new Uint8Array(bytes.length + room).fill(0xff);
      await Deno.writeFile(device.path, dirt, { create: false });
      const seed = await scene.seed("seed", bytes.subarray(0, 500_000));
      const extract = () => extractBlob(engine, device.path, { index, store, seeds: [seed], inPlace: true });
      const first = await extract();
      assert.equal(first.chunksInPlace, 0);
      const found = await Deno.readFile(device.path);
      assert.ok(equal(found.subarray(0, bytes.length), bytes));
      assert.ok(
        equal(found.subarray(bytes.length), dirt.subarray(bytes.length)),
        "what follows is left alone",
      );
      await verifyIndex(engine, { index, path: device.path });
      const second = await extract();
      assert.equal(second.chunksInPlace, second.chunksTotal);
      assert.ok((await Deno.stat(device.path)).isBlockDevice);
    }
  },
});

Deno.test({
  name: "extractBlob() refuses a block device that is too small, and one that it would have to replace",
  ignore: without.device,
  async fn() {
    await using engine = await openTestEngine({ threads: 1 });
    await using device = await loopDevice(1 << 20);
    await using scene = await openScene(engine, { bytes: noise((1 << 20) + 1), sizes: SIZES });
    const { index, store } = scene;
    for (const inPlace of [true, false]) {
      await assert.rejects(extractBlob(engine, device.path, { index, store, inPlace }), StoreError);
    }
    assert.ok((await Deno.stat(device.path)).isBlockDevice);
    assert.ok((await Deno.readFile(device.path)).every((byte) => byte === 0));
  },
});

Deno.test({
  name: "makeIndex() cuts a block device",
  ignore: without.device,
  async fn() {
    await using engine = await openTestEngine();
    await using dir = await tempDir();
    const bytes = concat(BYTES.subarray(0, 1 << 20), new Uint8Array(2 << 20), BYTES.subarray(0, 1 << 20));
    await using device = await loopDevice(bytes.length);
    await Deno.writeFile(device.path, bytes, { create: false });
    for (const path of [device.path, dir.join("link")]) {
      if (path !== device.path) await Deno.symlink(device.path, path);
      using file = engine.tools.posix.open(path);
      const { index } = await makeIndex(engine, new FileSource(file), { sizes: SIZES });
      assertSameRows(index, await indexOf(bytes, { sizes: SIZES, digest: engine.tools.digest }));
    }
  },
});
