/** Engines for tests. */

import { type Engine, type EngineOptions, openEngine } from "../../lib/concurrency/worker_pool.ts";

// A native library stays open for the life of its thread: opened here, it is no leak of the test that needs it first.
await using _warm = await openEngine({ threads: 1 });

/** An engine whose workers take part in the smallest task. */
export function openTestEngine(options: EngineOptions = {}): Promise<Engine> {
  return openEngine({ minWork: 0, threads: 2, ...options });
}
