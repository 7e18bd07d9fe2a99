/**
 * A store that can be replaced by another while it is in use.
 *
 * @module
 */

import type { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import type { CallOptions, ChunkStore, WritableChunkStore } from "./types.ts";

/** One of the stores that were installed. */
interface Installed<Store> {
  readonly store: Store;
  /** Calls under way. */
  calls: number;
  /** Called when the last call has ended; undefined while the store is the current one. */
  onIdle: (() => void) | undefined;
}

/** Answers with the current store; calls that began with an older one end with it. */
export class SwapStore<Store extends ChunkStore = ChunkStore> implements ChunkStore {
  #current: Installed<Store>;

  /** Takes ownership of `store`. */
  constructor(store: Store) {
    this.#current = { store, calls: 0, onIdle: undefined };
  }

  /** That of the current store. */
  get location(): string {
    return this.#current.store.location;
  }

  /** Whether the current store has the chunk. */
  has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return this.use((store) => store.has(id, options));
  }

  /** Reads one chunk from the current store. */
  get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    return this.use((store) => store.get(id, options));
  }

  /**
   * Installs another store at once, and takes ownership of it.
   *
   * @returns When the last call of the one before has ended, and it is closed.
   */
  swap(store: Store): Promise<void> {
    const old = this.#current;
    this.#current = { store, calls: 0, onIdle: undefined };
    return retire(old);
  }

  /** Closes the current store when its last call has ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return retire(this.#current);
  }

  /** Makes one call; the store stays open until it has ended. */
  protected async use<T>(call: (store: Store) => Promise<T>): Promise<T> {
    const installed = this.#current;
    installed.calls++;
    try {
      return await call(installed.store);
    } finally {
      if (--installed.calls === 0) installed.onIdle?.();
    }
  }
}

/** The same for a store that can be written to; only another such store can replace it. */
export class SwapWritableStore extends SwapStore<WritableChunkStore> implements WritableChunkStore {
  /** Adds a chunk to the current store. */
  put(chunk: Chunk, options?: CallOptions): Promise<void> {
    return this.use((store) => store.put(chunk, options));
  }
}

/** Closes a store as soon as nobody uses it. */
async function retire(installed: Installed<ChunkStore>): Promise<void> {
  if (installed.calls > 0) await new Promise<void>((resolve) => installed.onIdle = resolve);
  await installed.store[Symbol.asyncDispose]();
}
