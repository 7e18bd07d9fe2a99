import assert from "node:assert/strict";
import { exampleSpace, HELLO_ID } from "./workspace.ts";

/** What `info lcg2.caibx` prints. */
const LCG2 = {
  "total": 14,
  "unique": 10,
  "in-store": 0,
  "in-seed": 0,
  "in-cache": 0,
  "not-in-seed-nor-cache": 10,
  "size": 90_000,
  "dedup-size-not-in-seed": 58_394,
  "dedup-size-not-in-seed-nor-cache": 58_394,
  "dedup-size-not-in-seed-nor-cache-compressed": 0,
  "chunk-size-min": 1024,
  "chunk-size-avg": 4096,
  "chunk-size-max": 16_384,
};

Deno.test("info prints JSON with its keys in order, or plain lines", async () => {
  await using space = await exampleSpace();
  const json = `${JSON.stringify(LCG2, undefined, 2)}\n`;
  assert.equal(await space.ok("info @lcg2.caibx"), json);
  assert.equal(await space.ok("info -f json -", { stdin: await space.read("lcg2.caibx") }), json);
  assert.equal(
    await space.ok("info --format=plain -s @store @lcg2.caibx"),
    [
      "Blob size: 90000",
      "Size of deduplicated chunks not in seed: 58394",
      "Size of deduplicated chunks not in seed nor cache: 58394",
      "Total chunks: 14",
      "Unique chunks: 10",
      "Chunks in store: 10",
      "Chunks in seed: 0",
      "Chunks in cache: 0",
      "Chunks not in seed nor cache: 10",
      "Compressed chunks not in seed nor cache: 0",
      "Chunk size min: 1024",
      "Chunk size avg: 4096",
      "Chunk size max: 16384",
      "",
    ].join("\n"),
  );
});

Deno.test("info counts chunks in stores, seeds and the cache", async () => {
  await using space = await exampleSpace();
  await space.directory("none");
  await space.directory("cache");
  await space.ok("cache -s @store -c @cache --ignore @lcg.caibx @lcg2.caibx");
  const seeded = { "in-seed": 5, "dedup-size-not-in-seed": 39_791 };
  for (
    const [flags, changes] of [
      ["-s @store", { "in-store": 10 }],
      ["-s @none -s @store", { "in-store": 10 }],
      ["-s @none,@cache", { "in-store": 5 }],
      ["-s @none|@store", {}],
      ["--seed @lcg.caibx", {
        ...seeded,
        "not-in-seed-nor-cache": 5,
        "dedup-size-not-in-seed-nor-cache": 39_791,
      }],
      ["--seed @hello.caibx,@zeros.caibx", {}],
      ["-c @cache", {
        "in-cache": 5,
        "not-in-seed-nor-cache": 5,
        "dedup-size-not-in-seed-nor-cache": 18_603,
      }],
      ["-c @store --seed @lcg.caibx", {
        ...seeded,
        "in-cache": 10,
        "not-in-seed-nor-cache": 0,
        "dedup-size-not-in-seed-nor-cache": 0,
      }],
    ] as const
  ) {
    assert.deepEqual(JSON.parse(await space.ok(`info ${flags} @lcg2.caibx`)), { ...LCG2, ...changes }, flags);
  }
  const stdin = await space.read("lcg.caibx");
  assert.equal(JSON.parse(await space.ok("info --seed - @lcg2.caibx", { stdin }))["in-seed"], 5);
});

Deno.test("info --chunks-info adds up stored sizes, if it has all that are needed", async () => {
  await using space = await exampleSpace();
  const list = await space.ok("inspect-chunks -s @store @lcg2.caibx");
  await space.write("all", list);
  const chunks: { id: string; uncompressed_size: number; compressed_size: number }[] = JSON.parse(list);
  const stored = new Map(chunks.map(({ id, compressed_size }) => [id, compressed_size]));
  const sum = [...stored.values()].reduce((a, b) => a + b);
  const count = async (flags: string) => {
    const found = JSON.parse(await space.ok(`info --chunks-info ${flags} @lcg2.caibx`));
    return found["dedup-size-not-in-seed-nor-cache-compressed"];
  };
  assert.equal(await count("@all"), sum);
  const known = (await space.ok("list-chunks @lcg.caibx")).trim().split("\n");
  const left = [...stored].filter(([id]) => !known.includes(id)).reduce((all, [, size]) => all + size, 0);
  assert.equal(await count("@all --seed @lcg.caibx"), left);
  assert.equal(await count("@all -c @store"), 0);
  await space.write("none", "null");
  assert.equal(await count("@none"), 0);
  await space.write("some", JSON.stringify(chunks.filter(({ id }) => !known.includes(id))));
  assert.equal(await count("@some"), 0);
  assert.equal(await count("@some --seed @lcg.caibx"), left);
  await space.ok("inspect-chunks @lcg2.caibx @unstored");
  assert.equal(await count("@unstored"), 0);
});

