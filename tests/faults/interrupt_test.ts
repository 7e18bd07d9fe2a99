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

/** Worked on by one thread, so its system calls are always the same. */
const SMALL = { size: 6 << 20, chunkSize: "4:16:64" };
/** Even more chunks, for commands that need only one call for each. */
const TINY = { size: 2 << 20, chunkSize: "1:2:8" };
/** Worked on by all threads. */
const LARGE = { size: 16 << 20, chunkSize: "16:64:256" };

/** What calls take longer after a signal, and how many of them may follow: those of about a second. */
const DELAY_MS = 3;
const MAX_CALLS_AFTER = 300;

const SIGNALS = [{ signal: "SIGINT", code: 130 }, { signal: "SIGTERM", code: 143 }] as const;
const INTERRUPTED = "Error: interrupted by signal\n";
const ALL_SCENARIOS = [...SCENARIOS, ...READING_SCENARIOS, ...STORE_SCENARIOS];
const TINY_SCENARIOS = [
  "verify-index",
  "verify",
  "info",
  "prune",
  ...STORE_SCENARIOS.map(({ name }) => name),
];

const ignore = Deno.build.os !== "linux";
let small: Inputs;
let tiny: Inputs;
let large: Inputs;

Deno.test.beforeAll(async () => {
  if (ignore) return;
  [small, tiny, large] = [await makeInputs(SMALL), await makeInputs(TINY), await makeInputs(LARGE)];
});
Deno.test.afterAll(async () => {
  if (!ignore) { for (const { dir } of [small, tiny, large]) await dir[Symbol.asyncDispose](); }
});

for (const scenario of ALL_SCENARIOS) {
  Deno.test({
    name: `An interrupted ${scenario.name} ends soon and leaves nothing, at whatever system call it is`,
    ignore,
    async fn() {
      const { report } = await runSmall(scenario, {});
      const calls = report!.calls;
      // Of a blob, chunk makes one call for many chunks.
      if (scenario.name !== "chunk") {
        assert(calls.length > MAX_CALLS_AFTER, `only ${calls.length} system calls`);
      }
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
    name: `A second signal ends ${scenario.name} at once`,
    ignore,
    async fn() {
      const { status, stderr } = await runSmall(scenario, { at: 20, signals: ["SIGTERM", "SIGINT"] });
      // Which of the two is seen first is not known.
      assert(status.code === 130 || status.code === 143, `${status.code}: ${stderr}`);
      assert(stderr === "" || stderr === INTERRUPTED, stderr);
    },
  });
}

/** Runs a command on the small blob and asserts that it leaves nothing incomplete. */
async function runSmall(
  scenario: Scenario,
  plan: { readonly at?: number; readonly signals?: readonly Deno.Signal[] },
): Promise<CallResult> {
  const inputs = TINY_SCENARIOS.includes(scenario.name) ? tiny : small;
  await using run = await tempDir();
  await prepare(scenario, inputs, run);
  const result = await runWithPlan(scenario.argv(inputs, run), {
    ...plan,
    calls: ALL_CALLS,
    delayMs: DELAY_MS,
  });
  const { temporaries } = await checkLeft(scenario, inputs, run);
  // After the second signal, there is no time to clean up.
  if ((plan.signals?.length ?? 0) < 2) assert.equal(temporaries, 0);
  if (result.status.code === 0) await checkComplete(scenario, inputs, run);
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
