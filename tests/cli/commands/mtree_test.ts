import assert from "node:assert/strict";
import { runProgram } from "../../compat/programs.ts";
import { archiveSpace, casync } from "./archive_space.ts";
import { workspace } from "./workspace.ts";

const MAKE_DEMO = `
mkdir -p demo/sub && cd demo && printf 'hello world\\n' >a.txt && : >empty && ln -s a.txt link
printf x >'sub/has space.txt' && chmod 755 . && chmod 644 a.txt sub/* && chmod 600 empty && chmod 750 sub
touch -d @1700000000 a.txt && touch -h -d @1700000000 link && touch -d @1700000001.5 empty
touch -d @1700000003 sub/* && touch -d @1700000002.000000005 sub && touch -d @1700000000 .
`;

/** What desync prints, but for the padding of times. */
const demo = (uid: number, gid: number) =>
  `#mtree v1.0
. type=dir mode=0755 uid=${uid} gid=${gid} time=1700000000.000000000
a.txt type=file mode=0644 uid=${uid} gid=${gid} size=12 time=1700000000.000000000 sha512256digest=bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134
empty type=file mode=0600 uid=${uid} gid=${gid} size=0 time=1700000001.500000000 sha512256digest=c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a
link type=link mode=0777 target=a.txt uid=${uid} gid=${gid} time=1700000000.000000000
sub type=dir mode=0750 uid=${uid} gid=${gid} time=1700000002.000000005
sub/has\\040space.txt type=file mode=0644 uid=${uid} gid=${gid} size=1 time=1700000003.000000000 sha512256digest=6a1db6c1dd481f7aab2adb9c262b210edcca35624ec64c29ffca6857b1e30253
`;

Deno.test("mtree lists the example as desync does", async () => {
  await using space = await workspace();
  assert.equal((await runProgram("sh", ["-ec", MAKE_DEMO], { cwd: space.path })).code, 0);
  assert.equal(await space.ok("mtree @demo"), demo(Deno.uid()!, Deno.gid()!));
  assert.match(
    await space.ok("mtree --digest sha256 @demo"),
    / sha256digest=a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447\n/,
  );
});

Deno.test({
  name: "mtree lists a directory, its archive and its index alike",
  ignore: casync.ignore,
  async fn() {
    await using space = await archiveSpace();
    const expected = await space.ok("mtree @tree.catar");
    assert.match(expected, /\nhello type=file mode=4750 /);
    assert.match(expected, /\npipe type=fifo mode=0600 /);
    assert.equal(await space.ok("mtree -", { stdin: await space.read("tree.catar") }), expected);
    assert.equal(await space.ok("mtree -i -s @store @tree.caidx"), expected);
    // Like desync it knows nothing of exclusion.
    const withExcluded = (await space.ok("mtree @tree")).split("\n");
    const excluded = withExcluded.filter((line) => line.startsWith("sub/excluded "));
    assert.equal(excluded.length, 1);
    assert.deepEqual(
      withExcluded.filter((line) => !/^sub\/(excluded|deeper\/file) /.test(line)),
      expected.split("\n"),
    );
  },
});

Deno.test("mtree prints nothing if there is nothing to list", async () => {
  await using space = await workspace({ junk: "junk" });
  await space.directory("d");
  assert.match(await space.fails("mtree @nofile"), /^Cannot read '@nofile': No such file or directory/);
  assert.equal(await space.fails("mtree -i -s @d @d"), "-i needs an index, '@d' is a directory");
  assert.equal(await space.fails("mtree -i @junk"), "-i needs a store (use -s <location>)");
  assert.match(await space.fails("mtree @junk"), /^Cannot read archive '@junk': it is truncated/);
});

Deno.test("mtree --with and --without leave out owners, times and kinds", async () => {
  await using space = await workspace();
  await space.directory("d");
  await space.write("d/f", "");
  await Deno.symlink("f", `${space.path}/d/l`);
  await space.ok("tar @d.catar @d");
  const plain = /^#mtree v1\.0\n\. type=dir mode=\d+\nf type=file mode=\d+ size=0 sha512256digest=\w+\n/;
  assert.match(await space.ok("mtree --without=all @d"), new RegExp(`${plain.source}$`));
  assert.match(await space.ok("mtree --without=all @d.catar"), new RegExp(`${plain.source}l type=link `));
  const timed = await space.ok("mtree --with=sec-time @d");
  assert.match(timed, /^f type=file mode=0666 size=0 time=\d+\.0{9} /m);
  assert.match(
    await space.ok("mtree --with=32bit-uids @d.catar"),
    /^f type=file mode=\d+ uid=\d+ gid=\d+ size=0 sha/m,
  );
});
