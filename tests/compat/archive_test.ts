import assert from "node:assert/strict";
import { runCli } from "../support/cli.ts";
// Opens the libraries that commands need; see there.
import "../support/engine.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { ignoreSample, makeSample, run } from "../support/trees.ts";
import { assertSameFile, runPeer } from "./programs.ts";

const casync = peer("casync");
const desync = peer("desync");

/** Runs a command line of this program that has to succeed. */
async function ours(...argv: readonly string[]): Promise<void> {
  const { code, stderr } = await runCli(argv);
  assert.deepEqual([code, stderr], [0, ""], argv.join(" "));
}

/** A tree with one of everything, and what is larger than a few chunks. */
async function makeTree(dir: TempDir): Promise<string> {
  const path = dir.join("tree");
  await Deno.mkdir(`${path}/many/empty`, { recursive: true });
  await makeSample(path);
  const odd = "odd # \\ names/line\nfeed";
  await Deno.mkdir(`${path}/${odd}`, { recursive: true });
  await Deno.writeTextFile(`${path}/${"7".repeat(255)}`, "7");
  for (let i = 0; i < 300; i++) await Deno.writeTextFile(`${path}/many/${i}`, `${i}`.repeat(i));
  const noise = new Uint8Array(1_500_000);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, Math.min(at + 65_536, noise.length)));
  }
  await Deno.writeFile(`${path}/${odd}/noise`, noise);
  const sparse = await Deno.open(`${path}/sparse`, { create: true, write: true });
  await sparse.truncate(3_000_000);
  sparse.close();
  await Deno.writeTextFile(`${path}/many/.caexclude`, "1?\n!15\n");
  await run("touch", "-d", "1960-01-01 00:00:00.250 UTC", `${path}/many/7`);
  await run("chattr", "+d", `${path}/many/8`);
  return path;
}

/** Such a tree without what is left out of archives, and without names that are too long for casync to extract. */
async function makePlainTree(dir: TempDir): Promise<string> {
  const path = await makeTree(dir);
  await Deno.remove(`${path}/many/.caexclude`);
  await run("chattr", "-d", `${path}/many/8`);
  await Deno.remove(`${path}/${"7".repeat(255)}`);
  await run("env", "LC_ALL=C", "find", path, "-type", "f", "-name", "*xxxxxxxx*", "-delete");
  return path;
}

const OPTIONS: readonly { readonly casync: readonly string[]; readonly ours?: readonly string[] }[] = [
  { casync: [] },
  { casync: ["--with=best"] },
  { casync: ["--with=unix"] },
  { casync: ["--with=fuse"] },
  { casync: ["--with=chattr"] },
  { casync: ["--with=2sec-time", "--with=32bit-uids", "--with=symlinks"] },
  { casync: ["--without=all"] },
  { casync: ["--without=acl", "--without=selinux"] },
  { casync: ["--without=user-names", "--without=fifos"] },
  { casync: ["--digest=sha256"] },
  { casync: ["--exclude-nodump=no"], ours: ["--exclude-nodump=false"] },
  { casync: ["--exclude-submounts=yes"], ours: ["--one-file-system"] },
];

Deno.test({
  name: "tar makes archives and indexes as casync does, bit by bit",
  ignore: casync.ignore || ignoreSample,
  async fn() {
    await using dir = await tempDir();
    const tree = await makeTree(dir);
    await Deno.mkdir(dir.join("store"));
    for (const [i, options] of OPTIONS.entries()) {
      const [expected, index] = [dir.join(`${i}.catar`), dir.join(`${i}.caidx`)];
      await runPeer(casync.require(), ["make", ...options.casync, expected, tree]);
      const argv = options.ours ?? options.casync;
      const { code, stdoutBytes } = await runCli(["tar", ...argv, "-", tree]);
      assert.equal(code, 0);
      await assertSameFile(expected, stdoutBytes);
      if (i % 4 > 0) continue; // One after the other, all of the sets would take long.
      const theirs = dir.join(`${i}-casync.caidx`);
      await runPeer(casync.require(), [
        "make",
        ...options.casync,
        `--store=${dir.join("theirs")}`,
        theirs,
        tree,
      ]);
      const { code: second } = await runCli(["tar", ...argv, "-i", "-s", dir.join("store"), index, tree]);
      assert.equal(second, 0);
      await assertSameFile(index, theirs);
    }
  },
});

