/**
 * Compares whole runs of this program, desync and casync: alternating, on the same input, after one warm-up each.
 *
 * Prints the median time and peak memory of each program for every row, and the ratios of the medians.
 *
 * @module
 */

import { parseArgs } from "node:util";

const root = new URL("..", import.meta.url).pathname;
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

type Program = "ours" | "desync" | "casync";

/** One row of the table. */
interface Row {
  readonly name: string;
  readonly goal: string;
  readonly commands: Readonly<Partial<Record<Program, readonly string[]>>>;
  /** Done before every run, not timed; given the program that runs next. */
  readonly prepare?: (program: Program) => Promise<void>;
  /** @default the number asked for */
  readonly runs?: number;
}

const OURS = [
  values.deno,
  "run",
  "--quiet",
  "--allow-all",
  "--v8-flags=--max-semi-space-size=2",
  `${root}cli/main.ts`,
];
const work = await Deno.makeTempDir({ dir: values.work, prefix: "desync-bench-" });
const path = (name: string) => `${work}/${name}`;
let discarded = 0;

/** Renamed away at once and deleted at the end: on ext4, deleting a store just before a run would slow that run. */
async function discard(name: string): Promise<void> {
  await Deno.mkdir(path("discarded"), { recursive: true });
  await Deno.rename(path(name), path(`discarded/${discarded++}`)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function emptyStore(name: string): Promise<void> {
  await discard(name);
  await Deno.mkdir(path(name));
}

function ours(...args: readonly string[]): readonly string[] {
  return [...OURS, ...args];
}

const devNull = ["sh", "-c", '"$@" | cat >/dev/null', "sh"];
const rows: readonly Row[] = [
  {
    name: "make, index only",
    goal: "≥ 1.35 × desync",
    commands: {
      ours: ours("make", path("o.caibx"), path("input")),
      desync: ["desync", "make", path("d.caibx"), path("input")],
    },
  },
  {
    name: "make -s, all chunks present",
    goal: "≥ 2.5 × desync",
    commands: {
      ours: ours("make", "-s", path("store"), path("o.caibx"), path("input")),
      desync: ["desync", "make", "-s", path("store"), path("d.caibx"), path("input")],
      casync: ["casync", "make", `--store=${path("store")}`, path("c.caibx"), path("input")],
    },
  },
  {
    name: "make -s, empty store",
    goal: "≥ 2 × desync, ≥ 2.2 × casync",
    commands: {
      ours: ours("make", "-s", path("new-ours"), path("o.caibx"), path("input")),
      desync: ["desync", "make", "-s", path("new-desync"), path("d.caibx"), path("input")],
      casync: ["casync", "make", `--store=${path("new-casync")}`, path("c.caibx"), path("input")],
    },
    prepare: (program) => emptyStore(`new-${program}`),
    runs: 3,
  },
  ...["zeros", "hole"].map((name): Row => ({
    name: `make, ${name === "zeros" ? "zeros written out" : "one hole"}`,
    goal: name === "zeros" ? "≥ 10 × desync" : "≥ 30 × desync",
    commands: {
      ours: ours("make", path("o.caibx"), path(name)),
      desync: ["desync", "make", path("d.caibx"), path(name)],
    },
  })),
  {
    name: "extract, local store",
    goal: "≥ 1.9 × desync",
    commands: {
      ours: ours("extract", "-s", path("store"), path("index.caibx"), path("out")),
      desync: ["desync", "extract", "-s", path("store"), path("index.caibx"), path("out")],
      casync: ["casync", "extract", `--store=${path("store")}`, path("index.caibx"), path("out")],
    },
    prepare: () => discard("out"),
  },
  {
    name: "extract, seed with the same data",
    goal: "–",
    commands: {
      ours: ours("extract", "-s", path("store"), "--seed", seed(), path("index.caibx"), path("out")),
      desync: ["desync", "extract", "-s", path("store"), "--seed", seed(), path("index.caibx"), path("out")],
    },
    prepare: () => discard("out"),
  },
  {
    name: "verify-index",
    goal: "≥ 1 × desync",
    commands: {
      ours: ours("verify-index", path("index.caibx"), path("input")),
      desync: ["desync", "verify-index", path("index.caibx"), path("input")],
    },
  },
  {
    name: "verify",
    goal: "≥ 1.9 × desync",
    commands: {
      ours: ours("verify", "-s", path("store")),
      desync: ["desync", "verify", "-s", path("store")],
    },
  },
  {
    name: "cat to a pipe",
    goal: "≥ 1.5 × desync",
    commands: {
      ours: [...devNull, ...ours("cat", "-s", path("store"), path("index.caibx"))],
      desync: [...devNull, "desync", "cat", "-s", path("store"), path("index.caibx")],
    },
  },
  {
    name: "--help",
    goal: "≤ 25 ms",
    commands: { ours: ours("--help"), desync: ["desync", "--help"], casync: ["casync", "--help"] },
  },
  {
    name: "list-chunks",
    goal: "≥ 1.3 × desync",
    commands: {
      ours: ours("list-chunks", path("index.caibx")),
      desync: ["desync", "list-chunks", path("index.caibx")],
    },
  },
];

function seed(): string {
  return `${path("index.caibx")}:${path("input")}`;
}

interface Measure {
  readonly ms: number;
  /** Largest resident set, MiB. */
  readonly peak: number;
}

async function measure(command: readonly string[]): Promise<Measure> {
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

/** Files of /usr as a tar, cut at the size that was asked for. */
async function makeInput(): Promise<void> {
  const target = path("input");
  if (values.input !== undefined) return await Deno.copyFile(values.input, target);
  const command = `tar cf - -C / --sort=name usr 2>/dev/null | head -c ${
    Number(values.size) * 2 ** 20
  } >"$1"`;
  const { success } = await new Deno.Command("sh", { args: ["-c", command, "sh", target] }).output();
  if (!success) throw new Error("Cannot make input: tar failed");
}

try {
  await makeInput();
  const { size } = await Deno.stat(path("input"));
  await new Deno.Command("sh", { args: ["-c", `head -c ${size} /dev/zero >"$1"`, "sh", path("zeros")] })
    .output();
  await Deno.create(path("hole")).then(async (file) => {
    await file.truncate(size);
    file.close();
  });
  await Deno.mkdir(path("store"));
  await measure(["desync", "make", "-s", path("store"), path("index.caibx"), path("input")]);
  const wanted = rows.filter(({ name }) =>
    positionals.length === 0 || positionals.some((p) => name.includes(p))
  );
  const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  if (!values.json) {
    print(
      `Input ${
        (size / 2 ** 20).toFixed(0)
      } MiB, ${navigator.hardwareConcurrency} cores, medians of ${values.runs}\n`,
    );
    print("| work | ours | desync | casync | × desync | × casync | peak MiB ours / desync / casync | goal |");
    print("| --- | --- | --- | --- | --- | --- | --- | --- |");
  }
  for (const row of wanted) {
    const result = await runRow(row);
    print(values.json ? JSON.stringify(result) : formatRow(result));
  }
} finally {
  await Deno.remove(work, { recursive: true });
}
