/**
 * Search for chunk boundaries in memory.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { openPlainScanner } from "./scanner_plain.ts";
import { openWasmScanner } from "./scanner_wasm.ts";
import { type ChunkSizes, discriminator, validateChunkSizes } from "./sizes.ts";

/** Ways to search: SIMD in WebAssembly, or TypeScript. Both find the same boundaries. */
export type ScannerImplementation = "wasm" | "plain";

/** Finds chunk boundaries in a region of memory. */
export interface BoundaryScanner {
  /** Which implementation this is. */
  readonly name: ScannerImplementation;
  /** All of the memory; what is to be scanned must lie in it. Shared. */
  readonly bytes: Uint8Array;
  /**
   * Finds the first boundary: a position whose 48 bytes before it hash to D − 1 modulo D.
   *
   * `from` and `to` are offsets into `bytes`; `from` − 48 is at least {@linkcode SCANNER_RESERVED} and `to`
   * at most the size of the memory. Bytes from `to` on may be read, but do not matter.
   *
   * @returns The smallest such position with `from` ≤ position ≤ `to`, or −1.
   */
  find(from: number, to: number): number;
  /** Whether the bytes from offset `from` up to, not including, offset `to` are all zero. */
  isZero(from: number, to: number): boolean;
}

/** What {@linkcode openScanner} needs to know. */
export interface ScannerOptions {
  /** Decide which positions are boundaries. */
  readonly sizes: ChunkSizes;
  /**
   * What will be scanned, at most 2 GiB. Its first {@linkcode SCANNER_RESERVED} bytes are the scanner's;
   * several scanners of one thread may share them, scanners of several threads must not work at the same
   * time.
   */
  readonly memory: WebAssembly.Memory;
  /**
   * Forces one implementation.
   *
   * @default "wasm" where WebAssembly has SIMD and accepts `memory`, unless chunks are so small that
   * TypeScript is faster; otherwise "plain"
   */
  readonly implementation?: ScannerImplementation | undefined;
}

/** Bytes at the start of the memory that the scanner keeps for itself. */
export const SCANNER_RESERVED = 65_536;

/** Where boundaries are closer than this, most of what the module does in advance is in vain. */
const LEAST_WASM_DIVISOR = 768;

/** Largest memory, because offsets are signed 32-bit integers. */
const MAX_MEMORY_SIZE = 2 ** 31;

/**
 * Opens a scanner; synchronous, the WebAssembly module has less than 4 KiB. A private memory needs a maximum
 * to be accepted by WebAssembly, as a shared one has anyway. The memory must not grow while it is scanned.
 *
 * @throws {RangeError} If the sizes are invalid, or the memory has less than {@linkcode SCANNER_RESERVED}
 * bytes or more than 2 GiB.
 * @throws {UnsupportedError} If WebAssembly is forced and cannot be had.
 */
export function openScanner(options: ScannerOptions): BoundaryScanner {
  const { sizes, memory, implementation } = options;
  validateChunkSizes(sizes);
  const size = memory.buffer.byteLength;
  if (size < SCANNER_RESERVED || size > MAX_MEMORY_SIZE) {
    throw new RangeError(
      `Cannot scan a memory of ${size} bytes: ${SCANNER_RESERVED} to ${MAX_MEMORY_SIZE} are possible`,
    );
  }
  const divisor = discriminator(sizes);
  const wanted = implementation ?? (divisor < LEAST_WASM_DIVISOR ? "plain" : "wasm");
  if (wanted === "plain") return openPlainScanner(memory, divisor);
  const scanner = openWasmScanner(memory, divisor);
  if (!(scanner instanceof Error)) return scanner;
  if (implementation === undefined) return openPlainScanner(memory, divisor);
  throw new UnsupportedError("Cannot scan with WebAssembly: it has no SIMD or refuses the memory", {
    cause: scanner,
  });
}
