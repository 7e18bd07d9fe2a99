/** Trees that went through two programs are the trees that they were, as rsync compares them. */

import assert from "node:assert/strict";
import { runCli } from "../support/cli.ts";
// Opens the libraries that commands need; see there.
import "../support/engine.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { ignoreSample, makeSample, run } from "../support/trees.ts";
import { runPeer } from "./programs.ts";

const rsync = peer("rsync");
const casync = peer("casync");
const gnuTar = peer("tar");
const bsdtar = peer("bsdtar");

/** What {@linkcode makeSample} does not have, and every program can restore. */
const MORE = String.raw`
cd "$1" && mkdir -p a/b/c/d/e/f/empty && printf x >a/hard-1 && mkdir "$2" && mkdir "$2/$2" && : >"$2/$2/deep"
truncate -s 3000000 sparse && printf data | dd of=sparse bs=1 seek=1500000 conv=notrunc status=none
chown 4000000000:3000000000 a/hard-1 && touch -d "$3" a/hard-1 a
find . -name '*xxxxx*' -delete
`;

async function makeTree(dir: TempDir, options: { readonly past: string }): Promise<string> {
  const tree = dir.join("tree");
  await Deno.mkdir(tree);
  await makeSample(tree);
  await run("sh", "-ec", MORE, "sh", tree, "n".repeat(120), options.past);
  await run("touch", "-d", "2003-01-01", tree);
  return tree;
}

/** Compares contents and all metadata but attributes of chattr(1), to the nanosecond; and without sockets for tar. */
async function assertSameTree(copy: string, tree: string, extra: readonly string[] = []): Promise<void> {
  const argv = [
    "-aAXnci",
    "--delete",
    "--numeric-ids",
    "--modify-window=-1",
    ...extra,
    `${tree}/`,
    `${copy}/`,
  ];
  assert.equal((await runPeer(rsync.require(), argv)).stdout, "");
}

async function ours(...argv: readonly string[]): Promise<void> {
  const { code, stderr } = await runCli(argv);
  assert.equal(code, 0, stderr);
}

Deno.test({
  name: "untar and casync extract restore a tree to the last bit of metadata, from each other's archives",
  ignore: rsync.ignore || casync.ignore || ignoreSample,
  async fn() {
    await using dir = await tempDir();
    // casync does not extract earlier times.
    const tree = await makeTree(dir, { past: "@0.25" });
    const [mine, theirs] = [dir.join("mine.catar"), dir.join("theirs.catar")];
    await ours("tar", mine, tree);
    await runPeer(casync.require(), ["make", theirs, tree]);
    for (const [name, archive] of Object.entries({ mine, theirs })) {
      await ours("untar", archive, dir.join(`ours-${name}`));
      await assertSameTree(dir.join(`ours-${name}`), tree);
      await runPeer(casync.require(), ["extract", archive, dir.join(`casync-${name}`)]);
      await assertSameTree(dir.join(`casync-${name}`), tree);
    }
  },
});

for (
  const { program, create, extract, past } of [
    {
      program: gnuTar,
      create: ["--format=posix", "--sparse", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"],
      extract: ["-p", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"],
      past: "1931-07-04 00:00:00.123456789 UTC",
    },
    {
      program: bsdtar,
      create: ["--format=pax", "--xattrs", "--acls", "--numeric-owner"],
      extract: ["-p", "--xattrs", "--acls", "--numeric-owner"],
      // It counts the fraction forward before 1970, which POSIX does not.
      past: "1931-07-04 00:00:00 UTC",
    },
  ]
) {
  const name = program === gnuTar ? "GNU tar" : "bsdtar";
  Deno.test({
    name: `tar --input-format=tar and untar --output-format=gnu-tar keep a tree between two runs of ${name}`,
    ignore: rsync.ignore || program.ignore || ignoreSample,
    async fn() {
      await using dir = await tempDir();
      const tree = await makeTree(dir, { past });
      await Deno.remove(`${tree}/socket`); // tar has none, and labels only on systems which have them.
      await run("setfattr", "-h", "-x", "security.selinux", `${tree}/sub/link`);
      await run("touch", "-d", "2003-01-01", tree);
      await runPeer(program.require(), ["-cf", dir.join("a.tar"), ...create, "-C", tree, "."]);
      await ours("tar", "--input-format=tar", dir.join("a.catar"), dir.join("a.tar"));
      await ours("untar", "--output-format=gnu-tar", dir.join("a.catar"), dir.join("b.tar"));
      await Deno.mkdir(dir.join("copy"));
      await runPeer(program.require(), ["-xf", dir.join("b.tar"), ...extract, "-C", dir.join("copy")]);
      if (program === bsdtar) await run("touch", "-r", tree, dir.join("copy"));
      await assertSameTree(dir.join("copy"), tree);
      await ours("untar", dir.join("a.catar"), dir.join("unpacked"));
      await assertSameTree(dir.join("unpacked"), tree);
    },
  });
}
