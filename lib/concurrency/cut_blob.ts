/**
 * Cutting a blob into chunks, hashing and storing them, in one pass and on all threads.
 *
 * This thread reads a block into a slot of the ring and cuts it there; all threads take the chunks from it. What
 * comes out is by construction what one thread alone would make.
 *
 * @module
 */

import { formatChunkId } from "../chunk_id.ts";
import { Cutter } from "../chunker/cutter.ts";
import { openScanner } from "../chunker/scanner.ts";
import type { ChunkSizes } from "../chunker/sizes.ts";
import { type Index, IndexBuilder } from "../format/index_file.ts";
import { chunkDirectory } from "../store/recipe.ts";
import type { WritableChunkStore } from "../store/types.ts";
import type { BlobSource } from "./blob_source.ts";
import { BLOCK_SIZE, ChunkRing } from "./chunk_ring.ts";
import { runNextJob } from "./ring_task.ts";
import { type CallShares, shareCalls } from "./store_calls.ts";
import { storeChunk } from "./thread_chunks.ts";
import { nullChunkBytes } from "./thread_tools.ts";
import { Uploads } from "./uploads.ts";
import type { Engine, RunningTask } from "./worker_pool.ts";

/** How to cut, and what to do with the chunks. */
export interface CutBlobOptions {
  readonly sizes: ChunkSizes;
  /** Where chunks go that are not there yet. @default nowhere */
  readonly store?: WritableChunkStore | undefined;
  /** Calls to `store` that may be under way at once, unless it is a directory. @default as many as get more done, from 10 to 64 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the bytes that are done. */
  readonly onProgress?: ((size: number) => void) | undefined;
  /** Called now and then with the rows that are new, borrowed for the time of the call. */
  readonly onRows?: ((rows: Pick<Index, "ids" | "ends">) => Promise<void>) | undefined;
}

/** What became of a blob. */
export interface CutBlobResult {
  /** The rows of its index. */
  readonly rows: IndexBuilder;
  /** Chunks that were written to the store; one that several threads meet at the same time counts more than once. */
  readonly stored: number;
}

/** How long this thread sleeps when all chunks are in other threads' hands. */
const NAP_MS = 5;

/**
 * Cuts `source` to its end.
 *
 * @throws {StoreError} If the store fails; what was stored stays.
 */
export async function cutBlob(
  engine: Engine,
  source: BlobSource,
  options: CutBlobOptions,
): Promise<CutBlobResult> {
  const cut = new BlobCut(engine, source, options);
  return await cut.run();
}

class BlobCut {
  readonly #engine: Engine;
  readonly #source: BlobSource;
  readonly #options: CutBlobOptions;
  readonly #ring: ChunkRing;
  readonly #cutter: Cutter;
  readonly #nullId: Uint8Array;
  readonly #rows = new IndexBuilder();
  readonly #uploads: Uploads | undefined;
  /** How calls to a store that is no directory are shared between the threads. */
  readonly #shares: CallShares | undefined;
  readonly #run: RunningTask;
  #nullRun = 0;
  #nullStored: Promise<void> | undefined;
  #stored = 0;
  /** Bytes of chunks that were given to the threads; null chunks make no work. */
  #published = 0;
  /** Rows the caller has been told of. */
  #reported = 0;

