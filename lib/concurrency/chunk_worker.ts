/**
 * Entry of the engine's workers: works on the tasks that the main thread posts.
 *
 * @module
 */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { toPlainError } from "../errors.ts";
import { runTask } from "./run_task.ts";
import { CONTROL, type Task } from "./task.ts";
import { openThreadTools, type ThreadTools } from "./thread_tools.ts";
import type { FromWorker, ToWorker } from "./worker_pool.ts";

let tools: Promise<ThreadTools> | undefined;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "settings") {
    tools = openThreadTools(data.settings, (finding) => post({ kind: "finding", finding }));
    tools.catch(() => {}); // Told when a task waits for it.
  } else if (data.kind === "task") {
    post(await work(data.task, data.run));
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
      if (Atomics.load(task.control, CONTROL.stop) === 0) runTask(task, open, { expired: () => false });
    } finally {
      open.closeFiles();
      counters = open.takeCounters(); // Also after a failure: the next task starts from zero.
    }
    return { kind: "done", run, counters };
  } catch (error) {
    return { kind: "failed", run, error: toPlainError(error) };
  }
}

function post(message: FromWorker): void {
  self.postMessage(message);
}
