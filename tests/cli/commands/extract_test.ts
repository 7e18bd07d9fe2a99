import assert from "node:assert/strict";
import { chunkFile, exampleSpace, lcg, type Workspace } from "./workspace.ts";

/** IDs of the first two chunks of `lcg.bin`. */
const [FIRST, SECOND] = [
  "b21dfac8c51b8b6e2ba331f8b8cecc2991ee573b03186128775ea49c975e9b7f",
  "27c2cf4d909ca61db46ebba1788d776ee9ea39eea53dc0c604ce7421ed56eb91",
];
const NOISE = lcg(40_000);

/** Statistics that `--print-stats` prints; keys in camel case. */
async function stats(space: Workspace, line: string) {
  const found = JSON.parse(await space.ok(`extract --print-stats -s @store ${line}`));
  return {
    fromSeeds: found["chunks-from-seeds"],
    fromStore: found["chunks-from-store"],
    inPlace: found["chunks-in-place"],
    seeds: found["seeds"],
  };
}

Deno.test("extract rebuilds a blob in a file with mode 0644, and prints nothing", async () => {
  await using space = await exampleSpace();
  for (const name of ["hello.txt", "empty.bin", "zeros.bin", "lcg.bin", "lcg2.bin"]) {
    await space.ok(`extract -s @store @${name.replace(/\..*/, "")}.caibx @out`);
    assert.deepEqual(await space.read("out"), await space.read(name));
    const { mode } = await Deno.stat(space.join("out"));
    assert.equal(mode! & 0o777, 0o644 & ~Deno.umask());
  }
  assert(!(await space.list()).some((name) => name.startsWith(".")));
});

Deno.test("extract reads the index from standard input", async () => {
  await using space = await exampleSpace();
  await space.ok("extract -s @store - @out", { stdin: await space.read("lcg2.caibx") });
  assert.deepEqual(await space.read("out"), await space.read("lcg2.bin"));
});

Deno.test("extract replaces an output, which may be the data of a seed, once the new one is complete", async () => {
  await using space = await exampleSpace();
  await using old = await Deno.open(space.join("lcg.bin"));
  await space.ok("extract -s @store --seed @lcg.caibx:@lcg.bin @lcg2.caibx @lcg.bin");
  assert.deepEqual(await space.read("lcg.bin"), await space.read("lcg2.bin"));
  // Who has the old file open still reads the old data.
  assert.deepEqual(new Uint8Array(await new Response(old.readable).bytes()), NOISE);
});

Deno.test("extract leaves an output alone, and nothing beside it, if it fails", async () => {
  await using space = await exampleSpace();
  await space.write("out", "old");
  await space.remove(chunkFile("store", SECOND));
  const before = await space.list();
  for (const output of ["out", "new"]) {
    assert.equal(
      await space.fails(`extract -s @store @lcg.caibx @${output}`),
      `Cannot read chunk ${SECOND}: missing from @store`,
    );
  }
  await Deno.copyFile(space.join(chunkFile("store", FIRST)), space.join(chunkFile("store", SECOND)));
  assert.match(
    await space.fails("extract -s @store @lcg.caibx @out"),
    new RegExp(`^Cannot use chunk ${SECOND}: it has 1534 bytes, the index says 1847$`),
  );
  await space.write(chunkFile("store", SECOND), "garbage");
  assert.match(
    await space.fails("extract -s @store @lcg.caibx @out"),
    new RegExp(`^Cannot use chunk ${SECOND}: it cannot be decoded: `),
  );
  await space.remove(chunkFile("store", SECOND));
  assert.deepEqual(await space.list(), before);
  assert.equal(new TextDecoder().decode(await space.read("out")), "old");
});

Deno.test("extract refuses what it cannot replace or would do harm to", async () => {
  await using space = await exampleSpace();
  await space.directory("directory");
  await space.pipe("pipe");
  await Deno.symlink("/dev/null", space.join("device"));
  await Deno.symlink("lcg.caibx", space.join("link"));
  const index = await space.read("lcg.caibx");
  const before = await space.list();
  const unfit = "it is not a regular file; write to it with --in-place";
  for (
    const [output, message] of [
      ["lcg.caibx", "index and output are the same file: '@lcg.caibx'"],
      ["./lcg.caibx", "index and output are the same file: '@./lcg.caibx'"],
      ["link", "index and output are the same file: '@link'"],
      ["directory", "Cannot write '@directory': it is a directory"],
      ["pipe", `Cannot replace '@pipe': ${unfit}`],
      ["device", `Cannot replace '@device': ${unfit}`],
    ] as const
  ) {
    assert.equal(await space.fails(`extract -s @store @lcg.caibx @${output}`), message);
  }
  assert.match(
    await space.fails("extract -s @store @lcg.caibx @nowhere/out"),
    /^Cannot write '@nowhere\/out': /,
  );
  assert.match(
    await space.fails("extract -k -s @store @lcg.caibx @nowhere/out"),
    /^Cannot write '@nowhere\/out': /,
  );
  assert.equal(
    await space.fails("extract -k -s @store @lcg.caibx @directory"),
    "Cannot write '@directory': it is a directory",
  );
  assert.match(
    await space.fails("extract -k -s @store @lcg.caibx @device"),
    /^Cannot write to '@device': it holds 0 bytes, the blob has 40000$/,
  );
  assert.deepEqual(await space.list(), before);
  assert.deepEqual(await space.read("lcg.caibx"), index);
  assert((await Deno.stat(space.join("pipe"))).isFifo);
});

