/**
 * Flags that several commands share, besides those of stores.
 *
 * @module
 */

import type { BooleanFlag, ListFlag, StringFlag } from "./flags.ts";

/** How a blob is cut. */
export const CHUNK_SIZE_FLAG: StringFlag & { readonly default: string } = {
  kind: "string",
  short: "m",
  default: "16:64:256",
  metavar: "min:avg:max",
  help: "chunk sizes in KiB",
};

/** Whether to create a store. */
export const CREATE_FLAG: BooleanFlag = {
  kind: "boolean",
  help: "create the directory that chunks are written to, if it does not exist",
};

/** Stores to read from. */
export const SOURCE_FLAGS: {
  readonly store: ListFlag;
  readonly cache: Omit<StringFlag, "default" | "choices">;
} = {
  store: { kind: "list", short: "s", help: "store to read chunks from; several are asked in order" },
  cache: { kind: "string", short: "c", help: "store that is asked first, and keeps what the others had" },
};

/** Chunks to leave out. */
export const IGNORE_FLAGS: { readonly ignore: ListFlag; readonly ignoreChunks: ListFlag } = {
  ignore: { kind: "list", help: "index whose chunks are left out" },
  ignoreChunks: { kind: "list", help: "file with the IDs of chunks that are left out, one a line" },
};