  constructor(engine: Engine, source: BlobSource, options: CutBlobOptions) {
    const { store, sizes } = options;
    const directory = store && chunkDirectory(store);
    const shares = store === undefined || directory !== undefined
      ? undefined
      : shareCalls(options.concurrency, { threads: engine.threads, stores: [store] });
    // Threads that cannot open the store leave the chunks to this one.
    const keep = shares !== undefined && shares.calls === undefined;
    this.#engine = engine;
    this.#source = source;
    this.#options = options;
    this.#shares = shares;
    this.#ring = new ChunkRing({
      maxSize: sizes.max,
      directory,
      calls: shares?.calls,
      keep,
      blobSize: source.size,
    });
    const { memory } = this.#ring.task;
    const scanner = openScanner({ sizes, memory, implementation: engine.implementations.scanner });
    this.#cutter = new Cutter({ scanner, sizes });
    this.#nullId = nullChunkBytes(engine.tools.digest, sizes.max);
    this.#run = engine.begin(this.#ring.task, { signal: options.signal });
    this.#uploads = store && shares && new Uploads(store, { limit: shares.limit, signal: this.#run.signal });
  }

  async run(): Promise<CutBlobResult> {
    try {
      await this.#produce();
      this.#ring.close();
      await this.#until(() => this.#ring.isDrained);
      await this.#uploads?.settle();
      await this.#report();
    } catch (error) {
      this.#run.fail(error);
    } finally {
      await this.#uploads?.[Symbol.asyncDispose]();
    }
    const counters = await this.#run.settle();
    const stored = this.#stored + (this.#uploads?.stored ?? 0) + (counters.get("stored") ?? 0);
    return { rows: this.#rows, stored };
  }

  async #produce(): Promise<void> {
    const { sizes: { max }, signal } = this.#options;
    const source = this.#source;
    const { bytes } = this.#ring;
    /** What was read but not cut, and is to be moved to the front of the next slot. */
    let rest = { slot: -1, offset: 0, size: 0 };
    for (let isEnd = false; !isEnd;) {
      if (rest.size === 0) this.#skipHole();
      const { slot, offset } = await this.#slot();
      bytes.copyWithin(offset, rest.offset, rest.offset + rest.size);
      if (rest.slot >= 0) this.#ring.releaseSlot(rest.slot);
      // In a hole, no more than the chunk under way is read: the ones after it need no reading.
      const isHole = this.#cutter.cutsZerosAtMax && source.holeAhead() >= max;
      const wanted = isHole ? max - rest.size : BLOCK_SIZE;
      const reading = source.read(bytes.subarray(offset + rest.size, offset + rest.size + wanted), {
        signal,
      });
      const count = typeof reading === "number" ? reading : await reading;
      isEnd = count < wanted;
      const size = rest.size + count;
      const used = await this.#cutSlot({ slot, offset, size, isEnd });
      rest = { slot, offset: offset + used, size: size - used };
      if (this.#published >= this.#engine.minWork) {
        this.#run.enlist(this.#shares?.calls && this.#shares.workers);
      }
      await this.#pause();
    }
    await this.#flushNulls();
  }

  /** Cuts what is in a slot. @returns Bytes that were cut; the rest needs more data. */
  async #cutSlot(
    block: { readonly slot: number; readonly offset: number; readonly size: number; readonly isEnd: boolean },
  ): Promise<number> {
    let at = 0;
    while (at < block.size) {
      const offset = block.offset + at;
      const available = block.size - at;
      const size = block.isEnd ? this.#cutter.last(offset, available) : this.#cutter.next(offset, available);
      if (size === 0) break;
      at += size;
      if (this.#cutter.isNull) {
        this.#nullRun++;
        continue;
      }
      await this.#flushNulls();
      if (!this.#ring.hasRoom) await this.#until(() => this.#ring.hasRoom);
      this.#ring.publish({ offset, size, slot: block.slot });
      this.#published += size;
    }
    return at;
  }

  /** Takes whole null chunks from a hole, unread. */
  #skipHole(): void {
    const { max } = this.#options.sizes;
    if (!this.#cutter.cutsZerosAtMax) return;
    const count = Math.floor(this.#source.holeAhead() / max);
    if (count === 0) return;
    this.#source.skip(count * max);
    this.#nullRun += count;
  }

  async #flushNulls(): Promise<void> {
    if (this.#nullRun === 0) return;
    await (this.#nullStored ??= this.#storeNull());
    if (!this.#ring.hasRoom) await this.#until(() => this.#ring.hasRoom);
    this.#ring.publishKnown(this.#nullId, { size: this.#options.sizes.max, repeat: this.#nullRun });
    this.#nullRun = 0;
  }

  async #storeNull(): Promise<void> {
    if (this.#options.store === undefined) return;
    const { directory } = this.#ring.task;
    const plain = new Uint8Array(this.#options.sizes.max);
    if (directory === undefined) await this.#uploads?.add({ id: formatChunkId(this.#nullId), plain });
    else {
      const id = { ids: this.#nullId, offset: 0 };
      if (storeChunk(this.#engine.tools, { id, plain, directory })) this.#stored++;
    }
  }

  async #slot(): Promise<{ readonly slot: number; readonly offset: number }> {
    let slot = this.#ring.acquireSlot();
    if (slot === undefined) {
      await this.#until(() => (slot = this.#ring.acquireSlot()) !== undefined);
    }
    return slot!;
  }

  /** Helps the other threads until `condition` holds. */
  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      await this.#harvest();
      if (condition()) return;
      this.#run.check();
      if (await this.#help()) await this.#pause();
      else if (this.#uploads !== undefined) await this.#doze(this.#uploads);
      else {
        this.#ring.nap(NAP_MS);
        await this.#pause();
      }
    }
  }

  /** Does a job. @returns Whether there was one. */
  async #help(): Promise<boolean> {
    const { task } = this.#ring;
    if (task.calls === undefined) return runNextJob(task, this.#engine.tools);
    const uploads = this.#uploads!;
    if (!uploads.hasRoom) return false;
    await uploads.room(); // An earlier call may have failed.
    return runNextJob(task, this.#engine.tools, uploads);
  }

  /** Waits until a job or a call is done, with the event loop running. */
  async #doze(uploads: Uploads): Promise<void> {
    const waits = [this.#ring.progress(this.#run.bell)];
    if (!uploads.hasRoom) waits.push(uploads.room());
    await Promise.race(waits);
    await this.#run.breathe();
  }

  async #harvest(): Promise<void> {
    const uploads = this.#uploads;
    if (uploads === undefined || !this.#ring.task.keep) return this.#ring.harvest(this.#rows);
    await uploads.room();
    this.#ring.harvest(this.#rows, ({ id, plain }) => {
      uploads.start({ id: formatChunkId(id), plain });
      return uploads.hasRoom;
    });
  }

  /** Serves the event loop now and then. */
  async #pause(): Promise<void> {
    if (!this.#run.isDue) return;
    await this.#harvest();
    await this.#report();
    await this.#run.breathe();
  }

  /** Tells the caller how far it is. */
  async #report(): Promise<void> {
    this.#options.onProgress?.(this.#rows.size);
    if (this.#options.onRows === undefined || this.#reported === this.#rows.rows) return;
    const rows = this.#rows.since(this.#reported);
    this.#reported = this.#rows.rows;
    await this.#options.onRows(rows);
  }
}
