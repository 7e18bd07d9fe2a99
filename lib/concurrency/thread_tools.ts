/**
 * What one thread of the engine works with: its own digest, codec, open files and buffers.
 *
 * @module
 */

import { encodeChunkId, formatChunkId } from "../chunk_id.ts";
import { openZstd, type ZstdCodec, type ZstdImplementation } from "../codec/zstd.ts";
import type { Digest, DigestImplementation, DigestName } from "../digest/digest.ts";
import { nullChunkId, openDigest } from "../digest/open.ts";
import { openPosix, type Posix, type PosixFile } from "../platform/posix.ts";
import { ChunkFiles } from "../store/chunk_files.ts";
import type { ChunkDirectory } from "../store/types.ts";

/** Implementations to use instead of the fastest that works; tests force each of them. */
export interface EngineImplementations {
  readonly posix?: "ffi" | "deno" | undefined;
  readonly digest?: DigestImplementation | undefined;
  readonly zstd?: ZstdImplementation | undefined;
  readonly scanner?: "wasm" | "plain" | undefined;
}

/** How every thread of one engine is set up. */
export interface ThreadSettings {
  readonly digest: DigestName;
  readonly implementations: EngineImplementations;
}

/** Something a task noticed and went on after, such as a stored chunk that is damaged. */
export interface Finding {
  /** Chunk ID, or number of the seed, that it is about. */
  readonly subject: string;
  readonly text: string;
}

/** The tools of one thread; synchronous from here on. */
export class ThreadTools implements Disposable {
  readonly posix: Posix;
  readonly digest: Digest;
  readonly zstd: ZstdCodec;
  readonly #report: (finding: Finding) => void;
  readonly #counters = new Map<string, number>();
  readonly #files = new Map<string, PosixFile>();
  readonly #directories = new Map<string, ChunkFiles>();
  readonly #buffers = new Map<string, Uint8Array>();

  /** Use {@linkcode openThreadTools}. */
  constructor(
    parts: { readonly posix: Posix; readonly digest: Digest; readonly zstd: ZstdCodec },
    report: (finding: Finding) => void,
  ) {
    this.posix = parts.posix;
    this.digest = parts.digest;
    this.zstd = parts.zstd;
    this.#report = report;
  }

  /** Tells the thread that started the task. */
  report(finding: Finding): void {
    this.#report(finding);
  }

  /** Adds to a counter of the task. */
  count(name: string, amount: number): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + amount);
  }

  /** @returns The counters, which start again from zero. */
  takeCounters(): Map<string, number> {
    const counters = new Map(this.#counters);
    this.#counters.clear();
    return counters;
  }

  /** The file at `path`, open until {@linkcode closeFiles}. */
  file(path: string, access: "read" | "read-write"): PosixFile {
    const key = `${access} ${path}`;
    let file = this.#files.get(key);
    if (file === undefined) this.#files.set(key, file = this.posix.open(path, { access }));
    return file;
  }

  /** Closes what {@linkcode file} opened; for the end of a task. */
  closeFiles(): void {
    using stack = new DisposableStack();
    for (const file of this.#files.values()) stack.use(file);
    this.#files.clear();
  }

  /** The chunks of a directory. */
  chunkFiles(directory: ChunkDirectory): ChunkFiles {
    const key = `${directory.form} ${directory.root}`;
    let files = this.#directories.get(key);
    if (files === undefined) {
      const extension = directory.form === "zstd" ? this.zstd.extension : "";
      files = new ChunkFiles(this.posix, { root: directory.root, extension });
      this.#directories.set(key, files);
    }
    return files;
  }

  /** A buffer of `size` bytes that is borrowed until the next call with the same name. */
  buffer(name: "plain" | "stored" | "encoded", size: number): Uint8Array {
    let buffer = this.#buffers.get(name);
    if (buffer === undefined || buffer.length < size) this.#buffers.set(name, buffer = new Uint8Array(size));
    return buffer.subarray(0, size);
  }

  /** The digest of `data` as text. */
  identify(data: Uint8Array): string {
    return formatChunkId(this.digest.digest(data));
  }

  [Symbol.dispose](): void {
    this.closeFiles();
    this.zstd[Symbol.dispose]();
  }
}

/** Opens the tools of this thread. */
export async function openThreadTools(
  settings: ThreadSettings,
  report: (finding: Finding) => void,
): Promise<ThreadTools> {
  const { implementations } = settings;
  const [posix, digest, zstd] = await Promise.all([
    openPosix({ implementation: implementations.posix }),
    openDigest(settings.digest, { implementation: implementations.digest }),
    openZstd({ implementation: implementations.zstd }),
  ]);
  return new ThreadTools({ posix, digest, zstd }, report);
}

/** 32 bytes: the ID of the chunk of `max` zero bytes. */
export function nullChunkBytes(digest: Digest, max: number): Uint8Array<ArrayBuffer> {
  return encodeChunkId(nullChunkId(digest, max));
}
