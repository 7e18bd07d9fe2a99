/** A directory in which command lines run, and what they find and leave there. */

import assert from "node:assert/strict";
import { type CliResult, runCli, type RunOptions } from "../../support/cli.ts";
// Opens the libraries that commands need; see there.
import "../../support/engine.ts";
import { tempDir } from "../../support/temp_dir.ts";

/**
 * A directory with files to work on. In what comes of command lines, `@` stands for it: `@store` is the path of `store`
 * in the directory. So it does in command lines, at the start of words and in them behind a colon, a comma, a bar or an
 * equals sign.
 */
export interface Workspace extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** @returns The path of something in the directory. */
  join(name: string): string;
  /** Writes a file. */
  write(name: string, content: string | Uint8Array): Promise<void>;
  /** Reads a file. */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Creates an empty directory. */
  directory(name: string): Promise<void>;
  /** Creates a named pipe. */
  pipe(name: string): Promise<void>;
  /** Deletes a file or directory. */
  remove(name: string): Promise<void>;
  /** @returns Names of all that is below `name`, sorted; those of directories end with a slash. */
  list(name?: string): Promise<string[]>;
  /** @returns The words of a command line. */
  words(line: string): string[];
  /** Runs a command line. */
  run(line: string, options?: RunOptions): Promise<CliResult>;
  /** Runs a command line that has to succeed without a word on standard error. @returns Its standard output. */
  ok(line: string, options?: RunOptions): Promise<string>;
  /**
   * Runs a command line that has to fail with one line on standard error, and nothing on standard output.
   *
   * @returns That line, without `Error: `.
   */
  fails(line: string, options?: RunOptions): Promise<string>;
  /** @returns `result` with `@` for the directory. */
  abbreviate(result: CliResult): CliResult;
}

/** Creates a directory with nothing in it, or with these files. */
export async function workspace(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<Workspace> {
  const space = new TempWorkspace(await tempDir());
  for (const [name, content] of Object.entries(files)) await space.write(name, content);
  return space;
}

class TempWorkspace implements Workspace {
  readonly path: string;
  readonly #dir: AsyncDisposable;

  constructor(dir: AsyncDisposable & { readonly path: string }) {
    this.#dir = dir;
    this.path = dir.path;
  }

  join(name: string): string {
    return `${this.path}/${name}`;
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(this.join(name), bytes);
  }

  read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return Deno.readFile(this.join(name));
  }

  directory(name: string): Promise<void> {
    return Deno.mkdir(this.join(name), { recursive: true });
  }

  async pipe(name: string): Promise<void> {
    assert((await new Deno.Command("mkfifo", { args: [this.join(name)] }).output()).success);
  }

  remove(name: string): Promise<void> {
    return Deno.remove(this.join(name), { recursive: true });
  }

  async list(name = "."): Promise<string[]> {
    const found: string[] = [];
    const directories = [""];
    for (let prefix = directories.pop(); prefix !== undefined; prefix = directories.pop()) {
      for await (const entry of Deno.readDir(`${this.join(name)}/${prefix}`)) {
        found.push(`${prefix}${entry.name}${entry.isDirectory ? "/" : ""}`);
        if (entry.isDirectory) directories.push(`${prefix}${entry.name}/`);
      }
    }
    return found.sort();
  }

  words(line: string): string[] {
    return line.split(" ").map((word) => word.replaceAll(/(?<=^|[:,|=])@/g, `${this.path}/`));
  }

  async run(line: string, options?: RunOptions): Promise<CliResult> {
    return this.abbreviate(await runCli(this.words(line), options));
  }

  async ok(line: string, options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(line, options);
    assert.deepEqual([code, stderr], [0, ""], line);
    return stdout;
  }

  async fails(line: string, options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(line, options);
    assert.deepEqual([code, stdout], [1, ""], `${line}: ${stderr}`);
    const text = /^Error: (.+)\n$/.exec(stderr)?.[1];
    assert(text !== undefined, `${line}: not one line of an error: ${stderr}`);
    return text;
  }

  abbreviate(result: CliResult): CliResult {
    const short = (text: string) => text.replaceAll(`${this.path}/`, "@");
    return { ...result, stdout: short(result.stdout), stderr: short(result.stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** Pseudo-random bytes from the generator that the example files are made with. */
export function lcg(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let x = 1;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

/** The only chunk of `hello.txt`. */
export const HELLO_ID = "bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134";

/** @returns Where a store keeps a chunk. */
export function chunkFile(store: string, id: string): string {
  return `${store}/${id.slice(0, 4)}/${id}.cacnk`;
}

/** The inputs of the examples, by name. */
export function exampleFiles(): Readonly<Record<string, Uint8Array<ArrayBuffer>>> {
  const noise = lcg(40_000);
  const repeating = new Uint8Array(90_000);
  repeating.set(noise.subarray(0, 20_000));
  repeating.set(noise.subarray(0, 20_000), 70_000);
  return {
    "hello.txt": new TextEncoder().encode("hello world\n"),
    "empty.bin": new Uint8Array(0),
    "zeros.bin": new Uint8Array(614_400),
    "lcg.bin": noise,
    "lcg2.bin": repeating,
  };
}

/** The example inputs, a `store` with their chunks, and their indexes, made with small chunks where there are two. */
export async function exampleSpace(): Promise<Workspace> {
  const space = await workspace(exampleFiles());
  await space.directory("store");
  for (const name of ["hello.txt", "empty.bin", "zeros.bin"]) {
    await space.ok(`make -s @store @${name.replace(/\..*/, "")}.caibx @${name}`);
  }
  for (const name of ["lcg", "lcg2"]) await space.ok(`make -m 1:4:16 -s @store @${name}.caibx @${name}.bin`);
  return space;
}
