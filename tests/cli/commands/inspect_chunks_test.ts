import assert from "node:assert/strict";
import { chunkFile, exampleSpace, HELLO_ID } from "./workspace.ts";

const ZEROS = [
  { id: "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2", uncompressed_size: 262_144 },
  { id: "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2", uncompressed_size: 262_144 },
  { id: "99e96119d5d6e1947018ff1ca1f8a29e1d405ea045d342e90351d0f20f098337", uncompressed_size: 90_112 },
];

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

Deno.test("inspect-chunks lists every row with its ID and size", async () => {
  await using space = await exampleSpace();
  assert.equal(await space.ok("inspect-chunks @zeros.caibx"), json(ZEROS));
  assert.equal(
    await space.ok("inspect-chunks -", { stdin: await space.read("zeros.caibx") }),
    json(ZEROS),
  );
  assert.equal(await space.ok("inspect-chunks @empty.caibx"), "[]\n");
});

Deno.test("inspect-chunks --store adds the sizes of the chunk files that are there", async () => {
  await using space = await exampleSpace();
  const sizeOf = async (id: string) => (await Deno.stat(space.join(chunkFile("store", id)))).size;
  const stored = await Promise.all(
    ZEROS.map(async (chunk) => ({ ...chunk, compressed_size: await sizeOf(chunk.id) })),
  );
  assert.equal(await space.ok("inspect-chunks -s @store @zeros.caibx"), json(stored));
  await space.remove(chunkFile("store", ZEROS[0]!.id));
  assert.equal(
    await space.ok("inspect-chunks -s @store @zeros.caibx"),
    json([ZEROS[0], ZEROS[1], stored[2]]),
  );
});

Deno.test("inspect-chunks knows no compressed sizes of a store that does not compress", async () => {
  await using space = await exampleSpace();
  const storeOptions = { [space.join("plain")]: { uncompressed: true } };
  await space.write("config", JSON.stringify({ "store-options": storeOptions }));
  await space.ok("cache --config @config --create -s @store -c @plain @zeros.caibx");
  assert.equal(await space.ok("inspect-chunks --config @config -s @plain @zeros.caibx"), json(ZEROS));
});

Deno.test("inspect-chunks writes to a file, which it replaces whole, or to standard output for -", async () => {
  await using space = await exampleSpace();
  await space.write("list", "old and longer than what comes");
  assert.equal(await space.ok("inspect-chunks @hello.caibx @list"), "");
  const expected = json([{ id: HELLO_ID, uncompressed_size: 12 }]);
  assert.equal(new TextDecoder().decode(await space.read("list")), expected);
  assert.equal(await space.ok("inspect-chunks @hello.caibx -"), expected);
  await Deno.symlink("list", space.join("link"));
  await space.ok("inspect-chunks @zeros.caibx @link");
  assert.equal(new TextDecoder().decode(await space.read("list")), json(ZEROS));
  assert((await Deno.lstat(space.join("link"))).isSymlink);
});

Deno.test("inspect-chunks needs an index and a local store, and leaves the output alone if it fails", async () => {
  await using space = await exampleSpace();
  await space.write("junk", "no index");
  const before = await space.list();
  const index = await space.read("hello.caibx");
  for (
    const [line, message] of [
      ["@nofile @junk", "Cannot read index '@nofile': it does not exist"],
      ["@junk @new", "Cannot read index '@junk': it is truncated: 8 bytes"],
      ["foo://x @new", "Cannot open index 'foo://x': unknown scheme 'foo'"],
      ["-s @nowhere @hello.caibx @junk", "Cannot open store '@nowhere': it does not exist"],
      ["-s @junk @hello.caibx @new", "Cannot open store '@junk': it is a file, a directory is needed"],
      ["-s foo://x @hello.caibx @new", "Cannot open store 'foo://x': unknown scheme 'foo'"],
      ["@hello.caibx @store", "Cannot write '@store': it is a directory"],
      ["@hello.caibx @hello.caibx", "index and output are the same file: '@hello.caibx'"],
      [
        "--digest sha256 @hello.caibx @new",
        "'@hello.caibx' was made with digest sha512-256 (use --digest sha512-256)",
      ],
    ] as const
  ) {
    assert.equal(await space.fails(`inspect-chunks ${line}`), message);
  }
  assert.match(
    await space.fails("inspect-chunks @hello.caibx @nowhere/new"),
    /^Cannot write '@nowhere\/new': /,
  );
  assert.match(
    await space.fails("inspect-chunks -s http://localhost/store @hello.caibx @new"),
    /^Cannot .*'http:\/\/localhost\/store'/,
  );
  assert.deepEqual(await space.list(), before);
  assert.equal(new TextDecoder().decode(await space.read("junk")), "no index");
  assert.deepEqual(await space.read("hello.caibx"), index);
});
