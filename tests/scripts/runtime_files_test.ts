import assert from "node:assert/strict";
import { readModuleGraph } from "../../scripts/module_graph.ts";
import { checkRuntimeFiles, findRuntimeFiles } from "../../scripts/runtime_files.ts";

Deno.test.each([
  { source: 'new Worker(new URL("./a.ts", import.meta.url), { type: "module" })', path: "./a.ts" },
  { source: "new URL('./a.wasm', import.meta.url)", path: "./a.wasm" },
  { source: "new URL(\n  `./a.wasm`,\n  import.meta.url,\n)", path: "./a.wasm" },
  { source: 'import.meta.resolve("./a.ts")', path: "./a.ts" },
  { source: "import(new URL(`./commands/${name}.ts`, import.meta.url).href)", path: "./commands/" },
  {
    source: "import(new URL(`./commands/deep/${a}/${b}.ts`, import.meta.url).href)",
    path: "./commands/deep/",
  },
  { source: "new URL(`./commands/a_${name}.ts`, import.meta.url)", path: undefined },
  { source: "new URL(`${name}.ts`, import.meta.url)", path: undefined },
  { source: "new URL(name, import.meta.url)", path: undefined },
  { source: "new URL(`./${name}.ts`, import.meta.url)", path: "./" },
  { source: "import.meta.dirname + name", path: undefined },
  { source: "await import(name)", path: undefined },
  { source: "await import(`./${name}.ts`)", path: undefined },
])("findRuntimeFiles() finds $source", ({ source, path }) => {
  assert.deepEqual(findRuntimeFiles(`\n${source};\n`), [{ line: 2, path }]);
});

Deno.test.each([
  { source: 'await import("./a.ts")' },
  { source: "await import(\n  './a.ts'\n)" },
  { source: 'new URL("./a.ts", base)' },
  { source: "if (import.meta.main) run();" },
  { source: '// new URL("./a.ts", import.meta.url)' },
  { source: '/**\n * new URL("./a.ts", import.meta.url)\n */' },
])("findRuntimeFiles() finds nothing in $source", ({ source }) => {
  assert.deepEqual(findRuntimeFiles(source), []);
});

Deno.test("findRuntimeFiles() is not misled by comment signs in strings", () => {
  const source = 'const a = "// /*"; /* "\n */ const b = new URL("./b.ts", import.meta.url); const c = "*/";';
  assert.deepEqual(findRuntimeFiles(source), [{ line: 2, path: "./b.ts" }]);
});

Deno.test("checkRuntimeFiles() reports what is not included and what cannot be known", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    const root = new URL(`file://${encodeURI(directory)}/`);
    await Deno.writeTextFile(
      new URL("main.ts", root),
      `new URL("./worker.ts", import.meta.url);
new URL("./data/table.bin", import.meta.url);
new URL("./missing.bin", import.meta.url);
export const load = (name: string) => import(name);
export const read = (name: string) => new URL(\`./data/\${name}\`, import.meta.url);
export const write = (name: string) => new URL(\`./other/\${name}\`, import.meta.url);
`,
    );
    const graph = await readModuleGraph([new URL("main.ts", root)]);
    assert.deepEqual(await checkRuntimeFiles(graph, [new URL("worker.ts", root), new URL("data/", root)]), [
      `${root}main.ts:3 loads ${root}missing.bin: missing from compile.include in deno.json`,
      `${root}main.ts:4 loads a file whose name is computed, so it cannot be checked`,
      `${root}main.ts:6 loads ${root}other/: missing from compile.include in deno.json`,
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
