/**
 * How the threads of the engine work with stores that answer with promises: each thread opens them by itself, and has a
 * share of the calls that may be under way.
 *
 * @module
 */

import { openStore, type StoreRecipe } from "../store/recipe.ts";
import type { ChunkStore } from "../store/types.ts";
import { Bell } from "./bell.ts";
import type { CallLimit } from "./call_limit.ts";
import { type CatTask, runCatCalls } from "./cat_task.ts";
import { type RingTask, runRingCalls } from "./ring_task.ts";
import { runStoreTask, type StoreTask } from "./store_task.ts";
import type { Task } from "./task.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** What a worker needs to know to take part; it goes with the task. */
export interface WorkerCalls {
  /** The stores, in the order in which the task names them. */
  readonly recipes: readonly StoreRecipe[];
  /** Calls that each worker may have under way. */
  readonly limit: CallLimit;
}

/** How a thread reaches the stores. */
export interface StoreCalls {
  /** As many as the task names; they stay the caller's. */
  readonly stores: readonly ChunkStore[];
  /** Calls that this thread may have under way. */
  readonly limit: CallLimit;
  readonly signal: AbortSignal;
  /** Wakes what waits in this thread. */
  readonly bell: Bell;
  /** Called after each unit of work. */
  readonly onUnit?: (() => void) | undefined;
}

/** A task in which stores are called. */
export type CallingTask = StoreTask | RingTask | CatTask;

/** How the calls that may be under way are shared between the threads. */
export interface CallShares {
  /** Calls of the main thread. */
  readonly limit: CallLimit;
  /** Workers that take part. */
  readonly workers: number;
  /** What they are told; undefined if there are none. */
  readonly calls: WorkerCalls | undefined;
}

/** Calls under way at once, unless somebody says otherwise: as many as desync, more where that is faster… */
const DEFAULT_LIMIT: CallLimit = { start: 10, max: 64 };
/** … which it is not with directories: their calls do not wait. */
const LOCAL_LIMIT: CallLimit = { start: 10, max: 10 };

/**
 * Shares calls between the threads of an engine; each that takes part has at least one.
 *
 * @param concurrency Calls under way at once. @default as many as get more done, from 10 to 64
 */
export function shareCalls(
  concurrency: number | undefined,
  options: { readonly threads: number; readonly stores: readonly ChunkStore[] },
): CallShares {
  const recipes = options.stores.map(({ recipe }) => recipe);
  const usual = recipes.every((recipe) => recipe !== undefined && isLocal(recipe))
    ? LOCAL_LIMIT
    : DEFAULT_LIMIT;
  const limit = concurrency === undefined ? usual : { start: concurrency, max: concurrency };
  const threads = Math.max(1, Math.min(options.threads, limit.start));
  if (threads === 1 || !recipes.every((recipe) => recipe !== undefined)) {
    return { limit, workers: 0, calls: undefined };
  }
  const workers = threads - 1;
  const share = (calls: number) => Math.floor(calls / threads);
  const rest = (calls: number) => calls - share(calls) * workers;
  return {
    limit: { start: rest(limit.start), max: rest(limit.max) },
    workers,
    calls: { recipes, limit: { start: share(limit.start), max: share(limit.max) } },
  };
}

function isLocal(recipe: StoreRecipe): boolean {
  switch (recipe.kind) {
    case "objects":
      return recipe.transport.kind === "directory";
    case "cache":
      return isLocal(recipe.cache) && isLocal(recipe.source);
    case "seeded":
      return isLocal(recipe.source);
    default:
      return recipe.members.every(isLocal);
  }
}

/** How a worker takes part in a task with stores; undefined if it has none to call. */
export function workerCalls(
  task: Task,
): { readonly task: CallingTask; readonly calls: WorkerCalls } | undefined {
  return "calls" in task && task.calls !== undefined ? { task, calls: task.calls } : undefined;
}

/** A worker's share, with stores of its own. */
export async function runWorkerCalls(
  { task, calls }: { readonly task: CallingTask; readonly calls: WorkerCalls },
  tools: ThreadTools,
  signal: AbortSignal,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const stores: ChunkStore[] = [];
  for (const recipe of calls.recipes) stores.push(opened.use(await openStore(recipe, tools)));
  await runCalls(task, tools, { stores, limit: calls.limit, signal, bell: new Bell() });
}

/** This thread's share: returns when nothing is left to claim and all its calls are done. */
export async function runCalls(task: CallingTask, tools: ThreadTools, calls: StoreCalls): Promise<void> {
  switch (task.kind) {
    case "store":
      return await runStoreTask(task, tools, calls);
    case "ring":
      return await runRingCalls(task, tools, calls);
    case "cat":
      return await runCatCalls(task, tools, calls);
  }
}
