/**
 * The commands of the program. None of their modules is read before its command runs.
 *
 * @module
 */

import type { CommandEntry, CommandTable } from "./command.ts";

/** All commands, by name. */
export const COMMANDS: CommandTable = {
  cache: entry("cache", "Copy the chunks of indexes from stores into another one"),
  cat: entry("cat", "Write a blob, or a part of it, to standard output or a file"),
  chop: entry("chop", "Store the chunks of a file that an index describes"),
  chunk: entry("chunk", "List where a file would be cut into chunks"),
  "chunk-server": entry("chunk_server", "Serve the chunks of stores over HTTP"),
  completion: entry("completion", "Write a completion script for a shell"),
  config: entry("config", "Show the configuration, or write it to its file"),
  digest: entry("digest", "Compute the digest of an archive, a directory or a blob"),
  extract: entry("extract", "Rebuild a blob from an index, stores and seeds"),
  help: entry("help", "Explain the program or a command"),
  "index-server": entry("index_server", "Serve indexes over HTTP"),
  info: entry("info", "Show statistics about an index"),
  "inspect-chunks": entry("inspect_chunks", "List the chunks of an index with their sizes as JSON"),
  list: entry("list", "List what is in an archive or a directory"),
  "list-chunks": entry("list_chunks", "List the chunk IDs of an index"),
  make: entry("make", "Cut a file into chunks, store them, and write an index"),
  mtree: entry("mtree", "List an archive or a directory in mtree format"),
  prune: entry("prune", "Remove unreferenced chunks from a store"),
  stat: entry("stat", "Show the metadata of an inode in an archive or a directory"),
  tar: entry("tar", "Pack a directory into an archive, or into chunks and an index"),
  untar: entry("untar", "Unpack an archive, or the one that an index describes"),
  verify: entry("verify", "Check the chunks of a store"),
  "verify-index": entry("verify_index", "Check that a file matches an index"),
  version: entry("version", "Show the version of the program"),
  __complete: entry("complete", "List completions with descriptions, for shell scripts", { hidden: true }),
  __completeNoDesc: entry("complete_no_desc", "List completions without descriptions, for shell scripts", {
    hidden: true,
  }),
};

/**
 * Describes the command in `commands/<module>.ts`.
 *
 * The specifier is computed because Deno reads the whole graph of literal ones when the program starts, which would take
 * half as long again as an empty program does. `compile.include` in `deno.json` names the directory for that reason.
 */
function entry(module: string, summary: string, options: Pick<CommandEntry, "hidden"> = {}): CommandEntry {
  return {
    ...options,
    summary,
    load: () => import(new URL(`./commands/${module}.ts`, import.meta.url).href),
  };
}
