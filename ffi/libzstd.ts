/**
 * libzstd: compression and decompression with contexts that are kept.
 *
 * Functions that return `size_t` are declared to return `i32`, which spares a BigInt: the library says that it
 * failed by `(size_t)-code`, so errors come out negative, and sizes are right as long as they are below 2 GiB.
 *
 * @module
 */

import { lazyLibrary, type LibraryNames } from "./library.ts";

const NAMES: LibraryNames = {
  linux: ["libzstd.so.1"],
  darwin: ["/opt/homebrew/lib/libzstd.1.dylib", "/usr/local/lib/libzstd.1.dylib"],
};

/** Declarations of the functions of libzstd in use. */
export const LIBZSTD_SYMBOLS = {
  // ZSTD_CCtx *ZSTD_createCCtx(void)
  ZSTD_createCCtx: { parameters: [], result: "pointer" },
  // size_t ZSTD_freeCCtx(ZSTD_CCtx *cctx)
  ZSTD_freeCCtx: { parameters: ["pointer"], result: "i32" },
  // size_t ZSTD_compressCCtx(ZSTD_CCtx *cctx, void *dst, size_t dstCapacity, const void *src, size_t srcSize, int level)
  ZSTD_compressCCtx: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize", "i32"],
    result: "i32",
  },
  // ZSTD_DCtx *ZSTD_createDCtx(void)
  ZSTD_createDCtx: { parameters: [], result: "pointer" },
  // size_t ZSTD_freeDCtx(ZSTD_DCtx *dctx)
  ZSTD_freeDCtx: { parameters: ["pointer"], result: "i32" },
  // size_t ZSTD_decompressDCtx(ZSTD_DCtx *dctx, void *dst, size_t dstCapacity, const void *src, size_t srcSize)
  ZSTD_decompressDCtx: { parameters: ["pointer", "buffer", "usize", "buffer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of libzstd by name. */
export type Libzstd = Deno.StaticForeignLibraryInterface<typeof LIBZSTD_SYMBOLS>;

/** `ZSTD_error_dstSize_tooSmall`: what was to be written does not fit. */
export const ZSTD_ERROR_DST_SIZE_TOO_SMALL = 70;

const open = lazyLibrary(NAMES, LIBZSTD_SYMBOLS);

/**
 * Opens the library at the first call.
 *
 * @returns libzstd; `undefined` where it cannot be called.
 */
export function libzstd(): Libzstd | undefined {
  return open();
}
