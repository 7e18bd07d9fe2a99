/**
 * Archives and tar files that commands unpack.
 *
 * @module
 */

import { type BlobSource, FileSource, StreamSource } from "../lib/concurrency/blob_source.ts";
import { readBlocks } from "../lib/concurrency/read_blocks.ts";
import { StoreError } from "../lib/errors.ts";
import { openPosix, type PosixFile } from "../lib/platform/posix.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./errors.ts";
import { untilAborted } from "./until_aborted.ts";

/** A file that is open for reading in order. */
export interface PackedInput extends Disposable {
  /** Size in bytes; 0 if it is not known beforehand. */
  readonly size: number;
  /** Its bytes, once; borrowed until the next ones are asked for. */
  readonly blocks: AsyncIterable<Uint8Array>;
  /** The file, if it can be read at any place; closed with the rest. */
  readonly file?: PosixFile | undefined;
}

/**
 * Opens a file, a pipe or, with `-`, standard input.
 *
 * @throws {StoreError} If it cannot be read.
 */
export async function openPackedInput(
  path: string,
  context: Pick<CommandContext, "stdin" | "signal">,
): Promise<PackedInput> {
  const { signal } = context;
  if (path === "-") return input(new StreamSource(context.stdin), { signal });
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) throw new StoreError(path, "read", { reason: "it is a directory" });
    if (!info.isFile) {
      const discard = (late: Deno.FsFile) => late.close();
      const pipe = await untilAborted(Deno.open(path), { signal, discard });
      return input(new StreamSource(pipe.readable), { signal, close: () => closeQuietly(pipe) });
    }
    const file = (await openPosix()).open(path);
    return { ...input(new FileSource(file), { signal, close: () => file[Symbol.dispose]() }), file };
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof StoreError ? cause : new StoreError(path, "read", { cause });
  }
}

function input(
  source: BlobSource,
  options: { readonly signal: AbortSignal; readonly close?: () => void },
): PackedInput {
  const { signal, close = () => {} } = options;
  return { size: source.size ?? 0, blocks: readBlocks(source, { signal }), [Symbol.dispose]: close };
}

/** At its end, a stream closes its file by itself. */
function closeQuietly(file: Deno.FsFile): void {
  try {
    file.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/**
 * Makes sure that a result is not written over what it is made from.
 *
 * @throws {UsageError} If the two are one file.
 */
export async function refuseSameInput(input: string, output: string): Promise<void> {
  if (input === "-" || output === "-") return;
  const [a, b] = await Promise.all([input, output].map((path) => Deno.realPath(path).catch(() => path)));
  if (a === b) throw new UsageError(`input and output are the same file: '${output}'`);
}
