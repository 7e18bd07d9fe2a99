/**
 * Output that goes to a file if one is named, else to standard output.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { AtomicFile } from "../lib/io/atomic_file.ts";
import { openPosix } from "../lib/platform/posix.ts";
import type { OutputStream } from "./output.ts";
import { untilAborted } from "./until_aborted.ts";

/** Where a command's result goes. Disposed of before {@linkcode FileOutput.commit}, a new file vanishes. */
export interface FileOutput extends AsyncDisposable {
  /** Name of the new file until it is complete, for other threads to write to; undefined if it is no new file. */
  readonly temporary?: string | undefined;
  write(bytes: Uint8Array): Promise<void>;
  /** Says that the output is complete. */
  commit(): Promise<void>;
}

/**
 * Opens the output: a regular file appears under its name once it is complete; pipes and devices are written to.
 *
 * @param path Undefined or `-`: standard output.
 * @throws {StoreError} If it cannot be written.
 */
export async function openFileOutput(
  path: string | undefined,
  context: { readonly stdout: OutputStream; readonly signal: AbortSignal },
): Promise<FileOutput> {
  if (path === undefined || path === "-") return standardOutput(context.stdout);
  try {
    const info = await Deno.stat(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (info?.isDirectory ?? false) throw new StoreError(path, "write", { reason: "it is a directory" });
    if (info === undefined) return await newFile(path);
    // What a symbolic link such as /dev/stdout leads to is replaced, not the link.
    return info.isFile ? await newFile(await Deno.realPath(path)) : await existingFile(path, context.signal);
  } catch (cause) {
    context.signal.throwIfAborted();
    throw cause instanceof StoreError ? cause : new StoreError(path, "write", { cause });
  }
}

function standardOutput(stdout: OutputStream): FileOutput {
  return {
    write: async (bytes) => await stdout.write(bytes),
    commit: () => stdout.flush(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function newFile(path: string): Promise<FileOutput> {
  const file = new AtomicFile(await openPosix(), path);
  let offset = 0;
  const attempt = (action: () => void): Promise<void> =>
    new Promise((resolve) => {
      try {
        resolve(action());
      } catch (cause) {
        throw new StoreError(path, "write", { cause });
      }
    });
  return {
    temporary: file.temporary,
    write: (bytes) =>
      attempt(() => {
        file.file.writeAt(bytes, offset);
        offset += bytes.length;
      }),
    commit: () => attempt(() => file.commit()),
    [Symbol.asyncDispose]() {
      file[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

async function existingFile(path: string, signal: AbortSignal): Promise<FileOutput> {
  const discard = (late: Deno.FsFile) => late.close();
  const file = await untilAborted(Deno.open(path, { write: true }), { signal, discard });
  return {
    async write(bytes) {
      try {
        for (let done = 0; done < bytes.length;) {
          done += await untilAborted(file.write(bytes.subarray(done)), { signal });
        }
      } catch (cause) {
        signal.throwIfAborted();
        throw new StoreError(path, "write", { cause });
      }
    },
    commit: () => Promise.resolve(),
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}
