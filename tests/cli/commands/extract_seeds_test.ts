import assert from "node:assert/strict";
import { parseSeed } from "../../../cli/seeds.ts";
import { exampleSpace, lcg, type Workspace } from "./workspace.ts";

const NOISE = lcg(40_000);

/** A workspace with a seed for `lcg2.caibx`: `seed.caibx` and its data, in which a byte of the second chunk is wrong. */
async function seedSpace(options: { readonly damaged?: boolean } = {}): Promise<Workspace> {
  const space = await exampleSpace();
  const data = NOISE.slice();
  if (options.damaged ?? false) data[2000]! ^= 1;
  await space.write("seed", data);
  await Deno.copyFile(space.join("lcg.caibx"), space.join("seed.caibx"));
  return space;
}

/** Extracts `lcg2.caibx` and compares it. @returns What was counted, and standard error. */
async function extract(space: Workspace, flags: string) {
  const { code, stdout, stderr } = await space.run(`extract --print-stats ${flags} @lcg2.caibx @out`);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await space.read("out"), await space.read("lcg2.bin"));
  const { "chunks-from-seeds": fromSeeds, "chunks-from-store": fromStore, seeds } = JSON.parse(stdout);
  return { fromSeeds, fromStore, seeds, stderr };
}

Deno.test.each(["@seed.caibx", "@seed.caibx:@seed", "@lcg.caibx:@lcg.bin"])(
  "extract --seed %s copies what the seed has",
  async (seed) => {
    await using space = await seedSpace();
    const found = await extract(space, `-s @store --seed ${seed}`);
    // Two chunks of zeros and, twice, those that the seed has; the others repeat in the output or are in the store.
    assert.deepEqual(found, { fromSeeds: 2 + 5 + 3, fromStore: 4, seeds: 2, stderr: "" });
  },
);

Deno.test("extract --seed takes several seeds, by one flag or several", async () => {
  await using space = await seedSpace();
  for (
    const flags of [
      "--seed @zeros.caibx:@zeros.bin,@seed.caibx",
      "--seed @lcg.caibx:@lcg.bin --seed @seed.caibx",
    ]
  ) {
    assert.equal((await extract(space, `-s @store ${flags}`)).seeds, 3);
  }
});

Deno.test("extract needs nothing of the store that seeds have", async () => {
  await using space = await seedSpace();
  await space.directory("none");
  await space.ok("extract -s @none --seed @seed.caibx @lcg.caibx @out");
  assert.deepEqual(await space.read("out"), NOISE);
  await space.ok("extract -s @none --seed @lcg2.caibx:@lcg2.bin @lcg2.caibx @out");
});

Deno.test("extract --seed reads the index of a seed from standard input", async () => {
  await using space = await seedSpace();
  const index = await space.read("lcg.caibx");
  const stdout = await space.ok("extract --print-stats -s @store --seed -:@seed @lcg2.caibx @out", {
    stdin: index,
  });
  assert.equal(JSON.parse(stdout)["chunks-from-seeds"], 10);
});

Deno.test("extract fails if the data of a seed are not what its index says", async () => {
  await using space = await seedSpace({ damaged: true });
  const before = await space.list();
  assert.match(
    await space.fails("extract -s @store --seed @seed.caibx @lcg2.caibx @out"),
    /^Cannot use seed '@seed': .*at offset 1534 do not match its index/,
  );
  await space.remove("seed");
  assert.match(
    await space.fails("extract -s @store --seed @seed.caibx @lcg2.caibx @out"),
    /^Cannot use seed '@seed': .*No such file/,
  );
  assert.deepEqual(await space.list(), before.filter((name) => name !== "seed"));
});

Deno.test("extract --skip-invalid-seeds goes on without seeds that are invalid or have no data, and warns", async () => {
  await using space = await seedSpace({ damaged: true });
  for (const reason of [/data at offset 1534/, /No such file/]) {
    const { fromStore, stderr } = await extract(space, "-s @store --skip-invalid-seeds --seed @seed.caibx");
    assert.match(stderr, /^Warning: Seed '@seed' is skipped: [^\n]*\n$/);
    assert.match(stderr, reason);
    assert(fromStore > 4);
    if ((await space.list()).includes("seed")) await space.remove("seed");
  }
});

Deno.test("extract --regenerate-invalid-seeds cuts an invalid seed again, and uses what is in it", async () => {
  await using space = await seedSpace({ damaged: true });
  const { fromSeeds, fromStore, stderr } = await extract(
    space,
    "-s @store --regenerate-invalid-seeds --seed @seed.caibx",
  );
  // One chunk of the seed is not the one that is wanted.
  assert.deepEqual([fromSeeds, fromStore], [9, 5]);
  assert.match(stderr, /^Warning: Seed '@seed' is cut again: [^\n]*\n$/);
  await space.remove("seed");
  const { code } = await space.run(
    "extract -s @store --regenerate-invalid-seeds --seed @seed.caibx @lcg2.caibx @new",
  );
  assert.equal(code, 1);
  assert(!(await space.list()).includes("new"));
});

