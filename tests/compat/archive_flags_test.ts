/**
 * Archives at every one of casync's feature flags, of all that file systems have.
 *
 * `LARGE_TREES=1` archives /usr/share and a directory of 100,000 files as well.
 */

import assert from "node:assert/strict";
import { runCli } from "../support/cli.ts";
// Opens the libraries that commands need; see there.
import "../support/engine.ts";
import { canMount, mountTemporary } from "../support/mount.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { ignoreSample, isRoot, makeSample, run } from "../support/trees.ts";
import { assertSameFile, runPeer } from "./programs.ts";

const casync = peer("casync");
const isLarge = Deno.env.get("LARGE_TREES") === "1";
const SETS = ["best", "unix", "fat", "chattr", "fat-attrs", "privileged", "fuse"];

/** Archives a tree by both programs. */
async function assertSameArchive(dir: TempDir, tree: string, argv: readonly string[]): Promise<void> {
  const expected = dir.join("expected.catar");
  await runPeer(casync.require(), ["make", ...argv, expected, tree]);
  const { code, stdoutBytes, stderr } = await runCli(["tar", ...argv, "-", tree]);
  assert.equal(code, 0, stderr);
  await assertSameFile(expected, stdoutBytes).catch((cause) => {
    throw new Error(`Archives with [${argv.join(" ")}] differ`, { cause });
  });
}

/** @returns All names that casync knows. */
async function flagNames(): Promise<string[]> {
  const { stdout } = await runPeer(casync.require(), ["--with=help"]);
  return [...stdout.matchAll(/^\s*([0-9a-z]+(?:-[0-9a-z]+)*)$/gm)].map(([, name]) => name!);
}

/** What {@linkcode makeSample} does not have. */
const MORE = String.raw`
cd "$1" && mkdir -p a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/empty 'odd \ name' && printf x >"$(printf 'odd \\ name/line\nfeed')"
: >"$(printf '\377\200')" && : >"$(printf %0255d 7)" && : >.hidden && : >...
truncate -s 200000 sparse && printf data | dd of=sparse bs=1 seek=150000 conv=notrunc status=none
touch -d @-86400.25 large && touch -h -d @1500000001.999999999 sub/link && touch -d @1500000003 empty && chmod 1777 a
`;

Deno.test({
  name: "tar makes casync's archives with and without every feature flag",
  ignore: casync.ignore || ignoreSample,
  async fn() {
    await using dir = await tempDir();
    const tree = dir.join("tree");
    await Deno.mkdir(tree);
    await makeSample(tree);
    await run("sh", "-ec", MORE, "sh", tree);
    const names = await flagNames();
    assert.ok(names.length >= 33, `${names}`);
    await assertSameArchive(dir, tree, []);
    await assertSameArchive(dir, tree, ["--without=all"]);
    for (const name of new Set([...names, ...SETS])) {
      for (const option of ["--with", "--without"]) await assertSameArchive(dir, tree, [`${option}=${name}`]);
    }
  },
});

/** Attributes of chattr(1), as far as a file system has them, and projects. */
const ATTRIBUTES = String.raw`
cd "$1" && for flag in A a c C d D i m P S s t u; do
  : >"file-$flag" && mkdir "directory-$flag"
  chattr "+$flag" "file-$flag" 2>/dev/null || : ; chattr "+$flag" "directory-$flag" 2>/dev/null || :
done
: >project && chattr -p 4711 project 2>/dev/null || : ; mkdir in-project && chattr -p 4294967294 in-project 2>/dev/null || :
command -v btrfs >/dev/null && { btrfs subvolume create sub && btrfs subvolume create ro &&
  : >ro/file && btrfs property set ro ro true; } >/dev/null 2>&1 || :
lsattr -p . && lsattr -pd ./*
`;

for (const kind of ["ext4", "xfs", "btrfs"] as const) {
  Deno.test({
    name: `tar makes casync's archives of attributes and projects on ${kind}`,
    ignore: casync.ignore || !isRoot || !await canMount({ kind }),
    async fn() {
      await using dir = await tempDir();
      await using mount = await mountTemporary({ kind });
      const listing = await run("sh", "-ec", ATTRIBUTES, "sh", mount.path);
      assert.match(listing, /[aAdi]-/);
      if (kind === "xfs") assert.match(listing, /^\s*4711 /m);
      try {
        for (
          const argv of [
            [],
            ["--with=chattr"],
            ["--with=fuse"],
            ["--without=quota-projid"],
            ["--without=flag-immutable"],
            ["--with=quota-projid"],
            ["--with=subvolume-ro"],
            ["--exclude-nodump=no"],
          ]
        ) {
          const expected = dir.join("expected.catar");
          await runPeer(casync.require(), ["make", ...argv, expected, mount.path]);
          const ours = argv.map((option) => option.replace(/=no$/, "=false"));
          const { code, stdoutBytes } = await runCli(["tar", ...ours, "-", mount.path]);
          assert.equal(code, 0);
          await assertSameFile(expected, stdoutBytes).catch((cause) => {
            throw new Error(`Archives with [${argv.join(" ")}] differ`, { cause });
          });
        }
      } finally {
        await run("chattr", "-R", "-ai", mount.path).catch(() => {});
      }
    },
  });
}

/** One of the trees that take long. */
async function compareLarge(dir: TempDir, tree: string): Promise<void> {
  const [theirs, ours] = [dir.join("theirs"), dir.join("ours")];
  for (const argv of [[], ["--with=best"], ["--with=unix"], ["--with=2sec-time"], ["--without=all"]]) {
    await runPeer(casync.require(), ["make", ...argv, `${theirs}.catar`, tree]);
    assert.equal((await runCli(["tar", ...argv, `${ours}.catar`, tree])).code, 0);
    await run("cmp", `${theirs}.catar`, `${ours}.catar`);
  }
  await Deno.mkdir(`${ours}.castr`, { recursive: true });
  await runPeer(casync.require(), ["make", `--store=${theirs}.castr`, `${theirs}.caidx`, tree]);
  assert.equal((await runCli(["tar", "-i", "-s", `${ours}.castr`, `${ours}.caidx`, tree])).code, 0);
  await run("cmp", `${theirs}.caidx`, `${ours}.caidx`);
}

Deno.test({
  name: "tar makes casync's archives and indexes of /usr/share",
  ignore: casync.ignore || !isLarge,
  async fn() {
    await using dir = await tempDir();
    await compareLarge(dir, "/usr/share");
  },
});

Deno.test({
  name: "tar makes casync's archives and indexes of 100,000 small files",
  ignore: casync.ignore || !isLarge,
  async fn() {
    await using dir = await tempDir();
    const tree = dir.join("tree");
    await run(
      "sh",
      "-ec",
      'mkdir "$1" && cd "$1" && for d in $(seq 100); do mkdir $d && cd $d && seq 1000 | split -l 1 -a 3 - f && cd ..; done',
      "sh",
      tree,
    );
    await compareLarge(dir, tree);
  },
});
