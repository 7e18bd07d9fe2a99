/**
 * Chunk size parameters: minimum, average and maximum, in bytes.
 *
 * @module
 */

/** Sizes in bytes that decide where a blob is cut; 1 ≤ min ≤ avg ≤ max ≤ 128 MiB. */
export interface ChunkSizes {
  /** No chunk but the last is smaller; below 48, the hash window makes it 48. */
  readonly min: number;
  /** What the discriminator aims at. */
  readonly avg: number;
  /** No chunk is larger. */
  readonly max: number;
}

/** casync's default, 16 KiB : 64 KiB : 256 KiB. */
export const DEFAULT_CHUNK_SIZES: ChunkSizes = { min: 16_384, avg: 65_536, max: 262_144 };

/** Largest size that casync accepts for any of the three. */
export const MAX_CHUNK_SIZE = 134_217_728;

/** Bytes the rolling hash looks at. */
export const WINDOW_SIZE = 48;