Deno.test("info rejects a --chunks-info that contradicts the index, or is none", async () => {
  await using space = await exampleSpace();
  await space.write("wrong", JSON.stringify([{ id: HELLO_ID, uncompressed_size: 13, compressed_size: 20 }]));
  assert.equal(
    await space.fails("info --chunks-info @wrong @hello.caibx"),
    `Cannot use chunks info: chunk ${HELLO_ID} has 13 bytes there, 12 in the index`,
  );
  for (
    const [content, state] of [
      ["{", ": "],
      ["{}", ": it is not a list"],
      ["[null]", ": item 0 is not a chunk with its sizes"],
      [`[{"id":"${HELLO_ID}"}]`, ": item 0 is not a chunk with its sizes"],
      ['[{"id":"bf73","uncompressed_size":1}]', ": item 0 is not a chunk with its sizes"],
    ] as const
  ) {
    await space.write("list", content);
    const message = await space.fails("info --chunks-info @list @hello.caibx");
    assert(message.startsWith(`Cannot read chunks info '@list'${state}`), message);
  }
});

Deno.test("info describes an index without chunks, and one of any digest unless --digest contradicts it", async () => {
  await using space = await exampleSpace();
  const { total, size, ...rest } = JSON.parse(await space.ok("info -s @store @empty.caibx"));
  assert.deepEqual([total, size, rest["in-store"], rest["chunk-size-max"]], [0, 0, 0, 262_144]);
  await space.ok("make --digest sha256 -s @store @sha256.caibx @hello.txt");
  assert.equal(JSON.parse(await space.ok("info -s @store @sha256.caibx"))["in-store"], 1);
  assert.equal(
    await space.fails("info --digest sha512-256 @sha256.caibx"),
    "'@sha256.caibx' was made with digest sha256 (use --digest sha256)",
  );
});

Deno.test("info needs an index, and fails if what it is told to look at is not there", async () => {
  await using space = await exampleSpace();
  await space.write("junk", "no index");
  const before = await space.list();
  for (
    const [line, message] of [
      ["@nofile", "Cannot read index '@nofile': it does not exist"],
      ["@junk", "Cannot read index '@junk': it is truncated: 8 bytes"],
      ["foo://x", "Cannot open index 'foo://x': unknown scheme 'foo'"],
      ["-f xml @hello.caibx", "invalid value 'xml' for --format: expected json or plain"],
      ["--format= @hello.caibx", "invalid value '' for --format: expected json or plain"],
      ["-s @nowhere @hello.caibx", "Cannot open store '@nowhere': it does not exist"],
      ["-c @nowhere @hello.caibx", "Cannot open store '@nowhere': it does not exist"],
      ["-c @junk @hello.caibx", "Cannot open store '@junk': it is a file, a directory is needed"],
      ["-s foo://x @hello.caibx", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["--seed @nofile @hello.caibx", "Cannot read index '@nofile': it does not exist"],
    ] as const
  ) {
    assert.equal(await space.fails(`info ${line}`), message);
  }
  assert.match(await space.fails("info --chunks-info @nofile @hello.caibx"), /^Cannot read '@nofile': /);
  assert.deepEqual(await space.list(), before);
});

Deno.test("info fails if a store cannot be asked, instead of counting its chunks as absent", async () => {
  await using space = await exampleSpace();
  await space.directory("store2");
  await Deno.symlink("loop", space.join("store2/bf73"));
  await Deno.symlink("bf73", space.join("store2/loop"));
  for (const flag of ["-s", "-c"]) {
    assert.match(
      await space.fails(`info ${flag} @store2 @hello.caibx`),
      /^Cannot .*'@store2'.*symbolic links/,
    );
  }
});
