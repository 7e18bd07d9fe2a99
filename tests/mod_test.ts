import assert from "node:assert/strict";
import { readModuleGraph } from "../scripts/module_graph.ts";

const MOD = new URL("../mod.ts", import.meta.url);
const golden = async (path: string) =>
  (await Deno.readFile(new URL(`./golden/${path}`, import.meta.url))).toHex();

Deno.test("mod.ts works without Deno, process and Buffer, and without any permission", async () => {
  const program = new URL("./support/bare_program.ts", import.meta.url);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", program.href],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const answers = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual(answers["sha512-256"], {
    implementation: "portable",
    nullChunk: "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
    computedNullChunk: "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
    empty: await golden("casync/empty.caibx"),
    hello: await golden("casync/hello.caibx"),
    hasHello: true,
    noiseRows: 51,
    noise: "fcfbbc53f3628f145eb37eab5d06555bcd18b5d3253b7e33cdb2f8b2be04e9e5",
    zerosTail: "d68238695825f86b5744700a4ea891ce96f7d07f84bdc1ce553c3300dd79cedf",
  });
  const { hello, nullChunk, computedNullChunk, implementation, noiseRows } = answers.sha256;
  assert.equal(implementation, "portable");
  assert.equal(hello, await golden("casync/hello-sha256.caibx"));
  assert.equal(computedNullChunk, nullChunk);
  assert.equal(noiseRows, 51);
});

Deno.test("mod.ts imports nothing statically but the portable core", async () => {
  const graph = await readModuleGraph([MOD]);
  const reached = new Set<string>([MOD.href]);
  for (const specifier of reached) {
    for (const imported of graph.get(specifier)?.imports ?? []) {
      if (imported.kind === "static") reached.add(imported.specifier);
    }
  }
  const lib = new URL("./lib/", MOD).href;
  assert.ok(reached.size > 20);
  assert.deepEqual(
    [...reached].filter((specifier) => specifier !== MOD.href && !specifier.startsWith(lib)),
    [],
  );
  for (const module of reached) assert.equal(graph.get(module)!.error, undefined);
});
