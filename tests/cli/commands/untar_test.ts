import assert from "node:assert/strict";
import { DESYNC_FLAGS, FLAG } from "../../../lib/format/feature_flags.ts";
import { ascii, DIRECTORY, NO_METADATA, writeEvents } from "../../support/archives.ts";
import type { ArchiveEvent } from "../../../lib/archive/entry.ts";
import { interrupted } from "../../support/cli.ts";
import { isRoot } from "../../support/trees.ts";
import { lcg, type Workspace, workspace } from "./workspace.ts";

/** A workspace with a `tree` and its archive, `x.catar`. */
async function archiveSpace(): Promise<Workspace> {
  const space = await workspace();
  await space.directory("tree/a/b");
  await space.directory("tree/z");
  await space.write("tree/hello", "hello world\n");
  await space.write("tree/a/large", lcg(300_000));
  await space.write("tree/a/b/deep", "deep");
  await Deno.symlink("a/large", space.join("tree/link"));
  await Deno.chmod(space.join("tree/hello"), 0o640);
  await Deno.utime(space.join("tree/hello"), 1e9, 1e9);
  await Deno.utime(space.join("tree/a"), 1.1e9, 1.1e9);
  await space.ok("tar @x.catar @tree");
  return space;
}

const ALL = ["a/", "a/b/", "a/b/deep", "a/large", "hello", "link", "z/"];

/** Makes sure that packing `name` again gives the archive, so that nothing was lost. */
async function assertSame(space: Workspace, name: string): Promise<void> {
  const { stdoutBytes } = await space.run(`tar - @${name}`);
  assert.deepEqual(stdoutBytes, await space.read("x.catar"));
}

function file(name: string, content: string): ArchiveEvent[] {
  const data = ascii(content);
  const node = { ...NO_METADATA, permissions: 0o644, kind: "file", size: data.length } as const;
  return [{ type: "node", name: ascii(name), node }, { type: "data", data }];
}

const ROOT: ArchiveEvent = { type: "node", name: undefined, node: DIRECTORY };
const LEAVE: ArchiveEvent = { type: "leave" };

Deno.test("untar makes the tree, prints nothing, and does the same over what is there", async () => {
  await using space = await archiveSpace();
  for (let time = 1; time <= 2; time++) {
    assert.equal(await space.ok("untar @x.catar @out"), "");
    assert.deepEqual(await space.list("out"), ALL);
    await assertSame(space, "out");
  }
});

Deno.test("untar - reads the archive from standard input, and a pipe", async () => {
  await using space = await archiveSpace();
  const stdin = await space.read("x.catar");
  await space.ok("untar - @out", { stdin });
  await assertSame(space, "out");
  await space.pipe("pipe");
  await Promise.all([space.write("pipe", stdin), space.ok("untar @pipe @piped")]);
  await assertSame(space, "piped");
});

Deno.test("untar -i unpacks the archive of an index", async () => {
  await using space = await archiveSpace();
  await space.ok("tar -i --create -m 1:4:16 -s @store @x.caidx @tree");
  await space.ok("untar -i -s @store @x.caidx @out");
  await assertSame(space, "out");
  await space.ok("untar -i -s @store - @stdin", { stdin: await space.read("x.caidx") });
  await assertSame(space, "stdin");
  await space.directory("cache");
  await space.ok("untar -i -s @store -c @cache @x.caidx @cached");
  await assertSame(space, "cached");
  await space.ok("untar -i -s @cache @x.caidx @again");
});

Deno.test("untar -i --seed takes what is local from there, as far as it is what its index says", async () => {
  await using space = await archiveSpace();
  await space.ok("tar -i --create -m 1:4:16 -s @store @x.caidx @tree");
  await space.ok("tar @old.catar @tree");
  await space.directory("none");
  await space.ok("untar -i -s @none --seed @x.caidx:@old.catar @x.caidx @out");
  await assertSame(space, "out");
  const old = await space.read("old.catar");
  await space.write("old.catar", old.fill(1, 0, old.length >> 1));
  await space.ok("untar -i -s @store --seed @x.caidx:@old.catar @x.caidx @again");
  await assertSame(space, "again");
  await space.ok("untar -i -s @store --seed @x.caidx:@absent @x.caidx @third");
  await assertSame(space, "third");
  assert.match(
    await space.fails("untar -i -s @none --seed @x.caidx:@old.catar @x.caidx @fourth"),
    /^Cannot read chunk [0-9a-f]{64}: missing from @none/,
  );
});

