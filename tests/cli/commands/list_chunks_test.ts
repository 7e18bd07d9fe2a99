import assert from "node:assert/strict";
import { exampleSpace, HELLO_ID } from "./workspace.ts";

const ZEROS = [
  "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
  "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
  "99e96119d5d6e1947018ff1ca1f8a29e1d405ea045d342e90351d0f20f098337",
];

Deno.test("list-chunks prints the ID of every row, in order and as often as it occurs", async () => {
  await using space = await exampleSpace();
  assert.equal(await space.ok("list-chunks @zeros.caibx"), ZEROS.map((id) => `${id}\n`).join(""));
  assert.equal(
    await space.ok("list-chunks -", { stdin: await space.read("zeros.caibx") }),
    ZEROS.map((id) => `${id}\n`).join(""),
  );
  assert.equal(await space.ok("list-chunks @empty.caibx"), "");
});

Deno.test("list-chunks takes any digest unless --digest contradicts the index", async () => {
  await using space = await exampleSpace();
  await space.ok("make --digest sha256 @sha256.caibx @hello.txt");
  const id = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447";
  assert.equal(await space.ok("list-chunks @sha256.caibx"), `${id}\n`);
  assert.equal(await space.ok("list-chunks --digest sha256 @sha256.caibx"), `${id}\n`);
  assert.equal(await space.ok("list-chunks @hello.caibx"), `${HELLO_ID}\n`);
  assert.equal(
    await space.fails("list-chunks --digest sha256 @hello.caibx"),
    "'@hello.caibx' was made with digest sha512-256 (use --digest sha512-256)",
  );
});

Deno.test("list-chunks needs an index", async () => {
  await using space = await exampleSpace();
  await space.write("junk", "no index, but long enough to be one");
  await space.write("short.caibx", (await space.read("lcg.caibx")).subarray(0, 200));
  await space.write("long.caibx", new Uint8Array([...await space.read("lcg.caibx"), 0]));
  for (
    const [location, message] of [
      ["@nofile", "Cannot read index '@nofile': it does not exist"],
      ["@nowhere/nofile", "Cannot read index '@nowhere/nofile': it does not exist"],
      ["@junk", "Cannot read index '@junk': it does not start with an INDEX record"],
      [
        "@short.caibx",
        "Cannot read index '@short.caibx': it is truncated, or followed by other data: 200 bytes",
      ],
      [
        "@long.caibx",
        "Cannot read index '@long.caibx': it is truncated, or followed by other data: 465 bytes",
      ],
      ["foo://x", "Cannot open index 'foo://x': unknown scheme 'foo'"],
      ["-", "Cannot read index '-': it is truncated: 0 bytes"],
    ] as const
  ) {
    assert.equal(await space.fails(`list-chunks ${location}`), message);
  }
  assert.match(await space.fails("list-chunks @store"), /^Cannot read index '@store': Is a directory/);
  assert.match(await space.fails("list-chunks ssh://host/x"), /^Cannot open index 'ssh:\/\/host\/x': /);
});
