/**
 * Making an index, and storing the chunks.
 *
 * @module
 */

import type { BlobSource } from "../concurrency/blob_source.ts";
import { cutBlob, type CutBlobOptions } from "../concurrency/cut_blob.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import { ENTRY_SIZE, TYPE_ENTRY } from "../format/constants.ts";
import { blobFeatureFlags, normalizeFlags, unassignedFlags, withDigest } from "../format/feature_flags.ts";
import type { Index } from "../format/index_file.ts";
import type { PosixFile } from "../platform/posix.ts";

/** How to make an index. */
export interface MakeIndexOptions extends CutBlobOptions {
  /** Feature flags of the index. @default those casync gives the index of a blob */
  readonly flags?: bigint | undefined;
}

/** An index, and how many chunks were written to the store. */
export interface MakeIndexResult {
  readonly index: Index;
  readonly stored: number;
}

/** Cuts a blob and makes its index; chunks the store does not have are written to it. */
export async function makeIndex(
  engine: Engine,
  source: BlobSource,
  options: MakeIndexOptions,
): Promise<MakeIndexResult> {
  const { rows, stored } = await cutBlob(engine, source, options);
  const flags = options.flags ?? blobFeatureFlags(engine.digest);
  return { index: rows.finish({ sizes: options.sizes, flags }), stored };
}

/**
 * Feature flags of the archive in `file`, for its index, which has to carry the same.
 *
 * @returns Undefined if it does not start as an archive does.
 */
export function archiveFlags(file: PosixFile, engine: Engine): bigint | undefined {
  const head = new Uint8Array(ENTRY_SIZE);
  if (file.readAt(head, 0) < ENTRY_SIZE) return undefined;
  const view = new DataView(head.buffer);
  if (view.getBigUint64(0, true) !== BigInt(ENTRY_SIZE) || view.getBigUint64(8, true) !== TYPE_ENTRY) {
    return undefined;
  }
  const flags = view.getBigUint64(16, true);
  if (unassignedFlags(flags) !== 0n || normalizeFlags(flags) !== flags) return undefined;
  return withDigest(flags, engine.digest);
}
