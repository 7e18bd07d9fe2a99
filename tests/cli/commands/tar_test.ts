import assert from "node:assert/strict";
import { indexDigest } from "../../../lib/format/index_file.ts";
import { decodeIndex } from "../../../lib/format/index_file.ts";
import { CASYNC_FLAGS, FLAG, parseFeatureFlags } from "../../../lib/format/feature_flags.ts";
import { flagsOfArchive, listArchive } from "../../support/archive_files.ts";
import { parseSlices } from "../../support/archives.ts";
import { interrupted } from "../../support/cli.ts";
import { hasTreeFfi } from "../../support/trees.ts";
import { lcg, type Workspace, workspace } from "./workspace.ts";

/** A workspace with a `tree` in it. */
async function treeSpace(): Promise<Workspace> {
  const space = await workspace();
  await space.directory("tree/sub/empty");
  await space.write("tree/hello", "hello world\n");
  await space.write("tree/nothing", "");
  await space.write("tree/sub/large", lcg(300_000));
  await Deno.symlink("sub/large", space.join("tree/link"));
  for (const name of ["tree/sub/empty", "tree/sub", "tree"]) await Deno.chmod(space.join(name), 0o755);
  for (const name of ["tree/hello", "tree/nothing", "tree/sub/large"]) {
    await Deno.chmod(space.join(name), 0o644);
  }
  return space;
}

const LISTING = [
  "drwxr-xr-x .",
  "-rw-r--r-- hello=hello world\n",
  "lrwxrwxrwx link",
  "-rw-r--r-- nothing",
  "drwxr-xr-x sub",
  "drwxr-xr-x sub/empty",
];

Deno.test("tar writes an archive with casync's feature flags, and prints nothing", async () => {
  await using space = await treeSpace();
  const before = await space.list();
  assert.equal(await space.ok("tar @x.catar @tree"), "");
  assert.deepEqual(await space.list(), [...before, "x.catar"].sort());
  const bytes = await space.read("x.catar");
  const listing = listArchive(bytes);
  assert.deepEqual(listing.slice(0, -1), LISTING);
  assert.ok(listing.at(-1)!.startsWith("-rw-r--r-- sub/large="));
  assert.equal(flagsOfArchive(bytes), CASYNC_FLAGS);
});

Deno.test("tar - writes the same archive to standard output", async () => {
  await using space = await treeSpace();
  await space.ok("tar @x.catar @tree");
  const { code, stdoutBytes } = await space.run("tar - @tree");
  assert.equal(code, 0);
  assert.deepEqual(stdoutBytes, await space.read("x.catar"));
});

Deno.test("tar -i stores the chunks of the archive, writes an index with its flags, and nothing else", async () => {
  await using space = await treeSpace();
  await space.directory("store");
  const before = await space.list();
  await space.ok("tar @x.catar @tree");
  await space.ok("make -m 1:4:16 @expected.caidx @x.catar");
  assert.equal(await space.ok("tar -i -m 1:4:16 -s @store @x.caidx @tree"), "");
  assert.deepEqual(await space.read("x.caidx"), await space.read("expected.caidx"));
  assert.equal(decodeIndex(await space.read("x.caidx")).flags, CASYNC_FLAGS);
  const { stdoutBytes } = await space.run("cat -s @store @x.caidx");
  assert.deepEqual(stdoutBytes, await space.read("x.catar"));
  const others = (await space.list()).filter((name) => !name.startsWith("store/"));
  const made = ["expected.caidx", "x.caidx", "x.catar"];
  assert.deepEqual(others, [...before.filter((name) => name !== "store/"), ...made].sort());
});

Deno.test("tar -i - writes the index to standard output", async () => {
  await using space = await treeSpace();
  await space.ok("tar -i --create -s @store @x.caidx @tree");
  const { stdoutBytes } = await space.run("tar -i -s @store - @tree");
  assert.deepEqual(stdoutBytes, await space.read("x.caidx"));
});

Deno.test("tar --digest sha256 says so in the archive and in the index", async () => {
  await using space = await treeSpace();
  await space.ok("tar --digest sha256 @x.catar @tree");
  assert.equal(flagsOfArchive(await space.read("x.catar")), CASYNC_FLAGS & ~FLAG.sha512256);
  await space.ok("tar --digest sha256 -i --create -s @store @x.caidx @tree");
  const index = decodeIndex(await space.read("x.caidx"));
  assert.deepEqual([indexDigest(index), index.flags], ["sha256", CASYNC_FLAGS & ~FLAG.sha512256]);
  assert.deepEqual((await space.run("cat -s @store @x.caidx")).stdoutBytes, await space.read("x.catar"));
});

