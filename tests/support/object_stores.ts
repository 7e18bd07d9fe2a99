/** Chunk stores over transports, with what tests do behind their backs. */

import type { Chunk } from "../../lib/chunk.ts";
import type { ChunkId } from "../../lib/chunk_id.ts";
import { CodecStack } from "../../lib/codec/codec_stack.ts";
import { openZstd } from "../../lib/codec/zstd.ts";
import { MemoryObjects } from "../../lib/objects/memory.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import { ChunkObjects } from "../../lib/store/chunk_objects.ts";
import { digest } from "./chunks.ts";

/** A stored form of chunks. */
export type StoredForm = "zstd" | "plain";

// Opened once: a library stays open for the life of the thread, which counts as a leak in a test.
const zstd = await openZstd();

/** The layers of a stored form. */
export const CODECS: Readonly<Record<StoredForm, CodecStack>> = {
  zstd: new CodecStack([zstd]),
  plain: new CodecStack([]),
};

/** A chunk store, and the means to change what it has. */
export interface OpenObjectStore {
  readonly store: ChunkObjects;
  add(chunk: Chunk): Promise<void>;
  plant(id: ChunkId, stored: Uint8Array): Promise<void>;
}

/** Opens a chunk store. @param objects Where it keeps its chunks, in memory if there is nothing else. */
export function chunkObjects(
  objects: ObjectStore = new MemoryObjects(),
  options: { readonly form?: StoredForm; readonly verify?: boolean } = {},
): OpenObjectStore {
  const codecs = CODECS[options.form ?? "zstd"];
  const store = new ChunkObjects(objects, { codecs, digest, verify: options.verify });
  return {
    store,
    add: (chunk) => store.put(chunk),
    plant: (id, stored) => objects.put(chunkKey(id, options.form), stored),
  };
}

/** The name of the object that holds a chunk. */
export function chunkKey(id: ChunkId, form: StoredForm = "zstd"): string {
  return `${id.slice(0, 4)}/${id}${CODECS[form].extension}`;
}
