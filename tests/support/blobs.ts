/** Blobs that are described in a few words, so that a failing property can be read. */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ChunkSizes } from "../../lib/chunker/sizes.ts";
import { chunks } from "../../lib/chunker/chunker.ts";
import type { Digest } from "../../lib/digest/digest.ts";
import { blobFeatureFlags } from "../../lib/format/feature_flags.ts";
import { type Index, IndexBuilder } from "../../lib/format/index_file.ts";

/** A stretch of a blob; sizes in bytes. */
export type Piece =
  | { readonly kind: "noise"; readonly seed: number; readonly size: number }
  | { readonly kind: "fill"; readonly byte: number; readonly size: number }
  /** The same bytes as an earlier piece, by its number modulo the number of those. */
  | { readonly kind: "again"; readonly piece: number };

/** Pseudo-random bytes, different for each `seed`. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let x = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** All of `parts` in one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether two blobs are the same; comparing millions of bytes with `deepEqual` takes seconds. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The bytes of each piece. */
export function buildPieces(pieces: readonly Piece[]): Uint8Array<ArrayBuffer>[] {
  const built: Uint8Array<ArrayBuffer>[] = [];
  for (const [i, piece] of pieces.entries()) {
    if (piece.kind === "noise") built.push(noise(piece.size, piece.seed));
    else if (piece.kind === "fill") built.push(new Uint8Array(piece.size).fill(piece.byte));
    else built.push(built[piece.piece % Math.max(1, i)] ?? new Uint8Array(0));
  }
  return built;
}

/** The bytes of all pieces. */
export function buildBlob(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return concat(...buildPieces(pieces));
}

/** Pieces of up to `maxSize` bytes each: noise, runs of one byte, mostly zero, and repetitions. */
export function pieces(
  options: {
    readonly maxSize: number;
    readonly maxLength?: number;
    /** What sizes are multiples of. @default 1 */
    readonly unit?: number;
  },
): fc.Arbitrary<readonly Piece[]> {
  const { maxSize, maxLength = 6, unit = 1 } = options;
  const size = fc.nat(Math.floor(maxSize / unit)).map((units) => units * unit);
  return fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("noise" as const), seed: fc.nat(9), size }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("fill" as const), byte: fc.constant(0), size }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("fill" as const), byte: fc.nat(255), size }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("again" as const), piece: fc.nat(9) }) },
    ),
    { maxLength },
  );
}

/** Chunk sizes of every kind: usual ones, fixed ones, ones that cut inside runs of zeros, and any valid. */
export function chunkSizes(options: { readonly max: number }): fc.Arbitrary<ChunkSizes> {
  const usual = [
    { min: 48, avg: 64, max: 256 },
    { min: 1, avg: 64, max: 256 },
    { min: 256, avg: 1024, max: 4096 },
    { min: 1024, avg: 4096, max: 16_384 },
    { min: 4096, avg: 4096, max: 4096 },
    { min: 3943, avg: 3943, max: 8000 }, // 48 zero bytes are a boundary
    { min: 16_384, avg: 65_536, max: 262_144 },
  ].filter(({ max }) => max <= options.max);
  const any = fc.tuple(fc.integer({ min: 48, max: options.max }), fc.nat(), fc.nat()).map(([max, a, b]) => {
    const avg = 1 + a % max;
    return { min: 1 + b % avg, avg, max };
  });
  return fc.oneof(fc.constantFrom(...usual), any);
}

/** The index of a blob, made by one thread in the simplest way. */
export async function indexOf(
  bytes: Uint8Array,
  options: { readonly sizes: ChunkSizes; readonly digest: Digest },
): Promise<Index> {
  const { sizes, digest } = options;
  const rows = new IndexBuilder();
  for await (const plain of chunks([bytes], { sizes })) {
    rows.append(digest.digest(plain), { offset: 0, size: plain.length });
  }
  return rows.finish({ sizes, flags: blobFeatureFlags(digest.name) });
}

/** Asserts that two indexes have the same rows, and shows the difference in readable form. */
export function assertSameRows(
  actual: Pick<Index, "ids" | "ends">,
  expected: Pick<Index, "ids" | "ends">,
): void {
  const bytes = ({ ends }: Pick<Index, "ends">) => new Uint8Array(ends.slice().buffer);
  if (equal(actual.ids, expected.ids) && equal(bytes(actual), bytes(expected))) return;
  assert.deepEqual(rowsOf(actual), rowsOf(expected));
}

function rowsOf(index: Pick<Index, "ids" | "ends">): readonly string[] {
  return Array.from(
    index.ends,
    (end, row) => `${end} ${index.ids.subarray(32 * row, 32 * row + 32).toHex()}`,
  );
}

/** A stream of `bytes` in slices that end at `cuts`, in bytes from the end of the one before. */
export function streamOf(bytes: Uint8Array, cuts: readonly number[] = []): ReadableStream<Uint8Array> {
  const slices: Uint8Array[] = [];
  let at = 0;
  for (const cut of cuts) slices.push(bytes.slice(at, at += cut));
  return ReadableStream.from([...slices, bytes.slice(at)]);
}

/** Writes `bytes` to a file; the pieces of zeros become holes. */
export async function writeSparse(path: string, parts: readonly Uint8Array[]): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  let at = 0;
  for (const part of parts) {
    if (part.some((byte) => byte !== 0)) {
      await file.seek(at, Deno.SeekMode.Start);
      for (let done = 0; done < part.length;) done += await file.write(part.subarray(done));
    }
    at += part.length;
  }
  await file.truncate(at);
}
