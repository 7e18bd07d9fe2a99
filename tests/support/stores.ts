/** Chunk stores for tests, and what should be in them. */

import { Chunk } from "../../lib/chunk.ts";
import { formatChunkId } from "../../lib/chunk_id.ts";
import { chunks } from "../../lib/chunker/chunker.ts";
import type { ChunkSizes } from "../../lib/chunker/sizes.ts";
import { CodecStack } from "../../lib/codec/codec_stack.ts";
import { openZstd } from "../../lib/codec/zstd.ts";
import type { Digest } from "../../lib/digest/digest.ts";
import { MemoryObjects } from "../../lib/objects/memory.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import { ChunkObjects } from "../../lib/store/chunk_objects.ts";
import { openLocalChunkStore } from "../../lib/store/local.ts";
import type { PrunableChunkStore, WritableChunkStore } from "../../lib/store/types.ts";

/** A store in a directory, which threads read and write by themselves. */
export function directoryStore(
  path: string,
  options: { readonly form: "zstd" | "plain"; readonly digest: Digest },
): Promise<PrunableChunkStore> {
  return openLocalChunkStore(path, {
    digest: options.digest,
    uncompressed: options.form === "plain",
    create: true,
  });
}

/** A store which threads cannot open. @param objects Where it keeps its chunks. */
export async function objectStore(
  objects: ObjectStore | undefined,
  digest: Digest,
): Promise<PrunableChunkStore> {
  return new ChunkObjects(objects ?? new MemoryObjects(), {
    codecs: new CodecStack([await openZstd()]),
    digest,
  });
}

/** Contents of the chunks of a blob in hexadecimal, by ID and sorted. */
export async function chunksIn(
  bytes: Uint8Array,
  options: { readonly sizes: ChunkSizes; readonly digest: Digest },
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const plain of chunks([bytes], { sizes: options.sizes })) {
    found.set(formatChunkId(options.digest.digest(plain)), plain.toHex());
  }
  return new Map([...found].sort());
}

/** Stores the chunks of a blob one by one. */
export async function fill(
  store: WritableChunkStore,
  bytes: Uint8Array,
  options: { readonly sizes: ChunkSizes; readonly digest: Digest },
): Promise<void> {
  for await (const plain of chunks([bytes], { sizes: options.sizes })) {
    await store.put(Chunk.fromPlain(formatChunkId(options.digest.digest(plain)), plain));
  }
}