Deno.test("extract --in-place passes over a seed whose data are the output", async () => {
  await using space = await seedSpace();
  for (const seed of ["--seed @seed.caibx", "--seed @lcg.caibx:@./seed"]) {
    await space.write("seed", NOISE);
    const { code, stderr } = await space.run(`extract -k -s @store ${seed} @lcg2.caibx @seed`);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Warning: Seed '@(\.\/)?seed' is skipped: it is the output\n$/);
    assert.deepEqual(await space.read("seed"), await space.read("lcg2.bin"));
  }
});

Deno.test("extract fails in any case if the index of a seed cannot be read", async () => {
  await using space = await seedSpace();
  await space.write("junk.caibx", "no index");
  await space.write("junk", "data");
  const before = await space.list();
  for (const policy of ["", "--skip-invalid-seeds ", "--regenerate-invalid-seeds "]) {
    for (
      const [flags, message] of [
        ["--seed @nofile.caibx", "Cannot read index '@nofile.caibx': it does not exist"],
        ["--seed @junk.caibx", "Cannot read index '@junk.caibx': it is truncated: 8 bytes"],
        ["--seed foo://x.caibx", "Cannot open index 'foo://x.caibx': unknown scheme 'foo'"],
        ["--seed @seed", "invalid --seed '@seed': expected <name>.caibx or <index>:<data>"],
        ["--seed @seed:", "invalid --seed '@seed:': expected <name>.caibx or <index>:<data>"],
      ] as const
    ) {
      assert.equal(await space.fails(`extract ${policy}-s @store ${flags} @lcg2.caibx @out`), message);
    }
  }
  assert.deepEqual(await space.list(), before);
});

Deno.test("extract --seed-dir finds indexes with their data at any depth, and passes over those without", async () => {
  await using space = await seedSpace();
  await space.directory("seeds/deep/deeper");
  await space.directory("none");
  await space.write("seeds/deep/deeper/lcg.caibx", await space.read("lcg.caibx"));
  await space.write("seeds/deep/deeper/lcg", NOISE);
  await space.write("seeds/alone.caibx", await space.read("zeros.caibx"));
  await space.write("seeds/deep/text", "");
  await Deno.symlink("nowhere", space.join("seeds/dangling.caibx"));
  const flags = "-s @store --seed-dir @none --seed-dir @seeds/";
  assert.deepEqual(await extract(space, flags), { fromSeeds: 10, fromStore: 4, seeds: 2, stderr: "" });
  assert.equal((await extract(space, "-s @store --seed-dir @seeds --seed @seed.caibx")).seeds, 3);
});

Deno.test("extract --seed-dir passes over the index that is extracted, by whatever name", async () => {
  await using space = await seedSpace();
  await space.directory("seeds");
  await space.write("seeds/lcg2.caibx", await space.read("lcg2.caibx"));
  await space.write("seeds/lcg2", "not the data of the index");
  await Deno.symlink("lcg2.caibx", space.join("seeds/link.caibx"));
  await space.write("seeds/link", "nor is this");
  for (const index of ["@seeds/lcg2.caibx", "@seeds/link.caibx", "@seeds/../seeds/lcg2.caibx"]) {
    const stdout = await space.ok(`extract --print-stats -s @store --seed-dir @seeds ${index} @out`);
    assert.equal(JSON.parse(stdout)["seeds"], 1);
  }
});

Deno.test("extract --seed-dir fails if a directory or an index in it cannot be read", async () => {
  await using space = await seedSpace();
  await space.directory("seeds");
  await space.write("seeds/junk.caibx", "no index");
  await space.write("seeds/junk", "");
  const before = await space.list();
  assert.match(
    await space.fails("extract -s @store --seed-dir @nowhere @lcg.caibx @out"),
    /^Cannot search '@nowhere': /,
  );
  assert.match(
    await space.fails("extract -s @store --seed-dir @seed @lcg.caibx @out"),
    /^Cannot search '@seed': /,
  );
  assert.equal(
    await space.fails("extract -s @store --seed-dir @seeds @lcg.caibx @out"),
    "Cannot read index '@seeds/junk.caibx': it is truncated: 8 bytes",
  );
  assert.deepEqual(await space.list(), before);
});

Deno.test.each([
  { value: "a.caibx", index: "a.caibx", data: "a" },
  { value: "dir:1/a.caibx", index: "dir:1/a.caibx", data: "dir:1/a" },
  { value: "a.caibx:b", index: "a.caibx", data: "b" },
  { value: "-:b", index: "-", data: "b" },
  { value: "https://host:8080/a.caibx:/b", index: "https://host:8080/a.caibx", data: "/b" },
  { value: "C:\\a.caibx", index: "C:\\a.caibx", data: "C:\\a" },
  { value: "C:\\a.caibx:D:\\b", index: "C:\\a.caibx", data: "D:\\b" },
  { value: "C:/a.idx:b", index: "C:/a.idx", data: "b" },
])("parseSeed() reads '$value' as index '$index' with data '$data'", ({ value, index, data }) => {
  assert.deepEqual(parseSeed(value), { index, data });
});

Deno.test.each(["", "a", ":", "a:", ":b", "a.caibx.bak"])("parseSeed() rejects '%s'", (value) => {
  assert.throws(() => parseSeed(value), { name: "UsageError" });
});
