/**
 * Checks that imports go one way, `ffi <- lib <- cli`, and that nothing happens at import:
 * `deno run -A scripts/check_layers.ts`.
 * @module
 */

import {
  findModules,
  type GraphModule,
  type ModuleGraph,
  type ModuleImport,
  readModuleGraph,
} from "./module_graph.ts";

/** Parts of the repository, by the path's beginning, and what they may not import. */
const FORBIDDEN: readonly { readonly from: RegExp; readonly to: RegExp; readonly rule: string }[] = [
  { from: /^ffi\//, to: /^(?!ffi\/)/, rule: "ffi may use nothing but ffi" },
  { from: /^lib\//, to: /^(cli\/|mod\.ts)/, rule: "lib may not use what is made of it" },
  {
    from: /^lib\/(format|chunker|digest|codec)\//,
    to: /^lib\/(store|seed|assemble|archive|ops)\//,
    rule: "formats, chunker, digests and codecs may not use the parts above them",
  },
  {
    from: /^(mod\.ts|cli\/|lib\/|ffi\/)/,
    to: /^(tests|scripts)\//,
    rule: "the program may not use tests or scripts",
  },
];

/** The modules which the rules are about. */
const PARTS = ["mod.ts", "cli/", "lib/", "ffi/"];

/**
 * @param root URL of the repository, ending in a slash.
 * @returns One line for each violation, sorted; empty if there is none.
 */
export function checkLayers(graph: ModuleGraph, root: string): string[] {
  const violations = new Set<string>();
  for (const module of graph.values()) {
    const from = toPath(module.specifier, root);
    if (from === undefined || !PARTS.some((part) => from.startsWith(part))) continue;
    for (const imported of module.imports) {
      const to = toPath(imported.specifier, root);
      const rule = to === undefined ? externalRule(imported) : internalRule(from, to);
      if (rule !== undefined) violations.add(toViolation(from, imported, { root, rule }));
      if (graph.get(imported.specifier)?.error !== undefined) {
        violations.add(toViolation(from, imported, { root, rule: "the module cannot be loaded" }));
      }
      if (from === "cli/commands.ts" && imported.kind === "static") {
        violations.add(
          toViolation(from, imported, { root, rule: "the table of commands loads each on demand" }),
        );
      }
    }
  }
  for (const violation of checkPortableCore(graph, root)) violations.add(violation);
  return [...violations].sort();
}

function internalRule(from: string, to: string): string | undefined {
  return FORBIDDEN.find((rule) => rule.from.test(from) && rule.to.test(to))?.rule;
}

function externalRule({ specifier, kind }: ModuleImport): string | undefined {
  if (kind === "type") return undefined;
  if (!/^(npm|node):/.test(specifier)) {
    return "only npm, node and local modules may be used";
  }
  return kind === "static" ? "npm and node modules are loaded when a function needs them" : undefined;
}

/** What `mod.ts` loads in a browser: everything it reaches without a dynamic import. */
function* checkPortableCore(graph: ModuleGraph, root: string): Generator<string> {
  const entry = new URL("mod.ts", root).href;
  const reached = new Set([entry]);
  for (const specifier of reached) { // grows meanwhile
    const module: GraphModule | undefined = graph.get(specifier);
    for (const imported of module?.imports ?? []) {
      if (imported.kind !== "static") continue;
      reached.add(imported.specifier);
      if (toPath(imported.specifier, root)?.startsWith("ffi/")) {
        const from = toPath(specifier, root) ?? specifier;
        yield toViolation(from, imported, {
          root,
          rule: "mod.ts loads this module, and ffi only by a dynamic import",
        });
      }
    }
  }
}

function toViolation(
  from: string,
  { line, specifier }: ModuleImport,
  about: { root: string; rule: string },
): string {
  return `${from}:${line} imports ${toPath(specifier, about.root) ?? specifier}: ${about.rule}`;
}

function toPath(specifier: string, root: string): string | undefined {
  return specifier.startsWith(root) ? decodeURIComponent(specifier.slice(root.length)) : undefined;
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url);
  const modules = (await Promise.all(PARTS.map((part) => findModules(new URL(part, root))))).flat();
  const violations = checkLayers(await readModuleGraph(modules), root.href);
  const report = violations.length === 0
    ? `${modules.length} modules keep to their layers`
    : violations.join("\n");
  await new Response(`${report}\n`).body?.pipeTo(Deno.stdout.writable);
  if (violations.length > 0) Deno.exit(1);
}
