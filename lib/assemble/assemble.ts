/**
 * Filling a file with the blob of an index: plan, then execution by all threads.
 *
 * @module
 */

import { cutBlob } from "../concurrency/cut_blob.ts";
import { FileSource } from "../concurrency/blob_source.ts";
import { isMissingFile } from "../concurrency/copy_run.ts";
import { OUTCOME, type RowOperation, type RowTask } from "../concurrency/row_task.ts";
import { shareCalls } from "../concurrency/store_calls.ts";
import type { StoreTask } from "../concurrency/store_task.ts";
import { newControl, shareBytes, shareNumbers } from "../concurrency/task.ts";
import { nullChunkBytes } from "../concurrency/thread_tools.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { SeedInvalidError, StoreError } from "../errors.ts";
import { blobSize, type Index, rowCount, rowStart } from "../format/index_file.ts";
import { FileSeed } from "../seed/seed.ts";
import { chunkDirectories } from "../store/recipe.ts";
import type { ChunkStore } from "../store/types.ts";
import { planSteps, type Step } from "./plan.ts";
import { runsOf, toColumns } from "./runs.ts";
import { type AssembleStats, countOutcomes } from "./stats.ts";

/** What an extraction is doing. */
export type AssemblePhase =
  /** Rows are copied from seeds and verified. */
  | { readonly kind: "seeds"; readonly attempt: number }
  /** The data of a seed are cut again; its number among those of this attempt starts at 1. */
  | { readonly kind: "regenerate"; readonly attempt: number; readonly seed: number }
  /** All else. */
  | { readonly kind: "assemble"; readonly attempt: number };

/** Told how far a phase is. */
export type PhaseProgress = (
  phase: AssemblePhase,
  progress: { readonly done: number; readonly total: number },
) => void;

/** How to fill a file. */
export interface AssembleOptions {
  readonly index: Index;
  /** The file; it has its final size already, unless it is a device. */
  readonly path: string;
  /** Whether the file is known to read as zeros; otherwise what is right in it is kept. */
  readonly blank: boolean;
  readonly store: ChunkStore;
  /** @default none */
  readonly seeds?: readonly FileSeed[] | undefined;
  /** What to do about a seed whose data are not what its index says. @default "fail" */
  readonly invalidSeeds?: "fail" | "skip" | "regenerate" | undefined;
  /** Calls to `store` at once, unless it consists of directories. @default as many as get more done, from 10 to 64 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: PhaseProgress | undefined;
  /** Told of seeds that are passed over or cut again. */
  readonly onSeedProblem?: ((message: string) => void) | undefined;
}

/** Rounds of cutting seeds again; a seed that goes on changing is no seed. */
const MAX_ATTEMPTS = 4;
/** Progress is counted over all rows, so not for every row. */
const PROGRESS_MS = 100;

/**
 * Fills a file. Everything that is written was verified, or is verified before this returns.
 *
 * @throws {SeedInvalidError} If a seed is invalid and that is not to be passed over.
 * @throws {ChunkMissingError} If the store lacks a chunk.
 * @throws {ChunkInvalidError} If the store has something else under a chunk's name.
 */
export async function assemble(engine: Engine, options: AssembleOptions): Promise<AssembleStats> {
  const info = await Deno.stat(options.path);
  const assembly = new Assembly(engine, options, info.blksize ?? 4096);
  return await assembly.run();
}

class Assembly {
  readonly #engine: Engine;
  readonly #options: AssembleOptions;
  /** Preferred by the output's file system, in bytes. */
  readonly #blockSize: number;
  readonly #ids: Uint8Array<SharedArrayBuffer>;
  readonly #ends: Float64Array<SharedArrayBuffer>;
  readonly #outcomes: Uint8Array<SharedArrayBuffer>;
  readonly #nullId: Uint8Array;
  readonly #seeds: FileSeed[];
  /** Whether rows that are open read as zeros. */
  #isBlank: boolean;
  #bytesCopied = 0;
  #bytesCloned = 0;
  #attempt = 1;
  #nextProgress = 0;

  constructor(engine: Engine, options: AssembleOptions, blockSize: number) {
    this.#engine = engine;
    this.#options = options;
    this.#blockSize = blockSize;
    this.#ids = shareBytes(options.index.ids);
    this.#ends = shareNumbers(options.index.ends);
    this.#outcomes = new Uint8Array(new SharedArrayBuffer(rowCount(options.index)));
    this.#nullId = nullChunkBytes(engine.tools.digest, options.index.sizes.max);
    this.#seeds = [...options.seeds ?? []];
    this.#isBlank = options.blank;
  }

