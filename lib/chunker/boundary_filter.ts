/**
 * Divisibility without division: what the scanners ask of every hash before they divide.
 *
 * @module
 */

/**
 * A condition that every hash h with `h mod D == D − 1` meets: `h · multiplier + addend < limit` in signed
 * 32-bit arithmetic that wraps. All three are signed 32-bit integers.
 */
export interface BoundaryFilter {
  /** Odd, unless only the low bits of the hash are looked at. */
  readonly multiplier: number;
  /** Moves the products of boundaries to the lower end of the signed range. */
  readonly addend: number;
  /** First value that is no boundary's. */
  readonly limit: number;
}

/**
 * Makes the filter for a discriminator from 1 to 2^31.
 *
 * With D = 2^s · d and d odd, boundaries are the h = D − 1 + k·D below 2^32. Multiplied by the inverse of d
 * modulo 2^32, h − (D − 1) is k · 2^s, which has no wrap case. For odd D nothing else falls into that range;
 * otherwise one in d hashes does. If 2^s > d, it is better to ask whether the low s bits are all set.
 */
export function boundaryFilter(divisor: number): BoundaryFilter {
  const lowest = divisor & -divisor;
  const odd = divisor / lowest;
  if (divisor === 1) return { multiplier: 0, addend: -(2 ** 31), limit: 0 };
  const [multiplier, largest] = lowest > odd
    ? [2 ** 32 / lowest, 0]
    : [inverse(odd), Math.floor((2 ** 32 - divisor) / divisor) * lowest];
  const least = Math.imul(divisor - 1, multiplier);
  return { multiplier: multiplier | 0, addend: (-least - 2 ** 31) | 0, limit: largest + 1 - 2 ** 31 };
}

/** The inverse of an odd integer modulo 2^32; signed. */
function inverse(odd: number): number {
  let x = odd;
  // Right in the low three bits; each round doubles how many.
  for (let bits = 3; bits < 32; bits *= 2) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x;
}
