/**
 * Seeds from the command line: `--seed` and `--seed-dir`.
 *
 * @module
 */

import type { DigestName } from "../lib/digest/digest.ts";
import { StoreError } from "../lib/errors.ts";
import { indexDigest } from "../lib/format/index_file.ts";
import { FileSeed } from "../lib/seed/seed.ts";
import { UsageError } from "./errors.ts";
import { type IndexContext, readIndex } from "./index_locations.ts";
import type { OutputStream } from "./output.ts";

/** What the flags say. */
export interface SeedFlags {
  /** Values of `--seed`. */
  readonly seeds: readonly string[];
  /** Values of `--seed-dir`. */
  readonly directories: readonly string[];
  /** Location of the index that is extracted; it is no seed of itself. */
  readonly target: string;
  /** Chunks with other digests never match. */
  readonly digest: DigestName;
}

const INDEX_SUFFIX = ".caibx";

/** Opens the seeds in the order in which they are preferred. */
export async function openSeeds(
  flags: SeedFlags,
  context: IndexContext & { readonly stderr: OutputStream },
): Promise<FileSeed[]> {
  const pairs = flags.seeds.map(parseSeed);
  for (const directory of flags.directories) pairs.push(...await findSeeds(directory, flags.target));
  const seeds: FileSeed[] = [];
  for (const { index: location, data } of pairs) {
    const index = await readIndex(location, context);
    if (indexDigest(index) === flags.digest) seeds.push(new FileSeed(data, index));
    else {context.stderr.writeLine(
        `Warning: Seed '${data}' is skipped: its index was made with another digest`,
      );}
  }
  return seeds;
}

/** An index and the file it describes. */
export interface SeedFiles {
  readonly index: string;
  readonly data: string;
}

/**
 * Reads a value of `--seed`: `<name>.caibx`, or index and data with a colon between them. Of several colons, the last
 * one counts, unless it belongs to a drive letter.
 *
 * @throws {UsageError} If it is neither.
 */
export function parseSeed(value: string): SeedFiles {
  if (value.endsWith(INDEX_SUFFIX)) return { index: value, data: value.slice(0, -INDEX_SUFFIX.length) };
  let colon = value.lastIndexOf(":");
  if (/:[A-Za-z]:[\\/]/.test(value.slice(Math.max(0, colon - 2), colon + 2))) colon -= 2;
  const index = value.slice(0, Math.max(0, colon));
  const data = value.slice(colon + 1);
  if (index === "" || data === "") {
    throw new UsageError(`invalid --seed '${value}': expected <name>.caibx or <index>:<data>`);
  }
  return { index, data };
}

/** Indexes below `directory` whose data are beside them, in the order of their names. */
async function findSeeds(directory: string, target: string): Promise<SeedFiles[]> {
  const self = await realPath(target);
  const found: SeedFiles[] = [];
  for await (const path of walk(directory)) {
    if (!path.endsWith(INDEX_SUFFIX) || (self !== undefined && await realPath(path) === self)) continue;
    const data = path.slice(0, -INDEX_SUFFIX.length);
    if (await isPresent(data)) found.push({ index: path, data });
  }
  return found;
}

async function* walk(directory: string): AsyncGenerator<string> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) entries.push(entry);
  } catch (cause) {
    throw new StoreError(directory, "search", { cause });
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = `${directory.replace(/\/+$/, "")}/${name}`;
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}

async function isPresent(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw new StoreError(path, "read", { cause });
  }
}

/** @returns Undefined for what is no file, such as a URL, and for a link that leads nowhere. */
async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}
