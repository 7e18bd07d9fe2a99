import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { ExcludeRules } from "../../../lib/archive/exclude.ts";
import { ShellPattern } from "../../../lib/archive/shell_pattern.ts";
import { peer } from "../../support/peers.ts";
import { bytes } from "../../support/trees.ts";

/** Whether the rules of a directory leave out something below it. */
function excludes(rules: string, path: string): boolean {
  const names = path.replace(/\/$/, "").split("/");
  const last = names.pop()!;
  const inside = names.reduce((all, name) => all.enter(bytes(name)), ExcludeRules.NONE.with(bytes(rules)));
  return inside.excludes(bytes(last), { isDirectory: path.endsWith("/") });
}

Deno.test.each([
  { rules: "*.o", path: "a.o", excluded: true },
  { rules: "*.o", path: "sub/deep/a.o", excluded: true },
  { rules: "*.o", path: ".a.o", excluded: false },
  { rules: ".*", path: ".a.o", excluded: true },
  { rules: "  *.o\t", path: "a.o", excluded: true },
  { rules: "#a\n\n", path: "#a", excluded: false },
  { rules: "/a", path: "a", excluded: true },
  { rules: "/a", path: "sub/a", excluded: false },
  { rules: "sub/a", path: "sub/a", excluded: true },
  { rules: "sub/a", path: "a", excluded: false },
  { rules: "s*/a", path: "sub/a", excluded: true },
  { rules: "s*/a", path: "sub/deep/a", excluded: false },
  { rules: "a/", path: "a/", excluded: true },
  { rules: "a/", path: "a", excluded: false },
  { rules: "a/", path: "sub/a/", excluded: false },
  { rules: "*\n!a", path: "a", excluded: false },
  { rules: "!a\n*", path: "a", excluded: false },
  { rules: "!a\n*", path: "b", excluded: true },
])("ExcludeRules.excludes() tells whether '$rules' leaves out $path", ({ rules, path, excluded }) => {
  assert.equal(excludes(rules, path), excluded);
});

Deno.test.each([{ rule: "a//b" }, { rule: "./a" }, { rule: "a/../b" }, { rule: "/" }, { rule: "!" }, {
  rule: "a//",
}])(
  "ExcludeRules.with() refuses the rule '$rule'",
  ({ rule }) => {
    assert.throws(() => ExcludeRules.NONE.with(bytes(`x\n${rule}`)), {
      name: "FormatError",
      message: /line 2/,
    });
  },
);

Deno.test("ExcludeRules.with() adds rules to those of the directory above", () => {
  const above = ExcludeRules.NONE.with(bytes("*.o\nsub/a"));
  const below = above.enter(bytes("sub")).with(bytes("!keep.o"));
  const isExcluded = (name: string) => below.excludes(bytes(name), { isDirectory: false });
  assert.deepEqual(["a", "x.o", "keep.o", "b"].map(isExcluded), [true, true, false, false]);
});

const bash = peer("bash");

Deno.test({
  name: "ShellPattern.matches() agrees with the shell",
  ignore: bash.ignore,
  async fn() {
    const atoms = [
      "a",
      "b",
      "-",
      ".",
      "?",
      "*",
      "[ab]",
      "[!a]",
      "[a-b]",
      "[]a]",
      "[[:alpha:]]",
      "\\*",
      "\\?",
      "]",
      "!",
    ];
    const part = fc.array(fc.constantFrom(...atoms), { minLength: 1, maxLength: 5 }).map((all) =>
      all.join("")
    );
    const name = fc.array(fc.constantFrom("a", "b", "-", ".", "*", "?", "]", "A"), {
      minLength: 1,
      maxLength: 6,
    });
    const pairs = fc.sample(fc.tuple(part, name.map((all) => all.join(""))), { numRuns: 3000, seed: 1 });
    // `case` has no rule for leading periods.
    const script =
      'while IFS= read -r p && IFS= read -r n; do case "$n" in $p) echo 1;; *) echo 0;; esac; done';
    const child = new Deno.Command(bash.require(), {
      args: ["-c", script],
      env: { LC_ALL: "C" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const written = new Blob([pairs.map(([pattern, text]) => `${pattern}\n${text}\n`).join("")]).stream()
      .pipeTo(child.stdin);
    const [{ stdout }] = await Promise.all([child.output(), written]);
    const answers = new TextDecoder().decode(stdout).split("\n");
    for (const [index, [pattern, text]] of pairs.entries()) {
      const isHidden = text.startsWith(".") && !/^\\?\./.test(pattern);
      const expected = !isHidden && answers[index] === "1";
      assert.equal(new ShellPattern(bytes(pattern)).matches(bytes(text)), expected, `${pattern} and ${text}`);
    }
  },
});

Deno.test("ShellPattern.matches() takes no more time than the product of the lengths", () => {
  const pattern = new ShellPattern(bytes("*a".repeat(120) + "b"));
  assert.equal(pattern.matches(bytes("a".repeat(255))), false);
});
