import assert from "node:assert/strict";
import { checkLayers } from "../../scripts/check_layers.ts";
import { findModules, type ModuleGraph, readModuleGraph } from "../../scripts/module_graph.ts";

/** Writes `files` into a temporary repository and reads their graph. */
async function readTree(
  files: Readonly<Record<string, string>>,
): Promise<{ graph: ModuleGraph; root: string }> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "layers " }));
  try {
    const root = new URL(`file://${encodeURI(directory)}/`);
    for (const [path, source] of Object.entries(files)) {
      await Deno.mkdir(new URL("./", new URL(path, root)), { recursive: true });
      await Deno.writeTextFile(new URL(path, root), source);
    }
    const modules = await findModules(root);
    assert.equal(modules.length, Object.keys(files).length);
    return { graph: await readModuleGraph(modules), root: root.href };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("checkLayers() accepts imports which point one way", async () => {
  const { graph, root } = await readTree({
    "mod.ts": 'export * from "./lib/a.ts";',
    "lib/a.ts":
      'import type { C } from "./store/c.ts"; export type D = C; const a = () => import("../ffi/b.ts");',
    "lib/store/c.ts": 'export interface C {} export const zlib = () => import("node:zlib");',
    "lib/codec/d.ts": 'import { b } from "../../ffi/b.ts"; import "../errors.ts"; export { b };',
    "lib/errors.ts": "export {};",
    "ffi/b.ts": "export const b = 1;",
    "cli/main.ts": 'import "./commands.ts"; import "../lib/store/c.ts"; import "../ffi/b.ts";',
    "cli/commands.ts":
      'import type { Make } from "./make.ts"; export const make = (): Promise<Make> => import("./make.ts");',
    "cli/make.ts": "export type Make = unknown;",
  });
  assert.deepEqual(checkLayers(graph, root), []);
});

Deno.test.each([
  { from: "ffi/a.ts", to: "lib/b.ts", reason: "ffi may use nothing but ffi" },
  { from: "lib/a.ts", to: "cli/b.ts", reason: "lib may not use what is made of it" },
  { from: "lib/format/a.ts", to: "lib/store/b.ts", reason: "formats, chunker, digests and codecs may not" },
  { from: "lib/codec/a.ts", to: "lib/ops/b.ts", reason: "formats, chunker, digests and codecs may not" },
  { from: "cli/a.ts", to: "tests/b.ts", reason: "the program may not use tests or scripts" },
  { from: "cli/commands.ts", to: "cli/b.ts", reason: "the table of commands loads each on demand" },
])("checkLayers() rejects $from importing $to", async ({ from, to, reason }) => {
  const up = "../".repeat(from.split("/").length - 1);
  const { graph, root } = await readTree({ [from]: `\nimport "${up}${to}";`, [to]: "export {};" });
  const violations = checkLayers(graph, root);
  assert.equal(violations.length, 1);
  assert.ok(violations[0]?.startsWith(`${from}:2 imports ${to}: ${reason}`), violations[0]);
});

Deno.test("checkLayers() rejects types and dynamic imports from a higher layer", async () => {
  const { graph, root } = await readTree({
    "ffi/a.ts": 'import type { B } from "../lib/b.ts"; export type { B };',
    "lib/b.ts": 'export interface B {} export const main = () => import("../cli/main.ts");',
    "cli/main.ts": "export {};",
  });
  assert.deepEqual(checkLayers(graph, root), [
    "ffi/a.ts:1 imports lib/b.ts: ffi may use nothing but ffi",
    "lib/b.ts:1 imports cli/main.ts: lib may not use what is made of it",
  ]);
});

Deno.test("checkLayers() rejects npm, node and other modules which are loaded at import", async () => {
  const { graph, root } = await readTree({
    "lib/a.ts":
      'import "node:zlib";\nimport "npm:minio@8.0.5";\nexport const a = () => import("https://example.com");',
  });
  assert.deepEqual(checkLayers(graph, root), [
    "lib/a.ts:1 imports node:zlib: npm and node modules are loaded when a function needs them",
    "lib/a.ts:2 imports npm:minio@8.0.5: npm and node modules are loaded when a function needs them",
    "lib/a.ts:3 imports https://example.com/: only npm, node and local modules may be used",
  ]);
});

Deno.test("checkLayers() rejects ffi in what mod.ts loads, however far away", async () => {
  const { graph, root } = await readTree({
    "mod.ts": 'export * from "./lib/a.ts";',
    "lib/a.ts": 'export * from "./b.ts";',
    "lib/b.ts": 'export * from "../ffi/c.ts";',
    "ffi/c.ts": "export const c = 1;",
  });
  assert.deepEqual(checkLayers(graph, root), [
    "lib/b.ts:1 imports ffi/c.ts: mod.ts loads this module, and ffi only by a dynamic import",
  ]);
});

Deno.test("checkLayers() reports a module that is missing", async () => {
  const { graph, root } = await readTree({ "lib/a.ts": 'import "./b.ts";' });
  assert.deepEqual(checkLayers(graph, root), ["lib/a.ts:1 imports lib/b.ts: the module cannot be loaded"]);
});
