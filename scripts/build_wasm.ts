/**
 * Compiles `scripts/wasm/scan.as` and writes `lib/chunker/scan_wasm.ts`.
 *
 * With `--check` it writes nothing and fails if the file is not what the source compiles to.
 *
 * @module
 */

import asc from "npm:assemblyscript@0.28.20/asc";

const SOURCE = new URL("./wasm/scan.as", import.meta.url);
const TARGET = new URL("../lib/chunker/scan_wasm.ts", import.meta.url);

/** Compiles `source` for a shared or a private memory. */
async function compile(source: string, memory: "shared" | "private"): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([
    ...["scan.ts", "--outFile", "scan.wasm", "-O3", "--runtime", "stub", "--noAssert"],
    ...["--enable", memory === "shared" ? "simd,threads" : "simd", "--noExportMemory"],
    ...["--importMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
    ...(memory === "shared" ? ["--sharedMemory"] : []),
  ], {
    readFile: (name) => name === "scan.ts" ? source : null,
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) {
    throw new Error(`Cannot compile ${SOURCE.pathname}: ${stderr.toString()}`, { cause: error });
  }
  return binary;
}

/** Where the two forms differ: one byte in the import of the memory. */
function sharedFlagOffset(shared: Uint8Array, unshared: Uint8Array): number {
  const offsets = Array.from(shared.keys()).filter((i) => shared[i] !== unshared[i]);
  const [offset] = offsets;
  if (offset === undefined || offsets.length !== 1 || shared.length !== unshared.length) {
    throw new Error(
      "Cannot pack the scanner: the forms for shared and private memory differ in more than a flag",
    );
  }
  return offset;
}

/** The TypeScript module that holds `shared`. */
function formatModule(shared: Uint8Array, flagOffset: number): string {
  const lines = shared.toBase64().match(/.{1,100}/g) ?? [];
  return `// Written by scripts/build_wasm.ts from scripts/wasm/scan.as; do not edit.

/** Where the module says that the memory it imports is shared: 3 if it is, 1 if it is private. */
export const SHARED_FLAG_OFFSET = ${flagOffset};

/** The scanner's WebAssembly module for a shared memory in Base64, ${shared.length} bytes. */
export const SCAN_WASM: string =
  ${lines.map((line) => `"${line}"`).join(" +\n  ")};
`;
}

if (import.meta.main) {
  const source = await Deno.readTextFile(SOURCE);
  const shared = await compile(source, "shared");
  const text = formatModule(shared, sharedFlagOffset(shared, await compile(source, "private")));
  if (!Deno.args.includes("--check")) {
    await Deno.writeTextFile(TARGET, text);
  } else if (text !== await Deno.readTextFile(TARGET)) {
    throw new Error(`Cannot accept ${TARGET.pathname}: it is not what scripts/wasm/scan.as compiles to`);
  }
}
