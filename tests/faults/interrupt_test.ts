/**
 * Commands get SIGINT or SIGTERM at many moments. They end soon, say so in one line, and leave neither temporary
 * files nor anything incomplete.
 *
 * `INTERRUPT_RUNS=200` interrupts every command that often.
 */

import assert from "node:assert/strict";
import { spawnCli } from "../support/cli.ts";
import { tempDir } from "../support/temp_dir.ts";
import { ALL_CALLS, type CallResult, runWithPlan, spread } from "./crash_calls.ts";
import {
  checkComplete,
  checkLeft,
  type Inputs,
  makeInputs,
  prepare,
  READING_SCENARIOS,
  type Scenario,
  SCENARIOS,
  STORE_SCENARIOS,
} from "./crash_scenarios.ts";

const RUNS = Number(Deno.env.get("INTERRUPT_RUNS") ?? "0");
/** Signals to every command at system calls, and at moments of a run on all threads. */
const CALL_SIGNALS = RUNS > 0 ? Math.ceil(RUNS / 2) : 3;
const TIMED_SIGNALS = RUNS > 0 ? Math.floor(RUNS / 2) : 1;

/** Many small chunks. */
const SMALL = { size: 1 << 20, chunkSize: "1:2:8" };
/** Worked on by all threads. */
const LARGE = { size: 16 << 20, chunkSize: "16:64:256" };

/** What calls take longer after a signal, and how many of them may follow: those of about a second. */
const DELAY_MS = 5;
const MAX_CALLS_AFTER = 200;

const SIGNALS = [{ signal: "SIGINT", code: 130 }, { signal: "SIGTERM", code: 143 }] as const;
const INTERRUPTED = "Error: interrupted by signal\n";
const ALL_SCENARIOS = [...SCENARIOS, ...READING_SCENARIOS, ...STORE_SCENARIOS];

const ignore = Deno.build.os !== "linux";
let small: Inputs;
let large: Inputs;

Deno.test.beforeAll(async () => {
  if (!ignore) [small, large] = [await makeInputs(SMALL), await makeInputs(LARGE)];
});
Deno.test.afterAll(async () => {
  if (!ignore) { for (const { dir } of [small, large]) await dir[Symbol.asyncDispose](); }
});

for (const scenario of ALL_SCENARIOS) {
  Deno.test({
    name: `An interrupted ${scenario.name} ends soon and leaves nothing, at whatever system call it is`,
    ignore,
    async fn() {
      const { report } = await runSmall(scenario, {});
      const calls = report!.calls;
      assert(calls.length > 1.5 * MAX_CALLS_AFTER, `${calls.length} system calls are too few for this test`);
      const points = spread([...calls.keys()], CALL_SIGNALS);
      for (const [i, at] of points.entries()) {
        const { signal, code } = SIGNALS[i % SIGNALS.length]!;
        const { status, stderr, report } = await runSmall(scenario, { at, signals: [signal] });
        const where = `${signal} before ${calls[at]}`;
        assert(report!.after <= MAX_CALLS_AFTER, `${where}: ${report!.after} system calls followed`);
        // The last calls are those after which nothing can fail any more.
        const isLate = calls.length - at <= MAX_CALLS_AFTER;
        if (status.code === 0 && isLate) assert.equal(stderr, "", where);
        else assert.deepEqual({ code: status.code, stderr }, { code, stderr: INTERRUPTED }, where);
      }
    },
  });

  Deno.test({
    name: `An interrupted ${scenario.name} ends and leaves nothing, whatever its threads are doing`,
    ignore,
    async fn() {
      const { durationMs } = await runTimed(scenario);
      for (let i = 0; i < TIMED_SIGNALS; i++) {
        const share = TIMED_SIGNALS === 1 ? 0.5 : (i + Math.random()) / TIMED_SIGNALS;
        const { signal, code } = SIGNALS[i % SIGNALS.length]!;
        const { status, stderr } = await runTimed(scenario, { signal, afterMs: share * durationMs });
        // It comes before the program listens, or when all is done.
        const isEarlyOrLate = status.signal === signal || status.code === 0;
        const expected = isEarlyOrLate ? { code: status.code, stderr: "" } : { code, stderr: INTERRUPTED };
        assert.deepEqual({ code: status.code, stderr }, expected);
      }
    },
  });
}

for (const scenario of SCENARIOS) {
  Deno.test({
    name: `A second signal ends ${scenario.name} at once, with the code of the first`,
    ignore,
    async fn() {
      const { status, stderr } = await runSmall(scenario, { at: 20, signals: ["SIGTERM", "SIGINT"] });
      assert.equal(status.code, 143);
      assert(stderr === "" || stderr === INTERRUPTED, stderr);
    },
  });
}

/** Runs a command on the small blob and asserts that it leaves nothing incomplete. */
async function runSmall(
  scenario: Scenario,
  plan: { readonly at?: number; readonly signals?: readonly Deno.Signal[] },
): Promise<CallResult> {
  await using run = await tempDir();
  await prepare(scenario, small, run);
  const result = await runWithPlan(scenario.argv(small, run), {
    ...plan,
    calls: ALL_CALLS,
    delayMs: DELAY_MS,
  });
  const { temporaries } = await checkLeft(scenario, small, run);
  // After the second signal, there is no time to clean up.
  if ((plan.signals?.length ?? 0) < 2) assert.equal(temporaries, 0);
  if (result.status.code === 0) await checkComplete(scenario, small, run);
  return result;
}

/** Runs a command on all threads. */
async function runTimed(
  scenario: Scenario,
  moment?: { readonly signal: Deno.Signal; readonly afterMs: number },
): Promise<{ readonly status: Deno.CommandStatus; readonly stderr: string; readonly durationMs: number }> {
  await using run = await tempDir();
  await prepare(scenario, large, run);
  const start = performance.now();
  await using child = spawnCli(scenario.argv(large, run));
  const timer = moment && setTimeout(() => sendSignal(child, moment.signal), moment.afterMs);
  await child.stdin.close();
  const [status, stderr] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
    new Response(child.stdout).bytes(),
  ]);
  clearTimeout(timer);
  assert.equal((await checkLeft(scenario, large, run)).temporaries, 0);
  if (status.code === 0) await checkComplete(scenario, large, run);
  return { status, stderr, durationMs: performance.now() - start };
}

function sendSignal(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}
