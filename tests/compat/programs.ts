/** Runs the programs that this one has to agree with, and makes what they are fed with. */

import assert from "node:assert/strict";
import type { CliResult } from "../support/cli.ts";
import type { TempDir } from "../support/temp_dir.ts";

/** How to run a program. */
export interface ProgramOptions {
  /** Bytes for its standard input. @default none */
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
  /** Directory that relative names start from. @default that of this process */
  readonly cwd?: string;
}

/** Runs a program until it ends, without the configuration of whoever runs the tests. */
export async function runProgram(
  path: string,
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<CliResult> {
  const child = new Deno.Command(path, {
    args: [...argv],
    env: { HOME: "/nonexistent", DESYNC_ENABLE_PARSABLE_PROGRESS: "", DESYNC_PROGRESSBAR_ENABLED: "" },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Response(options.stdin ?? "").body?.pipeTo(child.stdin) ?? child.stdin.close();
  // A program that does not read its input is no failure of the test.
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), written.catch(() => {})]);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stdoutBytes: stdout, stderr: decoder.decode(stderr) };
}

/** Runs a program that has to succeed. */
export async function runPeer(
  path: string,
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<CliResult> {
  const result = await runProgram(path, argv, options);
  assert.equal(result.code, 0, `${path} ${argv.join(" ")}: ${result.stderr}`);
  return result;
}

/** Compares files without printing megabytes if they differ. */
export async function assertSameFile(path: string, expected: string | Uint8Array): Promise<void> {
  const found = await Deno.readFile(path);
  const wanted = typeof expected === "string" ? await Deno.readFile(expected) : expected;
  assert.equal(found.length, wanted.length, `size of ${path}`);
  const at = found.findIndex((byte, i) => byte !== wanted[i]);
  assert.equal(at, -1, `${path} differs at offset ${at}`);
}

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The flag EXCLUDE_FILE, in the last byte of an index's feature flags. */
const EXCLUDE_FILE = { offset: 0x17, bit: 0x10 };

/** The index of a blob as desync writes it: unlike casync and this program, it does not set EXCLUDE_FILE. */
export function withDesyncFlags(index: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = index.slice();
  assert(bytes[EXCLUDE_FILE.offset]! & EXCLUDE_FILE.bit);
  bytes[EXCLUDE_FILE.offset]! -= EXCLUDE_FILE.bit;
  return bytes;
}

/** Packs files that are installed on every system, some 24 MiB of them, into a tar file. */
export async function makeSystemTar(dir: TempDir): Promise<string> {
  const names: string[] = [];
  let size = 0;
  const entries = (await Array.fromAsync(Deno.readDir("/usr/bin"))).filter(({ isFile }) => isFile);
  for (const { name } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const info = await Deno.stat(`/usr/bin/${name}`);
    if (info.size > SYSTEM_TAR_SIZE / 4) continue;
    names.push(name);
    size += info.size;
    if (size >= SYSTEM_TAR_SIZE) break;
  }
  const path = dir.join("system.tar");
  await runPeer("tar", ["-C", "/usr/bin", "-cf", path, "--no-recursion", "--", ...names]);
  return path;
}

const SYSTEM_TAR_SIZE = 24 << 20;
