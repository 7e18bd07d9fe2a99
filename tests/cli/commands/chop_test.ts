import assert from "node:assert/strict";
import { chunkFile, exampleSpace, HELLO_ID, lcg, type Workspace } from "./workspace.ts";

async function chunks(space: Workspace, store: string): Promise<string[]> {
  return (await space.list(store)).filter((name) => name.endsWith(".cacnk")).map((name) => name.slice(5, 69));
}

/** The chunks of an index, without repetitions and sorted. */
async function chunksOf(space: Workspace, index: string): Promise<string[]> {
  return [...new Set((await space.ok(`list-chunks @${index}`)).trim().split("\n"))].sort();
}

Deno.test("chop stores the chunks of a file that the index lists, and prints nothing", async () => {
  await using space = await exampleSpace();
  await space.directory("new");
  assert.equal(await space.ok("chop -s @new @lcg2.caibx @lcg2.bin"), "");
  assert.deepEqual(await chunks(space, "new"), await chunksOf(space, "lcg2.caibx"));
  await space.ok("extract -s @new @lcg2.caibx @out");
  assert.deepEqual(await space.read("out"), await space.read("lcg2.bin"));
  await space.ok("chop -s @new @empty.caibx @empty.bin");
});

Deno.test("chop writes only what the store does not have", async () => {
  await using space = await exampleSpace();
  const file = chunkFile("store", HELLO_ID);
  await space.write(file, "whatever this is");
  await space.ok("chop -s @store @hello.caibx @hello.txt");
  assert.equal(new TextDecoder().decode(await space.read(file)), "whatever this is");
});

Deno.test("chop reads the index from standard input, and takes that digest unless --digest contradicts it", async () => {
  await using space = await exampleSpace();
  await space.ok("make --digest sha256 -m 1:4:16 @sha256.caibx @lcg.bin");
  await space.ok("chop --create -s @new - @lcg.bin", { stdin: await space.read("sha256.caibx") });
  assert.deepEqual(await chunks(space, "new"), await chunksOf(space, "sha256.caibx"));
  assert.equal(
    await space.fails("chop --digest sha512-256 -s @new @sha256.caibx @lcg.bin"),
    "'@sha256.caibx' was made with digest sha256 (use --digest sha256)",
  );
});

Deno.test("chop --create creates the store, which must exist otherwise", async () => {
  await using space = await exampleSpace();
  const message = "Cannot open store '@new/store': it does not exist";
  assert.equal(await space.fails("chop -s @new/store @hello.caibx @hello.txt"), message);
  await space.ok("chop --create -s @new/store @hello.caibx @hello.txt");
  assert.deepEqual(await chunks(space, "new/store"), [HELLO_ID]);
});

Deno.test("chop --ignore and --ignore-chunks leave chunks out", async () => {
  await using space = await exampleSpace();
  const all = await chunksOf(space, "lcg2.caibx");
  const known = await chunksOf(space, "lcg.caibx");
  const [listed] = all.filter((id) => !known.includes(id));
  await space.write("ids", `\r\n  ${listed!.toUpperCase()}\t\r\n\r\n`);
  for (
    const [i, [flags, left]] of ([
      ["--ignore @lcg.caibx", all.filter((id) => !known.includes(id))],
      ["--ignore @hello.caibx,@lcg2.caibx", []],
      ["--ignore-chunks @ids", all.filter((id) => id !== listed)],
      [
        "--ignore @lcg.caibx --ignore-chunks @ids --ignore @zeros.caibx",
        all.filter((id) => !known.includes(id) && id !== listed),
      ],
    ] as const).entries()
  ) {
    await space.ok(`chop --create -s @${i} ${flags} @lcg2.caibx @lcg2.bin`);
    assert.deepEqual(await chunks(space, String(i)), left, flags);
  }
});

Deno.test("chop names file and line of what is no chunk ID", async () => {
  await using space = await exampleSpace();
  await space.write("ids", `${HELLO_ID}\n\nbf73\n`);
  const before = await space.list();
  const line = "chop -s @store --ignore-chunks";
  assert.equal(await space.fails(`${line} @ids @hello.caibx @hello.txt`), "@ids:3: not a chunk ID: 'bf73'");
  assert.match(await space.fails(`${line} @nofile @hello.caibx @hello.txt`), /^Cannot read '@nofile': /);
  assert.deepEqual(await space.list(), before);
});

Deno.test("chop fails at data that the index does not describe, and keeps what it stored before", async () => {
  await using space = await exampleSpace();
  const damaged = lcg(40_000);
  damaged[20_000]! ^= 1;
  await space.write("damaged", damaged);
  await space.write("shorter", lcg(39_999));
  await space.write("longer", lcg(40_001));
  await space.directory("new");
  const ids = (await space.ok("list-chunks @lcg.caibx")).trim().split("\n");

  assert.match(
    await space.fails("chop -n 1 -s @new @lcg.caibx @damaged"),
    new RegExp(`^Cannot use chunk ${ids[5]}: '@damaged' differs at offset 18603, `),
  );
  assert.deepEqual(await chunks(space, "new"), ids.slice(0, 5).sort());
  assert.match(
    await space.fails("chop -n 1 -s @new @lcg.caibx @shorter"),
    new RegExp(`^Cannot use chunk ${ids[8]}: '@shorter' ends at offset 39999, `),
  );
  // There is nothing wrong with more data than the index describes.
  await space.ok("chop -s @new @lcg.caibx @longer");
  assert.deepEqual(await chunks(space, "new"), [...ids].sort());
});

Deno.test("chop needs a store, an index and a file", async () => {
  await using space = await exampleSpace();
  await space.directory("new");
  const before = await space.list();
  for (
    const [line, message] of [
      ["@lcg.caibx @lcg.bin", "no store given (use -s <location>)"],
      [
        "-s @lcg.bin @lcg.caibx @lcg.bin",
        "Cannot open store '@lcg.bin': it is a file, a directory is needed",
      ],
      ["-s @new|@store @lcg.caibx @lcg.bin", "Cannot open store '@new|@store': it does not exist"],
      ["-s foo://x @lcg.caibx @lcg.bin", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["-s @new @nofile @lcg.bin", "Cannot read index '@nofile': it does not exist"],
      ["-s @new --ignore @nofile @lcg.caibx @lcg.bin", "Cannot read index '@nofile': it does not exist"],
    ] as const
  ) {
    assert.equal(await space.fails(`chop ${line}`), message);
  }
  assert.match(await space.fails("chop -s @new @lcg.caibx @nofile"), /@nofile.*: No such file/);
  assert.match(await space.fails("chop -s @new @lcg.caibx @store"), /@store.*: Is a directory/);
  assert.match(await space.fails("chop -s @new @lcg.caibx -"), /-.*: No such file/);
  assert.deepEqual(await space.list(), before);
});
