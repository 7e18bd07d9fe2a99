/** What only shows in a process of its own: its standard streams, and names that are relative to its directory. */

import assert from "node:assert/strict";
import { runProcess } from "../../support/cli.ts";
import { exampleSpace } from "./workspace.ts";

Deno.test("Commands read standard input once, and say so if - is given twice", async () => {
  await using space = await exampleSpace();
  const stdin = await space.read("hello.caibx");
  for (
    const line of ["info --seed - -", "cache -s store -c store - -", "chop -s store --ignore - - hello.txt"]
  ) {
    const { code, stdout, stderr } = await runProcess(line.split(" "), { cwd: space.path, stdin });
    assert.deepEqual([code, stdout], [1, ""], line);
    assert.equal(stderr, "Error: standard input can be read only once: '-' is given twice\n");
  }
});

Deno.test("Commands work with relative names, and extract takes - for one", async () => {
  await using space = await exampleSpace();
  const options = { cwd: space.path };
  assert.equal((await runProcess(["extract", "-s", "store", "lcg.caibx", "-"], options)).code, 0);
  assert.deepEqual(await space.read("-"), await space.read("lcg.bin"));
  const made = await runProcess(
    ["make", "-m", "1:4:16", "-s", "new", "--create", "index", "lcg.bin"],
    options,
  );
  assert.deepEqual([made.code, made.stdout, made.stderr], [0, "", ""]);
  assert.deepEqual(await space.read("index"), await space.read("lcg.caibx"));
  const both = await runProcess(["cat", "-s", "new", "-", "out"], {
    ...options,
    stdin: await space.read("index"),
  });
  assert.deepEqual([both.code, both.stdout, both.stderr], [0, "", ""]);
  assert.deepEqual(await space.read("out"), await space.read("lcg.bin"));
});

Deno.test(
  "cat writes to /dev/stdout, wherever that leads to",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using space = await exampleSpace();
    const argv = ["cat", "-s", "store", "hello.caibx", "/dev/stdout"];
    assert.equal((await runProcess(argv, { cwd: space.path })).stdout, "hello world\n");
  },
);
