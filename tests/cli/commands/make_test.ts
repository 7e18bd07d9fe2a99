import assert from "node:assert/strict";
import { decodeIndex, encodeIndex, indexDigest } from "../../../lib/format/index_file.ts";
import { exampleFiles, exampleSpace, HELLO_ID, lcg, workspace } from "./workspace.ts";

Deno.test("make writes an index and every chunk once, and prints nothing", async () => {
  await using space = await workspace(exampleFiles());
  await space.directory("store");
  assert.equal(await space.ok("make -s @store @zeros.caibx @zeros.bin"), "");
  assert.equal((await space.list("store")).filter((name) => name.endsWith(".cacnk")).length, 2);
  const { sizes, ends } = decodeIndex(await space.read("zeros.caibx"));
  assert.deepEqual(sizes, { min: 16_384, avg: 65_536, max: 262_144 });
  assert.deepEqual([...ends], [262_144, 524_288, 614_400]);

  const before = await space.list();
  assert.equal(await space.ok("make -s @store @zeros.caibx @zeros.bin"), "");
  assert.deepEqual(await space.list(), before);
});

Deno.test("make without a store writes only the index", async () => {
  await using space = await workspace(exampleFiles());
  const before = await space.list();
  await space.ok("make -m 1:4:16 @lcg.caibx @lcg.bin");
  assert.deepEqual(await space.list(), [...before, "lcg.caibx"].sort());
  assert.deepEqual(decodeIndex(await space.read("lcg.caibx")).sizes, { min: 1024, avg: 4096, max: 16_384 });
});

Deno.test("make writes an index without rows for an empty file, and no chunk", async () => {
  await using space = await workspace(exampleFiles());
  await space.directory("store");
  await space.ok("make -s @store @empty.caibx @empty.bin");
  assert.equal((await space.read("empty.caibx")).length, 104);
  assert.deepEqual(await space.list("store"), []);
});

Deno.test("make -, of - and of a pipe gives the same index as of a file to a file", async () => {
  await using space = await workspace(exampleFiles());
  await space.directory("store");
  await space.ok("make -m 1:4:16 @lcg.caibx @lcg.bin");
  const index = await space.read("lcg.caibx");
  const { stdoutBytes } = await space.run("make -m 1:4:16 - @lcg.bin");
  assert.deepEqual(stdoutBytes, index);
  await space.ok("make -m 1:4:16 -s @store @stdin.caibx -", { stdin: await space.read("lcg.bin") });
  assert.deepEqual(await space.read("stdin.caibx"), index);
  assert.deepEqual((await space.run("make -m 1:4:16 - -", { stdin: lcg(40_000) })).stdoutBytes, index);
  await space.pipe("pipe");
  await Promise.all([space.write("pipe", lcg(40_000)), space.ok("make -m 1:4:16 @piped.caibx @pipe")]);
  assert.deepEqual(await space.read("piped.caibx"), index);
  assert.equal((await space.list("store")).filter((name) => name.endsWith(".cacnk")).length, 9);
});

Deno.test("make --digest names chunks with that digest, and says so in the index", async () => {
  await using space = await workspace(exampleFiles());
  await space.ok("make --digest sha256 @hello.caibx @hello.txt");
  const index = decodeIndex(await space.read("hello.caibx"));
  assert.equal(indexDigest(index), "sha256");
  assert.equal(index.ids.toHex(), "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447");
});

Deno.test("make --print-stats writes JSON to standard error", async () => {
  await using space = await workspace(exampleFiles());
  const { code, stdout, stderr } = await space.run("make --print-stats -m 1:4:16 @lcg.caibx @lcg.bin");
  assert.deepEqual([code, stdout], [0, ""]);
  assert.equal(stderr, '{\n  "ChunksAccepted": 9,\n  "ChunksProduced": 10\n}\n');
});

Deno.test("make --create creates the store, which must exist otherwise", async () => {
  await using space = await workspace(exampleFiles());
  assert.equal(
    await space.fails("make -s @new/store @hello.caibx @hello.txt"),
    "Cannot open store '@new/store': it does not exist",
  );
  assert(!(await space.list()).includes("hello.caibx"));
  await space.ok("make --create -s @new/store @hello.caibx @hello.txt");
  assert.deepEqual(await space.list("new"), ["store/", "store/bf73/", `store/bf73/${HELLO_ID}.cacnk`]);
});

Deno.test("make replaces an index whole, and the file that a symbolic link leads to, not the link", async () => {
  await using space = await exampleSpace();
  await space.directory("links");
  await Deno.symlink("../lcg.caibx", space.join("links/index"));
  const hello = await space.read("hello.caibx");
  await space.ok("make @links/index @hello.txt");
  assert((await Deno.lstat(space.join("links/index"))).isSymlink);
  assert.deepEqual(await space.read("lcg.caibx"), hello);
  assert.deepEqual(await space.list("links"), ["index"]);
});

Deno.test("make writes an index to a device without replacing the device", async () => {
  await using space = await workspace(exampleFiles());
  await Deno.symlink("/dev/null", space.join("null"));
  await space.ok("make @null @hello.txt");
  assert((await Deno.stat(space.join("null"))).isCharDevice);
});

