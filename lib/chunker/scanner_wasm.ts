/**
 * Boundary scanner in SIMD WebAssembly; `scripts/wasm/scan.as` is its source.
 *
 * @module
 */

import { boundaryFilter } from "./boundary_filter.ts";
import { BUZHASH_TABLE } from "./buzhash.ts";
import { SCAN_WASM, SHARED_FLAG_OFFSET } from "./scan_wasm.ts";
import type { BoundaryScanner } from "./scanner.ts";

/** TABLE in `scan.as`. */
const TABLE_OFFSET = 1024;

/** Bounds of a lane's size in bytes, a multiple of 16. */
const MIN_LANE_SIZE = 48;
const MAX_LANE_SIZE = 1024;

/** Why there is no scanner. */
export type WasmRefusal = WebAssembly.CompileError | WebAssembly.LinkError;

interface ScanExports {
  find(from: number, to: number): number;
  isZero(from: number, to: number): number;
}

/**
 * Opens the scanner for positions with `hash mod divisor == divisor − 1`.
 *
 * @returns The scanner, or the error that says why WebAssembly does not provide one.
 */
export function openWasmScanner(memory: WebAssembly.Memory, divisor: number): BoundaryScanner | WasmRefusal {
  const { multiplier, addend, limit } = boundaryFilter(divisor);
  const env = { memory, divisor, multiplier, addend, limit, lane: laneSize(divisor) };
  let exports: WebAssembly.Exports;
  try {
    exports = new WebAssembly.Instance(compileScanner(memory), { env }).exports;
  } catch (error) {
    if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) return error;
    throw error;
  }
  new Uint32Array(memory.buffer, TABLE_OFFSET, BUZHASH_TABLE.length).set(BUZHASH_TABLE);
  return new WasmScanner(memory, exports as unknown as ScanExports);
}

class WasmScanner implements BoundaryScanner {
  readonly name = "wasm";
  readonly bytes: Uint8Array;
  readonly find: (from: number, to: number) => number;
  readonly #isZero: (from: number, to: number) => number;

  constructor(memory: WebAssembly.Memory, exports: ScanExports) {
    this.bytes = new Uint8Array(memory.buffer);
    this.find = exports.find;
    this.#isZero = exports.isZero;
  }

  isZero(from: number, to: number): boolean {
    return this.#isZero(from, to) !== 0;
  }
}

/** The module for memories like `memory`. */
function compileScanner(memory: WebAssembly.Memory): WebAssembly.Module {
  // Not every runtime has fromBase64() yet; where it is, it saves 3 ms of the program's start.
  const binary = Uint8Array.fromBase64?.(SCAN_WASM) ??
    Uint8Array.from(atob(SCAN_WASM), (char) => char.charCodeAt(0));
  if (memory.buffer instanceof ArrayBuffer) binary[SHARED_FLAG_OFFSET] = 1;
  return new WebAssembly.Module(binary);
}

/**
 * Each stripe costs 48 bytes more a lane, and one half of the stripe with the boundary is looked at in vain;
 * boundaries are `divisor` apart. So 48 / lane + 2 · lane / divisor is what should be small.
 */
function laneSize(divisor: number): number {
  const best = Math.ceil(Math.sqrt(24 * divisor) / 16) * 16;
  return Math.min(MAX_LANE_SIZE, Math.max(MIN_LANE_SIZE, best));
}
