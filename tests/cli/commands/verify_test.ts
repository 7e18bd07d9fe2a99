import assert from "node:assert/strict";
import { chunkFile, exampleSpace, HELLO_ID, type Workspace, workspace } from "./workspace.ts";

const FIRST = "b21dfac8c51b8b6e2ba331f8b8cecc2991ee573b03186128775ea49c975e9b7f";
const SECOND = "27c2cf4d909ca61db46ebba1788d776ee9ea39eea53dc0c604ce7421ed56eb91";

/** Runs `verify`, which has to fail. @returns Findings in the order of their IDs, and the error that follows them. */
async function findings(space: Workspace, flags = "") {
  const { code, stdout, stderr } = await space.run(`verify ${flags}-s @store`);
  assert.deepEqual([code, stdout], [1, ""]);
  const lines = stderr.split("\n");
  assert.equal(lines.pop(), "");
  const error = lines.pop();
  return { error, found: lines.sort() };
}

Deno.test("verify is silent about a good store, with any number of workers", async () => {
  await using space = await exampleSpace();
  const before = await space.list();
  for (const flags of ["", "-n 1 ", "-n 50 ", "-r ", "--repair=false "]) {
    assert.equal(await space.ok(`verify ${flags}-s @store`), "");
  }
  await space.directory("none");
  await space.ok("verify -s @none");
  await space.remove("none");
  assert.deepEqual(await space.list(), before);
});

Deno.test("verify lists bad chunks on standard error and fails, and deletes them with --repair", async () => {
  await using space = await exampleSpace();
  const chunk = await space.read(chunkFile("store", HELLO_ID));
  await space.write(chunkFile("store", FIRST), chunk);
  await space.write(chunkFile("store", SECOND), "garbage");
  await space.write(chunkFile("store", HELLO_ID), chunk.subarray(0, -1));
  const before = await space.list();
  const expected = [
    new RegExp(`^Cannot use chunk ${SECOND}: it cannot be decoded: .+$`),
    new RegExp(`^Cannot use chunk ${FIRST}: its content hashes to ${HELLO_ID}$`),
    new RegExp(`^Cannot use chunk ${HELLO_ID}: it cannot be decoded: .+$`),
  ];

  const { found, error } = await findings(space);
  assert.equal(found.length, 3);
  found.forEach((line, i) => assert.match(line, expected[i]!));
  assert.equal(error, "Error: Cannot trust '@store': 3 of 17 chunks invalid");
  assert.deepEqual(await space.list(), before);

  const repaired = await findings(space, "--repair ");
  assert.deepEqual(repaired.found, found.map((line) => `${line}: removed`));
  assert.equal(repaired.error, "Error: Cannot trust '@store': 3 of 17 chunks invalid, 3 removed");
  const bad = [FIRST, SECOND, HELLO_ID].map((id) => chunkFile("store", id));
  assert.deepEqual(await space.list(), before.filter((name) => !bad.includes(name)));
  await space.ok("verify -s @store");
});

Deno.test("verify reports an empty chunk file", async () => {
  await using space = await exampleSpace();
  await space.write(chunkFile("store", HELLO_ID), "");
  const { found } = await findings(space);
  assert.match(found.join(), new RegExp(`^Cannot use chunk ${HELLO_ID}: [^,]*$`));
});

Deno.test("verify reports chunks that cannot be read, and keeps them", async () => {
  await using space = await exampleSpace();
  const file = space.join(chunkFile("store", HELLO_ID));
  await Deno.rename(file, space.join("moved"));
  // Chunks are never symbolic links.
  await Deno.symlink(space.join("moved"), file);
  const { found, error } = await findings(space, "-r ");
  assert.equal(found.length, 1);
  assert.match(found[0]!, /^Cannot read chunk from '@store': .*Too many levels of symbolic links/);
  assert(found[0]!.includes(HELLO_ID));
  assert.equal(error, "Error: Cannot trust '@store': 0 of 17 chunks invalid, 1 unreadable, 0 removed");
  assert((await Deno.lstat(file)).isSymlink);
});

Deno.test("verify passes over all that is no chunk in the form of the store", async () => {
  await using space = await exampleSpace();
  const id = HELLO_ID.replace("bf73", "bf74");
  for (
    const name of [
      `store/bf73/.tmp-cacnk.1`,
      `store/bf73/${HELLO_ID}`,
      `store/bf73/${id}.cacnk`,
      `store/bf73/${HELLO_ID.toUpperCase()}.cacnk`,
      `store/bf73/${HELLO_ID}.cacnk.bak`,
      `store/${HELLO_ID}.cacnk`,
      `store/notes`,
    ]
  ) {
    await space.write(name, "no chunk");
  }
  await space.directory(`store/bf74/${id}.cacnk`);
  const before = await space.list();
  await space.ok("verify -r -s @store");
  assert.deepEqual(await space.list(), before);
});

Deno.test("verify checks every chunk, also of a store whose chunks are not checked when they are read", async () => {
  await using space = await workspace({ "hello.txt": "hello world\n" });
  const storeOptions = { [space.join("store")]: { "skip-verify": true, uncompressed: true } };
  await space.write("config", JSON.stringify({ "store-options": storeOptions }));
  await space.ok("make --config @config --create -s @store @hello.caibx @hello.txt");
  await space.ok("verify --config @config -s @store");
  await space.write(`store/bf73/${HELLO_ID}`, "HELLO WORLD\n");
  const { found, error } = await findings(space, "--config @config ");
  assert.match(
    found.join(),
    new RegExp(`^Cannot use chunk ${HELLO_ID}: its content hashes to [0-9a-f]{64}$`),
  );
  assert.equal(error, "Error: Cannot trust '@store': 1 of 1 chunks invalid");
});

Deno.test("verify uses one digest for all chunks", async () => {
  await using space = await workspace({ "hello.txt": "hello world\n" });
  await space.ok("make --digest sha256 --create -s @store @hello.caibx @hello.txt");
  await space.ok("verify --digest sha256 -s @store");
  const { error } = await findings(space);
  assert.equal(error, "Error: Cannot trust '@store': 1 of 1 chunks invalid");
});

Deno.test("verify needs a local store and takes no arguments", async () => {
  await using space = await workspace({ file: "" });
  for (
    const [line, message] of [
      ["verify", "no store given (use -s <location>)"],
      ["verify -s @nowhere", "Cannot open store '@nowhere': it does not exist"],
      ["verify -s @file", "Cannot open store '@file': it is a file, a directory is needed"],
      ["verify -s foo://x", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["verify -n 0 -s @file", "invalid value '0' for --concurrency: expected an integer of at least 1"],
      ["verify -s @file @file", "'verify' takes no arguments, got '@file' (usage: desync verify)"],
    ] as const
  ) {
    assert.equal(await space.fails(line), message);
  }
  assert.match(
    await space.fails("verify -s http://localhost/store"),
    /^Cannot .*'http:\/\/localhost\/store'/,
  );
});
