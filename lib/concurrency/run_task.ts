/**
 * From the kind of a task to the function that works on it.
 *
 * @module
 */

import { runCatTask } from "./cat_task.ts";
import { runChunkTask } from "./chunk_task.ts";
import { runContentTask } from "./content_task.ts";
import { runRelayTask } from "./relay_task.ts";
import { runRingTask } from "./ring_task.ts";
import { runRowTask } from "./row_task.ts";
import type { StoreTask } from "./store_task.ts";
import type { Pace, Task } from "./task.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** Works on `task` until nothing is left for this thread (true) or the pace ends it (false). */
export function runTask(task: Exclude<Task, StoreTask>, tools: ThreadTools, pace: Pace): boolean {
  switch (task.kind) {
    case "ring":
      return runRingTask(task, tools, pace);
    case "rows":
      return runRowTask(task, tools, pace);
    case "chunks":
      return runChunkTask(task, tools, pace);
    case "cat":
      return runCatTask(task, tools, pace);
    case "relay":
      return runRelayTask(task, tools, pace);
    case "contents":
      return runContentTask(task, tools, pace);
    case "files":
      return true; // For workers alone: the thread that unpacks makes files by itself.
  }
}
