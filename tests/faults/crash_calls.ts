/**
 * Processes that are killed, or get a signal, at a system call of choice.
 *
 * Blobs of less than 8 MiB are worked on by one thread, so that the calls and their order are always the same.
 */

import { spawnCli, type SpawnOptions } from "../support/cli.ts";

/** What is to happen in the process, and when. */
export interface CallPlan {
  /** Calls that count: names of the C library's functions, and `create` for an `open` that creates. */
  readonly calls: readonly string[];
  /** The call at which it happens, from 0 on. @default it does not happen */
  readonly at?: number;
  /** `torn`: a write has written the first half. @default "before" */
  readonly when?: "before" | "torn" | "after";
  /** What the process sends to itself. @default SIGKILL */
  readonly signals?: readonly Deno.Signal[];
  /** Milliseconds that every call takes longer once the signals were sent. @default 0 */
  readonly delayMs?: number;
}

/** What a process that ended by itself says of its calls. */
export interface CallReport {
  /** The calls that count, each with the path that it is about if it has one. */
  readonly calls: readonly string[];
  /** How many of them came after the signals. */
  readonly after: number;
}

/** What came of a process. */
export interface CallResult {
  readonly status: Deno.CommandStatus;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined if it was killed. */
  readonly report: CallReport | undefined;
}

/** The environment variables that tell the program its plan, and where its report goes. */
export const PLAN_VARIABLE = "DESYNC_TEST_CALL_PLAN";
/** See {@linkcode PLAN_VARIABLE}. */
export const REPORT_VARIABLE = "DESYNC_TEST_CALL_REPORT";

/** Calls that change files. */
export const CHANGING_CALLS: readonly string[] = [
  "create",
  "pwrite",
  "ftruncate",
  "fallocate",
  "fsync",
  "rename",
  "unlink",
  "mkdir",
  "flock",
];

/** Calls that read or change files. */
export const ALL_CALLS: readonly string[] = [...CHANGING_CALLS, "open", "pread", "access"];

/** Runs a command line by a plan. */
export async function runWithPlan(
  argv: readonly string[],
  plan: CallPlan,
  options: Pick<SpawnOptions, "cwd"> = {},
): Promise<CallResult> {
  const path = await Deno.makeTempFile();
  try {
    const child = spawnCli(argv, {
      ...options,
      program: new URL("./crash_program.ts", import.meta.url),
      env: { [PLAN_VARIABLE]: JSON.stringify(plan), [REPORT_VARIABLE]: path },
    });
    await child.stdin.close();
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const report = await Deno.readTextFile(path);
    return { status, stdout, stderr, report: report === "" ? undefined : JSON.parse(report) };
  } finally {
    await Deno.remove(path);
  }
}

/** A moment at which a process can be killed. */
export type CallPoint = Required<Pick<CallPlan, "at" | "when">>;

/** Every moment that differs in what is on the disk. */
export function callPoints(calls: readonly string[]): CallPoint[] {
  const points: CallPoint[] = [];
  calls.forEach((call, at) => {
    points.push({ at, when: "before" });
    if (call.startsWith("pwrite")) points.push({ at, when: "torn" });
  });
  points.push({ at: calls.length - 1, when: "after" });
  return points;
}

/** At most `count` of the items, from the first to the last at equal distances. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (count >= items.length) return [...items];
  const step = (items.length - 1) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, i) => items[Math.round(i * step)]!);
}
