/**
 * `untar` is killed at many moments. What has its name by then is complete, and a second run completes the tree.
 *
 * `CRASH_RUNS=200` kills every command that often.
 */

import assert from "node:assert/strict";
import { noise } from "../support/blobs.ts";
import { runCli, spawnCli } from "../support/cli.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { hasTreeFfi } from "../support/trees.ts";
import { callPoints, runWithPlan, spread } from "./crash_calls.ts";

const RUNS = Number(Deno.env.get("CRASH_RUNS") ?? "0");
/** Kills of every command at system calls, and at moments of a run on all threads. */
const CALL_KILLS = RUNS > 0 ? Math.ceil(RUNS / 2) : 4;
const TIMED_KILLS = RUNS > 0 ? Math.floor(RUNS / 2) : 1;

/** Calls that change trees. */
const TREE_CALLS = [
  "create",
  "pwrite",
  "ftruncate",
  "fchown",
  "fchmod",
  "futimens",
  "renameat",
  "mkdirat",
  "symlinkat",
  "unlinkat",
];

/** The archive of a tree, as a file and as an index with its store. */
interface Inputs {
  readonly dir: TempDir;
  readonly tree: Snapshot;
}

/** What is in a tree, by path. */
type Snapshot = ReadonlyMap<string, Node>;

interface Node {
  /** Kind and metadata. */
  readonly about: string;
  /** Of a regular file. */
  readonly content: Uint8Array | undefined;
}

interface Scenario {
  readonly name: string;
  readonly argv: (inputs: Inputs, out: string) => readonly string[];
  /** Whether there is another tree before. */
  readonly hasEarlier: boolean;
}

const fromFile: Scenario["argv"] = ({ dir }, out) => ["untar", dir.join("x.catar"), out];
const SCENARIOS: readonly Scenario[] = [
  { name: "untar", argv: fromFile, hasEarlier: false },
  { name: "untar over an earlier tree", argv: fromFile, hasEarlier: true },
  {
    name: "untar -i",
    argv: ({ dir }, out) => ["untar", "-i", "-s", dir.join("store"), dir.join("x.caidx"), out],
    hasEarlier: false,
  },
];

const ignore = !hasTreeFfi;
const EARLIER = new TextEncoder().encode("earlier");

let small: Inputs;
let large: Inputs;

Deno.test.beforeAll(async () => {
  if (ignore) return;
  small = await makeInputs({ directories: 2, files: 4 });
  // So many files that other threads make most of them.
  large = await makeInputs({ directories: RUNS > 0 ? 60 : 25, files: 80 });
});
Deno.test.afterAll(async () => {
  for (const inputs of [small, large] as readonly (Inputs | undefined)[]) {
    await inputs?.dir[Symbol.asyncDispose]();
  }
});

async function makeInputs(size: { readonly directories: number; readonly files: number }): Promise<Inputs> {
  const dir = await tempDir();
  for (let d = 0; d < size.directories; d++) {
    const path = dir.join("tree", `d${d}`, "inner");
    await Deno.mkdir(path, { recursive: true });
    for (let f = 0; f < size.files; f++) {
      // Empty, small, with a hole, and of more than one block.
      const content = f % 4 === 2
        ? Uint8Array.of(...noise(10, f + 1), ...new Uint8Array(9000))
        : noise(f % 4 * 700, d * size.files + f + 1);
      await Deno.writeFile(`${path}/f${f}`, content);
      await Deno.chmod(`${path}/f${f}`, [0o644, 0o755, 0o4711, 0o600][f % 4]!);
      await Deno.utime(`${path}/f${f}`, 1e9 + f, 1e9 + f);
    }
    await Deno.symlink("inner/f1", dir.join("tree", `d${d}`, "link"));
    await Deno.utime(path, 1.1e9 + d, 1.1e9 + d);
    await Deno.chmod(path, 0o750);
  }
  await Deno.writeFile(dir.join("tree", "large"), noise(1_500_000, 7));
  await Deno.mkdir(dir.join("store"));
  await runWell(["tar", dir.join("x.catar"), dir.join("tree")]);
  await runWell(["tar", "-i", "-s", dir.join("store"), dir.join("x.caidx"), dir.join("tree")]);
  return { dir, tree: snapshot(dir.join("tree")) };
}