Deno.test("untar -i reads archives through indexes of blobs, and of another digest", async () => {
  await using space = await archiveSpace();
  await space.ok("make --create -s @store @x.caibx @x.catar");
  await space.ok("untar -i -s @store @x.caibx @out");
  await assertSame(space, "out");
  await space.ok("make --digest sha256 --create -s @store2 @x.caidx @x.catar");
  await space.ok("untar -i -s @store2 @x.caidx @out2");
  await assertSame(space, "out2");
});

Deno.test("untar -i refuses an archive with other feature flags than its index", async () => {
  await using space = await archiveSpace();
  await space.ok("make --create -s @store @x.caidx @x.catar");
  const index = await space.read("x.caidx");
  index[16]! ^= Number(FLAG.userNames);
  await space.write("x.caidx", index);
  assert.match(await space.fails("untar -i -s @store @x.caidx @out"), /those of its index/);
});

Deno.test("untar -i fails if a chunk is missing", async () => {
  await using space = await archiveSpace();
  await space.ok("tar -i --create -s @store @x.caidx @tree");
  await space.directory("empty");
  assert.match(await space.fails("untar -i -s @empty @x.caidx @out"), /^Cannot read chunk [0-9a-f]{64}/);
  assert.ok(!(await space.list()).includes("out/"));
});

for (
  const { path, expected } of [
    { path: "a/b", expected: ["a/", "a/b/", "a/b/deep"] },
    { path: "a/large", expected: ["a/", "a/large"] },
    { path: "/hello", expected: ["hello"] },
    { path: "link", expected: ["link"] },
    { path: "z/", expected: ["z/"] },
    { path: ".", expected: ALL },
  ]
) {
  Deno.test(`untar --path ${path} unpacks that, and the directories that lead there`, async () => {
    await using space = await archiveSpace();
    await space.ok(`untar --path ${path} @x.catar @out`);
    assert.deepEqual(await space.list("out"), expected);
  });
}

Deno.test("untar --path leaves the rest of the target alone, and reports what the archive does not have", async () => {
  await using space = await archiveSpace();
  await space.directory("out/a/b/mine");
  await space.write("out/a/large", "mine");
  await space.ok("untar --path a/b @x.catar @out");
  assert.deepEqual(await space.list("out"), ["a/", "a/b/", "a/b/deep", "a/b/mine/", "a/large"]);
  for (const path of ["a/c", "hello/x", "zz", "a/b/deep/x"]) {
    assert.equal(
      await space.fails(`untar --path ${path} @x.catar @other`),
      `Cannot unpack '${path}' from '@x.catar': it has nothing of that name`,
    );
  }
  assert.ok(!(await space.list()).includes("other/"));
});

Deno.test("untar keeps what the archive does not have, and --delete removes it", async () => {
  await using space = await archiveSpace();
  await space.directory("out/a/mine");
  await space.write("out/other", "mine");
  await space.ok("untar @x.catar @out");
  assert.deepEqual(await space.list("out"), [...ALL, "a/mine/", "other"].sort());
  await space.ok("untar --delete @x.catar @out");
  assert.deepEqual(await space.list("out"), ALL);
  await assertSame(space, "out");
});

Deno.test("untar refuses a file in place of a directory and the other way round, and --delete replaces it", async () => {
  await using space = await archiveSpace();
  await space.directory("out");
  await space.write("out/z", "mine");
  assert.match(await space.fails("untar @x.catar @out"), /out\/z.*exists and is not a directory/);
  assert.equal(new TextDecoder().decode(await space.read("out/z")), "mine");
  await space.remove("out");
  await space.directory("out/hello/mine");
  assert.match(await space.fails("untar @x.catar @out"), /out\/hello.*exists and is a directory/);
  await space.ok("untar --delete @x.catar @out");
  await assertSame(space, "out");
});

Deno.test("untar writes nothing through a symbolic link in the target", async () => {
  await using space = await archiveSpace();
  await space.directory("out");
  await space.directory("outside");
  await Deno.symlink("../outside", space.join("out/a"));
  await space.fails("untar @x.catar @out");
  await space.fails("untar --path a @x.catar @out");
  assert.deepEqual(await space.list("outside"), []);
  await space.ok("untar --delete @x.catar @out");
  assert.deepEqual(await space.list("outside"), []);
  await assertSame(space, "out");
});

