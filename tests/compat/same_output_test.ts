/** The same command lines on this program and on desync: what they print, their exit codes, and what they leave behind. */

import assert from "node:assert/strict";
import { exampleSpace, type Workspace, workspace } from "../cli/commands/workspace.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { peer } from "../support/peers.ts";
import { runPeer, runProgram } from "./programs.ts";
import { FAILING, type Line, SAME } from "./same_output_lines.ts";

const desync = peer("desync");
const { ignore } = desync;

/** What is left of a run, in a form to compare. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly files: readonly string[];
}

/** Files to work on, some of which are not as they should be. */
async function scene(): Promise<Workspace> {
  const space = await exampleSpace();
  const noise = await space.read("lcg.bin");
  const index = await space.read("lcg.caibx");
  const sizes = await space.ok("inspect-chunks -s @store @lcg2.caibx");
  const damaged = noise.slice();
  damaged[2000]! ^= 1;
  await space.directory("empty");
  await space.directory("seeds/deeper");
  await space.directory("blobs");
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "file": "no store",
    "junk.caibx": "no index",
    "truncated.caibx": index.subarray(0, 200),
    "lcg": noise,
    "seeds/deeper/lcg": noise,
    "seeds/deeper/lcg.caibx": index,
    "seeds/alone.caibx": index,
    "damaged": damaged,
    "damaged.caibx": index,
    "absent.caibx": index,
    "longer": new Uint8Array([...noise, 1, 2]),
    "shorter": noise.subarray(0, 39_000),
    "other.txt": "HELLO WORLD\n",
    "ids": "\n  BF73EE1FB7E8BF8FCDD5DA06DD547052CD0F929A88F4AEAD68B218D3BDE91134\t\n\n",
    "no-ids": "bf73\n",
    "sizes.json": sizes,
    "wrong-sizes.json": sizes.replaceAll(": 5176", ": 5177"),
  };
  for (const [name, content] of Object.entries(files)) await space.write(name, content);
  await space.ok("--digest sha256 make -s @store @sha256.caibx @hello.txt");
  return space;
}

/** Runs a command line, and looks at what it left. */
type Run = (space: Workspace, argv: readonly string[], stdin: Uint8Array<ArrayBuffer>) => Promise<CliResult>;

const runHere: Run = async (_space, argv, stdin) => await runCli(argv, { stdin });
const runThere: Run = async ({ path }, argv, stdin) =>
  await runProgram(desync.require(), argv, { stdin, cwd: path });

async function outcome(run: Run, space: Workspace, entry: Line): Promise<Outcome> {
  const [line, input] = typeof entry === "string" ? [entry, ""] : entry;
  const stdin = input.startsWith("@") ? await space.read(input.slice(1)) : new TextEncoder().encode(input);
  const { code, stdout } = space.abbreviate(await run(space, space.words(line), stdin));
  return { code, stdout, files: await snapshot(space) };
}

/** Names and contents of all files; what chunks are made of depends on the encoder. */
async function snapshot(space: Workspace): Promise<string[]> {
  const files: string[] = [];
  for (const name of await space.list()) {
    if (name.endsWith("/") || name.endsWith(".cacnk")) files.push(name);
    else {
      const hash = await crypto.subtle.digest("SHA-256", await space.read(name));
      files.push(`${name} ${new Uint8Array(hash).toHex()}`);
    }
  }
  return files;
}

/** Runs a line on both programs, each in a copy of `template`. */
async function both(
  template: Workspace,
  line: Line,
): Promise<{ readonly here: Outcome; readonly there: Outcome }> {
  const outcomes = [];
  for (const run of [runHere, runThere]) {
    await using space = await workspace();
    await runPeer("cp", ["-a", `${template.path}/.`, space.path]);
    outcomes.push(await outcome(run, space, line));
  }
  return { here: outcomes[0]!, there: outcomes[1]! };
}

for (const [name, lines] of Object.entries(SAME)) {
  Deno.test(`${name}: prints what desync prints, and leaves the same files`, { ignore }, async () => {
    await using template = await scene();
    for (const line of lines) {
      const { here, there } = await both(template, line);
      assert.deepEqual(here, there, String(line));
      assert.equal(here.code, 0, String(line));
    }
  });
}

for (const [name, lines] of Object.entries(FAILING)) {
  Deno.test(`${name}: fails as desync does, and leaves no file behind`, { ignore }, async () => {
    await using template = await scene();
    const files = await snapshot(template);
    // desync may leave an empty output, which must not hide what this program leaves.
    await using other = await scene();
    for (const line of lines) {
      const here = await outcome(runHere, template, line);
      assert.deepEqual(here, { code: 1, stdout: "", files }, String(line));
      const { code, stdout } = await outcome(runThere, other, line);
      assert.deepEqual([code, stdout], [1, ""], String(line));
    }
  });
}

Deno.test("prune takes the answers that desync takes, and an empty line as a no", { ignore }, async () => {
  await using template = await scene();
  for (
    const { answer, code } of [
      { answer: "y\n", code: 0 },
      { answer: "Y\n", code: 0 },
      { answer: "y", code: 0 },
      { answer: "n\n", code: 0 },
      { answer: "N\n", code: 0 },
      { answer: "n", code: 0 },
      { answer: "yes\nno\ny\n", code: 0 },
      { answer: "\tn \n", code: 0 },
      { answer: "", code: 1 },
      { answer: "maybe", code: 1 },
      { answer: "y y\n", code: 1 },
      { answer: "\n", code: 0 },
    ]
  ) {
    const { here, there } = await both(template, ["prune -s @store @lcg.caibx", answer]);
    assert.equal(here.code, code, JSON.stringify(answer));
    assert.equal(there.code, answer === "\n" ? 1 : code, JSON.stringify(answer));
    assert.deepEqual(here.files, there.files, JSON.stringify(answer));
    for (const { stdout } of [here, there]) {
      assert.match(stdout, /^[^\n]*\n[^\n]*\n(\[y\/N\]: )+$/);
      assert.match(stdout, /\b9 unique chunks\b/);
      assert(stdout.includes("'@store'"));
    }
  }
});

Deno.test("make --print-stats prints what desync prints", { ignore }, async () => {
  await using space = await scene();
  for (
    const line of [
      "make @index @hello.txt",
      "make -s @empty @index @empty.bin",
      "make -m 1:4:16 @index @lcg2.bin",
    ]
  ) {
    const argv = space.words(`${line} -n 1 --print-stats`);
    const [here, there] = [await runCli(argv), await runProgram(desync.require(), argv)];
    assert.deepEqual([here.code, here.stdout, here.stderr], [there.code, there.stdout, there.stderr], line);
    assert.match(here.stderr, /^\{\n {2}"ChunksAccepted": \d+,\n {2}"ChunksProduced": \d+\n\}\n$/);
  }
});
