/**
 * The files a program opens by a path relative to its modules, such as the entry of a worker. They are no
 * imports, so `deno compile` embeds them only if `compile.include` in `deno.json` names them.
 * @module
 */

import type { ModuleGraph } from "./module_graph.ts";

/** A place in a source text which loads a file at run time. */
export interface RuntimeFile {
  /** Line, from 1. */
  readonly line: number;
  /** What is loaded, relative to the module; a directory ends in a slash; `undefined` if it is computed. */
  readonly path: string | undefined;
}

// A string is kept, a comment goes; a line break in it stays, so that lines keep their numbers.
const STRINGS_AND_COMMENTS =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/.*/g;

// A template with a directory before what is computed stands for all of that directory.
const PATH = String.raw`\(\s*(?:"([^"]*)"|'([^']*)'|~([^~$]*)~|~([^~$]*\/)\$[^~]*~)\s*,?\s*`.replaceAll(
  "~",
  "`",
);
const LOADS = new RegExp(
  [
    String.raw`\bnew\s+URL${PATH}import\s*\.\s*meta\s*\.\s*url\s*,?\s*\)`,
    String.raw`\bimport\s*\.\s*meta\s*\.\s*resolve${PATH}\)`,
    // What is left of these names a file by other means, and this cannot be followed.
    String.raw`\bimport\s*\.\s*meta\s*\.\s*(?:url|resolve|dirname|filename)\b`,
    String.raw`\bimport\s*\((?!\s*(?:["']|new\s+URL\b))`,
  ].join("|"),
  "g",
);

/** Finds what `source` loads at run time by `import.meta` or by a computed `import()`. */
export function findRuntimeFiles(source: string): RuntimeFile[] {
  const code = source.replace(
    STRINGS_AND_COMMENTS,
    (match) => /^\/[/*]/.test(match) ? match.replace(/./g, " ") : match,
  );
  return Array.from(code.matchAll(LOADS), (match) => ({
    line: code.slice(0, match.index).split("\n").length,
    path: match.slice(1).find((group) => group !== undefined),
  }));
}

/**
 * Checks that every file which the modules of `graph` load at run time is included.
 *
 * @param included URLs of the included files and directories; those of directories end in a slash.
 * @returns One line for each file that is not, or that cannot be known; empty if all is well.
 */
export async function checkRuntimeFiles(graph: ModuleGraph, included: readonly URL[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { specifier, error } of graph.values()) {
    if (!specifier.startsWith("file:") || error !== undefined) continue;
    for (const { line, path } of findRuntimeFiles(await Deno.readTextFile(new URL(specifier)))) {
      const where = `${specifier}:${line}`;
      if (path === undefined) {
        problems.push(`${where} loads a file whose name is computed, so it cannot be checked`);
        continue;
      }
      const file = new URL(path, specifier);
      if (
        !included.some(({ href }) => href === file.href || (href.endsWith("/") && file.href.startsWith(href)))
      ) {
        problems.push(`${where} loads ${file.href}: missing from compile.include in deno.json`);
      }
    }
  }
  return problems;
}
