/**
 * The compressing layer: zstd.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import type { BufferCodec } from "./codec.ts";
import { corrupt, outlineZstd, tooLarge, zstdBound, type ZstdFrame } from "./zstd_frame.ts";

/** Who compresses: libzstd by FFI, `node:zlib`, or WebAssembly; fastest first. */
export type ZstdImplementation = "ffi" | "node" | "wasm";

/** Options of {@linkcode openZstd}. */
export interface ZstdOptions {
  /** The only implementation to try. @default the first that works of "ffi", "node", "wasm" */
  readonly implementation?: ZstdImplementation | undefined;
  /** From 1, fastest, to 22, smallest. @default 2: within 1 % of the size of desync's chunks, in two thirds of the time of level 3 */
  readonly level?: number | undefined;
}

/**
 * Compression with zstd.
 *
 * Writes one frame that declares its size. It has no checksum: the chunk's ID is a better one, and is checked
 * in any case. Reads any number of frames, with and without size and checksum.
 *
 * Disposal frees native memory, which is also freed when the codec is collected, but not when its thread ends. A
 * codec may be used after that; it then allocates anew.
 */
export interface ZstdCodec extends BufferCodec, Disposable {
  /** Who compresses. */
  readonly implementation: ZstdImplementation;
}

/** What one library can do; it sees only what {@linkcode outlineZstd} let pass. */
export interface ZstdEngine extends Disposable {
  /** Which one it is. */
  readonly implementation: ZstdImplementation;
  /**
   * Writes one frame to `target`.
   *
   * @returns Its size; `undefined` if it does not fit.
   */
  compress(plain: Uint8Array, target: Uint8Array, level: number): number | undefined;
  /**
   * Writes the plain bytes of all frames to `target`.
   *
   * @returns Their size.
   * @throws {FormatError} If they are corrupt or do not fit.
   */
  decompress(stored: Uint8Array, target: Uint8Array, frames: readonly ZstdFrame[]): number;
}

const OPENERS: Readonly<Record<ZstdImplementation, () => Promise<ZstdEngine | undefined>>> = {
  ffi: async () => (await import("./zstd_ffi.ts")).openFfiZstd(),
  node: async () => (await import("./zstd_node.ts")).openNodeZstd(),
  wasm: async () => await (await import("./zstd_wasm.ts")).openWasmZstd(),
};

/** What casync and desync call files that hold a zstd frame, or one of xz or gzip. */
export const ZSTD_EXTENSION = ".cacnk";

/**
 * Opens the fastest zstd that works here.
 *
 * @throws {UnsupportedError} If the implementation asked for cannot be had.
 * @throws {RangeError} If the level is not an integer from 1 to 22.
 */
export async function openZstd(options: ZstdOptions = {}): Promise<ZstdCodec> {
  const { implementation, level = 2 } = options;
  if (!Number.isInteger(level) || level < 1 || level > 22) {
    throw new RangeError(`Cannot open zstd: level ${level} is not an integer from 1 to 22`);
  }
  const openers = implementation === undefined ? Object.values(OPENERS) : [OPENERS[implementation]];
  for (const open of openers) {
    const engine = await open();
    if (engine !== undefined) return new EngineCodec(engine, level);
  }
  throw new UnsupportedError(`Cannot open zstd: no implementation '${implementation ?? "any"}' here`);
}

// Four times casync's largest chunk. Below this all engines work: sizes fit an i32, and a WASM memory.
const MAX_SIZE = 2 ** 29;

class EngineCodec implements ZstdCodec {
  readonly key = "zstd";
  readonly extension = ZSTD_EXTENSION;
  readonly #engine: ZstdEngine;
  readonly #level: number;
  /** For stored forms, whose size is not known before. */
  #scratch = new Uint8Array(0);

  constructor(engine: ZstdEngine, level: number) {
    this.#engine = engine;
    this.#level = level;
  }

  get implementation(): ZstdImplementation {
    return this.#engine.implementation;
  }

  encodeBound(size: number): number {
    return zstdBound(size);
  }

  encodeInto(plain: Uint8Array, target: Uint8Array): number {
    if (plain.length > MAX_SIZE) {
      throw new RangeError(`Cannot compress ${plain.length} bytes: more than ${MAX_SIZE} at once`);
    }
    const room = target.length > 2 * MAX_SIZE ? target.subarray(0, 2 * MAX_SIZE) : target;
    const size = this.#engine.compress(plain, room, this.#level);
    if (size === undefined) {
      throw new RangeError(
        `Cannot compress ${plain.length} bytes: target of ${target.length} bytes is too small`,
      );
    }
    return size;
  }

  encode(plain: Uint8Array): Uint8Array<ArrayBuffer> {
    const bound = this.encodeBound(plain.length);
    if (this.#scratch.length < bound) this.#scratch = new Uint8Array(bound);
    return this.#scratch.slice(0, this.encodeInto(plain, this.#scratch));
  }

  decodeInto(stored: Uint8Array, target: Uint8Array): number {
    const room = target.length > MAX_SIZE ? target.subarray(0, MAX_SIZE) : target;
    return this.#decompress(stored, room, outlineZstd(stored, room.length).frames);
  }

  decode(stored: Uint8Array, maxSize: number): Uint8Array<ArrayBuffer> {
    const limit = Math.min(maxSize, MAX_SIZE);
    const { frames, sizeBound } = outlineZstd(stored, limit);
    const target = new Uint8Array(Math.min(limit, sizeBound));
    const size = this.#decompress(stored, target, frames);
    return size === target.length ? target : target.slice(0, size);
  }

  #decompress(stored: Uint8Array, target: Uint8Array, frames: readonly ZstdFrame[]): number {
    // Nothing that is allowed to be decoded compresses to more, unless somebody wants to waste memory.
    if (stored.length > 2 * MAX_SIZE) throw tooLarge(MAX_SIZE);
    const size = this.#engine.decompress(stored, target, frames);
    // Some libraries end quietly where others report an error.
    const declared = frames.every((frame) => frame.size !== undefined);
    if (declared && size !== frames.reduce((sum, frame) => sum + frame.sizeBound, 0)) throw corrupt();
    return size;
  }

  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]();
  }
}
