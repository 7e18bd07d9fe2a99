/**
 * Compares whole runs of this program, desync and casync: alternating, on the same input, after one warm-up each.
 *
 * Prints the median time and peak memory of each program for every row, and the ratios of the medians.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { archiveRows } from "./bench_archives.ts";
import { blobRows } from "./bench_blobs.ts";
import { httpRows } from "./bench_http.ts";
import { Bench, type Command, type Program, type Row } from "./bench_workspace.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    deno: { type: "string", default: Deno.execPath() },
    input: { type: "string" },
    work: { type: "string", default: "/dev/shm" },
    size: { type: "string", default: "1024" },
    runs: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});

const root = new URL("..", import.meta.url).pathname;
const OURS = [values.deno, "run", "--quiet", "--allow-all", "--v8-flags=--max-semi-space-size=2"];
await using bench = await Bench.create(values.work, [...OURS, `${root}cli/main.ts`]);
const GROUPS = [blobRows(bench), archiveRows(bench), httpRows(bench)];

interface Measure {
  readonly ms: number;
  /** Largest resident set, MiB. */
  readonly peak: number;
}

async function measure(command: Command): Promise<Measure> {
  const started = performance.now();
  const child = new Deno.Command(command[0]!, { args: command.slice(1), stdout: "null", stderr: "piped" })
    .spawn();
  let peak = 0;
  const poll = setInterval(() => {
    try {
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      peak = Math.max(peak, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // The process has just ended.
    }
  }, 5);
  const { success, stderr } = await child.output();
  const ms = performance.now() - started;
  clearInterval(poll);
  if (!success) throw new Error(`${command.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return { ms, peak };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function runRow(row: Row): Promise<Record<string, unknown>> {
  const programs = Object.keys(row.commands) as Program[];
  const measures = new Map<Program, Measure[]>(programs.map((program) => [program, []]));
  const runs = Math.min(Number(values.runs), row.runs ?? Infinity);
  for (let run = -1; run < runs; run++) {
    for (const program of run % 2 === 0 ? programs : programs.toReversed()) {
      await row.prepare?.(program);
      const measured = await measure(row.commands[program]!);
      if (run >= 0) measures.get(program)!.push(measured);
    }
  }
  const result: Record<string, unknown> = { row: row.name, goal: row.goal };
  for (const [program, list] of measures) {
    result[program] = {
      medianMs: median(list.map(({ ms }) => ms)),
      minMs: Math.min(...list.map(({ ms }) => ms)),
      peakMiB: Math.max(...list.map(({ peak }) => peak)),
    };
  }
  return result;
}

type Cell = { readonly medianMs: number; readonly minMs: number; readonly peakMiB: number } | undefined;

function formatRow(result: Record<string, unknown>): string {
  const cells = (["ours", "desync", "casync"] as const).map((program) => result[program] as Cell);
  const [mine] = cells;
  const times = cells.map((cell) => cell === undefined ? "–" : seconds(cell.medianMs));
  const ratios = cells.slice(1).map((cell) =>
    cell === undefined ? "–" : (cell.medianMs / mine!.medianMs).toFixed(2)
  );
  const peaks = cells.map((cell) => cell === undefined || cell.peakMiB === 0 ? "–" : cell.peakMiB.toFixed(0));
  return `| ${[result.row, ...times, ...ratios, peaks.join(" / "), result.goal].join(" | ")} |`;
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** Files of /usr as a tar, cut at the size that was asked for; as many zeros, written and not; a store. */
async function makeInput(): Promise<number> {
  const input = bench.path("input");
  if (values.input !== undefined) await Deno.copyFile(values.input, input);
  else {
    const size = Number(values.size) * 2 ** 20;
    await bench.shell(`tar cf - -C / --sort=name usr 2>/dev/null | head -c ${size} >"$1/input"`);
  }
  const { size } = await Deno.stat(input);
  await bench.shell(
    `head -c ${size} /dev/zero >"$1/zeros" && truncate -s ${size} "$1/hole" && mkdir "$1/store"
    desync make -s "$1/store" "$1/index.caibx" "$1/input"`,
  );
  return size;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

const size = await makeInput();
if (!values.json) {
  const input = `${(size / 2 ** 20).toFixed(0)} MiB, ${navigator.hardwareConcurrency} cores`;
  print(`Input ${input}, medians of ${values.runs}\n`);
  print("| work | ours | desync | casync | × desync | × casync | peak MiB ours / desync / casync | goal |");
  print("| --- | --- | --- | --- | --- | --- | --- | --- |");
}
for (const group of GROUPS) {
  await using opened = group;
  const wanted = opened.rows.filter(({ name }) =>
    positionals.length === 0 || positionals.some((part) => name.includes(part))
  );
  if (wanted.length > 0) await opened.open();
  for (const row of wanted) {
    const result = await runRow(row);
    print(values.json ? JSON.stringify(result) : formatRow(result));
  }
}