Deno.test("tar --no-time records no times, so that archives do not depend on them", async () => {
  await using space = await treeSpace();
  await space.ok("tar --no-time @x.catar @tree");
  const nodes = parseSlices([await space.read("x.catar")]).filter((event) => event.type === "node");
  assert.ok(nodes.every(({ node }) => node.mtime === 0n));
  await Deno.utime(space.join("tree/hello"), 1, 1);
  await space.ok("tar --no-time @y.catar @tree");
  assert.deepEqual(await space.read("y.catar"), await space.read("x.catar"));
});

for (
  const { words, flags } of [
    { words: "--with unix", flags: { with: ["unix"] } },
    { words: "--with=fat --with=symlinks", flags: { with: ["fat", "symlinks"] } },
    { words: "--with best --without acl,xattrs", flags: { with: ["best"], without: ["acl", "xattrs"] } },
    { words: "--without=user-names,nsec-time", flags: { without: ["user-names", "nsec-time"] } },
    { words: "-x", flags: { excludeSubmounts: true } },
    { words: "--exclude-nodump=false", flags: { excludeNodump: false } },
    { words: "--exclude-file=false", flags: { excludeFile: false } },
  ]
) {
  Deno.test(`tar ${words} sets feature flags`, async () => {
    await using space = await treeSpace();
    await space.ok(`tar ${words} @x.catar @tree`);
    assert.equal(flagsOfArchive(await space.read("x.catar")), parseFeatureFlags(flags));
  });
}

Deno.test("tar reports an unknown name of --with and --without", async () => {
  await using space = await treeSpace();
  const message = await space.fails("tar --without=owners @x.catar @tree");
  assert.match(message, /feature flag 'owners'/);
});

Deno.test("tar tells which nodes it leaves out because of their kind", async () => {
  await using space = await treeSpace();
  const { code, stderr } = await space.run("tar --without=symlinks @x.catar @tree");
  assert.deepEqual([code, stderr], [0, "Left out '@tree/link': symlink nodes are not recorded\n"]);
  assert.ok(!listArchive(await space.read("x.catar")).includes("lrwxrwxrwx link"));
});

Deno.test("tar follows .caexclude, unless --exclude-file is false", async () => {
  await using space = await treeSpace();
  await space.write("tree/.caexclude", "sub\nn*\n");
  await space.ok("tar --with=symlinks @x.catar @tree");
  const names = (bytes: Uint8Array) => listArchive(bytes).map((line) => /^\S+ ([^=]*)/.exec(line)![1]);
  assert.deepEqual(names(await space.read("x.catar")), [".", ".caexclude", "hello", "link"]);
  await space.ok("tar --exclude-file=false @y.catar @tree");
  assert.equal(names(await space.read("y.catar")).length, 8);
  const { stderr } = await space.run("tar --verbose @z.catar @tree");
  assert.match(stderr, /Left out '@tree\/sub': a rule in \.caexclude says so/);
});

Deno.test("tar replaces an archive only when the new one is complete", async () => {
  await using space = await treeSpace();
  await space.write("x.catar", "before");
  const before = await space.list();
  assert.match(await space.fails("tar @x.catar @missing"), /^Cannot archive '@missing': .*No such file/);
  assert.match(await space.fails("tar @x.catar @tree/hello"), /'@tree\/hello': it is not a directory$/);
  assert.equal(new TextDecoder().decode(await space.read("x.catar")), "before");
  assert.deepEqual(await space.list(), before);
  await space.ok("tar @x.catar @tree");
  assert.equal(flagsOfArchive(await space.read("x.catar")), CASYNC_FLAGS);
});

Deno.test("tar writes no index if the tree cannot be read", async () => {
  await using space = await treeSpace();
  await space.directory("store");
  const before = await space.list();
  assert.match(await space.fails("tar -i -s @store @x.caidx @missing"), /^Cannot archive '@missing'/);
  assert.deepEqual(await space.list(), before);
});

Deno.test("tar refuses to write an archive into the directory that it packs", async () => {
  await using space = await treeSpace();
  const before = await space.list();
  for (const name of ["tree/x.catar", "tree/sub/x.catar"]) {
    assert.equal(
      await space.fails(`tar @${name} @tree`),
      `the archive is inside of the directory: '@${name}'`,
    );
  }
  assert.deepEqual(await space.list(), before);
});

