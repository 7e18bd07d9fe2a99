/**
 * The imports of this repository's modules, as `deno info --json` reports them.
 * @module
 */

/** One import of a module. */
export interface ModuleImport {
  /** What is imported, resolved: a `file:`, `npm:` or `node:` URL. */
  readonly specifier: string;
  /** Line of the importing module, from 1. */
  readonly line: number;
  /** `type` imports are gone at run time; `dynamic` ones happen when the code gets there. */
  readonly kind: "static" | "dynamic" | "type";
}

/** One module with what it imports. */
export interface GraphModule {
  /** URL of the module. */
  readonly specifier: string;
  /** Why a local module cannot be loaded; `undefined` if it can. */
  readonly error: string | undefined;
  readonly imports: readonly ModuleImport[];
}

/** Modules by their URL. */
export type ModuleGraph = ReadonlyMap<string, GraphModule>;

interface InfoTarget {
  readonly specifier?: string;
  readonly span: { readonly start: { readonly line: number } };
}

interface Info {
  readonly roots: readonly string[];
  readonly modules: readonly InfoModule[];
}

interface InfoModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: InfoTarget;
    readonly type?: InfoTarget;
    readonly isDynamic?: boolean;
  }[];
}

/**
 * Reads the graph of everything `entries` import, statically or dynamically by a literal string.
 * npm packages are named in it but not looked into, so no network is needed.
 * @throws {Error} If Deno cannot read the graph.
 */
export async function readModuleGraph(entries: readonly URL[]): Promise<ModuleGraph> {
  const directory = await Deno.makeTempDir();
  try {
    // `deno info` takes one module, so one is made which imports them all.
    const all = `${directory}/all.ts`;
    await Deno.writeTextFile(all, entries.map((entry) => `import ${JSON.stringify(entry.href)};\n`).join(""));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-npm", "--no-remote", "--no-config", all],
    }).output();
    if (!success) throw new Error(`Cannot read module graph: ${new TextDecoder().decode(stderr).trim()}`);
    const info: Info = JSON.parse(new TextDecoder().decode(stdout));
    const modules = info.modules.filter(({ specifier }) => !info.roots.includes(specifier));
    return new Map(modules.map((module) => [module.specifier, toGraphModule(module)]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function toGraphModule({ specifier, error, dependencies = [] }: InfoModule): GraphModule {
  const imports: ModuleImport[] = [];
  for (const { specifier: written, code, type, isDynamic } of dependencies) {
    if (code !== undefined) imports.push(toImport(code, written, isDynamic === true ? "dynamic" : "static"));
    if (type !== undefined) imports.push(toImport(type, written, "type"));
  }
  return { specifier, error: specifier.startsWith("file:") ? error : undefined, imports };
}

function toImport(target: InfoTarget, written: string, kind: ModuleImport["kind"]): ModuleImport {
  return { specifier: target.specifier ?? written, line: target.span.start.line + 1, kind };
}

/** Every `.ts` file at `path`, or below it if it is a directory; nothing if it does not exist. */
export async function findModules(path: URL): Promise<URL[]> {
  try {
    if ((await Deno.stat(path)).isFile) return [path];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const found: URL[] = [];
  const directory = new URL(path.href.replace(/\/?$/, "/"));
  for await (const entry of Deno.readDir(directory)) {
    const child = new URL(encodeURIComponent(entry.name), directory);
    if (entry.isDirectory) found.push(...await findModules(child));
    else if (entry.name.endsWith(".ts")) found.push(child);
  }
  return found;
}
