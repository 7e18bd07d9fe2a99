import assert from "node:assert/strict";
import { chunkFile, exampleSpace } from "./workspace.ts";

const SECOND = "27c2cf4d909ca61db46ebba1788d776ee9ea39eea53dc0c604ce7421ed56eb91";

/** Every way to reach the chunks: by threads that open the directories, and through the store's own interface. */
const STORES = ["-s @store", "-s @none -s @store", "-s @none,@store -c @cache", "-s @store|@none"];

Deno.test.each(STORES)("cat %s writes any part of a blob", async (store) => {
  await using space = await exampleSpace();
  await space.directory("none");
  await space.directory("cache");
  const blob = await space.read("lcg2.bin");
  // The first chunks end at 1534, 3381 and 5333, those of zeros at 34988, 51372 and 67756.
  const offsets = [0, 1, 1533, 1534, 1535, 40_000, 51_372, 89_999, 90_000];
  const lengths = [0, -1, 1, 1847, 1848, 60_000, 90_000, 90_001, Number.MAX_SAFE_INTEGER];
  for (const offset of offsets) {
    for (const length of lengths) {
      const line = `cat ${store} -o ${offset} -l ${length} @lcg2.caibx`;
      const { code, stdoutBytes, stderr } = await space.run(line);
      assert.deepEqual([code, stderr], [0, ""], line);
      const expected = blob.subarray(offset, length <= 0 ? undefined : offset + length);
      assert.deepEqual(stdoutBytes, expected.slice(), line);
    }
  }
});

Deno.test("cat writes to a file, which it replaces once it is complete, or to standard output for -", async () => {
  await using space = await exampleSpace();
  const blob = await space.read("lcg2.bin");
  for (let i = 0; i < 2; i++) {
    assert.equal(await space.ok("cat -s @store @lcg2.caibx @out"), "");
    assert.deepEqual(await space.read("out"), blob);
  }
  assert.deepEqual((await space.run("cat -s @store @lcg2.caibx -")).stdoutBytes, blob);
  assert.equal(await space.ok("cat -s @store @empty.caibx @out"), "");
  assert.equal((await space.read("out")).length, 0);
  assert(!(await space.list()).some((name) => name.startsWith(".")));
});

Deno.test("cat writes to what a symbolic link leads to, and into pipes and devices", async () => {
  await using space = await exampleSpace();
  await space.directory("links");
  await space.write("out", "old");
  await Deno.symlink("../out", space.join("links/file"));
  await Deno.symlink("/dev/null", space.join("links/device"));
  await space.pipe("pipe");
  await space.ok("cat -s @store @hello.caibx @links/file");
  await space.ok("cat -s @store @hello.caibx @links/device");
  assert.deepEqual(await space.list("links"), ["device", "file"]);
  assert.equal(new TextDecoder().decode(await space.read("out")), "hello world\n");
  const [read] = await Promise.all([space.read("pipe"), space.ok("cat -s @store @lcg2.caibx @pipe")]);
  assert.deepEqual(read, await space.read("lcg2.bin"));
});

Deno.test("cat reads the index from standard input", async () => {
  await using space = await exampleSpace();
  assert.equal(
    await space.ok("cat -s @store -", { stdin: await space.read("hello.caibx") }),
    "hello world\n",
  );
});

Deno.test("cat uses the digest of the index unless --digest contradicts it", async () => {
  await using space = await exampleSpace();
  await space.ok("make --digest sha256 -s @store @sha256.caibx @hello.txt");
  for (const flag of ["", "--digest sha256 "]) {
    assert.equal(await space.ok(`cat ${flag}-s @store @sha256.caibx`), "hello world\n");
  }
  assert.equal(
    await space.fails("cat --digest sha512-256 -s @store @sha256.caibx"),
    "'@sha256.caibx' was made with digest sha256 (use --digest sha256)",
  );
});

Deno.test.each(STORES)(
  "cat %s writes what comes before a missing or damaged chunk, but to no file",
  async (store) => {
    await using space = await exampleSpace();
    await space.directory("none");
    await space.directory("cache");
    await space.write("old", "old");
    const file = chunkFile("store", SECOND);
    const chunk = await space.read(file);
    const before = (await space.list()).filter((name) => name !== file);
    for (const content of [undefined, "garbage", chunk.subarray(0, -1)]) {
      if (content === undefined) await space.remove(file);
      else await space.write(file, content);
      for (const output of ["", " @old", " @new"]) {
        const { code, stdoutBytes, stderr } = await space.run(`cat ${store} @lcg2.caibx${output}`);
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`^Error: Cannot (read|use) chunk ${SECOND}: [^\n]*\n$`));
        // All that is written is right, if anything is.
        const blob = await space.read("lcg2.bin");
        assert(stdoutBytes.length <= (output === "" ? 1534 : 0));
        assert.deepEqual(stdoutBytes, blob.slice(0, stdoutBytes.length));
      }
    }
    assert.equal(new TextDecoder().decode(await space.read("old")), "old");
    const after = (await space.list()).filter((name) => name !== file && !name.startsWith("cache/"));
    assert.deepEqual(after, before.filter((name) => !name.startsWith("cache/")));
  },
);

Deno.test("cat needs a store, an index, an offset in the blob and an output that can be written", async () => {
  await using space = await exampleSpace();
  await space.write("junk", "no index");
  const before = await space.list();
  const index = await space.read("hello.caibx");
  for (
    const [line, message] of [
      ["@hello.caibx", "no store given (use -s <location>)"],
      ["-s @nowhere @hello.caibx @out", "Cannot open store '@nowhere': it does not exist"],
      [
        "-s @store -c @hello.caibx @hello.caibx @out",
        "Cannot open store '@hello.caibx': it is a file, a directory is needed",
      ],
      ["-s foo://x @hello.caibx @out", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["-s @store @nofile @out", "Cannot read index '@nofile': it does not exist"],
      ["-s @store @junk @out", "Cannot read index '@junk': it is truncated: 8 bytes"],
      ["-s @store foo://x @out", "Cannot open index 'foo://x': unknown scheme 'foo'"],
      ["-s @store -o -1 @hello.caibx @out", "offset -1 is outside the blob (size 12)"],
      ["-s @store -o 13 @hello.caibx @out", "offset 13 is outside the blob (size 12)"],
      ["-s @store -o 1 @empty.caibx @out", "offset 1 is outside the blob (size 0)"],
      ["-s @store -o 1k @hello.caibx @out", "invalid value '1k' for --offset: expected an integer"],
      ["-s @store @hello.caibx @store", "Cannot write '@store': it is a directory"],
      ["-s @store @hello.caibx @hello.caibx", "index and output are the same file: '@hello.caibx'"],
    ] as const
  ) {
    assert.equal(await space.fails(`cat ${line}`), message);
  }
  assert.match(
    await space.fails("cat -s @store @hello.caibx @nowhere/out"),
    /^Cannot write '@nowhere\/out': /,
  );
  assert.match(await space.fails("cat -s @store @hello.caibx @junk/out"), /^Cannot write '@junk\/out': /);
  assert.deepEqual(await space.list(), before);
  assert.deepEqual(await space.read("hello.caibx"), index);
});
