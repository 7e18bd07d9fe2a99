/**
 * zstd by `@bokuweb/zstd-wasm`: libzstd in WebAssembly, for where there is neither FFI nor `node:zlib`.
 *
 * Its memory grows to the largest chunk seen and never shrinks. In Deno it needs read permission for its own file.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import type { ZstdEngine } from "./zstd.ts";
import { corrupt, tooLarge } from "./zstd_frame.ts";

/**
 * Loads and compiles the module.
 *
 * @throws {UnsupportedError} If it cannot be loaded.
 */
export async function openWasmZstd(): Promise<ZstdEngine> {
  const { compress, decompress } = await (instance ??= load());
  return {
    implementation: "wasm",
    compress(plain, target, level) {
      const stored = compress(plain, level);
      if (stored.length > target.length) return undefined;
      target.set(stored);
      return stored.length;
    },
    decompress(stored, target, frames) {
      let size = 0;
      for (const frame of frames) {
        const room = target.length - size;
        // The package has no streaming interface. It allocates the size that the first frame declares, or else
        // `defaultHeapSize`, and fails if more comes out; the outline has bounded both.
        const defaultHeapSize = Math.min(frame.sizeBound, room);
        let plain: Uint8Array;
        try {
          plain = decompress(stored.subarray(frame.start, frame.end), { defaultHeapSize });
        } catch (cause) {
          // Code 70: the output does not fit.
          throw cause instanceof Error && cause.message.endsWith(" -70")
            ? tooLarge(target.length)
            : corrupt(cause);
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

// The package has one instance for all its users; to initialize it again would replace the memory under them.
let instance: ReturnType<typeof load> | undefined;

async function load() {
  try {
    const zstd = await import("npm:@bokuweb/zstd-wasm@0.0.27");
    await zstd.init();
    return zstd;
  } catch (cause) {
    instance = undefined;
    throw new UnsupportedError("Cannot load zstd for WebAssembly: its module cannot be read", { cause });
  }
}
