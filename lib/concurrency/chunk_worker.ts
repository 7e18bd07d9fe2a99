/**
 * Entry of the engine's workers: works on the tasks that the main thread posts.
 *
 * @module
 */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { toPlainError } from "../errors.ts";
import { runTask } from "./run_task.ts";
import { runWorkerCalls, workerCalls } from "./store_calls.ts";
import { CONTROL, type Task } from "./task.ts";
import { openThreadTools, type ThreadTools } from "./thread_tools.ts";
import type { FromWorker, ToWorker } from "./worker_pool.ts";

let tools: Promise<ThreadTools> | undefined;
/** Ends the calls to stores of the task in hand. */
let abort: AbortController | undefined;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "settings") {
    tools = openThreadTools(data.settings, (finding) => post({ kind: "finding", finding }));
    tools.catch(() => {}); // Told when a task waits for it.
  } else if (data.kind === "task") {
    post(await work(data.task, data.run));
  } else if (data.kind === "abort") {
    abort?.abort();
  } else {
    const open = await tools?.catch(() => undefined); // What was not opened needs no closing.
    open?.[Symbol.dispose]();
    post({ kind: "closed" });
  }
};

async function work(task: Task, run: number): Promise<FromWorker> {
  try {
    if (tools === undefined) throw new TypeError("Cannot work on a task: no settings were posted");
    const open = await tools;
    let counters;
    try {
      Atomics.add(task.control, CONTROL.entered, 1);
      if (Atomics.load(task.control, CONTROL.stop) === 0) await share(task, open);
    } finally {
      open.closeFiles();
      counters = open.takeCounters(); // Also after a failure: the next task starts from zero.
    }
    return { kind: "done", run, counters };
  } catch (error) {
    return { kind: "failed", run, error: toPlainError(error) };
  }
}

async function share(task: Task, tools: ThreadTools): Promise<void> {
  const calling = workerCalls(task);
  if (calling !== undefined) {
    abort = new AbortController();
    try {
      await runWorkerCalls(calling, tools, abort.signal);
    } finally {
      abort = undefined;
    }
  } else if (task.kind === "files") {
    // Loaded here, so that workers which only know chunks start sooner.
    await (await import("./file_task.ts")).runFileTask(task);
  } else if (task.kind !== "store") {
    runTask(task, tools, { expired: () => false });
  }
}

function post(message: FromWorker): void {
  self.postMessage(message);
}
