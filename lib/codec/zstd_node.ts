/**
 * zstd by `node:zlib`, which makes a context for every call.
 *
 * @module
 */

import type { ZstdEngine } from "./zstd.ts";
import { corrupt, tooLarge, zstdBound } from "./zstd_frame.ts";

/**
 * Opens `node:zlib`.
 *
 * @returns `undefined` where there is none, or it knows no zstd (Node before 22.15).
 */
export function openNodeZstd(): ZstdEngine | undefined {
  const zlib = globalThis.process?.getBuiltinModule?.("node:zlib");
  if (typeof zlib?.zstdCompressSync !== "function") return undefined;
  const { ZSTD_c_compressionLevel, ZSTD_d_windowLogMax } = zlib.constants;
  return {
    implementation: "node",
    compress(plain, target, level) {
      const options = {
        params: { [ZSTD_c_compressionLevel]: level },
        // Without it, the frame would not declare its size. Deno's types do not know it.
        pledgedSrcSize: plain.length,
        // If the output takes more than one buffer, Deno appends an empty frame, and casync refuses the chunk.
        chunkSize: Math.max(64, zstdBound(plain.length)),
      };
      const stored = zlib.zstdCompressSync(plain, options);
      if (stored.length > target.length) return undefined;
      target.set(stored);
      return stored.length;
    },
    decompress(stored, target, frames) {
      let size = 0;
      for (const frame of frames) {
        const room = target.length - size;
        const sizeBound = Math.min(frame.sizeBound, room);
        const options = {
          // Deno ignores what follows the first frame, hence one call a frame. A buffer for all of the output is
          // fastest, and lets libzstd decode into it directly.
          chunkSize: Math.max(64, sizeBound),
          maxOutputLength: Math.max(1, sizeBound),
          // A frame may declare all its content as window, and the outline has bounded both.
          params: { [ZSTD_d_windowLogMax]: 30 },
        };
        let plain: Uint8Array;
        try {
          plain = zlib.zstdDecompressSync(stored.subarray(frame.start, frame.end), options);
        } catch (cause) {
          const { code } = cause as { readonly code?: unknown };
          throw code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(target.length) : corrupt(cause);
        }
        if (plain.length > room) throw tooLarge(target.length);
        target.set(plain, size);
        size += plain.length;
      }
      return size;
    },
    [Symbol.dispose]() {},
  };
}
