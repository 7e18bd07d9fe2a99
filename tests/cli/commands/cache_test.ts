import assert from "node:assert/strict";
import { chunkFile, exampleSpace, HELLO_ID, type Workspace } from "./workspace.ts";

const FIRST = "b21dfac8c51b8b6e2ba331f8b8cecc2991ee573b03186128775ea49c975e9b7f";

async function chunks(space: Workspace, store: string): Promise<string[]> {
  return (await space.list(store)).filter((name) => name.endsWith(".cacnk")).map((name) => name.slice(5, 69));
}

/** The chunks of indexes, without repetitions and sorted. */
async function chunksOf(space: Workspace, ...indexes: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const index of indexes) {
    for (const id of (await space.ok(`list-chunks @${index}`)).split("\n")) if (id !== "") ids.add(id);
  }
  return [...ids].sort();
}

/** With an empty store `target`. */
async function cacheSpace(): Promise<Workspace> {
  const space = await exampleSpace();
  await space.directory("target");
  return space;
}

Deno.test("cache copies the chunks of indexes as they are stored, and prints nothing", async () => {
  await using space = await cacheSpace();
  assert.equal(
    await space.ok("cache -s @store -c @target @lcg.caibx @zeros.caibx @empty.caibx @lcg.caibx"),
    "",
  );
  const wanted = await chunksOf(space, "lcg.caibx", "zeros.caibx");
  assert.deepEqual(await chunks(space, "target"), wanted);
  for (const id of wanted) {
    assert.deepEqual(await space.read(chunkFile("target", id)), await space.read(chunkFile("store", id)));
  }
  await space.ok("cache -s @store -c @target @empty.caibx");
});

Deno.test("cache does not look at chunks that the target has", async () => {
  await using space = await cacheSpace();
  await space.directory("target/bf73");
  await space.write(chunkFile("target", HELLO_ID), "whatever this is");
  await space.remove("store");
  await space.directory("store");
  await space.ok("cache -s @store -c @target @hello.caibx");
  assert.equal(new TextDecoder().decode(await space.read(chunkFile("target", HELLO_ID))), "whatever this is");
  await space.ok("cache -s @target -c @target @hello.caibx");
});

Deno.test("cache takes chunks from several stores and from failover groups", async () => {
  await using space = await cacheSpace();
  await space.directory("some");
  await space.ok("chop -s @some @lcg.caibx @lcg.bin");
  await space.remove(chunkFile("some", FIRST));
  await space.ok("cache -s @some -s @store -c @target @lcg.caibx");
  assert.deepEqual(await chunks(space, "target"), await chunksOf(space, "lcg.caibx"));
  await space.write(chunkFile("some", FIRST), "garbage");
  await space.ok("cache --create -s @some|@store -c @other @lcg.caibx");
  assert.deepEqual(await chunks(space, "other"), await chunksOf(space, "lcg.caibx"));
  await space.ok("verify -s @other");
});

Deno.test("cache --ignore and --ignore-chunks leave chunks out", async () => {
  await using space = await cacheSpace();
  await space.write("ids", `${HELLO_ID.toUpperCase()}\n`);
  await space.ok(
    "cache -s @store -c @target --ignore @lcg.caibx --ignore-chunks @ids @lcg2.caibx @hello.caibx",
  );
  const known = await chunksOf(space, "lcg.caibx");
  const expected = (await chunksOf(space, "lcg2.caibx")).filter((id) => !known.includes(id));
  assert.deepEqual(await chunks(space, "target"), expected);
  await space.ok("cache -s @store -c @target --ignore - @lcg.caibx", {
    stdin: await space.read("lcg.caibx"),
  });
  assert.deepEqual(await chunks(space, "target"), expected);
});