  async run(): Promise<AssembleStats> {
    const { index } = this.#options;
    if (!this.#isBlank) {
      const rows = { kind: "check", first: 0, count: rowCount(index) };
      await this.#work({ kind: "check", strict: false }, runsOf(index, [rows]));
    }
    const steps = await this.#copyFromSeeds();
    const of = (kind: Step["kind"]) => steps.filter((step) => step.kind === kind);
    if (this.#isBlank) this.#markZeros(of("zero"));
    else await this.#work({ kind: "zero" }, runsOf(index, of("zero")));
    if (this.#options.blank) this.#reserve(of("fetch"));
    await this.#fetch(of("fetch"));
    await this.#copyWithin(of("self"));
    this.#nextProgress = 0;
    this.#progress({ kind: "assemble", attempt: this.#attempt });
    return {
      ...countOutcomes(this.#outcomes),
      bytesCopied: this.#bytesCopied,
      bytesCloned: this.#bytesCloned,
      blockSize: this.#blockSize,
      bytesTotal: blobSize(index),
      chunksTotal: rowCount(index),
      seeds: this.#seeds.length + 1,
    };
  }

  /**
   * Copies what seeds can supply, first of all: so a bad seed shows before anything is fetched.
   *
   * @returns The plan, of which all but the copies from seeds is left to do.
   */
  async #copyFromSeeds(): Promise<Step[]> {
    const without = new Set<number>();
    for (;;) {
      const steps = planSteps(this.#options.index, {
        seeds: this.#seeds,
        without,
        nullId: this.#nullId,
        isOpen: (row) => this.#outcomes[row] === OUTCOME.open,
      });
      const copies = steps.filter((step) => step.kind === "copy");
      const invalid = await this.#copy(copies);
      if (invalid.size === 0) return steps;
      this.#isBlank = false; // What was cloned from a bad seed is still there.
      await this.#treatInvalid(invalid, without);
      this.#attempt++;
    }
  }

  async #treatInvalid(invalid: ReadonlyMap<number, string>, without: Set<number>): Promise<void> {
    const { invalidSeeds = "fail", onSeedProblem } = this.#options;
    let number = 0;
    for (const [seed, reason] of invalid) {
      const { location } = this.#seeds[seed]!;
      if (invalidSeeds === "fail") throw new SeedInvalidError(location, reason);
      onSeedProblem?.(
        `Seed '${location}' is ${invalidSeeds === "skip" ? "skipped" : "cut again"}: ${reason}`,
      );
      if (invalidSeeds === "skip") without.add(seed);
      else if (this.#attempt >= MAX_ATTEMPTS) {
        throw new SeedInvalidError(location, `it goes on changing: ${reason}`);
      } else this.#seeds[seed] = await this.#regenerate(seed, ++number);
    }
  }

  async #regenerate(seed: number, number: number): Promise<FileSeed> {
    try {
      return await this.#cutSeed(seed, number);
    } catch (cause) {
      if (!isMissingFile(cause)) throw cause;
      throw new SeedInvalidError(this.#seeds[seed]!.location, cause.message, { cause });
    }
  }

