/**
 * Commands are killed at many moments. What they leave is complete or has a temporary name, and a second run gives
 * the right result.
 *
 * `CRASH_RUNS=200` kills every command that often.
 */

import assert from "node:assert/strict";
import { spawnCli } from "../support/cli.ts";
import { tempDir } from "../support/temp_dir.ts";
import { callPoints, CHANGING_CALLS, runWithPlan, spread } from "./crash_calls.ts";
import {
  checkComplete,
  checkLeft,
  type Inputs,
  type Leftovers,
  makeInputs,
  prepare,
  runWell,
  type Scenario,
  SCENARIOS,
} from "./crash_scenarios.ts";

const RUNS = Number(Deno.env.get("CRASH_RUNS") ?? "0");
/** Kills of every command at system calls, and at moments of a run on all threads. */
const CALL_KILLS = RUNS > 0 ? Math.ceil(RUNS / 2) : 4;
const TIMED_KILLS = RUNS > 0 ? Math.floor(RUNS / 2) : 2;

/** Worked on by one thread, so its system calls are always the same. */
const SMALL = { size: 1 << 20, chunkSize: "4:16:64" };
/** Worked on by all threads. */
const LARGE = { size: 16 << 20, chunkSize: "16:64:256" };

let small: Inputs;
let large: Inputs;

const ignore = Deno.build.os !== "linux";

Deno.test.beforeAll(async () => {
  if (!ignore) [small, large] = [await makeInputs(SMALL), await makeInputs(LARGE)];
});
Deno.test.afterAll(async () => {
  if (!ignore) { for (const { dir } of [small, large]) await dir[Symbol.asyncDispose](); }
});

/** Figures of many kills. */
class Tally {
  readonly #counts = new Map<string, number>();

  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  add({ temporaries, isComplete }: Leftovers): void {
    if (temporaries > 0) this.count("left temporary files");
    if (isComplete) this.count("left the complete result");
  }

  async report(name: string): Promise<void> {
    if (RUNS === 0) return;
    const counts = [...this.#counts].map(([what, count]) => `${count} ${what}`).join(", ");
    await Deno.stderr.write(new TextEncoder().encode(`${name}: ${counts}\n`));
  }
}

for (const scenario of SCENARIOS) {
  Deno.test({
    name: `A killed ${scenario.name} leaves nothing incomplete, at whatever system call it ends`,
    ignore,
    async fn() {
      const calls = await callsOf(scenario);
      const tally = new Tally();
      for (const point of spread(callPoints(calls), CALL_KILLS)) {
        await using run = await tempDir();
        await prepare(scenario, small, run);
        const plan = { calls: CHANGING_CALLS, ...point };
        const { status, stderr } = await runWithPlan(scenario.argv(small, run), plan);
        assert.equal(status.signal, "SIGKILL", `${point.when} ${calls[point.at]}: ${stderr}`);
        tally.count("killed");
        tally.add(await checkLeft(scenario, small, run));
        await runAgain(scenario, small, run);
      }
      await tally.report(`${scenario.name}, at one of ${calls.length} system calls`);
    },
  });

  Deno.test({
    name: `A killed ${scenario.name} leaves nothing incomplete, whatever its threads are doing`,
    ignore,
    async fn() {
      const whole = await runTimed(scenario, {});
      const tally = new Tally();
      for (let i = 0; i < TIMED_KILLS; i++) {
        const share = (i + Math.random()) / TIMED_KILLS;
        const moment = i % 2 === 0
          ? { afterMs: share * whole.durationMs }
          : { atEvent: Math.ceil(share * whole.events) };
        const { wasKilled, left } = await runTimed(scenario, moment);
        tally.count(wasKilled ? "killed" : "ended before");
        tally.add(left);
      }
      await tally.report(
        `${scenario.name}, within ${Math.round(whole.durationMs)} ms and ${whole.events} events`,
      );
    },
  });
}

/** The system calls that change something, of a run that nobody kills. */
async function callsOf(scenario: Scenario): Promise<readonly string[]> {
  await using run = await tempDir();
  await prepare(scenario, small, run);
  const { status, stderr, report } = await runWithPlan(scenario.argv(small, run), { calls: CHANGING_CALLS });
  assert.deepEqual({ code: status.code, stderr }, { code: 0, stderr: "" });
  assert.equal((await checkLeft(scenario, small, run)).temporaries, 0);
  await checkComplete(scenario, small, run);
  return report!.calls;
}

interface TimedRun {
  readonly durationMs: number;
  /** Changes in the directory that the command writes to. */
  readonly events: number;
  readonly wasKilled: boolean;
  readonly left: Leftovers;
}

/** Runs a command and kills it, after a time or at a change of the files that it writes. */
async function runTimed(
  scenario: Scenario,
  moment: { readonly afterMs?: number; readonly atEvent?: number },
): Promise<TimedRun> {
  await using run = await tempDir();
  await prepare(scenario, large, run);
  const start = performance.now();
  using watcher = Deno.watchFs(run.join(scenario.fillsStore ? "store" : "out"), { recursive: false });
  await using child = spawnCli(scenario.argv(large, run));
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const timer = moment.afterMs === undefined ? undefined : setTimeout(kill, moment.afterMs);
  const counting = countEvents(watcher, (count) => count === moment.atEvent && kill());
  await child.stdin.close();
  const [status, stderr] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
    child.stdout.cancel(),
  ]);
  const durationMs = performance.now() - start;
  clearTimeout(timer);
  watcher.close();
  const events = await counting;
  const wasKilled = status.signal === "SIGKILL";
  if (!wasKilled) assert.deepEqual({ code: status.code, stderr }, { code: 0, stderr: "" });
  const left = await checkLeft(scenario, large, run);
  if (!wasKilled) await checkComplete(scenario, large, run);
  await runAgain(scenario, large, run);
  return { durationMs, events, wasKilled, left };
}

async function countEvents(watcher: Deno.FsWatcher, onEvent: (count: number) => void): Promise<number> {
  let count = 0;
  for await (const { kind } of watcher) if (kind !== "access") onEvent(++count);
  return count;
}

/** Asserts that the same command line completes what was begun, and takes away what extractions left. */
async function runAgain(
  scenario: Scenario,
  inputs: Inputs,
  run: Awaited<ReturnType<typeof tempDir>>,
): Promise<void> {
  await runWell(scenario.argv(inputs, run));
  await checkComplete(scenario, inputs, run);
  for await (const { name } of Deno.readDir(run.join("out"))) {
    assert(name === "result" || name.startsWith(".tmp-index."), `${name} is still there`);
  }
}
