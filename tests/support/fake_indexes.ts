/** Small indexes whose IDs are no digests. */

import fc from "npm:fast-check@4.10.2";
import { CHUNK_ID_SIZE } from "../../lib/chunk_id.ts";
import type { ChunkSizes } from "../../lib/chunker/sizes.ts";
import { type Index, IndexBuilder } from "../../lib/format/index_file.ts";

/** A row: which of a few chunk IDs, and how many bytes. */
export interface RowSpec {
  readonly id: number;
  readonly size: number;
}

/** Every chunk that {@linkcode rowSpecs} gives has at most that many bytes. */
export const SMALL_SIZES: ChunkSizes = { min: 1, avg: 50, max: 100 };

/** The number whose ID stands for the chunk of `max` zeros. */
export const NULL_ID = 0;

/** @returns 32 bytes; half of the IDs start with the same bytes, so that hash tables have to tell them apart. */
export function idBytes(id: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CHUNK_ID_SIZE);
  bytes[0] = id % 2;
  new DataView(bytes.buffer).setUint32(CHUNK_ID_SIZE - 4, id);
  return bytes;
}

/** @returns An index of these rows. */
export function fakeIndex(rows: readonly RowSpec[], sizes: ChunkSizes = SMALL_SIZES): Index {
  const builder = new IndexBuilder();
  for (const { id, size } of rows) builder.append(idBytes(id), { offset: 0, size });
  return builder.finish({ sizes, flags: 0xb000_0000_0000_0000n });
}

/**
 * Rows of few IDs. Nearly always an ID has one size, as a digest has; somebody may have written an index in which
 * it has two.
 */
export function rowSpecs(
  options: { readonly ids: number; readonly maxLength: number },
): fc.Arbitrary<RowSpec[]> {
  const row = fc.record({ id: fc.nat(options.ids - 1), odd: fc.nat(19) }).map(({ id, odd }) => {
    const size = id === NULL_ID ? SMALL_SIZES.max : 1 + id * 7 % SMALL_SIZES.max;
    return { id, size: odd === 0 ? 1 + (size + 11) % SMALL_SIZES.max : size };
  });
  // Repeated pieces are what seeds and self-references are about.
  return fc.array(fc.array(row, { maxLength: 6 }), { maxLength: 6 }).chain((pieces) =>
    fc.array(fc.nat(Math.max(0, pieces.length - 1)), { maxLength: options.maxLength })
      .map((order) => order.flatMap((piece) => pieces[piece] ?? []).slice(0, options.maxLength))
  );
}
