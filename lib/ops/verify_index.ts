/**
 * Comparing a file with an index.
 *
 * @module
 */

import type { Engine } from "../concurrency/worker_pool.ts";
import { StoreError } from "../errors.ts";
import { blobSize, type Index } from "../format/index_file.ts";
import { type RowWorkOptions, workOnRows } from "./rows.ts";

/**
 * Makes sure that the file at `path` is what `index` describes. The size of a device may be larger.
 *
 * @throws {StoreError} If it has another size, or cannot be read.
 * @throws {ChunkInvalidError} At a difference; it gives the offset.
 */
export async function verifyIndex(
  engine: Engine,
  files: { readonly index: Index; readonly path: string },
  options: RowWorkOptions = {},
): Promise<void> {
  const { index, path } = files;
  let info;
  try {
    info = await Deno.stat(path);
  } catch (cause) {
    throw new StoreError(path, "read", { cause });
  }
  if (info.isFile && info.size !== blobSize(index)) {
    throw new StoreError(path, "verify", {
      reason: `it has ${info.size} bytes, the index describes ${blobSize(index)}`,
    });
  }
  await workOnRows(engine, { operation: { kind: "check", strict: true }, index, path }, options);
}