Deno.test("untar --no-same-permissions leaves permissions to the umask, and --without to the selection", async () => {
  await using space = await archiveSpace();
  const mode = async (name: string) => (await Deno.stat(space.join(name))).mode! & 0o7777;
  await space.ok("untar @x.catar @out");
  assert.equal(await mode("out/hello"), 0o640);
  await space.ok("untar --no-same-permissions @x.catar @plain");
  assert.equal(await mode("plain/hello"), 0o666 & ~Deno.umask());
  await space.ok("untar --without=2sec-time,sec-time,usec-time,nsec-time,symlinks @x.catar @some");
  assert.ok(
    (await Deno.stat(space.join("some/hello"))).mtime! > (await Deno.stat(space.join("out/hello"))).mtime!,
  );
  assert.ok(!(await space.list("some")).includes("link"));
});

Deno.test({
  name: "untar --no-same-owner leaves owners as they are",
  ignore: !isRoot,
  async fn() {
    await using space = await archiveSpace();
    await Deno.chown(space.join("tree/hello"), 12345, 54321);
    await space.ok("tar @x.catar @tree");
    await space.ok("untar --no-same-owner @x.catar @out");
    assert.equal((await Deno.stat(space.join("out/hello"))).uid, 0);
    await space.ok("untar @x.catar @out");
    const { uid, gid } = await Deno.stat(space.join("out/hello"));
    assert.deepEqual([uid, gid], [12345, 54321]);
  },
});

Deno.test("untar leaves times of 0 as they are in desync's archives only", async () => {
  await using space = await workspace();
  const events = [ROOT, ...file("f", "content"), LEAVE];
  await space.write("casync.catar", writeEvents(events));
  await space.write("desync.catar", writeEvents(events, { flags: DESYNC_FLAGS, xattrForm: "desync" }));
  await space.ok("untar --no-same-owner @casync.catar @casync");
  await space.ok("untar --no-same-owner @desync.catar @desync");
  assert.equal((await Deno.stat(space.join("casync/f"))).mtime!.getTime(), 0);
  assert.ok((await Deno.stat(space.join("desync/f"))).mtime!.getTime() > 0);
});

Deno.test("untar of a truncated archive fails, and no file with a final name is incomplete", async () => {
  await using space = await archiveSpace();
  const whole = await space.read("x.catar");
  for (const size of [0, 10, 64, 200, 5_000, whole.length - 1]) {
    await space.write("cut.catar", whole.subarray(0, size));
    assert.match(await space.fails("untar @cut.catar @out"), /archive/, `${size} bytes`);
    for (const name of await space.list("out").catch(() => [])) {
      assert.ok(ALL.includes(name), name);
      if (!name.endsWith("/") && name !== "link") {
        assert.deepEqual(await space.read(`out/${name}`), await space.read(`tree/${name}`));
      }
    }
  }
  await space.write("long.catar", Uint8Array.of(...whole.subarray(0, 0), 1, 2, 3));
  await space.fails("untar @long.catar @out");
  await space.ok("untar @x.catar @out");
  await assertSame(space, "out");
});

for (
  const { line, message } of [
    {
      line: "untar -i @x.caidx @out",
      message: "--index needs a source store (give one or more with --store)",
    },
    { line: "untar @x.catar -", message: "standard output is no directory (use --output-format gnu-tar)" },
    { line: "untar --path a --delete @x.catar @out", message: "--path and --delete exclude each other" },
    {
      line: "untar --path a/../b @x.catar @out",
      message: "--path must not lead out of the archive: 'a/../b'",
    },
    {
      line: "untar --output-format zip @x.catar @out",
      message: "invalid value 'zip' for --output-format: expected disk or gnu-tar",
    },
    {
      line: "untar --output-format gnu-tar @x.catar @x.catar",
      message: "input and output are the same file: '@x.catar'",
    },
    { line: "untar @tree @out", message: "Cannot read '@tree': it is a directory" },
    {
      line: "untar --without=owners @x.catar @out",
      message: "Cannot use feature flag 'owners': there is none of that name",
    },
  ]
) {
  Deno.test(`${line.replaceAll("@", "")} fails`, async () => {
    await using space = await archiveSpace();
    const before = await space.list();
    assert.equal(await space.fails(line), message);
    assert.deepEqual(await space.list(), before);
  });
}

Deno.test("untar of a file that does not exist fails without making the target", async () => {
  await using space = await archiveSpace();
  const before = await space.list();
  assert.match(await space.fails("untar @missing @out"), /^Cannot read '@missing': No such file/);
  assert.deepEqual(await space.list(), before);
});

