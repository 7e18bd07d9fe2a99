/**
 * Writing chunks to a store which answers with promises: a few at a time, each only if it is not there.
 *
 * @module
 */

import { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import type { WritableChunkStore } from "../store/types.ts";
import { TaskGroup, type TaskGroupOptions } from "./task_group.ts";

/** Chunk IDs that are remembered as handled; some 10 MB. */
const MAX_RECENT = 65_536;

/** Chunks on their way to a store. Disposed of, it cancels what is under way and waits for it. */
export class Uploads implements AsyncDisposable {
  /** Chunks that were written so far. */
  stored = 0;
  readonly #store: WritableChunkStore;
  readonly #group: TaskGroup;
  /** Chunks handled last: repetitions are mostly close together, and the store knows of the others. */
  readonly #recent = new Set<ChunkId>();

  /** The store stays the caller's. */
  constructor(store: WritableChunkStore, options: TaskGroupOptions) {
    this.#store = store;
    this.#group = new TaskGroup(options);
  }

  /** Whether another chunk can be started. */
  get hasRoom(): boolean {
    return this.#group.hasRoom;
  }

  /** Waits until another chunk can be started. @throws The failure of an earlier one. */
  room(): Promise<void> {
    return this.#group.room();
  }

  /** Starts to write a chunk; copies `plain`. */
  start(chunk: { readonly id: ChunkId; readonly plain: Uint8Array }): void {
    const { id } = chunk;
    if (this.#recent.has(id)) return;
    this.#recent.add(id);
    if (this.#recent.size > MAX_RECENT) this.#recent.delete(this.#recent.values().next().value!);
    const plain = chunk.plain.slice();
    this.#group.start(async (signal) => {
      if (await this.#store.has(id, { signal })) return;
      await this.#store.put(Chunk.fromPlain(id, plain), { signal });
      this.stored++;
    });
  }

  /** Starts to write a chunk as soon as there is room. */
  async add(chunk: { readonly id: ChunkId; readonly plain: Uint8Array }): Promise<void> {
    await this.room();
    this.start(chunk);
  }

  /** Waits for all chunks. @throws The first failure. */
  settle(): Promise<void> {
    return this.#group.settle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#group[Symbol.asyncDispose]();
  }
}