/** Compares trees by what casync says of them, and by all that is recorded here. */
async function assertSameTree(copy: string, tree: string): Promise<void> {
  const [a, b] = [copy, tree].map((path) => runPeer(casync.require(), ["digest", path]));
  assert.equal((await a)!.stdout, (await b)!.stdout, `digest of ${copy}`);
  const [x, y] = await Promise.all([runCli(["tar", "-", copy]), runCli(["tar", "-", tree])]);
  assert.ok(x.code === 0 && y.code === 0);
  assert.equal(x.stdoutBytes.length, y.stdoutBytes.length);
  assert.equal(x.stdoutBytes.findIndex((byte, i) => byte !== y.stdoutBytes[i]), -1);
}

Deno.test({
  name: "casync extracts what tar makes, and untar what casync makes, without loss",
  ignore: casync.ignore || ignoreSample,
  async fn() {
    await using dir = await tempDir();
    const tree = await makePlainTree(dir);
    await run("touch", "-d", "1970-01-02", `${tree}/many/7`); // casync does not extract earlier times.
    const at = (name: string) => dir.join(name);
    await Deno.mkdir(at("store"));
    await ours("tar", at("a.catar"), tree);
    await ours("tar", "-i", "-s", at("store"), at("a.caidx"), tree);
    await runPeer(casync.require(), ["extract", at("a.catar"), at("casync-a")]);
    await assertSameTree(at("casync-a"), tree);
    await runPeer(casync.require(), ["extract", `--store=${at("store")}`, at("a.caidx"), at("casync-b")]);
    await assertSameTree(at("casync-b"), tree);

    await runPeer(casync.require(), ["make", at("c.catar"), tree]);
    await runPeer(casync.require(), [
      "make",
      "--compression=zstd",
      `--store=${at("castr")}`,
      at("c.caidx"),
      tree,
    ]);
    await ours("untar", at("c.catar"), at("ours-a"));
    await assertSameTree(at("ours-a"), tree);
    await ours("untar", "-i", "-s", at("castr"), at("c.caidx"), at("ours-b"));
    await assertSameTree(at("ours-b"), tree);
  },
});

/** What desync restores as well: contents, owners, permissions, links and devices. */
const DESYNC_SET = "--with=32bit-uids,permissions,nsec-time,symlinks,device-nodes";

/** Compares trees by that; and by the times of files, as desync does not set those of links. */
async function assertSameForDesync(copy: string, tree: string): Promise<void> {
  const describe = async (path: string) => {
    const { code, stdoutBytes } = await runCli(["tar", "--no-time", DESYNC_SET, "-", path]);
    assert.equal(code, 0);
    const times = await run("find", path, "-type", "f", "-printf", "%T@ %P\\n");
    return { size: stdoutBytes.length, hex: stdoutBytes.toHex(), times: times.split("\n").sort() };
  };
  const [a, b] = [await describe(copy), await describe(tree)];
  assert.equal(a.size, b.size);
  assert.ok(a.hex === b.hex, `${copy} differs`);
  assert.deepEqual(a.times, b.times);
}

Deno.test({
  name: "desync extracts what tar makes of what it knows, and untar what desync makes",
  ignore: desync.ignore || ignoreSample,
  async fn() {
    await using dir = await tempDir();
    const tree = await makePlainTree(dir);
    // What desync's reader takes for directories, and names that it refuses.
    for (const name of ["sub/fifo", "socket"]) await Deno.remove(`${tree}/${name}`);
    await Deno.rename(`${tree}/odd # \\ names`, `${tree}/odd # names`);
    const at = (name: string) => dir.join(name);
    await Promise.all(["store", "desync-store"].map((name) => Deno.mkdir(at(name))));
    await ours("tar", DESYNC_SET, at("a.catar"), tree);
    await ours("tar", DESYNC_SET, "-i", "-s", at("store"), at("a.caidx"), tree);
    await runPeer(desync.require(), ["untar", at("a.catar"), at("desync-a")]);
    await assertSameForDesync(at("desync-a"), tree);
    await runPeer(desync.require(), ["untar", "-i", "-s", at("store"), at("a.caidx"), at("desync-b")]);
    await assertSameForDesync(at("desync-b"), tree);

    await runPeer(desync.require(), ["tar", at("d.catar"), tree]);
    await runPeer(desync.require(), ["tar", "-i", "-s", at("desync-store"), at("d.caidx"), tree]);
    await ours("untar", at("d.catar"), at("ours-a"));
    await assertSameForDesync(at("ours-a"), tree);
    await ours("untar", "-i", "-s", at("desync-store"), at("d.caidx"), at("ours-b"));
    await assertSameForDesync(at("ours-b"), tree);
  },
});
