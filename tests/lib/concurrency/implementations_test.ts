import assert from "node:assert/strict";
import { libc } from "../../../ffi/libc.ts";
import { libcrypto } from "../../../ffi/libcrypto.ts";
import { libzstd } from "../../../ffi/libzstd.ts";
import { FileSource } from "../../../lib/concurrency/blob_source.ts";
import type { EngineImplementations } from "../../../lib/concurrency/thread_tools.ts";
import { decodeIndex, encodeIndex } from "../../../lib/format/index_file.ts";
import { chopFile } from "../../../lib/ops/chop.ts";
import { extractBlob } from "../../../lib/ops/extract.ts";
import { makeIndex } from "../../../lib/ops/make.ts";
import { readBlob } from "../../../lib/ops/read_blob.ts";
import { verifyStore } from "../../../lib/ops/verify.ts";
import { verifyIndex } from "../../../lib/ops/verify_index.ts";
import { FileSeed } from "../../../lib/seed/seed.ts";
import { openLocalChunkStore } from "../../../lib/store/local.ts";
import { concat, equal, noise, writeSparse } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 4096, avg: 16_384, max: 65_536 };
const TEXT = new Uint8Array(200_000).map((_, i) => 97 + (i * i >> 7) % 26);
const PARTS = [noise(300_000), new Uint8Array(100_000), TEXT, new Uint8Array(20_000), noise(300_000)];
const BYTES = concat(...PARTS);
const PROGRAM = new URL("../../../cli/main.ts", import.meta.url);

const absent = (library: unknown) => library === undefined;

for (
  const { ignore = false, ...implementations } of [
    { posix: "ffi", ignore: absent(libc()) },
    { posix: "deno" },
    { digest: "ffi", ignore: absent(libcrypto()) },
    { digest: "node" },
    { digest: "portable" },
    { zstd: "ffi", ignore: absent(libzstd()) },
    { zstd: "node" },
    { zstd: "wasm" },
    { scanner: "wasm" },
    { scanner: "plain" },
    { posix: "deno", digest: "portable", zstd: "wasm", scanner: "plain" },
  ] as readonly (EngineImplementations & { readonly ignore?: boolean })[]
) {
  const name = Object.entries(implementations).map((entry) => entry.join(" ")).join(", ");
  Deno.test({
    name: `Engine does the same with ${name} as with what is fastest`,
    ignore,
    async fn() {
      await using dir = await tempDir();
      await using usual = await openTestEngine({ threads: 1 });
      await using engine = await openTestEngine({ threads: 3, implementations });
      const { tools } = engine;
      assert.equal(tools.posix.implementation, implementations.posix ?? usual.tools.posix.implementation);
      assert.equal(tools.digest.implementation, implementations.digest ?? usual.tools.digest.implementation);
      assert.equal(tools.zstd.implementation, implementations.zstd ?? usual.tools.zstd.implementation);

      const path = dir.join("blob");
      await writeSparse(path, PARTS);
      const open = (name: string) =>
        openLocalChunkStore(dir.join(name), { digest: usual.tools.digest, create: true });
      const [store, expectedStore, copies] = [
        await open("store"),
        await open("expected"),
        await open("copies"),
      ];
      using file = tools.posix.open(path);
      using usualFile = usual.tools.posix.open(path);
      const { index } = await makeIndex(engine, new FileSource(file), { sizes: SIZES, store });
      const expected = await makeIndex(usual, new FileSource(usualFile), {
        sizes: SIZES,
        store: expectedStore,
      });
      assert.deepEqual(encodeIndex(index), encodeIndex(expected.index));

      // Each reads what the other has written.
      for (const [worker, from] of [[engine, expectedStore], [usual, store]] as const) {
        assert.equal((await verifyStore(worker, from)).invalid, 0);
        const older = dir.join("older");
        await Deno.writeFile(older, BYTES.subarray(0, 250_000));
        using olderFile = worker.tools.posix.open(older);
        const seed = new FileSeed(
          older,
          (await makeIndex(worker, new FileSource(olderFile), { sizes: SIZES })).index,
        );
        for (const inPlace of [false, true]) {
          const output = dir.join("output");
          if (inPlace) await Deno.writeFile(output, noise(700_000, 3));
          await extractBlob(worker, output, { index, store: from, seeds: [seed], inPlace });
          assert.ok(equal(await Deno.readFile(output), BYTES));
          await verifyIndex(worker, { index, path: output });
        }
        const parts: Uint8Array[] = [];
        for await (const part of readBlob(worker, { index, store: from, offset: 1000 })) {
          parts.push(part.slice());
        }
        assert.ok(equal(concat(...parts), BYTES.subarray(1000)));
      }
      const unique = (await Array.fromAsync(store.list())).length;
      assert.equal(await chopFile(engine, { index, path, store: copies }), unique);
      assert.equal((await verifyStore(usual, copies)).chunks, unique);
    },
  });
}

Deno.test("Engine works, with its workers, where FFI is denied", async () => {
  await using dir = await tempDir();
  const bytes = concat(noise(12 << 20), new Uint8Array(1 << 20));
  await Deno.writeFile(dir.join("blob"), bytes);
  await Deno.mkdir(dir.join("store"));
  const run = async (...args: readonly string[]) => {
    const permissions = [
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-sys",
      "--deny-ffi",
    ];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...permissions, PROGRAM.href, ...args],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  };
  const [store, index, blob, output] = ["store", "blob.caibx", "blob", "output"].map((name) =>
    dir.join(name)
  );
  await run("make", "-s", store!, index!, blob!);
  await run("extract", "-s", store!, index!, output!);
  assert.ok(equal(await Deno.readFile(output!), bytes));
  await using engine = await openTestEngine();
  await verifyIndex(engine, { index: decodeIndex(await Deno.readFile(index!)), path: blob! });
});
