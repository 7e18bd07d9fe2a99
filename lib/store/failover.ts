/**
 * Several stores which are taken to have the same chunks, of which one is asked until it fails.
 *
 * @module
 */

import type { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import { disposeAll } from "../concurrency/dispose.ts";
import type { StoreRecipe } from "./recipe.ts";
import type { CallOptions, ChunkStore } from "./types.ts";

/** Asks the active store; on a failure the next one becomes active and stays so. Absence is an answer. */
export class FailoverStore implements ChunkStore {
  readonly location: string;
  readonly recipe: StoreRecipe | undefined;
  readonly #members: readonly ChunkStore[];
  #active = 0;

  /** Takes ownership of `members`, of which there is at least one. */
  constructor(members: readonly ChunkStore[], options: Pick<ChunkStore, "recipe"> = {}) {
    if (members.length === 0) throw new RangeError("Cannot make a failover group of no stores");
    this.location = members.map(({ location }) => location).join("|");
    this.recipe = options.recipe;
    this.#members = members;
  }

  /** Whether the active store has the chunk. */
  has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    return this.#ask((store) => store.has(id, options), options);
  }

  /** Reads the chunk from the active store. */
  get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    return this.#ask((store) => store.get(id, options), options);
  }

  /** Closes what it was made of. */
  [Symbol.asyncDispose](): Promise<void> {
    return disposeAll(this.#members);
  }

  async #ask<T>(question: (store: ChunkStore) => Promise<T>, options?: CallOptions): Promise<T> {
    const failures: unknown[] = [];
    while (failures.length < this.#members.length) {
      const asked = this.#active;
      try {
        return await question(this.#members[asked]!);
      } catch (error) {
        if (options?.signal?.aborted ?? false) throw error;
        failures.push(error);
        // Of several calls that fail together, one moves on.
        if (this.#active === asked) this.#active = (asked + 1) % this.#members.length;
      }
    }
    throw failures.at(-1);
  }
}
