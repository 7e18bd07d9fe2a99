import assert from "node:assert/strict";
import { DirectOutput } from "../../cli/output.ts";
import { openProgress, type ProgressDisplay, type ProgressMode } from "../../cli/progress.ts";
import { MemorySink, runCli } from "../support/cli.ts";
import { FIXTURE_COMMANDS } from "./fixture_program.ts";

/** A display whose time passes when told to. */
class Stage {
  readonly display: ProgressDisplay;
  readonly #sink = new MemorySink();
  readonly #ticks = new Set<{ readonly milliseconds: number; readonly tick: () => void }>();
  #now = 5_000;

  constructor(mode: Exclude<ProgressMode, "none">, { columns }: { readonly columns?: number } = {}) {
    this.display = openProgress(mode, {
      stderr: new DirectOutput(this.#sink, { isTerminal: columns !== undefined }),
      columns: () => columns,
      clock: () => this.#now,
      every: (milliseconds, tick) => {
        const entry = { milliseconds, tick };
        this.#ticks.add(entry);
        return () => this.#ticks.delete(entry);
      },
    });
  }

  /** Lets time pass up to the next tick of each bar. */
  tick(): void {
    for (const { milliseconds, tick } of this.#ticks) {
      this.#now += milliseconds;
      tick();
    }
  }

  wait(milliseconds: number): void {
    this.#now += milliseconds;
  }

  get running(): number {
    return this.#ticks.size;
  }

  get text(): string {
    return this.#sink.text();
  }
}

Deno.test("Lines are those of the reference program", () => {
  const stage = new Stage("lines");
  const bar = stage.display.progress.start("Chunking", 1000);
  bar.set(100);
  stage.wait(4_500);
  stage.tick();
  bar.add(351);
  stage.tick();
  stage.tick();
  bar.set(1000);
  stage.wait(6_400);
  bar.finish();
  // Start, states, estimates and end as desync 1.0.4 prints them.
  assert.equal(
    stage.text,
    [
      "Chunking    0.00%",
      "Chunking   10.00% 00m45s",
      "Chunking   45.10% 00m06s",
      "Chunking   45.10% 00m06s",
      "Chunking  100.00% 12s",
      "",
    ].join("\n"),
  );
  assert.equal(stage.running, 0);
});

Deno.test("Lines have no percentage if nothing is known of the total, and no label if it is empty", () => {
  const stage = new Stage("lines");
  stage.display.progress.start("Attempt 1: Validating ", 0).finish();
  using bar = stage.display.progress.start("", 8, { unit: "chunks" });
  bar.add(8);
  bar.finish();
  assert.equal(stage.text, "Attempt 1: Validating \nAttempt 1: Validating  0s\n   0.00%\n 100.00% 0s\n");
});

Deno.test("A bar that ends early shows how far it came, once", () => {
  const stage = new Stage("lines");
  {
    using bar = stage.display.progress.start("Storing", 4);
    bar.add(1);
    stage.wait(65_000);
    bar.finish();
    bar.finish();
  }
  assert.equal(stage.text, "Storing    0.00%\nStoring   25.00% 1m5s\n");
});

Deno.test.each([
  { left: 59, text: "00m59s" },
  { left: 3_599, text: "59m59s" },
  { left: 3_661, text: "1h01m01s" },
  { left: 90_061, text: "1d1h01m01s" },
])("$left seconds are shown as $text", ({ left, text }) => {
  const stage = new Stage("lines");
  using bar = stage.display.progress.start("", left + 1);
  bar.set(1);
  stage.wait(500);
  stage.tick();
  assert.equal(stage.text.split("\n")[1]!.trim().split(" ")[1], text);
});

Deno.test("Without a known width, a bar is a line that is drawn over itself", () => {
  const stage = new Stage("bar");
  const bar = stage.display.progress.start("Chunking", 2);
  bar.add(2);
  bar.finish();
  // As desync 1.0.4 prints it with DESYNC_PROGRESSBAR_ENABLED and no terminal.
  assert.equal(stage.text, "\rChunking    0.00%\rChunking  100.00% 0s\n");
});

Deno.test("On a terminal, a bar fills the width and shows amount, rate and time", () => {
  const stage = new Stage("bar", { columns: 80 });
  const bar = stage.display.progress.start("Chunking", 4 * 2 ** 30);
  bar.set(2 ** 30);
  stage.wait(3_800);
  stage.tick();
  bar.set(4 * 2 ** 30);
  stage.wait(2_000);
  bar.finish();
  const [, first, second, last] = stage.text.split("\r");
  assert.equal(first, "Chunking [>-----------------------------------------]   0.00% 0.0/4.0 GiB 0 B/s");
  assert.equal(second, "Chunking [=======>---------------------]  25.00% 1.0/4.0 GiB 256.0 MiB/s 00m12s");
  assert.equal(last, "Chunking [=====================================] 100.00% 4.0 GiB 682.7 MiB/s 6s\n");
  for (const line of [first, second, last]) assert.equal(line!.trimEnd().length, 79);
});

Deno.test("On a terminal, chunks are counted", () => {
  const stage = new Stage("bar", { columns: 60 });
  const bar = stage.display.progress.start("", 200, { unit: "chunks" });
  bar.set(50);
  stage.wait(800);
  stage.tick();
  assert.match(stage.text, /\r\[=+>-+\] {2}25\.00% 50\/200 chunks 50\/s 00m03s *$/);
});

Deno.test.each([1, 5, 20, 30, 200].map((columns) => ({ columns })))(
  "A bar is never wider than a terminal of $columns columns",
  ({ columns }) => {
    const stage = new Stage("bar", { columns });
    using bar = stage.display.progress.start("Attempt 1: Assembling", 123_456_789);
    bar.set(100_000_000);
    stage.tick();
    bar.finish();
    for (const line of stage.text.split(/[\r\n]/)) assert(line.length < columns, line);
  },
);

Deno.test("Messages do not run into a bar", () => {
  const stage = new Stage("bar", { columns: 40 });
  const { progress, stderr } = stage.display;
  stderr.writeLine("before");
  using bar = progress.start("Working", 0);
  stderr.writeLine("message");
  stage.tick();
  bar.finish();
  stderr.writeLine("after");
  const screen = stage.text.split("\n").map((line) => line.split("\r").at(-1));
  assert.deepEqual(screen.map((line) => line!.trimEnd()), [
    "before",
    "message",
    "Working  0 B 0 B/s 0s",
    "after",
    "",
  ]);
});

Deno.test("JSON has an object a line", () => {
  const stage = new Stage("json");
  const bar = stage.display.progress.start("Storing", 10, { unit: "chunks" });
  bar.set(5);
  stage.tick();
  bar.set(10);
  bar.finish();
  const [first, second, third, end] = stage.text.split("\n");
  const common = { label: "Storing", unit: "chunks", total: 10 };
  assert.deepEqual(JSON.parse(first!), {
    ...common,
    done: 0,
    "elapsed-ms": 0,
    "remaining-ms": null,
    finished: false,
  });
  assert.deepEqual(JSON.parse(second!), {
    ...common,
    done: 5,
    "elapsed-ms": 500,
    "remaining-ms": 500,
    finished: false,
  });
  assert.deepEqual(JSON.parse(third!), {
    ...common,
    done: 10,
    "elapsed-ms": 500,
    "remaining-ms": null,
    finished: true,
  });
  assert.equal(end, "");
});

Deno.test.each<{ argv: string[]; env?: Record<string, string>; columns?: number; stderr: RegExp }>([
  { argv: [], stderr: /^$/ },
  {
    argv: [],
    columns: 60,
    stderr: /^\rWorking \[>-+\] {3}0\.00% 0\/4 chunks 0\/s *\rWorking \[=+\] 100.00% .*\n$/,
  },
  {
    argv: [],
    env: { DESYNC_PROGRESSBAR_ENABLED: "1" },
    stderr: /^\rWorking {4}0\.00%\rWorking {2}100\.00% \d+s\n$/,
  },
  { argv: [], env: { DESYNC_PROGRESSBAR_ENABLED: "" }, stderr: /^$/ },
  {
    argv: [],
    env: { DESYNC_ENABLE_PARSABLE_PROGRESS: "1", DESYNC_PROGRESSBAR_ENABLED: "1" },
    columns: 60,
    stderr: /^Working {4}0\.00%\nWorking {2}100\.00% \d+s\n$/,
  },
  { argv: ["--progress=none"], env: { DESYNC_ENABLE_PARSABLE_PROGRESS: "1" }, columns: 60, stderr: /^$/ },
  { argv: ["--progress=lines"], stderr: /^Working {4}0\.00%\nWorking {2}100\.00% \d+s\n$/ },
  { argv: ["--progress=bar"], stderr: /^\rWorking {4}0\.00%\rWorking {2}100\.00% \d+s\n$/ },
  { argv: ["--progress", "json"], stderr: /^\{"label":"Working".*\}\n\{.*"finished":true\}\n$/ },
  { argv: ["--progress=lines", "no"], stderr: /^Working {4}0\.00%\nWorking {3}25\.00% \d+s\nError: no\n$/ },
  { argv: ["--progress=lines", "a", "b"], stderr: /^Error: [^\n]*\n$/ },
])("Progress is shown on standard error as $argv, $env and $columns columns want it", async (setting) => {
  const { argv, env = {}, columns, stderr } = setting;
  const result = await runCli(["work", ...argv], {
    env,
    commands: FIXTURE_COMMANDS,
    ...(columns === undefined ? {} : { columns }),
  });
  assert.match(result.stderr, stderr);
  assert.match(result.stdout, /^(result\n)?$/);
});
