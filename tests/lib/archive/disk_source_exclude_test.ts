import assert from "node:assert/strict";
import { readTree } from "../../../lib/archive/disk_source.ts";
import { CASYNC_FLAGS } from "../../../lib/format/feature_flags.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { peer } from "../../support/peers.ts";
import { collect, run, treeTests } from "../../support/trees.ts";

const posix = await openTreePosix();
const casync = peer("casync");

const test = treeTests("readTree()");

/** Paths of what is archived. */
function read(path: string, options: { readonly excludeFile: boolean }): string[] {
  return collect(readTree(posix, path, { flags: CASYNC_FLAGS, ...options })).map(({ path }) => path);
}

test("names the .caexclude that makes no sense", {
  fn(dir) {
    Deno.mkdirSync(dir.join("sub"));
    Deno.writeTextFileSync(dir.join("sub/.caexclude"), "a\nb/../c");
    assert.throws(() => read(dir.path, { excludeFile: true }), {
      ...{ name: "FormatError", message: /^Cannot use '.*sub\/.caexclude': line 2 / },
    });
    assert.equal(read(dir.path, { excludeFile: false }).length, 3);
    Deno.truncateSync(dir.join("sub/.caexclude"), 2 ** 40);
    assert.throws(() => read(dir.path, { excludeFile: true }), {
      name: "FormatError",
      message: /more than 1048576/,
    });
  },
});

test("leaves out and keeps what casync does by .caexclude", {
  ignore: casync.ignore,
  async fn(dir) {
    for (const directory of ["sub/deep", "other", "x.d", "keep"]) {
      await Deno.mkdir(dir.join(directory), { recursive: true });
    }
    const files = [
      ...[
        "a.o",
        ".a.o",
        "b.c",
        "x",
        "sub/a.o",
        "sub/b.c",
        "sub/anchored",
        "anchored",
        "sub/deep/target",
        "deep.o",
      ],
      ...[
        "keep.o",
        "keep/keep.o",
        "x.d/file",
        "other/x.d",
        "c1",
        "c2",
        "cx",
        "[",
        "q!",
        "é",
        "sub/x",
        "sub/z",
      ],
    ];
    for (const file of files) await Deno.writeTextFile(dir.join(file), file);
    const rules = [
      "# comment",
      "",
      "  *.o  ",
      "!keep.o",
      "/anchored",
      "sub/deep/t?rget",
      "x.d/",
      "c[0-9]",
      "[",
      "?",
    ];
    await Deno.writeTextFile(dir.join(".caexclude"), rules.join("\n"));
    await Deno.writeTextFile(dir.join("sub/.caexclude"), "!a.o\nb.c\n!x");
    // Lines such as `-rw-r--r-- sub/\303\251`.
    const listed = (await run(casync.require(), "list", dir.path)).trimEnd().split("\n")
      .map((line) =>
        line.slice(11).replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))
      );
    const ours = read(dir.path, { excludeFile: true }).map((path) => path === "" ? "." : path);
    assert.deepEqual(ours, listed);
  },
});