for (
  const { line, message } of [
    { line: "tar -i @x.caidx @tree", message: "--index needs a target store (give one with --store)" },
    { line: "tar --tar-add-root @x.catar @tree", message: "--tar-add-root needs --input-format tar" },
    {
      line: "tar --input-format zip @x.catar @tree",
      message: "invalid value 'zip' for --input-format: expected disk or tar",
    },
    {
      line: "tar --client-cert c @x.catar @tree",
      message: "--client-cert and --client-key must be given together",
    },
  ]
) {
  Deno.test(`${line.replaceAll("@", "")} fails`, async () => {
    await using space = await treeSpace();
    assert.equal(await space.fails(line), message);
    assert.ok(!(await space.list()).some((name) => name.startsWith("x.")));
  });
}

Deno.test("tar warns of flags that need --index", async () => {
  await using space = await treeSpace();
  const { code, stderr } = await space.run("tar -s @nowhere -m 1:2:3 @x.catar @tree");
  assert.equal(code, 0);
  assert.equal(
    stderr,
    "Warning: --store has no effect without --index\nWarning: --chunk-size has no effect without --index\n",
  );
});

Deno.test("tar ends with code 130 when it is interrupted, and leaves nothing", async () => {
  await using space = await treeSpace();
  await space.directory("store");
  const before = await space.list();
  for (const line of ["tar @x.catar @tree", "tar -i -s @store @x.caidx @tree"]) {
    const { code } = await space.run(line, { signal: interrupted() });
    assert.equal(code, 130, line);
    assert.deepEqual(
      (await space.list()).filter((name) => !name.startsWith("store/")),
      before.filter((name) => name !== "store/"),
    );
  }
});

Deno.test({
  name: "tar records pipes and names that are not UTF-8",
  ignore: !hasTreeFfi,
  async fn() {
    await using space = await treeSpace();
    await space.pipe("tree/pipe");
    assert(
      (await new Deno.Command("sh", { args: ["-c", `: >"$1/$(printf '\\377')"`, "sh", space.join("tree")] })
        .output()).success,
    );
    await space.ok("tar @x.catar @tree");
    const listing = listArchive(await space.read("x.catar"));
    assert.ok(listing.some((line) => line.startsWith("p") && line.endsWith(" pipe")));
    assert.equal(listing.at(-1)!.split(" ")[1], "\\377");
  },
});

Deno.test("tar --input-format tar packs what is in a tar file, or in one on standard input", async () => {
  await using space = await treeSpace();
  await space.ok("tar @x.catar @tree");
  const pack = new Deno.Command("tar", { args: ["-C", space.join("tree"), "-cf", space.join("x.tar"), "."] });
  assert((await pack.output()).success);
  await space.ok("tar --input-format tar --no-time @y.catar @x.tar");
  await space.ok("tar --no-time @x.catar @tree");
  assert.deepEqual(listArchive(await space.read("y.catar")), listArchive(await space.read("x.catar")));
  const { stdoutBytes } = await space.run("tar --input-format=tar --no-time - -", {
    stdin: await space.read("x.tar"),
  });
  assert.deepEqual(stdoutBytes, await space.read("y.catar"));
  await space.ok("tar --input-format tar --no-time -i --create -s @store @y.caidx @x.tar");
  assert.deepEqual((await space.run("cat -s @store @y.caidx")).stdoutBytes, stdoutBytes);
});

Deno.test("tar --tar-add-root puts a directory around what a tar file has", async () => {
  await using space = await treeSpace();
  const args = ["-C", space.join("tree"), "-cf", space.join("x.tar"), "hello", "sub"];
  assert((await new Deno.Command("tar", { args }).output()).success);
  await space.ok("tar --input-format tar --tar-add-root @x.catar @x.tar");
  assert.deepEqual(listArchive(await space.read("x.catar")).slice(0, 2), [
    "drwxr-xr-x .",
    "-rw-r--r-- hello=hello world\n",
  ]);
});

Deno.test("tar --input-format tar fails with a malformed tar file, and leaves nothing", async () => {
  await using space = await treeSpace();
  await space.write("x.tar", lcg(2_000));
  const before = await space.list();
  await space.fails("tar --input-format tar @x.catar @x.tar");
  await space.fails("tar --input-format tar @x.catar @missing");
  assert.equal(
    await space.fails("tar --input-format tar @x.tar @x.tar"),
    "input and output are the same file: '@x.tar'",
  );
  assert.deepEqual(await space.list(), before);
});