Deno.test("untar warns of flags that need --index", async () => {
  await using space = await archiveSpace();
  const { code, stderr } = await space.run("untar -s @nowhere @x.catar @out");
  assert.deepEqual([code, stderr], [0, "Warning: --store has no effect without --index\n"]);
});

Deno.test("untar shows progress in bytes of the archive, or in chunks of the index", async () => {
  await using space = await archiveSpace();
  await space.ok("tar -i --create -m 1:4:16 -s @store @x.caidx @tree");
  for (const line of ["untar @x.catar @out", "untar -i -s @store @x.caidx @out"]) {
    const { code, stderr } = await space.run(`${line} --progress=json`);
    const last = JSON.parse(stderr.trimEnd().split("\n").at(-1)!);
    assert.deepEqual([code, last.label, last.done, last.finished], [0, "Unpacking", last.total, true]);
    assert.ok(last.total > 1);
  }
});

Deno.test("untar ends with code 130 when it is interrupted, and leaves no file under a final name", async () => {
  await using space = await archiveSpace();
  await space.ok("tar -i --create -s @store @x.caidx @tree");
  const before = await space.list();
  for (const line of ["untar @x.catar @out", "untar -i -s @store @x.caidx @out"]) {
    const { code } = await space.run(line, { signal: interrupted() });
    assert.equal(code, 130, line);
    assert.deepEqual(await space.list(), before);
  }
});

Deno.test("untar --output-format gnu-tar writes what tar reads, to a file or to standard output", async () => {
  await using space = await archiveSpace();
  await space.ok("untar --output-format gnu-tar @x.catar @x.tar");
  await space.directory("out");
  const extract = new Deno.Command("tar", { args: ["-C", space.join("out"), "-xpf", space.join("x.tar")] });
  assert((await extract.output()).success);
  await assertSame(space, "out");
  const { stdoutBytes } = await space.run("untar --output-format=gnu-tar @x.catar -");
  assert.deepEqual(stdoutBytes, await space.read("x.tar"));
  await space.ok("tar -i --create -s @store @x.caidx @tree");
  const indexed = await space.run("untar -i -s @store --output-format=gnu-tar @x.caidx -");
  assert.deepEqual(indexed.stdoutBytes, stdoutBytes);
  const part = await space.run("untar --path a/b --output-format=gnu-tar @x.catar -");
  const { stdout } = await pipeTo("tar", ["-t"], part.stdoutBytes);
  assert.equal(new TextDecoder().decode(stdout), "./\na/\na/b/\na/b/deep\n");
});

Deno.test("untar --output-format gnu-tar replaces a tar file only when the new one is complete", async () => {
  await using space = await archiveSpace();
  await space.write("x.tar", "before");
  await space.write("cut.catar", (await space.read("x.catar")).subarray(0, 5_000));
  const before = await space.list();
  await space.fails("untar --output-format gnu-tar @cut.catar @x.tar");
  assert.equal(new TextDecoder().decode(await space.read("x.tar")), "before");
  assert.deepEqual(await space.list(), before);
});

/** Runs a program with this input. */
async function pipeTo(
  command: string,
  args: string[],
  input: Uint8Array<ArrayBuffer>,
): Promise<Deno.CommandOutput> {
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const [output] = await Promise.all([child.output(), new Response(input).body!.pipeTo(child.stdin)]);
  return output;
}

const canBeImmutable = isRoot && await tryImmutable();

/** Whether files can be made immutable where temporary files are. */
async function tryImmutable(): Promise<boolean> {
  const path = await Deno.makeTempFile();
  try {
    return await chattr("+i", path) && await chattr("-i", path);
  } finally {
    await Deno.remove(path);
  }
}

async function chattr(change: string, path: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("chattr", { args: [change, path], stderr: "null" }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "untar --undo-immutable replaces what is immutable, which fails without it",
  ignore: !canBeImmutable,
  async fn() {
    await using space = await archiveSpace();
    await space.directory("to");
    await space.write("to/hello", "old");
    await chattr("+i", space.join("to/hello"));
    try {
      const { code, stderr } = await space.run("untar @x.catar @to");
      assert.equal(code, 1);
      assert.match(stderr, /to\/hello: Operation not permitted/);
      await space.ok("untar --undo-immutable @x.catar @to");
    } finally {
      await chattr("-i", space.join("to/hello"));
    }
    await assertSame(space, "to");
  },
});
