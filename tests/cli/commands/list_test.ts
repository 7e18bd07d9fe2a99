import assert from "node:assert/strict";
import { archiveSpace, byCasync, casync } from "./archive_space.ts";
import { workspace } from "./workspace.ts";

Deno.test({
  name: "list prints what casync prints of directories, archives and indexes",
  ignore: casync.ignore,
  async fn() {
    await using space = await archiveSpace();
    const expected = await byCasync(space, "list", "tree.catar");
    assert.match(expected, /\n-rwsr-x--- hello\n/);
    assert.equal(await space.ok("list @tree.catar"), expected);
    assert.equal(await space.ok("list -", { stdin: await space.read("tree.catar") }), expected);
    assert.equal(await space.ok("list -i -s @store @tree.caidx"), expected);
    assert.equal(await space.ok("list @tree"), await byCasync(space, "list", "tree"));
    for (const path of ["sub", "/sub/deeper/", "hello", "/"]) {
      assert.equal(
        await space.ok(`list @tree.catar ${path}`),
        await byCasync(space, "list", "tree.catar", path),
      );
      const shallow = await byCasync(space, "list", "--recursive=no", "tree.catar", path);
      assert.equal(await space.ok(`list --recursive=false @tree.catar ${path}`), shallow);
    }
    assert.equal(
      await space.fails("list @tree.catar sub/nothing"),
      "Cannot find 'sub/nothing' in '@tree.catar': it does not exist",
    );
  },
});

Deno.test({
  name: "list and stat --with and --without show what casync shows",
  ignore: casync.ignore,
  async fn() {
    await using space = await archiveSpace();
    for (
      const flag of ["--with=unix", "--with=fat", "--with=privileged", "--without=all", "--without=best"]
    ) {
      assert.equal(await space.ok(`list ${flag} @tree`), await byCasync(space, "list", flag, "tree"), flag);
      const archive = await byCasync(space, "list", flag, "tree.catar");
      assert.equal(await space.ok(`list ${flag} @tree.catar`), archive, flag);
      const stat = await byCasync(space, "stat", flag, "tree.catar", "hello");
      assert.equal(await space.ok(`stat ${flag} @tree.catar hello`), stat, flag);
    }
  },
});

Deno.test("list of a directory begins at a path", async () => {
  await using space = await workspace();
  await space.directory("d/b/c");
  assert.match(await space.ok("list @d b"), /^drwx\S{6} b\ndrwx\S{6} b\/c\n$/);
});

Deno.test("list needs an archive", async () => {
  await using space = await workspace({ junk: "no archive, but long enough to be one" });
  await space.directory("d");
  assert.equal(await space.fails("list -i @x.caidx"), "-i needs a store (use -s <location>)");
  assert.equal(await space.fails("list -i -s @d @d"), "-i needs an index, '@d' is a directory");
  assert.match(await space.fails("list @nofile"), /^Cannot read '@nofile': No such file or directory/);
  assert.match(await space.fails("list @junk"), /^Cannot read archive '@junk': /);
  assert.match(await space.fails("list -"), /^Cannot read archive '-': it is truncated/);
  assert.equal(
    await space.fails("list -i -s @d @x.caidx"),
    "Cannot read index '@x.caidx': it does not exist",
  );
  assert.equal(
    await space.fails("list --client-key x @d"),
    "--client-cert and --client-key must be given together",
  );
});
