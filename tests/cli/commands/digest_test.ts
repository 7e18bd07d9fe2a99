import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { archiveSpace, byCasync, casync } from "./archive_space.ts";
import { exampleSpace, HELLO_ID } from "./workspace.ts";

const hash = (name: string, bytes: Uint8Array) => `${createHash(name).update(bytes).digest("hex")}\n`;

Deno.test({
  name: "digest prints what casync prints of directories, archives and indexes",
  ignore: casync.ignore,
  async fn() {
    await using space = await archiveSpace();
    const expected = await byCasync(space, "digest", "tree");
    const archive = await space.read("tree.catar");
    assert.equal(expected, hash("sha512-256", archive));
    assert.equal(await space.ok("digest @tree"), expected);
    assert.equal(await space.ok("digest @tree.catar"), expected);
    assert.equal(await space.ok("digest -", { stdin: archive }), expected);
    assert.equal(await space.ok("digest -i -s @store @tree.caidx"), expected);
    await space.write("trailing.catar", new Uint8Array([...archive, 1, 2, 3]));
    assert.equal(await space.ok("digest @trailing.catar"), expected);
    assert.equal(
      await space.ok("digest --digest sha256 @tree"),
      hash("sha256", await space.read("sha256.catar")),
    );
    assert.equal(await space.ok("digest @sha256.catar"), await byCasync(space, "digest", "sha256.catar"));
    for (const path of ["sub", "sub/deeper", "hello", "nothing"]) {
      const part = await byCasync(space, "digest", "tree.catar", path);
      assert.equal(await space.ok(`digest @tree.catar ${path}`), part);
      assert.equal(await space.ok(`digest -i -s @store @tree.caidx ${path}`), part);
      assert.equal(await space.ok(`digest @tree ${path}`), part);
    }
    assert.equal(
      await space.fails("digest @tree.catar link"),
      "Cannot digest 'link' in '@tree.catar': it is a symlink, neither a directory nor a file",
    );
    assert.equal(
      await space.fails("digest @tree nowhere"),
      "Cannot find 'nowhere' in '@tree': it does not exist",
    );
    await space.write("cut.catar", archive.subarray(0, archive.length - 1));
    assert.match(
      await space.fails("digest @cut.catar"),
      /^Cannot read archive '@cut.catar': it is truncated/,
    );
  },
});

const SETS = ["best", "unix", "fat", "chattr", "fat-attrs", "privileged", "fuse", "all"];

Deno.test({
  name: "digest --with and --without choose what of a directory is hashed, as casync does",
  ignore: casync.ignore,
  async fn() {
    await using space = await archiveSpace();
    for (const flag of SETS.flatMap((name) => [`--with=${name}`, `--without=${name}`])) {
      const expected = await byCasync(space, "digest", flag, "tree");
      assert.equal(await space.ok(`digest ${flag} @tree`), expected, flag);
    }
    const some = ["--with=unix", "--with=xattrs", "--without=sec-time"];
    const expected = await byCasync(space, "digest", ...some, "tree");
    assert.equal(await space.ok("digest --with=unix,xattrs --without=sec-time @tree"), expected);
    const { code, stdout, stderr } = await space.run("digest --with=unix @tree.catar");
    assert.equal(code, 0);
    assert.equal(stdout, await byCasync(space, "digest", "tree.catar"));
    assert.match(stderr, /^Warning: --with has no effect on what is not a directory\n$/);
  },
});

Deno.test("digest of a blob is that of its bytes", async () => {
  await using space = await exampleSpace();
  assert.equal(await space.ok("digest @hello.txt"), `${HELLO_ID}\n`);
  assert.equal(await space.ok("digest -i -s @store @hello.caibx"), `${HELLO_ID}\n`);
  const zeros = await space.read("zeros.bin");
  assert.equal(await space.ok("digest --digest sha256 @zeros.bin"), hash("sha256", zeros));
  assert.equal(await space.ok("digest -i -s @store @zeros.caibx"), hash("sha512-256", zeros));
  assert.equal(await space.ok("digest @empty.bin"), hash("sha512-256", new Uint8Array()));
});
