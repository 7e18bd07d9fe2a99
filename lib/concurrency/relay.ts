/**
 * Passing a blob on while the next part of it is read: into a file, or through a digest.
 *
 * This thread reads blocks into shared memory, one other thread takes them. Without another thread, or until one has
 * started, this one takes them as well.
 *
 * @module
 */

import type { BlobSource } from "./blob_source.ts";
import { BLOCK_SIZE } from "./chunk_ring.ts";
import {
  BlockTaker,
  claimRelay,
  OWNER,
  RELAY,
  RELAY_CONTROL_WORDS,
  type RelayTarget,
  type RelayTask,
  takeOneBlock,
} from "./relay_task.ts";
import { newControl } from "./task.ts";
import type { Engine, RunningTask } from "./worker_pool.ts";

/** Where a blob goes. */
export interface RelayOptions {
  /** A file that exists; undefined: the blob is only hashed, by the engine's digest. */
  readonly target: RelayTarget | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SLOTS = 8;
const NAP_MS = 5;
/** Naps after which a worker that does not come is no longer waited for. */
const MAX_NAPS = 200;

/**
 * Reads a blob to its end.
 *
 * @returns Its digest, if there is no target; else 32 zero bytes.
 * @throws {StoreError} If the file cannot be written; what was written stays.
 */
export async function relayBlob(
  engine: Engine,
  source: BlobSource,
  options: RelayOptions,
): Promise<Uint8Array> {
  const { target, signal } = options;
  const task: RelayTask = {
    kind: "relay",
    control: newControl(RELAY_CONTROL_WORDS),
    slots: new Uint8Array(new SharedArrayBuffer(SLOTS * BLOCK_SIZE)),
    slotSize: BLOCK_SIZE,
    sizes: new Int32Array(new SharedArrayBuffer(4 * SLOTS)),
    target,
    result: new Uint8Array(new SharedArrayBuffer(32)),
  };
  const run = engine.begin(task, { signal });
  try {
    await new Relay(engine, task, { source, run, signal }).pass();
  } catch (error) {
    run.fail(error);
  }
  await run.settle();
  return task.result.slice();
}

class Relay {
  readonly #engine: Engine;
  readonly #task: RelayTask;
  readonly #source: BlobSource;
  readonly #run: RunningTask;
  readonly #signal: AbortSignal | undefined;
  #taker: BlockTaker | undefined;
  #filled = 0;

  constructor(
    engine: Engine,
    task: RelayTask,
    work: {
      readonly source: BlobSource;
      readonly run: RunningTask;
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.#engine = engine;
    this.#task = task;
    this.#source = work.source;
    this.#run = work.run;
    this.#signal = work.signal;
  }

  async pass(): Promise<void> {
    const { control, slots, slotSize, sizes } = this.#task;
    for (let isEnd = false; !isEnd;) {
      if (this.#waiting === SLOTS) await this.#until(() => this.#waiting < SLOTS);
      const slot = this.#filled % SLOTS;
      const reading = this.#source.read(slots.subarray(slot * slotSize, (slot + 1) * slotSize), {
        signal: this.#signal,
      });
      const count = typeof reading === "number" ? reading : await reading;
      isEnd = count < slotSize;
      sizes[slot] = count;
      Atomics.store(control, RELAY.filled, ++this.#filled);
      Atomics.notify(control, RELAY.filled);
      if (this.#filled * slotSize >= this.#engine.minWork) this.#run.enlist();
      if (this.#run.isDue) await this.#run.breathe();
    }
    Atomics.store(control, RELAY.closed, 1);
    Atomics.notify(control, RELAY.filled);
    // What is left is not worth waiting for a worker that has not come yet.
    this.#claim();
    await this.#until(() => this.#waiting === 0);
    if (this.#taker !== undefined) this.#taker.finish();
    else await this.#until(() => Atomics.load(control, RELAY.closed) === 2);
  }

  get #waiting(): number {
    return this.#filled - Atomics.load(this.#task.control, RELAY.taken);
  }

  #claim(): void {
    if (this.#taker === undefined && claimRelay(this.#task)) {
      this.#taker = new BlockTaker(this.#task, this.#engine.tools);
    }
  }

  /** Takes blocks, if nobody else does, until `condition` holds. */
  async #until(condition: () => boolean): Promise<void> {
    const { control } = this.#task;
    if (this.#engine.threads === 1) this.#claim();
    for (let naps = 0; !condition(); naps++) {
      this.#run.check();
      if (naps === MAX_NAPS && Atomics.load(control, RELAY.owner) === OWNER.nobody) this.#claim();
      if (this.#taker === undefined && takeOneBlock(this.#task, this.#engine.tools)) continue;
      if (this.#taker === undefined) {
        Atomics.wait(control, RELAY.taken, Atomics.load(control, RELAY.taken), NAP_MS);
      } else this.#taker.takeNext();
      if (this.#run.isDue) await this.#run.breathe();
    }
  }
}