  /** Cuts a seed's data again, with the parameters of its index. */
  async #cutSeed(seed: number, number: number): Promise<FileSeed> {
    const { location, index } = this.#seeds[seed]!;
    using file = this.#engine.tools.posix.open(location);
    const phase = { kind: "regenerate", attempt: this.#attempt, seed: number } as const;
    const { onProgress, signal } = this.#options;
    const total = file.size();
    const { rows } = await cutBlob(this.#engine, new FileSource(file), {
      sizes: index.sizes,
      signal,
      onProgress: (done) => onProgress?.(phase, { done, total }),
    });
    return new FileSeed(location, rows.finish({ sizes: index.sizes, flags: index.flags }));
  }

  /** @returns Seeds that turned out to be invalid, with the reason. */
  async #copy(steps: readonly Extract<Step, { kind: "copy" }>[]): Promise<Map<number, string>> {
    const invalid = new Map<number, string>();
    if (steps.length === 0) return invalid;
    const sources = await Promise.all(this.#seeds.map(async ({ location }) => ({
      path: location,
      cloneBlock: await this.#cloneBlock(location),
      outcome: OUTCOME.seed,
    })));
    const runs = runsOf(this.#options.index, steps.map((step) => ({ ...step, source: step.seed })));
    await this.#work({ kind: "copy", sources }, runs, {
      onFinding: ({ subject, text }) => invalid.set(Number(subject), text),
      phase: { kind: "seeds", attempt: this.#attempt },
    });
    return invalid;
  }

  /**
   * Alignment for extents shared with `path`; 0 if it cannot share any. Whether it can is for the file system to say:
   * the subvolumes of one btrfs have different device numbers.
   */
  async #cloneBlock(path: string): Promise<number> {
    if (this.#engine.tools.posix.implementation !== "ffi") return 0;
    const info = await Deno.stat(path).catch(() => undefined); // Opening it will tell.
    return info?.isFile === true ? this.#blockSize : 0;
  }

  async #copyWithin(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return;
    const { index, path } = this.#options;
    const source = { path, cloneBlock: await this.#cloneBlock(path), outcome: OUTCOME.self };
    const findings: string[] = [];
    await this.#work({ kind: "copy", sources: [source] }, runsOf(index, steps), {
      onFinding: ({ text }) => findings.push(text),
    });
    if (findings.length > 0) {
      throw new StoreError(path, "complete", { reason: `it changed meanwhile: ${findings[0]}` });
    }
  }

  async #fetch(steps: readonly Step[]): Promise<void> {
    const { index, store, path, signal } = this.#options;
    const runs = runsOf(index, steps);
    const directories = chunkDirectories(store);
    if (directories !== undefined) return await this.#work({ kind: "fetch", directories }, runs);
    const phase = { kind: "assemble", attempt: this.#attempt } as const;
    const shares = shareCalls(this.#options.concurrency, { threads: this.#engine.threads, stores: [store] });
    const task: StoreTask = {
      kind: "store",
      control: newControl(),
      operation: { kind: "fetch", path, outcomes: this.#outcomes },
      ids: this.#ids,
      ends: this.#ends,
      runs: toColumns(runs),
      calls: shares.calls,
    };
    await this.#engine.call(task, {
      work: this.#sizeOf(runs),
      stores: [store],
      shares,
      signal,
      onProgress: () => this.#progress(phase),
    });
  }

  /** Marks runs of zeros that a blank file has already. */
  #markZeros(steps: readonly Step[]): void {
    for (const { first, count } of steps) this.#outcomes.fill(OUTCOME.zero, first, first + count);
  }

  /** Reserves the space of what is to be fetched: a full disk shows at once, and the file is in one piece. */
  #reserve(steps: readonly Step[]): void {
    const { index, path } = this.#options;
    using file = this.#engine.tools.posix.open(path, { access: "read-write" });
    for (const { first, count } of steps) {
      const start = rowStart(index, first);
      file.allocate(start, rowStart(index, first + count) - start);
    }
  }

  async #work(
    operation: RowOperation,
    runs: readonly (readonly number[])[],
    options: {
      readonly onFinding?: (finding: { readonly subject: string; readonly text: string }) => void;
      readonly phase?: AssemblePhase;
    } = {},
  ): Promise<void> {
    if (runs.length === 0) return;
    const { path, signal } = this.#options;
    const phase = options.phase ?? { kind: "assemble", attempt: this.#attempt };
    const task: RowTask = {
      kind: "rows",
      control: newControl(),
      operation,
      ids: this.#ids,
      ends: this.#ends,
      outcomes: this.#outcomes,
      runs: toColumns(runs),
      path,
    };
    const total = runs.reduce((sum, run) => sum + run[1]!, 0);
    const counters = await this.#engine.run(task, {
      work: this.#sizeOf(runs),
      signal,
      onFinding: options.onFinding,
      onProgress: (done) => {
        if (phase.kind === "seeds") this.#options.onProgress?.(phase, { done, total });
        else this.#progress(phase);
      },
    });
    this.#bytesCopied += counters.get("bytesCopied") ?? 0;
    this.#bytesCloned += counters.get("bytesCloned") ?? 0;
  }

  /** Bytes in runs of rows. */
  #sizeOf(runs: readonly (readonly number[])[]): number {
    const { index } = this.#options;
    return runs.reduce(
      (sum, [first, count]) => sum + rowStart(index, first! + count!) - rowStart(index, first!),
      0,
    );
  }

  #progress(phase: AssemblePhase): void {
    const { onProgress } = this.#options;
    const now = performance.now();
    if (onProgress === undefined || now < this.#nextProgress) return;
    this.#nextProgress = now + PROGRESS_MS;
    let done = 0;
    for (const outcome of this.#outcomes) if (outcome !== OUTCOME.open) done++;
    onProgress(phase, { done, total: this.#outcomes.length });
  }
}