Deno.test("cache compresses what comes from an uncompressed store, and the other way round", async () => {
  await using space = await cacheSpace();
  const storeOptions = { [space.join("plain*")]: { uncompressed: true } };
  await space.write("config", JSON.stringify({ "store-options": storeOptions }));
  const line = "cache --config @config --create";
  await space.ok(`${line} -s @store -c @plain @lcg2.caibx`);
  const wanted = await chunksOf(space, "lcg2.caibx");
  const plain = (await space.list("plain")).filter((name) => !name.endsWith("/"));
  assert.deepEqual(plain, wanted.map((id) => `${id.slice(0, 4)}/${id}`));
  await space.ok(`${line} -s @plain -c @plain2 @lcg2.caibx`);
  assert.deepEqual(await space.list("plain2"), await space.list("plain"));
  await space.ok(`${line} -s @plain2 -c @target @lcg2.caibx`);
  assert.deepEqual(await chunks(space, "target"), wanted);
  await space.ok("extract -s @target @lcg2.caibx @out");
  assert.deepEqual(await space.read("out"), await space.read("lcg2.bin"));
});

Deno.test("cache copies no chunk that is damaged or missing, and leaves nothing half written", async () => {
  await using space = await cacheSpace();
  for (const content of ["garbage", await space.read(chunkFile("store", HELLO_ID)), undefined]) {
    if (content === undefined) await space.remove(chunkFile("store", FIRST));
    else await space.write(chunkFile("store", FIRST), content);
    for (const stores of ["-s @store", "-s @store|@store"]) {
      assert.match(
        await space.fails(`cache -n 1 ${stores} -c @target @lcg.caibx`),
        new RegExp(`^Cannot (use|read) chunk ${FIRST}: `),
      );
      assert(!(await chunks(space, "target")).includes(FIRST));
      assert(!(await space.list("target")).some((name) => name.includes("tmp")));
    }
  }
});

Deno.test("cache reads indexes of one digest at a time, which --digest must not contradict", async () => {
  await using space = await cacheSpace();
  await space.ok("make --digest sha256 -s @store @sha256.caibx @hello.txt");
  await space.ok("cache -s @store -c @target @sha256.caibx");
  assert.equal((await chunks(space, "target")).length, 1);
  assert.equal(
    await space.fails("cache -s @store -c @target @lcg.caibx @sha256.caibx"),
    "the indexes were made with different digests; cache them one by one",
  );
  assert.equal(
    await space.fails("cache --digest sha256 -s @store -c @target @lcg.caibx"),
    "'@lcg.caibx' was made with digest sha512-256 (use --digest sha512-256)",
  );
  assert.equal((await chunks(space, "target")).length, 1);
});

Deno.test("cache needs sources, a target and indexes", async () => {
  await using space = await cacheSpace();
  const before = await space.list();
  for (
    const [line, message] of [
      ["-c @target @lcg.caibx", "no store given (use -s <location>)"],
      ["-s @store @lcg.caibx", "no target store given (use -c <location>)"],
      ["-s @nowhere -c @target @lcg.caibx", "Cannot open store '@nowhere': it does not exist"],
      ["-s @store -c @nowhere @lcg.caibx", "Cannot open store '@nowhere': it does not exist"],
      [
        "-s @store -c @lcg.bin @lcg.caibx",
        "Cannot open store '@lcg.bin': it is a file, a directory is needed",
      ],
      ["-s @store -c @target|@store @lcg.caibx", "Cannot open store '@target|@store': it does not exist"],
      ["-s @store -c foo://x @lcg.caibx", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["-s @store -c @target @lcg.caibx @nofile", "Cannot read index '@nofile': it does not exist"],
      ["-s @store -c @target --ignore @nofile @lcg.caibx", "Cannot read index '@nofile': it does not exist"],
    ] as const
  ) {
    assert.equal(await space.fails(`cache ${line}`), message);
  }
  assert.match(await space.fails("cache -s @store -c @target"), /^'cache' takes at least 1 argument, got 0/);
  assert.deepEqual(await space.list(), before);
});
