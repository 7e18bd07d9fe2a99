/**
 * Compiles the program into one executable a target, in `dist/`:
 *
 *     deno run -A scripts/compile.ts [target...]         check, compile, and try the one which runs here
 *     deno run -A scripts/compile.ts --check-graph       check only that all it loads at run time is included
 *     deno run -A scripts/compile.ts --smoke <program>   try a program only
 * @module
 */

import { findModules, readModuleGraph } from "./module_graph.ts";
import { checkRuntimeFiles } from "./runtime_files.ts";
import { smoke } from "./smoke.ts";

const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

const ROOT = new URL("../", import.meta.url);
const ENTRY = new URL("cli/main.ts", ROOT);

/** Throws unless every file which the program loads at run time is one that `deno compile` embeds. */
async function checkGraph(): Promise<void> {
  const config: { compile?: { include?: readonly string[] } } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const included: URL[] = [];
  const entries: URL[] = [ENTRY];
  for (const path of config.compile?.include ?? []) {
    const { isDirectory } = await Deno.stat(new URL(path, ROOT));
    const url = new URL(isDirectory ? path.replace(/\/?$/, "/") : path, ROOT);
    included.push(url);
    entries.push(...(isDirectory || path.endsWith(".ts") ? await findModules(url) : []));
  }
  const graph = await readModuleGraph(entries);
  const problems = await checkRuntimeFiles(graph, included);
  for (const { specifier, error } of graph.values()) {
    if (error !== undefined) problems.push(`${specifier} cannot be loaded: ${error}`);
  }
  if (problems.length > 0) {
    throw new Error(`Cannot compile:\n${problems.join("\n").replaceAll(ROOT.href, "")}`);
  }
  await print(`All files which ${graph.size} modules load at run time are included`);
}

/** Compiles for one target and returns the path of the executable. */
async function compile(target: string): Promise<string> {
  const dist = decodeURIComponent(new URL("dist/", ROOT).pathname);
  const output = `${dist}desync-${target}${target.includes("windows") ? ".exe" : ""}`;
  await Deno.mkdir(dist, { recursive: true });
  const { success } = await new Deno.Command(Deno.execPath(), {
    // The lock file holds what tests use as well, which has no place in the program.
    args: [
      "compile",
      "--allow-all",
      "--frozen",
      "--exclude-unused-npm",
      "--v8-flags=--max-semi-space-size=2", // As in scripts/desync.
      "--target",
      target,
      "--output",
      output,
      ENTRY.href,
    ],
    // Compiled in: certificates are those of the machine it runs on, as with other programs there.
    env: { DENO_TLS_CA_STORE: "system,mozilla" },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot compile for ${target}: deno compile failed`);
  return output;
}

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

async function main(args: readonly string[]): Promise<void> {
  const [first, program] = args;
  if (first === "--smoke") {
    if (program === undefined) throw new Error("Cannot try a program: its name is missing");
    await smoke(program);
    await print(`${program} makes and extracts`);
    return;
  }
  await checkGraph();
  if (first === "--check-graph") return;
  const unknown = args.find((target) => !TARGETS.includes(target));
  if (unknown !== undefined) {
    throw new Error(`Cannot compile for "${unknown}": known are ${TARGETS.join(", ")}`);
  }
  for (const target of args.length === 0 ? TARGETS : args) {
    const executable = await compile(target);
    if (target !== Deno.build.target) continue;
    await smoke(executable);
    await print(`${executable} makes and extracts`);
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    await Deno.stderr.write(
      new TextEncoder().encode(`Error: ${error instanceof Error ? error.message : error}\n`),
    );
    Deno.exit(1);
  }
}
