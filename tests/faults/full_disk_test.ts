/** Commands on file systems that take no more: full, read-only, or with directories that cannot be changed. */

import assert from "node:assert/strict";
import { runCli } from "../support/cli.ts";
import { canMount, type Mount, type MountKind, mountTemporary } from "../support/mount.ts";
import type { TempDir } from "../support/temp_dir.ts";
import {
  checkComplete,
  checkLeft,
  type Inputs,
  makeInputs,
  prepare,
  runWell,
  type Scenario,
  SCENARIOS,
} from "./crash_scenarios.ts";

const TMPFS: MountKind = { kind: "tmpfs", sizeKib: 48 << 10 };
const XFS: MountKind = { kind: "xfs" };
const hasTmpfs = await canMount(TMPFS);
const hasXfs = await canMount(XFS);

/** Worked on by one thread, and by all. */
const SIZES = [
  { size: 2 << 20, chunkSize: "4:16:64", threads: "one thread" },
  { size: 10 << 20, chunkSize: "16:64:256", threads: "all threads" },
];
/** Bytes that are left of a disk, for results of {@linkcode SIZES}. */
const FREE = [0, 1_500_000];
/** Bytes that are written at once to fill a disk. */
const BLOCK = new Uint8Array(1 << 20).fill(1);

let inputs: readonly Inputs[];

Deno.test.beforeAll(async () => {
  if (hasTmpfs || hasXfs) inputs = [await makeInputs(SIZES[0]!), await makeInputs(SIZES[1]!)];
});
Deno.test.afterAll(async () => {
  for (const { dir } of inputs ?? []) await dir[Symbol.asyncDispose]();
});

const FULL_DISK_SCENARIOS: readonly Scenario[] = [
  // What is there before must not be so large that no more space is needed.
  ...SCENARIOS.map((scenario) => scenario.result?.isInPlace ?? false ? withSmallOutput(scenario) : scenario),
  // The store is complete already, so that only the index has no place.
  ...SCENARIOS.filter(({ name }) => name.startsWith("make"))
    .map((scenario) => ({ ...scenario, name: `${scenario.name}, of stored chunks,`, hasFullStore: true })),
];

function withSmallOutput(scenario: Scenario): Scenario {
  const earlier = ({ otherBlob }: Inputs) => otherBlob.subarray(0, 50_000);
  return { ...scenario, result: { ...scenario.result!, earlier } };
}

const DISKS = [
  { kind: TMPFS, ignore: !hasTmpfs, inputs: 0, free: FREE },
  { kind: TMPFS, ignore: !hasTmpfs, inputs: 1, free: FREE },
  { kind: XFS, ignore: !hasXfs, inputs: 1, free: [0] },
];

for (const disk of DISKS) {
  for (const scenario of FULL_DISK_SCENARIOS) {
    const where = `${disk.kind.kind}, ${SIZES[disk.inputs]!.threads}`;
    Deno.test({
      name: `On a full disk (${where}), ${scenario.name} fails and leaves what was there`,
      ignore: disk.ignore,
      async fn() {
        const source = inputs[disk.inputs]!;
        await using mount = await mountTemporary(disk.kind);
        for (const free of scenario.hasFullStore ?? false ? [0] : disk.free) {
          const run = await directoryIn(mount, `run-${free}`);
          await prepare(scenario, source, run);
          const ballast = `${mount.path}/ballast`;
          await fillDisk(ballast, free);
          await assertFails(scenario, source, { run, problem: "No space left on device" });
          await Deno.remove(ballast);
          await assertCompletes(scenario, source, run);
          await Deno.remove(run.path, { recursive: true });
        }
      },
    });
  }
}

for (const scenario of SCENARIOS) {
  Deno.test({
    name: `On a read-only file system, ${scenario.name} fails and leaves what was there`,
    ignore: !hasTmpfs,
    async fn() {
      await using mount = await mountTemporary(TMPFS);
      const run = await directoryIn(mount, "run");
      await prepare(scenario, inputs[0]!, run);
      await runTool("mount", "-o", "remount,ro", mount.path);
      await assertFails(scenario, inputs[0]!, { run, problem: "Read-only file system" });
      await runTool("mount", "-o", "remount,rw", mount.path);
      await assertCompletes(scenario, inputs[0]!, run);
    },
  });

  // The output itself can be written.
  if (scenario.result?.isInPlace ?? false) continue;
  Deno.test({
    name: `In a directory that cannot be changed, ${scenario.name} fails and leaves what was there`,
    ignore: !hasXfs,
    async fn() {
      await using mount = await mountTemporary(XFS);
      const run = await directoryIn(mount, "run");
      await prepare(scenario, inputs[0]!, run);
      await runTool("chattr", "+i", run.join("out"), run.join("store"));
      await assertFails(scenario, inputs[0]!, { run, problem: "Operation not permitted" });
      await runTool("chattr", "-i", run.join("out"), run.join("store"));
      await assertCompletes(scenario, inputs[0]!, run);
    },
  });
}

for (
  const { name, argv } of [
    {
      name: "cat",
      argv: ({ dir }: Inputs) => ["cat", "-s", dir.join("store"), dir.join("blob.caibx"), "/dev/full"],
    },
    { name: "make", argv: ({ dir }: Inputs) => ["make", "/dev/full", dir.join("blob")] },
  ]
) {
  Deno.test({
    name: `${name} to a device that takes nothing fails and names it`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using one = {
        inputs: await makeInputs(SIZES[0]!),
        [Symbol.asyncDispose]: () => one.inputs.dir[Symbol.asyncDispose](),
      };
      const { code, stderr } = await runCli(argv(one.inputs));
      assert.equal(code, 1);
      assert.match(stderr, /^Error: Cannot .*'\/dev\/full': No space left on device/);
    },
  });
}

/** Runs a command that cannot succeed, and asserts that it says why and where, and cleans up. */
async function assertFails(
  scenario: Scenario,
  inputs: Inputs,
  expected: { readonly run: TempDir; readonly problem: string },
): Promise<void> {
  const { run, problem } = expected;
  const { code, stderr, stdout } = await runCli(scenario.argv(inputs, run));
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" }, stderr);
  assert.match(stderr, new RegExp(`^Error: Cannot [^\\n]*'${run.path}/[^\\n]*: ${problem}\\n$`));
  const { temporaries, isComplete } = await checkLeft(scenario, inputs, run);
  assert.deepEqual({ temporaries, isComplete }, { temporaries: 0, isComplete: false });
}

async function assertCompletes(scenario: Scenario, inputs: Inputs, run: TempDir): Promise<void> {
  await runWell(scenario.argv(inputs, run));
  await checkComplete(scenario, inputs, run);
}

async function directoryIn(mount: Mount, name: string): Promise<TempDir> {
  const path = `${mount.path}/${name}`;
  await Deno.mkdir(path);
  return {
    path,
    join: (...names) => [path, ...names].join("/"),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Writes a file until the disk is full, then gives back so many bytes. */
async function fillDisk(path: string, free: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  let size = 0;
  for (let piece: Uint8Array = BLOCK; piece.length > 0;) {
    try {
      size += await file.write(piece);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      piece = piece.subarray(0, piece.length >> 1);
    }
  }
  await file.truncate(size - free);
  await file.sync();
}

async function runTool(command: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
  assert(success, `${command}: ${new TextDecoder().decode(stderr)}`);
}