Deno.test("extract needs a store, an index and flags that make sense", async () => {
  await using space = await exampleSpace();
  await space.write("junk", "no index");
  await space.write("short.caibx", (await space.read("lcg.caibx")).subarray(0, 200));
  const before = await space.list();
  for (
    const [line, message] of [
      ["@lcg.caibx @out", "no store given (use -s <location>)"],
      ["-s @nowhere @lcg.caibx @out", "Cannot open store '@nowhere': it does not exist"],
      ["-s @junk @lcg.caibx @out", "Cannot open store '@junk': it is a file, a directory is needed"],
      ["-s @store,@nowhere @lcg.caibx @out", "Cannot open store '@nowhere': it does not exist"],
      ["-s @store|@nowhere @lcg.caibx @out", "Cannot open store '@nowhere': it does not exist"],
      ["-s foo://x @lcg.caibx @out", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["-s @store foo://x @out", "Cannot open index 'foo://x': unknown scheme 'foo'"],
      ["-s @store @nofile @out", "Cannot read index '@nofile': it does not exist"],
      ["-s @store @junk @out", "Cannot read index '@junk': it is truncated: 8 bytes"],
      [
        "-s @store @short.caibx @out",
        "Cannot read index '@short.caibx': it is truncated, or followed by other data: 200 bytes",
      ],
      [
        "-s @store --skip-invalid-seeds --regenerate-invalid-seeds @lcg.caibx @out",
        "--skip-invalid-seeds and --regenerate-invalid-seeds exclude each other",
      ],
      [
        "--digest sha256 -s @store @lcg.caibx @out",
        "'@lcg.caibx' was made with digest sha512-256 (use --digest sha512-256)",
      ],
      [
        "-n 0 -s @store @lcg.caibx @out",
        "invalid value '0' for --concurrency: expected an integer of at least 1",
      ],
      ["--client-key x -s @store @lcg.caibx @out", "--client-cert and --client-key must be given together"],
    ] as const
  ) {
    assert.equal(await space.fails(`extract ${line}`), message);
  }
  assert.deepEqual(await space.list(), before);
});

Deno.test("extract uses the digest of the index unless --digest contradicts it", async () => {
  await using space = await exampleSpace();
  await space.ok("make --digest sha256 -s @store @sha256.caibx @lcg.bin");
  await space.ok("extract -s @store @sha256.caibx @out");
  assert.deepEqual(await space.read("out"), NOISE);
  await space.ok("extract --digest sha256 -s @store @sha256.caibx @out");
  // Its chunks have other names, so this is no seed for them.
  await space.write("lcg", NOISE);
  const { code, stderr } = await space.run("extract -s @store --seed @lcg.caibx @sha256.caibx @out");
  assert.deepEqual(
    [code, stderr],
    [0, "Warning: Seed '@lcg' is skipped: its index was made with another digest\n"],
  );
});

Deno.test("extract --in-place keeps what is right in the output, and gives it the size of the blob", async () => {
  await using space = await exampleSpace();
  const damaged = NOISE.slice();
  damaged[2000]! ^= 1;
  for (
    const [content, inPlace] of [
      [NOISE, 9],
      [damaged, 8],
      [NOISE.subarray(0, 39_999), 8],
      [new Uint8Array([...NOISE, 1, 2, 3]), 9],
      [new Uint8Array(0), 0],
      [new Uint8Array(100_000), 0],
    ] as const
  ) {
    await space.write("out", content);
    const { ino } = await Deno.stat(space.join("out"));
    const found = await stats(space, "-k @lcg.caibx @out");
    assert.deepEqual(found, { fromSeeds: 0, fromStore: 9 - inPlace, inPlace, seeds: 1 });
    assert.deepEqual(await space.read("out"), NOISE);
    assert.equal((await Deno.stat(space.join("out"))).ino, ino);
  }
  await space.write("out", NOISE);
  await space.ok("extract -k -s @store @empty.caibx @out");
  assert.equal((await space.read("out")).length, 0);
  await space.ok("extract --in-place -s @store @zeros.caibx @new");
  assert.deepEqual(await space.read("new"), new Uint8Array(614_400));
});

Deno.test("extract --in-place overwrites other data with zeros", async () => {
  await using space = await exampleSpace();
  await space.write("out", new Uint8Array(700_000).fill(1));
  assert.deepEqual(await stats(space, "-k @zeros.caibx @out"), {
    fromSeeds: 2,
    fromStore: 1,
    inPlace: 0,
    seeds: 1,
  });
  assert.deepEqual(await space.read("out"), new Uint8Array(614_400));
});

Deno.test("extract --in-place leaves what it has if it fails, and goes on from there", async () => {
  await using space = await exampleSpace();
  const chunk = await space.read(chunkFile("store", SECOND));
  await space.remove(chunkFile("store", SECOND));
  await space.fails("extract -n 1 -k -s @store @lcg.caibx @out");
  assert.equal((await space.read("out")).length, 40_000);
  await space.write(chunkFile("store", SECOND), chunk);
  const { fromStore, inPlace } = await stats(space, "-k @lcg.caibx @out");
  assert.deepEqual(await space.read("out"), NOISE);
  assert(inPlace >= 1, "the first chunk is written before the missing one is asked for");
  assert.equal(fromStore + inPlace, 9);
});

Deno.test("extract asks several stores in order, and the next one only for what is missing", async () => {
  await using space = await exampleSpace();
  await space.directory("some");
  await space.ok("chop -s @some @lcg.caibx @lcg.bin");
  await space.remove(chunkFile("some", FIRST));
  for (const stores of ["-s @some -s @store", "-s @some,@store"]) {
    await space.ok(`extract ${stores} @lcg.caibx @out`);
    assert.deepEqual(await space.read("out"), NOISE);
  }
  await space.write(chunkFile("some", FIRST), "garbage");
  assert.match(
    await space.fails("extract -s @some -s @store @lcg.caibx @out"),
    new RegExp(`^Cannot use chunk ${FIRST}: it cannot be decoded: `),
  );
});

Deno.test("extract goes on with the next store of a failover group after a failure, not if a chunk is missing", async () => {
  await using space = await exampleSpace();
  await space.directory("some");
  await space.ok("chop -s @some @lcg.caibx @lcg.bin");
  await space.write(chunkFile("some", SECOND), "garbage");
  await space.ok("extract -s @some|@store @lcg.caibx @out");
  assert.deepEqual(await space.read("out"), NOISE);
  await space.remove(chunkFile("some", SECOND));
  assert.equal(
    await space.fails("extract -s @some|@store @lcg.caibx @out"),
    `Cannot read chunk ${SECOND}: missing from @some|@store`,
  );
  await space.ok("extract -s @some|@store,@store @lcg.caibx @out");
});

Deno.test("extract --cache keeps what it fetched, and needs the store no more", async () => {
  await using space = await exampleSpace();
  await space.directory("none");
  await space.ok("extract -s @store -c @new/cache @lcg.caibx @out");
  await Deno.rename(space.join("new/cache"), space.join("cache"));
  assert.equal((await space.list("cache")).filter((name) => name.endsWith(".cacnk")).length, 9);
  await space.ok("extract -s @none -c @cache @lcg.caibx @again");
  assert.deepEqual(await space.read("again"), NOISE);
});

Deno.test("extract --cache sets the time of what it found there, for what is cleaned up by age", async () => {
  await using space = await exampleSpace();
  await space.ok("cache --create -s @store -c @cache @lcg.caibx");
  const cached = (await space.list("cache")).filter((name) => name.endsWith(".cacnk"));
  const old = new Date("2020-01-01");
  for (const name of cached) await Deno.utime(space.join(`cache/${name}`), old, old);
  await space.ok("cat -s @store -c @cache -l 1 @lcg.caibx @part");
  const times = await Promise.all(
    cached.map(async (name) => (await Deno.stat(space.join(`cache/${name}`))).mtime!),
  );
  assert.equal(times.filter((time) => time > old).length, 1);
});

Deno.test("extract --cache replaces damaged chunks of the cache, unless that is switched off", async () => {
  await using space = await exampleSpace();
  await space.directory("cache");
  await space.ok("cache -s @store -c @cache @lcg.caibx");
  await space.write(chunkFile("cache", FIRST), "garbage");
  await Deno.copyFile(space.join(chunkFile("cache", SECOND)), space.join("second"));
  await Deno.copyFile(space.join(chunkFile("store", FIRST)), space.join(chunkFile("cache", SECOND)));
  const before = await space.list();
  for (const flag of ["--cache-repair=false", "-r=false"]) {
    assert.match(
      await space.fails(`extract ${flag} -s @store -c @cache @lcg.caibx @out`),
      new RegExp(`^Cannot use chunk (${FIRST}|${SECOND}): `),
    );
  }
  assert.deepEqual(await space.list(), before);
  await space.ok("extract -s @store -c @cache @lcg.caibx @out");
  assert.deepEqual(await space.read("out"), NOISE);
  await space.ok("verify -s @cache");
});

Deno.test("extract fails if the cache cannot be written", async () => {
  await using space = await exampleSpace();
  await space.directory("cache");
  // In the way of the directory that the first chunk belongs into.
  await space.write("cache/b21d", "");
  assert.match(
    await space.fails("extract -n 1 -s @store -c @cache @lcg.caibx @out"),
    /'@cache'.*: .*Not a directory/,
  );
  assert(!(await space.list()).some((name) => name.startsWith(".") || name === "out"));
});

Deno.test("extract --print-stats counts nothing for an index without chunks", async () => {
  await using space = await exampleSpace();
  const zeros = Object.values(
    JSON.parse(await space.ok("extract --print-stats -s @store @empty.caibx @out")),
  );
  assert.deepEqual(zeros, new Array(9).fill(0));
});
