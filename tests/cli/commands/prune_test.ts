import assert from "node:assert/strict";
import { chunkFile, exampleSpace, HELLO_ID, type Workspace } from "./workspace.ts";

const QUESTION = "About to delete every chunk in '@store' that is not among the\n" +
  "1 unique chunks referenced by the given indexes. Continue?\n";
const PROMPT = "[y/N]: ";
const DAY = 24 * 60 * 60 * 1000;

async function chunks(space: Workspace): Promise<string[]> {
  return (await space.list("store")).filter((name) => name.endsWith(".cacnk")).map((name) =>
    name.slice(5, 69)
  );
}

Deno.test("prune --yes deletes what no index refers to, without a word, and keeps directories", async () => {
  await using space = await exampleSpace();
  const directories = async () => (await space.list("store")).filter((name) => name.endsWith("/"));
  const before = await directories();
  assert.equal(await space.ok("prune -y -s @store @hello.caibx @lcg.caibx @empty.caibx"), "");
  const ids = (await space.ok("list-chunks @lcg.caibx")).trim().split("\n");
  assert.deepEqual(await chunks(space), [...ids, HELLO_ID].sort());
  assert.deepEqual(await directories(), before);
  await space.ok("verify-index @lcg.caibx @lcg.bin");
  await space.ok("prune --yes -s @store @empty.caibx");
  assert.deepEqual(await chunks(space), []);
});

Deno.test.each([
  { answer: "y\n", deletes: true, prompts: 1 },
  { answer: "Y\n", deletes: true, prompts: 1 },
  { answer: "y", deletes: true, prompts: 1 },
  { answer: " y\t\r\n", deletes: true, prompts: 1 },
  { answer: "yes\nj\ny\n", deletes: true, prompts: 3 },
  { answer: "n\ny\n", deletes: false, prompts: 1 },
  { answer: "N", deletes: false, prompts: 1 },
  { answer: "\ny\n", deletes: false, prompts: 1 },
])("prune asks, and takes $answer", async ({ answer, deletes, prompts }) => {
  await using space = await exampleSpace();
  const before = await chunks(space);
  const stdout = await space.ok("prune -s @store @hello.caibx", { stdin: answer });
  assert.equal(stdout, QUESTION + PROMPT.repeat(prompts));
  assert.deepEqual(await chunks(space), deletes ? [HELLO_ID] : before);
});

Deno.test.each([
  { answer: "", prompts: 1 },
  { answer: "yes", prompts: 2 },
  { answer: "y y\n", prompts: 2 },
  { answer: "y".repeat(5000), prompts: 1 },
])("prune deletes nothing, and fails, without an answer", async ({ answer, prompts }) => {
  await using space = await exampleSpace();
  const before = await space.list();
  const { code, stdout, stderr } = await space.run("prune -s @store @hello.caibx", { stdin: answer });
  assert.deepEqual([code, stderr], [1, "Error: no confirmation given, nothing deleted\n"]);
  assert.equal(stdout, QUESTION + PROMPT.repeat(prompts));
  assert.deepEqual(await space.list(), before);
});

Deno.test("prune reads an index from standard input, but not an answer as well", async () => {
  await using space = await exampleSpace();
  const before = await space.list();
  const stdin = await space.read("hello.caibx");
  assert.equal(
    await space.fails("prune -s @store -", { stdin }),
    "cannot ask for confirmation, as standard input is an index (use --yes)",
  );
  assert.deepEqual(await space.list(), before);
  await space.ok("prune -y -s @store -", { stdin });
  assert.deepEqual(await chunks(space), [HELLO_ID]);
});

Deno.test("prune --dry-run prints the chunks that would be deleted, and deletes nothing", async () => {
  await using space = await exampleSpace();
  const before = await space.list();
  const { code, stdout, stderr } = await space.run("prune --dry-run -s @store @hello.caibx");
  assert.equal(code, 0);
  const others = (await chunks(space)).filter((id) => id !== HELLO_ID);
  assert.deepEqual(stdout.trim().split("\n").sort(), others);
  assert.equal(stderr, `Would delete ${others.length} chunks, and keep 1\n`);
  assert.deepEqual(await space.list(), before);
});

