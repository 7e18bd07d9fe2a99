/**
 * Files that commands read: blobs to cut, and lists of chunk IDs.
 *
 * @module
 */

import { type ChunkId, isChunkId, parseChunkId } from "../lib/chunk_id.ts";
import { type BlobSource, FileSource, StreamSource } from "../lib/concurrency/blob_source.ts";
import type { Engine } from "../lib/concurrency/worker_pool.ts";
import { FormatError, StoreError } from "../lib/errors.ts";
import { archiveFlags } from "../lib/ops/make.ts";
import { chunkSizes } from "../lib/ops/info.ts";
import { type IndexContext, readIndex } from "./index_locations.ts";
import { checkDigest, type EngineContext } from "./session.ts";
import { untilAborted } from "./until_aborted.ts";

/** A blob that is open for reading. */
export interface BlobInput extends Disposable {
  readonly source: BlobSource;
  /** Feature flags of the archive that it is, if it is one. */
  readonly archiveFlags: bigint | undefined;
}

/**
 * Opens a file or block device by position, and anything else, such as a pipe, as a stream; `-` is standard input.
 *
 * @throws {StoreError} If it cannot be read.
 */
export async function openBlobInput(
  path: string,
  options: {
    readonly engine: Engine;
    readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
    /** Ends the waiting for a pipe. */
    readonly signal: AbortSignal;
    /** Offset to start at, in bytes. @default 0 */
    readonly start?: number | undefined;
  },
): Promise<BlobInput> {
  const { engine, signal, start = 0 } = options;
  if (path === "-") return await streamInput(options.stdin, { start, signal });
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) throw new StoreError(path, "read", { reason: "it is a directory" });
    if (!info.isFile && info.isBlockDevice !== true) {
      const discard = (late: Deno.FsFile) => late.close();
      const pipe = await untilAborted(Deno.open(path), { signal, discard });
      return await streamInput(pipe.readable, { start, signal });
    }
    const file = engine.tools.posix.open(path);
    return {
      source: new FileSource(file, start),
      archiveFlags: start === 0 ? archiveFlags(file, engine) : undefined,
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof StoreError ? cause : new StoreError(path, "read", { cause });
  }
}

async function streamInput(
  stream: ReadableStream<Uint8Array>,
  options: { readonly start: number; readonly signal: AbortSignal },
): Promise<BlobInput> {
  const { start, signal } = options;
  const source = new StreamSource(stream);
  const skipped = new Uint8Array(65_536);
  for (let left = start; left > 0;) {
    const count = await source.read(skipped.subarray(0, Math.min(left, skipped.length)), { signal });
    if (count === 0) break;
    left -= count;
  }
  return { source, archiveFlags: undefined, [Symbol.dispose]: () => {} };
}

/**
 * Collects the chunks of indexes and of lists of IDs.
 *
 * @throws {FormatError} At a line that is no chunk ID; it names file and line.
 * @throws {UsageError} If the flag `--digest` contradicts an index.
 */
export async function readChunkIds(
  sources: { readonly indexes: readonly string[]; readonly lists: readonly string[] },
  context: IndexContext & EngineContext,
): Promise<Set<ChunkId>> {
  const ids = new Set<ChunkId>();
  for (const location of sources.indexes) {
    const index = await readIndex(location, context);
    checkDigest(context, index, location);
    for (const id of chunkSizes(index).keys()) ids.add(id);
  }
  for (const path of sources.lists) {
    const text = await readText(path, context);
    for (const [number, line] of text.split("\n").entries()) {
      const id = line.trim();
      if (id === "") continue;
      if (!isChunkId(id)) throw new FormatError(`${path}:${number + 1}: not a chunk ID: '${id}'`);
      ids.add(parseChunkId(id));
    }
  }
  return ids;
}

/** @throws {StoreError} If the file cannot be read. */
export async function readText(
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  try {
    return await Deno.readTextFile(path, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new StoreError(path, "read", { cause });
  }
}
