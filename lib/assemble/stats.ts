/**
 * Where the chunks of an extraction came from.
 *
 * @module
 */

import { OUTCOME } from "../concurrency/row_task.ts";

/** Counts of an extraction; sizes in bytes. */
export interface AssembleStats {
  /** Chunks from seeds, the zeros among them included; not those repeated from the output itself. */
  readonly chunksFromSeeds: number;
  readonly chunksFromStore: number;
  /** Chunks that were right in the output already. */
  readonly chunksInPlace: number;
  /** Copied from seeds and within the output, and zeros written over other data. */
  readonly bytesCopied: number;
  /** Shared with seeds and within the output. */
  readonly bytesCloned: number;
  /** Preferred block size of the output's file system. */
  readonly blockSize: number;
  /** Size of the blob. */
  readonly bytesTotal: number;
  readonly chunksTotal: number;
  /** Seeds, the zeros included. */
  readonly seeds: number;
}

/** How many rows had each outcome. */
export function countOutcomes(
  outcomes: Uint8Array,
): Pick<AssembleStats, "chunksFromSeeds" | "chunksFromStore" | "chunksInPlace"> {
  const counts = new Array<number>(Object.keys(OUTCOME).length).fill(0);
  for (const outcome of outcomes) counts[outcome]!++;
  return {
    chunksFromSeeds: counts[OUTCOME.seed]! + counts[OUTCOME.zero]!,
    chunksFromStore: counts[OUTCOME.store]!,
    chunksInPlace: counts[OUTCOME.inPlace]!,
  };
}
