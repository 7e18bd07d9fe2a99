/**
 * The commands of the program. Nothing is imported before it runs.
 *
 * @module
 */

import type { CommandTable } from "./command.ts";

/** All commands, by name. */
export const COMMANDS: CommandTable = {
  cache: {
    summary: "Copy the chunks of indexes from stores into another one",
    load: () => import("./commands/cache.ts"),
  },
  cat: {
    summary: "Write a blob, or a part of it, to standard output or a file",
    load: () => import("./commands/cat.ts"),
  },
  chop: {
    summary: "Store the chunks of a file that an index describes",
    load: () => import("./commands/chop.ts"),
  },
  chunk: {
    summary: "List where a file would be cut into chunks",
    load: () => import("./commands/chunk.ts"),
  },
  completion: {
    summary: "Write a completion script for a shell",
    load: () => import("./commands/completion.ts"),
  },
  extract: {
    summary: "Rebuild a blob from an index, stores and seeds",
    load: () => import("./commands/extract.ts"),
  },
  help: {
    summary: "Explain the program or a command",
    load: () => import("./commands/help.ts"),
  },
  info: {
    summary: "Show statistics about an index",
    load: () => import("./commands/info.ts"),
  },
  "inspect-chunks": {
    summary: "List the chunks of an index with their sizes as JSON",
    load: () => import("./commands/inspect_chunks.ts"),
  },
  "list-chunks": {
    summary: "List the chunk IDs of an index",
    load: () => import("./commands/list_chunks.ts"),
  },
  make: {
    summary: "Cut a file into chunks, store them, and write an index",
    load: () => import("./commands/make.ts"),
  },
  prune: {
    summary: "Remove unreferenced chunks from a store",
    load: () => import("./commands/prune.ts"),
  },
  verify: {
    summary: "Check the chunks of a store",
    load: () => import("./commands/verify.ts"),
  },
  "verify-index": {
    summary: "Check that a file matches an index",
    load: () => import("./commands/verify_index.ts"),
  },
  version: {
    summary: "Show the version of the program",
    load: () => import("./commands/version.ts"),
  },
  __complete: {
    summary: "List completions with descriptions, for shell scripts",
    hidden: true,
    load: () => import("./commands/complete.ts"),
  },
  __completeNoDesc: {
    summary: "List completions without descriptions, for shell scripts",
    hidden: true,
    load: () => import("./commands/complete_no_desc.ts"),
  },
};