/** Puts other files under some of the names. */
async function prepare(scenario: Scenario, { tree }: Inputs, out: string): Promise<void> {
  await Deno.mkdir(out);
  if (!scenario.hasEarlier) return;
  for (const [path, { content }] of tree) {
    if (content === undefined || path.endsWith("3")) continue;
    await Deno.mkdir(`${out}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeFile(`${out}/${path}`, EARLIER);
  }
}

/** Synchronous, which takes a fifth of the time. */
function snapshot(root: string): Map<string, Node> {
  const nodes = new Map<string, Node>();
  const add = (path: string) => {
    const full = `${root}/${path}`;
    const { isFile, isDirectory, isSymlink, mode, uid, gid, mtime, size } = Deno.lstatSync(full);
    const target = isSymlink ? Deno.readLinkSync(full) : undefined;
    const content = isFile ? Deno.readFileSync(full) : undefined;
    const bytes = isFile ? size : undefined;
    nodes.set(path, { about: JSON.stringify({ mode, uid, gid, mtime, target, bytes }), content });
    if (!isDirectory) return;
    for (const { name } of Deno.readDirSync(full)) add(path === "" ? name : `${path}/${name}`);
  };
  add("");
  return nodes;
}

/** Asserts that every file which has its name has its content, new or old. @returns Temporary files. */
function checkLeft(scenario: Scenario, { tree }: Inputs, out: string): number {
  let temporaries = 0;
  for (const [path, { content }] of snapshot(out)) {
    if (isTemporary(path)) {
      temporaries++;
      continue;
    }
    const expected = tree.get(path);
    assert(expected !== undefined, `'${path}' is not in the archive`);
    if (content === undefined || (scenario.hasEarlier && same(content, EARLIER))) continue;
    assert(same(content, expected.content), `'${path}' is neither new nor old`);
  }
  return temporaries;
}

/** Asserts that the tree is the archive's, besides what killed runs left under temporary names. */
function checkComplete({ tree }: Inputs, out: string): void {
  const nodes = snapshot(out);
  for (const path of [...nodes.keys()].filter(isTemporary)) nodes.delete(path);
  assert.deepEqual([...nodes.keys()].sort(), [...tree.keys()].sort());
  for (const [path, { about, content }] of tree) {
    assert.equal(nodes.get(path)!.about, about, path);
    assert(same(nodes.get(path)!.content, content), `'${path}' is wrong`);
  }
}

function isTemporary(path: string): boolean {
  return /(^|\/)\.#[^/]*$/.test(path);
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined
    ? a === b
    : a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function runWell(argv: readonly string[]): Promise<void> {
  const { code, stderr } = await runCli(argv);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, argv.join(" "));
}

async function report(name: string, counts: Readonly<Record<string, number>>): Promise<void> {
  if (RUNS === 0) return;
  const text = Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", ");
  await Deno.stderr.write(new TextEncoder().encode(`${name}: ${text}\n`));
}

for (const scenario of SCENARIOS) {
  Deno.test({
    name: `A killed ${scenario.name} leaves no incomplete file, at whatever system call it ends`,
    ignore,
    async fn() {
      const calls = await callsOf(scenario);
      assert(calls.length > 50, `${calls.length} calls`);
      let temporaries = 0;
      const points = spread(callPoints(calls), CALL_KILLS);
      for (const point of points) {
        await using run = await tempDir();
        const out = run.join("out");
        await prepare(scenario, small, out);
        const argv = scenario.argv(small, out);
        const { status, stderr } = await runWithPlan(argv, { calls: TREE_CALLS, ...point });
        assert.equal(status.signal, "SIGKILL", `${point.when} ${calls[point.at]}: ${stderr}`);
        temporaries += checkLeft(scenario, small, out);
        await runWell(argv);
        checkComplete(small, out);
      }
      await report(scenario.name, { killed: points.length, calls: calls.length, temporaries });
    },
  });

  Deno.test({
    name: `A killed ${scenario.name} leaves no incomplete file, whatever its threads are doing`,
    ignore: ignore || (RUNS === 0 && scenario.hasEarlier),
    async fn() {
      const { durationMs } = await runTimed(scenario, undefined);
      const counts = { killed: 0, "ended before": 0, "left temporary files": 0 };
      for (let i = 0; i < TIMED_KILLS; i++) {
        // The program's start, of which nothing can be left, is passed over.
        const share = 0.2 + 0.8 * (i + Math.random()) / TIMED_KILLS;
        const { wasKilled, temporaries } = await runTimed(scenario, share * durationMs);
        counts[wasKilled ? "killed" : "ended before"]++;
        if (temporaries > 0) counts["left temporary files"]++;
      }
      await report(scenario.name, counts);
    },
  });
}

/** The system calls that change something, of a run that nobody kills. */
async function callsOf(scenario: Scenario): Promise<readonly string[]> {
  await using run = await tempDir();
  const out = run.join("out");
  await prepare(scenario, small, out);
  const { status, stderr, report } = await runWithPlan(scenario.argv(small, out), { calls: TREE_CALLS });
  assert.deepEqual({ code: status.code, stderr }, { code: 0, stderr: "" });
  assert.equal(checkLeft(scenario, small, out), 0);
  checkComplete(small, out);
  return report!.calls;
}

/** Runs a command and kills it after a time; then runs it again. */
async function runTimed(scenario: Scenario, afterMs: number | undefined): Promise<{
  readonly durationMs: number;
  readonly wasKilled: boolean;
  readonly temporaries: number;
}> {
  await using run = await tempDir();
  const out = run.join("out");
  await prepare(scenario, large, out);
  const argv = scenario.argv(large, out);
  const start = performance.now();
  await using child = spawnCli(argv);
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const timer = afterMs === undefined ? undefined : setTimeout(kill, afterMs);
  await child.stdin.close();
  const [status, stderr] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
    child.stdout.cancel(),
  ]);
  const durationMs = performance.now() - start;
  clearTimeout(timer);
  const wasKilled = status.signal === "SIGKILL";
  if (!wasKilled) assert.deepEqual({ code: status.code, stderr }, { code: 0, stderr: "" });
  const temporaries = checkLeft(scenario, large, out);
  if (wasKilled) await runWell(argv);
  checkComplete(large, out);
  return { durationMs, wasKilled, temporaries };
}
