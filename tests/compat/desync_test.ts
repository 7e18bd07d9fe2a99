/** What this program makes, desync reads, and the other way round. */

import assert from "node:assert/strict";
import { lcg, type Workspace, workspace } from "../cli/commands/workspace.ts";
import { concat } from "../support/blobs.ts";
import { runCli } from "../support/cli.ts";
import { peer } from "../support/peers.ts";
import { xorshift } from "../support/xorshift.ts";
import { assertSameFile, runPeer, withDesyncFlags } from "./programs.ts";

const desync = peer("desync");
const { ignore } = desync;

/** Runs a command line of either program, which has to succeed. @returns What it printed. */
type Run = (space: Workspace, line: string) => Promise<string>;

async function ours(space: Workspace, line: string): Promise<string> {
  const { code, stdout, stderr } = space.abbreviate(await runCli(space.words(line)));
  assert.deepEqual([code, stderr], [0, ""], line);
  return stdout;
}

async function theirs(space: Workspace, line: string): Promise<string> {
  const { stdout, stderr } = space.abbreviate(await runPeer(desync.require(), space.words(line)));
  assert.equal(stderr, "", line);
  return stdout;
}

const DIRECTIONS: readonly { readonly name: string; readonly make: Run; readonly read: Run }[] = [
  { name: "desync reads what this program makes", make: ours, read: theirs },
  { name: "this program reads what desync makes", make: theirs, read: ours },
];

const NOISE = xorshift(500_000);
/** Two versions of a blob with much in common: chunks that differ, repeated ones, runs of zeros. */
const OLD = concat(NOISE, new Uint8Array(600_000), NOISE.subarray(0, 200_000));
const NEW = concat(lcg(30_000), NOISE.subarray(0, 250_000), lcg(70_000), new Uint8Array(600_000), NOISE);

async function blobs(): Promise<Workspace> {
  const space = await workspace({ old: OLD, new: NEW });
  await space.directory("store");
  return space;
}

/** The configuration files of stores, by the way in which they keep chunks. */
const FORMS = ["compressed", "uncompressed"] as const;

