import assert from "node:assert/strict";
import { exampleSpace } from "./workspace.ts";

Deno.test("verify-index is silent if a file matches its index", async () => {
  await using space = await exampleSpace();
  for (const name of ["hello.txt", "empty.bin", "zeros.bin", "lcg.bin", "lcg2.bin"]) {
    const index = `${name.replace(/\..*/, "")}.caibx`;
    assert.equal(await space.ok(`verify-index @${index} @${name}`), "");
    assert.equal(await space.ok(`verify-index -n 3 - @${name}`, { stdin: await space.read(index) }), "");
  }
  await space.ok("make --digest sha256 @sha256.caibx @lcg.bin");
  await space.ok("verify-index @sha256.caibx @lcg.bin");
});

Deno.test("verify-index says where the first difference is", async () => {
  await using space = await exampleSpace();
  const data = await space.read("lcg.bin");
  for (const [at, start] of [[0, 0], [1534, 1534], [20_000, 18_603], [39_999, 35_250]] as const) {
    const damaged = data.slice();
    damaged[at]! ^= 1;
    await space.write("damaged", damaged);
    assert.match(
      await space.fails("verify-index -n 1 @lcg.caibx @damaged"),
      new RegExp(`^Cannot use chunk [0-9a-f]{64}: '@damaged' differs at offset ${start}, `),
    );
  }
});

Deno.test("verify-index compares sizes first", async () => {
  await using space = await exampleSpace();
  const data = await space.read("lcg.bin");
  await space.write("shorter", data.subarray(0, -1));
  await space.write("longer", new Uint8Array([...data, 0]));
  for (
    const [file, size] of [["shorter", 39_999], ["longer", 40_001], ["empty.bin", 0]] as const
  ) {
    assert.equal(
      await space.fails(`verify-index @lcg.caibx @${file}`),
      `Cannot verify '@${file}': it has ${size} bytes, the index describes 40000`,
    );
  }
});

Deno.test("verify-index needs an index and a file, and takes - for a file's name", async () => {
  await using space = await exampleSpace();
  const before = await space.list();
  assert.equal(
    await space.fails("verify-index @nofile @lcg.bin"),
    "Cannot read index '@nofile': it does not exist",
  );
  assert.equal(
    await space.fails("verify-index foo://x @lcg.bin"),
    "Cannot open index 'foo://x': unknown scheme 'foo'",
  );
  assert.match(await space.fails("verify-index @lcg.caibx @nofile"), /^Cannot read '@nofile': No such file/);
  assert.match(await space.fails("verify-index @lcg.caibx @store"), /@store.*Is a directory/);
  assert.match(
    await space.fails("verify-index @lcg.caibx -", { stdin: "" }),
    /^Cannot read '-': No such file/,
  );
  assert.equal(
    await space.fails("verify-index --digest sha256 @lcg.caibx @lcg.bin"),
    "'@lcg.caibx' was made with digest sha512-256 (use --digest sha512-256)",
  );
  assert.deepEqual(await space.list(), before);
});