Deno.test("prune deletes temporary files of writers that are gone, and no other files", async () => {
  await using space = await exampleSpace();
  const id = HELLO_ID.replace("bf73", "bf74");
  const kept = [
    `store/bf73/.tmp-cacnk.1`, // Its writer may still be at work.
    `store/bf73/${id}`, // In another form.
    `store/bf73/${id}.cacnk`, // Not where it belongs.
    `store/bf73/${HELLO_ID.toUpperCase()}.cacnk`,
    `store/bf73/notes`,
    `store/${id}.cacnk`,
    `store/.tmp-cacnk.2`,
    `store/other/.tmp-cacnk.3`,
  ];
  await space.directory("store/other");
  for (const name of kept) await space.write(name, "x");
  const old = new Date(Date.now() - 2 * DAY);
  await space.write("store/bf73/.tmp-cacnk.4", "half a chunk");
  await space.write("store/bf73/.tmp-cacnk.5", "half a chunk");
  for (const name of [...kept.slice(1), "store/bf73/.tmp-cacnk.4", "store/bf73/.tmp-cacnk.5"]) {
    await Deno.utime(space.join(name), old, old);
  }
  const { stderr } = await space.run("prune --dry-run -s @store @hello.caibx");
  assert.match(stderr, /^Would delete \d+ chunks and 2 left-over temporary files, and keep 1\n$/);
  await space.ok("prune -y -s @store @hello.caibx");
  const files = (await space.list("store")).filter((name) => !name.endsWith("/")).map((name) =>
    `store/${name}`
  );
  assert.deepEqual(files, [...kept, chunkFile("store", HELLO_ID)].sort());
});

Deno.test("prune sees only chunks in the form of the store", async () => {
  await using space = await exampleSpace();
  const storeOptions = { [space.join("store")]: { uncompressed: true } };
  await space.write("config", JSON.stringify({ "store-options": storeOptions }));
  const before = await chunks(space);
  await space.ok("make --config @config -s @store @lcg.caibx @lcg.bin");
  await space.ok("make --config @config -s @store @hello.caibx @hello.txt");
  await space.ok("prune --config @config -y -s @store @hello.caibx");
  const plain = (await space.list("store")).filter((name) => !/(\/|\.cacnk)$/.test(name));
  assert.deepEqual(plain, [`bf73/${HELLO_ID}`]);
  assert.deepEqual(await chunks(space), before);
});

Deno.test("prune deletes nothing if it cannot read every index", async () => {
  await using space = await exampleSpace();
  await space.write("junk", "no index");
  await space.ok("make --digest sha256 -s @store @sha256.caibx @hello.txt");
  const before = await space.list();
  for (
    const [line, message] of [
      ["-y @hello.caibx", "no store given (use -s <location>)"],
      ["-y -s @nowhere @hello.caibx", "Cannot open store '@nowhere': it does not exist"],
      [
        "-y -s http://user:secret@host/store @hello.caibx",
        "Cannot list the chunks of 'http://host/store': HTTP servers do not tell what they have",
      ],
      ["-y -s @junk @hello.caibx", "Cannot open store '@junk': it is a file, a directory is needed"],
      ["-y -s foo://x @hello.caibx", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["-y -s @store|@store @hello.caibx", "Cannot open store '@store|@store': it does not exist"],
      ["-y -s @store @hello.caibx @nofile", "Cannot read index '@nofile': it does not exist"],
      ["-y -s @store @junk @hello.caibx", "Cannot read index '@junk': it is truncated: 8 bytes"],
      [
        "-y --digest sha256 -s @store @sha256.caibx @hello.caibx",
        "'@hello.caibx' was made with digest sha512-256 (use --digest sha512-256)",
      ],
    ] as const
  ) {
    assert.equal(await space.fails(`prune ${line}`), message);
  }
  assert.match(await space.fails("prune -y -s @store"), /^'prune' takes at least 1 argument, got 0/);
  assert.deepEqual(await space.list(), before);
  // Without the flag, indexes of all digests count.
  await space.ok("prune -y -s @store @sha256.caibx @hello.caibx");
  assert.equal((await chunks(space)).length, 2);
});