for (const { name, make, read } of DIRECTIONS) {
  for (const form of FORMS) {
    Deno.test(`${name}: stores and indexes with all commands (${form})`, { ignore }, async () => {
      await using space = await blobs();
      const uncompressed = form === "uncompressed";
      const options = { "store-options": { [`${space.path}/*`]: { uncompressed } } };
      await space.write("config.json", JSON.stringify(options));
      const global = "--config @config.json";

      await make(space, `${global} make -s @store @new.caibx @new`);
      const files = await space.list("store");
      assert(files.every((file) => file.endsWith("/") || file.endsWith(".cacnk") === !uncompressed));
      await read(space, `${global} verify -s @store`);
      await read(space, `${global} verify-index @new.caibx @new`);
      await read(space, `${global} extract -s @store @new.caibx @extracted`);
      await assertSameFile(space.join("extracted"), NEW);
      await read(space, `${global} cat -s @store @new.caibx @concatenated`);
      await assertSameFile(space.join("concatenated"), NEW);
      await read(space, `${global} cat -s @store -o 1000 -l 400000 @new.caibx @part`);
      await assertSameFile(space.join("part"), NEW.subarray(1000, 401_000));

      const list = await make(space, `${global} list-chunks @new.caibx`);
      assert.equal(await read(space, `${global} list-chunks @new.caibx`), list);
      const info = await make(space, `${global} info -s @store @new.caibx`);
      assert.equal(await read(space, `${global} info -s @store @new.caibx`), info);
      const sizes = await make(space, `${global} inspect-chunks -s @store @new.caibx`);
      assert.equal(await read(space, `${global} inspect-chunks -s @store @new.caibx`), sizes);
      await space.write("sizes.json", sizes);
      const known = await make(space, `${global} info --chunks-info @sizes.json @new.caibx`);
      assert.equal(await read(space, `${global} info --chunks-info @sizes.json @new.caibx`), known);

      await space.directory("copy");
      await read(space, `${global} cache -s @store -c @copy @new.caibx`);
      assert.deepEqual(await space.list("copy"), files);
      await make(space, `${global} extract -s @copy @new.caibx @from-copy`);
      await assertSameFile(space.join("from-copy"), NEW);

      await make(space, `${global} make -s @store @old.caibx @old`);
      await read(space, `${global} prune --yes -s @store @new.caibx`);
      const left = (await space.list("store")).filter((file) => !file.endsWith("/"));
      assert.deepEqual(left, files.filter((file) => !file.endsWith("/")));
      await read(space, `${global} chop -s @store @old.caibx @old`);
      await make(space, `${global} extract -s @store @old.caibx @from-chopped`);
      await assertSameFile(space.join("from-chopped"), OLD);
    });
  }

  Deno.test(`${name}: indexes as seeds`, { ignore }, async () => {
    await using space = await blobs();
    await make(space, "make @old.caibx @old");
    await make(space, "make -s @store @new.caibx @new");
    const stats = await read(space, "extract --print-stats -s @store --seed @old.caibx @new.caibx @output");
    await assertSameFile(space.join("output"), NEW);
    const { "chunks-from-seeds": seeds, "chunks-from-store": store } = JSON.parse(stats);
    assert(seeds > store && store > 0);
    await read(space, "extract -s @store --seed-dir @. @new.caibx @old");
    await assertSameFile(space.join("old"), NEW);
  });

  Deno.test(`${name}: indexes and chunks with SHA-256`, { ignore }, async () => {
    await using space = await blobs();
    await make(space, "--digest sha256 make -m 4:16:64 -s @store @new.caibx @new");
    await read(space, "--digest sha256 verify -s @store");
    await read(space, "--digest sha256 verify-index @new.caibx @new");
    await read(space, "--digest sha256 extract -s @store @new.caibx @extracted");
    await assertSameFile(space.join("extracted"), NEW);
  });

  Deno.test(`${name}: a store that is completed, cached and repaired in turns`, { ignore }, async () => {
    await using space = await blobs();
    await make(space, "make -s @store @old.caibx @old");
    await read(space, "make -s @store @new.caibx @new");
    await space.directory("cache");
    await make(space, "extract -s @store -c @cache @old.caibx @output");
    for (const file of await space.list("cache")) {
      if (file.endsWith(".cacnk")) await space.write(`cache/${file}`, NOISE.subarray(0, 100));
    }
    await read(space, "extract -s @store -c @cache @new.caibx @output");
    await assertSameFile(space.join("output"), NEW);
    await make(space, "cat -s @store -c @cache @old.caibx @output");
    await assertSameFile(space.join("output"), OLD);
    await make(space, "verify -s @cache");
    await read(space, "verify -s @cache");
  });
}

for (const digest of ["sha512-256", "sha256"]) {
  const name = `make and chunk cut as desync does, with any chunk sizes (${digest})`;
  Deno.test(name, { ignore }, async () => {
    await using space = await workspace({
      noise: xorshift(1 << 20),
      zeros: new Uint8Array(700_000),
      new: NEW,
    });
    for (const data of ["noise", "zeros", "new"]) {
      for (const sizes of ["16:64:256", "4:16:64", "8:8:8", "16:64:64"]) {
        const flags = `--digest ${digest} -m ${sizes}`;
        await ours(space, `make ${flags} @ours.caibx @${data}`);
        await theirs(space, `make ${flags} @theirs.caibx @${data}`);
        const expected = withDesyncFlags(await space.read("ours.caibx"));
        assert.deepEqual(await space.read("theirs.caibx"), expected, `${flags}, ${data}`);
      }
      const line = `chunk --digest ${digest} -m 4:16:64 @${data}`;
      assert.equal(await ours(space, line), await theirs(space, line));
    }
  });
}

Deno.test(
  "make cuts at the minimum as casync does, unlike desync, which reads the result",
  { ignore },
  async () => {
    const text = new TextEncoder().encode("boundary exactly at the minimum size: 0000004335");
    const data = concat(new Uint8Array(16_336), text, new Uint8Array(8192));
    await using space = await workspace({ data });
    await space.directory("store");
    const sizes = (lines: string) => lines.trim().split("\n").map((line) => Number(line.split("\t")[1]));
    assert.deepEqual(sizes(await ours(space, "chunk @data")), [16_384, 8192]);
    assert.deepEqual(sizes(await theirs(space, "chunk @data")), [24_576]);
    await ours(space, "make -s @store @data.caibx @data");
    await theirs(space, "extract -s @store @data.caibx @output");
    await assertSameFile(space.join("output"), data);
    await theirs(space, "make -s @store @data.caibx @data");
    await ours(space, "extract -s @store @data.caibx @output");
    await assertSameFile(space.join("output"), data);
  },
);
