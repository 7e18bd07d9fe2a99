import { BUZHASH_TABLE } from "../../../lib/chunker/buzhash.ts";
import type { ChunkSizes } from "../../../lib/chunker/sizes.ts";

/** The sizes of the chunks of `data`, by casync's algorithm step by step; slow, and shares only the table. */
export function cutSlowly(data: Uint8Array, sizes: ChunkSizes): number[] {
  const result: number[] = [];
  for (let start = 0; start < data.length;) {
    const end = chunkEnd(data, sizes, start);
    result.push(end - start);
    start = end;
  }
  return result;
}

/** D of casync: truncated, then clamped; a negative quotient counts as large. */
export function divisorOf({ min, avg, max }: ChunkSizes): number {
  const q = avg / (-1.42888852e-7 * avg + 1.33237515);
  let d = q < 0 || !Number.isFinite(q) ? max : Math.trunc(q);
  if (d < min) d = min;
  if (d > max) d = max;
  return d;
}

function rol(x: number, n: number): number {
  const k = n % 32;
  return k === 0 ? x : (x << k | x >>> (32 - k)) >>> 0;
}

function chunkEnd(data: Uint8Array, sizes: ChunkSizes, start: number): number {
  const { min, avg, max } = sizes;
  const left = data.length - start;
  if (min === avg && avg === max) return start + Math.min(left, avg);
  const first = Math.max(min, 48);
  if (left < first) return data.length;
  const d = divisorOf(sizes);
  const word = (at: number): number => BUZHASH_TABLE[data[at]!]!;
  let h = 0;
  for (let i = 0; i < 48; i++) h = (h ^ rol(word(start + first - 48 + i), 47 - i)) >>> 0;
  for (let size = first;; size++) {
    if (size >= max || h % d === d - 1) return start + size;
    if (size === left) return data.length;
    h = (rol(h, 1) ^ rol(word(start + size - 48), 48) ^ word(start + size)) >>> 0;
  }
}