Deno.test("make refuses to write an index over its data, by whatever name", async () => {
  await using space = await workspace(exampleFiles());
  await Deno.symlink("lcg.bin", space.join("link"));
  for (const [index, data] of [["lcg.bin", "lcg.bin"], ["link", "lcg.bin"], ["./lcg.bin", "link"]]) {
    assert.equal(
      await space.fails(`make @${index} @${data}`),
      `index and data are the same file: '@${data}'`,
    );
  }
  assert.deepEqual(await space.read("lcg.bin"), lcg(40_000));
});

Deno.test("make stores nothing if the index cannot be written or the file not be read", async () => {
  await using space = await workspace(exampleFiles());
  await space.directory("store");
  const before = await space.list();
  for (
    const [line, message] of [
      ["@nowhere/i @hello.txt", "Cannot write index '@nowhere/i': its directory does not exist"],
      ["@hello.txt/i @hello.txt", "Cannot write index '@hello.txt/i': its directory does not exist"],
      ["@store @hello.txt", "Cannot write index '@store': it is a directory"],
      ["foo://x @hello.txt", "Cannot open index 'foo://x': unknown scheme 'foo'"],
      ["@i @store", "Cannot read '@store': it is a directory"],
    ] as const
  ) {
    assert.equal(await space.fails(`make -s @store ${line}`), message);
  }
  assert.match(await space.fails("make -s @store @i @nofile"), /^Cannot read '@nofile': No such file/);
  assert.deepEqual(await space.list(), before);
});

Deno.test("make writes no index if a chunk cannot be stored, and leaves the old one and no temporary files", async () => {
  await using space = await exampleSpace();
  // In the way of the directory that the chunk belongs into.
  await space.directory("full");
  await space.write("full/bf73", "");
  const before = await space.list();
  const zeros = await space.read("zeros.caibx");
  for (const line of ["make -s @full @zeros.caibx @hello.txt", "make -s @full @new.caibx @hello.txt"]) {
    assert.match(await space.fails(line), /^Cannot write chunk to '@full': /);
  }
  assert.deepEqual(await space.list(), before);
  assert.deepEqual(await space.read("zeros.caibx"), zeros);
  const { code, stdoutBytes } = await space.run("make -s @full - @hello.txt");
  assert.deepEqual([code, stdoutBytes.length], [1, 0]);
});

Deno.test("make rejects what is no chunk size, no store or no number of workers", async () => {
  await using space = await workspace(exampleFiles());
  const before = await space.list();
  for (
    const [flags, message] of [
      ["-m 1:2", "invalid chunk size '1:2': expected MIN:AVG:MAX in KiB"],
      ["-m 1:2:3:4", "invalid chunk size '1:2:3:4': expected MIN:AVG:MAX in KiB"],
      ["-m 1:0x2:3", "invalid chunk size '1:0x2:3': avg is not a number"],
      ["-m 0:4:16", "chunk size MIN is too small (at least 1 KiB)"],
      ["-m -1:4:16", "chunk size MIN is too small (at least 1 KiB)"],
      ["-m 16:4:64", "chunk size MIN must not exceed AVG"],
      ["-m 16:64:32", "chunk size AVG must not exceed MAX"],
      ["-m 64:64:32", "chunk size MIN must not exceed MAX"],
      ["-m 1:4:131073", "chunk size MAX is too large (at most 131072 KiB)"],
      ["-s @hello.txt", "Cannot open store '@hello.txt': it is a file, a directory is needed"],
      ["-s foo://x", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["-s foo://user:secret@host/x", "Cannot open store 'foo://host/x': unknown scheme 'foo'"],
      ["-s @a|@b", "Cannot open store '@a|@b': it does not exist"],
      ["-n 0", "invalid value '0' for --concurrency: expected an integer of at least 1"],
      ["--client-cert x", "--client-cert and --client-key must be given together"],
    ] as const
  ) {
    assert.equal(await space.fails(`make ${flags} @index @hello.txt`), message);
  }
  assert.deepEqual(await space.list(), before);
});

Deno.test("make --concurrency does not change the index", async () => {
  await using space = await workspace(exampleFiles());
  for (const count of [1, 2, 30]) {
    await space.ok(`make -n ${count} -m 1:4:16 @${count}.caibx @lcg2.bin`);
    assert.deepEqual(await space.read(`${count}.caibx`), await space.read("1.caibx"));
  }
});

Deno.test("make copies the feature flags of an archive to its archive index, but not to the index of a blob", async () => {
  const flags = 0xb000_0001_ffef_fe26n & ~(1n << 20n);
  const entry = new Uint8Array(64);
  const view = new DataView(entry.buffer);
  view.setBigUint64(0, 64n, true);
  view.setBigUint64(8, 0x1396_fabc_ea5b_bb51n, true);
  view.setBigUint64(16, flags, true);
  await using space = await workspace({ "tree.catar": entry });
  await space.ok("make @tree.caidx @tree.catar");
  await space.ok("make @tree.caibx @tree.catar");
  const read = async (name: string) => decodeIndex(await space.read(name));
  assert.equal((await read("tree.caibx")).flags, 0xb000_0000_0000_0000n);
  assert.equal((await read("tree.caidx")).flags, flags);
  assert.deepEqual(encodeIndex(await read("tree.caidx")), await space.read("tree.caidx"));
});
