import assert from "node:assert/strict";
import { archiveSpace, byCasync, casync } from "./archive_space.ts";
import { workspace } from "./workspace.ts";

Deno.test({
  name: "stat prints what casync prints of directories, archives and indexes",
  ignore: casync.ignore,
  async fn() {
    await using space = await archiveSpace();
    const names = ["", ".", "hello", "nothing", "link", "sub", "sub/deeper", "sub-file", "pipe", "null"];
    for (const name of names) {
      if (name === "null" && Deno.uid() !== 0) continue;
      const path = name === "." ? "/" : name;
      const expected = await byCasync(space, "stat", "tree.catar", ...(path === "" ? [] : [path]));
      const argument = path === "" ? "" : ` ${path}`;
      assert.equal(await space.ok(`stat @tree.catar${argument}`), expected);
      assert.equal(await space.ok(`stat -i -s @store @tree.caidx${argument}`), expected);
      assert.equal(await space.ok(`stat -${argument}`, { stdin: await space.read("tree.catar") }), expected);
      const ofDirectory = expected.replace(/ {2}Offset: \d+/, "  Offset: 0");
      assert.equal(await space.ok(`stat @tree${argument}`), ofDirectory);
    }
    const sha256 = await byCasync(space, "stat", "sha256.catar", "hello");
    assert.equal(await space.ok("stat @sha256.catar hello"), sha256);
    assert.equal(
      await space.fails("stat @tree.catar hello/x"),
      "Cannot find 'hello/x' in '@tree.catar': it does not exist",
    );
  },
});

Deno.test("stat describes the root of a directory", async () => {
  await using space = await workspace({ file: "x" });
  const lines = (await space.ok(`stat ${space.path}`)).split("\n");
  assert.equal(lines[0], "    File: .");
  assert.match(lines[1]!, /^ {4}Mode: drwx/);
  assert.match(await space.ok(`stat ${space.path} file`), /\n {4}Size: 1\n/);
});
