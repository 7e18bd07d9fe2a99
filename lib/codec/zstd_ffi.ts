/**
 * zstd by libzstd, called directly.
 *
 * @module
 */

import { type Libzstd, libzstd, ZSTD_ERROR_DST_SIZE_TOO_SMALL } from "../../ffi/libzstd.ts";
import type { ZstdEngine } from "./zstd.ts";
import { corrupt, tooLarge } from "./zstd_frame.ts";

/**
 * Opens libzstd.
 *
 * @returns `undefined` if it cannot be called.
 */
export function openFfiZstd(): ZstdEngine | undefined {
  const library = libzstd();
  return library === undefined ? undefined : new FfiEngine(library);
}

/** Native contexts of one codec: up to 1.3 MiB to compress at level 3, 0.1 MiB to decompress. */
interface Contexts {
  compress: Deno.PointerValue;
  decompress: Deno.PointerValue;
}

class FfiEngine implements ZstdEngine {
  readonly implementation = "ffi";
  readonly #library: Libzstd;
  // Kept, because a new one for every call costs up to a tenth of the speed; made late, as most uses need only one.
  readonly #contexts: Contexts = { compress: null, decompress: null };

  constructor(library: Libzstd) {
    this.#library = library;
    abandoned.register(this, this.#contexts);
  }

  compress(plain: Uint8Array, target: Uint8Array, level: number): number | undefined {
    const context = this.#contexts.compress ??= made(this.#library.ZSTD_createCCtx());
    const size = this.#library.ZSTD_compressCCtx(
      context,
      target,
      BigInt(target.length),
      plain,
      BigInt(plain.length),
      level,
    );
    if (size >= 0) return size;
    if (size === -ZSTD_ERROR_DST_SIZE_TOO_SMALL) return undefined;
    throw new Error(`Cannot compress ${plain.length} bytes: libzstd reports error ${-size}`);
  }

  decompress(stored: Uint8Array, target: Uint8Array): number {
    const context = this.#contexts.decompress ??= made(this.#library.ZSTD_createDCtx());
    // Decodes into the target itself, so that the window a frame asks for is never allocated.
    const size = this.#library.ZSTD_decompressDCtx(
      context,
      target,
      BigInt(target.length),
      stored,
      BigInt(stored.length),
    );
    if (size >= 0) return size;
    throw size === -ZSTD_ERROR_DST_SIZE_TOO_SMALL ? tooLarge(target.length) : corrupt();
  }

  [Symbol.dispose](): void {
    free(this.#contexts);
  }
}

function made(context: Deno.PointerValue): Deno.PointerObject {
  if (context === null) throw new Error("Cannot make a zstd context: out of memory");
  return context;
}

const abandoned = new FinalizationRegistry<Contexts>(free);

function free(contexts: Contexts): void {
  const library = libzstd();
  if (contexts.compress !== null) library?.ZSTD_freeCCtx(contexts.compress);
  if (contexts.decompress !== null) library?.ZSTD_freeDCtx(contexts.decompress);
  contexts.compress = contexts.decompress = null;
}
