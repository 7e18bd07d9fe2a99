/**
 * Merging of concurrent calls for one chunk.
 *
 * @module
 */

import type { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import type { StoreRecipe } from "./recipe.ts";
import type { CallOptions, ChunkStore, WritableChunkStore } from "./types.ts";

/** Calls for the same chunk, while one is under way, wait for it and get the same answer. Nothing is kept after that. */
export class SingleFlightStore implements ChunkStore {
  readonly location: string;
  readonly recipe: StoreRecipe | undefined;
  readonly #inner: ChunkStore;
  readonly #gets: FlightTable<Chunk | undefined> = new Map();
  readonly #checks: FlightTable<boolean> = new Map();

  /** Takes ownership of `inner`. */
  constructor(inner: ChunkStore) {
    this.location = inner.location;
    this.recipe = inner.recipe;
    this.#inner = inner;
  }

  /** Whether the store has the chunk. */
  has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return join(this.#checks, { key: id, options }, (signal) => this.#inner.has(id, { signal }));
  }

  /** Reads one chunk. @returns A chunk of the caller's own; what is in it is shared. */
  async get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    const chunk = await join(this.#gets, { key: id, options }, (signal) => this.#inner.get(id, { signal }));
    return chunk?.view();
  }

  /** Closes what it was made of. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#inner[Symbol.asyncDispose]());
  }
}

/**
 * Merges writes as well. Whoever reads a chunk that is being written gets it from the writer; a chunk that is being read
 * is written at once.
 */
export class SingleFlightWritableStore extends SingleFlightStore implements WritableChunkStore {
  readonly #target: WritableChunkStore;
  readonly #puts: FlightTable<Chunk> = new Map();

  /** Takes ownership of `inner`. */
  constructor(inner: WritableChunkStore) {
    super(inner);
    this.#target = inner;
  }

  /** Reads one chunk, or waits for the one that is being written. @throws The failure of that write. */
  override async get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    options?.signal?.throwIfAborted();
    const writing = this.#puts.get(id);
    return writing === undefined ? await super.get(id, options) : (await wait(writing, options)).view();
  }

  /** Adds a chunk, or waits for another call to have done so. */
  async put(chunk: Chunk, options?: CallOptions): Promise<void> {
    await join(this.#puts, { key: chunk.id, options }, async (signal) => {
      await this.#target.put(chunk, { signal });
      return chunk;
    });
  }
}

/** A call under way. */
interface Flight<T> {
  readonly result: Promise<T>;
  /** Callers that still wait. */
  waiters: number;
  /** Ends the call, which nobody waits for any more. */
  abandon(reason: unknown): void;
}

type FlightTable<T> = Map<ChunkId, Flight<T>>;

/** Waits for the call under `key`, which is made if there is none. */
function join<T>(
  table: FlightTable<T>,
  { key, options }: { readonly key: ChunkId; readonly options: CallOptions | undefined },
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = options?.signal;
  if (signal?.aborted ?? false) return Promise.reject(signal?.reason);
  let flight = table.get(key);
  if (flight === undefined) {
    flight = depart(call, (ended) => {
      if (table.get(key) === ended) table.delete(key);
    });
    table.set(key, flight);
  }
  return wait(flight, options);
}

function depart<T>(call: (signal: AbortSignal) => Promise<T>, onEnd: (flight: Flight<T>) => void): Flight<T> {
  const abort = new AbortController();
  const flight: Flight<T> = {
    // Not in this turn: a call that fails at once must find itself in the table, to be removed from it.
    result: Promise.resolve().then(() => call(abort.signal)).finally(() => onEnd(flight)),
    waiters: 0,
    abandon(reason) {
      onEnd(flight); // Who comes now must not get the failure of a call that others have given up.
      abort.abort(reason);
    },
  };
  flight.result.catch(() => {}); // Nobody may be left to hear of it.
  return flight;
}

/** Waits for a call; the last one who gives up ends it. */
function wait<T>(flight: Flight<T>, options: CallOptions | undefined): Promise<T> {
  const signal = options?.signal;
  flight.waiters++;
  if (signal === undefined) return flight.result;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      if (--flight.waiters === 0) flight.abandon(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    flight.result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
