/**
 * Several stores asked in turn.
 *
 * @module
 */

import type { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import { disposeAll } from "../concurrency/dispose.ts";
import type { StoreRecipe } from "./recipe.ts";
import type { CallOptions, ChunkStore } from "./types.ts";

/** Asks each store in order; only absence moves on to the next, a failure is final. */
export class RouterStore implements ChunkStore {
  readonly location: string;
  readonly recipe: StoreRecipe | undefined;
  readonly #members: readonly ChunkStore[];

  /** Takes ownership of `members`. */
  constructor(members: readonly ChunkStore[], options: Pick<ChunkStore, "recipe"> = {}) {
    this.location = members.map(({ location }) => location).join(",");
    this.recipe = options.recipe;
    this.#members = members;
  }

  /** Whether one of the stores has the chunk. */
  async has(id: ChunkId, options?: CallOptions): Promise<boolean> {
    for (const member of this.#members) if (await member.has(id, options)) return true;
    return false;
  }

  /** Reads the chunk from the first store that has it. */
  async get(id: ChunkId, options?: CallOptions): Promise<Chunk | undefined> {
    for (const member of this.#members) {
      const chunk = await member.get(id, options);
      if (chunk !== undefined) return chunk;
    }
    return undefined;
  }

  /** Closes what it was made of. */
  [Symbol.asyncDispose](): Promise<void> {
    return disposeAll(this.#members);
  }
}
