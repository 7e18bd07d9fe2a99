/**
 * Chunk size parameters: minimum, average and maximum, in bytes.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

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

/**
 * Checks that a blob can be cut with `sizes`.
 *
 * @throws {RangeError} Unless all three are integers and 1 ≤ min ≤ avg ≤ max ≤ 128 MiB.
 */
export function validateChunkSizes(sizes: ChunkSizes): void {
  const { min, avg, max } = sizes;
  const whole = Number.isInteger(min) && Number.isInteger(avg) && Number.isInteger(max);
  if (whole && 1 <= min && min <= avg && avg <= max && max <= MAX_CHUNK_SIZE) return;
  throw new RangeError(
    `Cannot use chunk sizes ${min}:${avg}:${max}: not integers with 1 ≤ min ≤ avg ≤ max ≤ ${MAX_CHUNK_SIZE}`,
  );
}

/** Whether every chunk but the last has the same size, so that no hash decides; `sizes` are valid. */
export function isFixedSize(sizes: ChunkSizes): boolean {
  return sizes.min === sizes.max;
}

/**
 * The D of the boundary test `hash mod D == D − 1`; `sizes` are valid.
 *
 * @returns An integer from `min` to `max`, as casync clamps it.
 */
export function discriminator(sizes: ChunkSizes): number {
  const { min, avg, max } = sizes;
  const quotient = avg / (-1.42888852e-7 * avg + 1.33237515);
  // The denominator turns negative at 9,324,557 bytes; what casync makes of that on x86-64 is max.
  if (!(quotient >= 0 && quotient <= max)) return max;
  return Math.max(min, Math.trunc(quotient));
}

/**
 * Parses sizes as the command line gives them: `MIN:AVG:MAX`, three decimal integers in KiB.
 *
 * @throws {ConfigError} If `text` has another form, or no blob can be cut with such sizes.
 */
export function parseChunkSizes(text: string): ChunkSizes {
  const [min, avg, max, ...rest] = text.split(":");
  if (min === undefined || avg === undefined || max === undefined || rest.length > 0) {
    throw new ConfigError(`invalid chunk size '${text}': expected MIN:AVG:MAX in KiB`);
  }
  for (const [name, part] of Object.entries({ min, avg, max })) {
    if (!/^[+-]?[0-9]+$/.test(part)) {
      throw new ConfigError(`invalid chunk size '${text}': ${name} is not a number`);
    }
  }
  const sizes = { min: Number(min) * 1024, avg: Number(avg) * 1024, max: Number(max) * 1024 };
  if (sizes.min < WINDOW_SIZE) throw new ConfigError("chunk size MIN is too small (at least 1 KiB)");
  if (sizes.min > sizes.max) throw new ConfigError("chunk size MIN must not exceed MAX");
  if (sizes.min > sizes.avg) throw new ConfigError("chunk size MIN must not exceed AVG");
  if (sizes.avg > sizes.max) throw new ConfigError("chunk size AVG must not exceed MAX");
  if (sizes.max > MAX_CHUNK_SIZE) {
    throw new ConfigError(`chunk size MAX is too large (at most ${MAX_CHUNK_SIZE / 1024} KiB)`);
  }
  return sizes;
}
