/**
 * From what the command line says to indexes: files, standard input and output, and servers.
 *
 * @module
 */

import { IndexMissingError, StoreError } from "../lib/errors.ts";
import { decodeIndex, encodeIndex, type Index } from "../lib/format/index_file.ts";
import { IndexObjects } from "../lib/store/index_objects.ts";
import { openLocalIndexStore } from "../lib/store/local.ts";
import type { WritableIndexStore } from "../lib/store/types.ts";
import { indexStoreOptionsFor } from "./config.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./errors.ts";
import { redactLocation } from "./location_match.ts";
import { httpOptions, isHttp } from "./locations.ts";
import { mergeStoreOptions, type StoreFlagValues, type StoreSettings } from "./store_settings.ts";
import { untilAborted } from "./until_aborted.ts";

/** What indexes are read with. */
export type IndexContext = IndexSettingsContext & Pick<CommandContext, "stdin" | "signal">;

/** What says how to reach a place for indexes. */
type IndexSettingsContext =
  & Pick<CommandContext, "config" | "env" | "given">
  & { readonly flags: StoreFlagValues };

/** @throws {ConfigError} If the configuration says of a place for indexes that it is encrypted. */
async function indexSettings(location: string, context: IndexSettingsContext): Promise<StoreSettings> {
  const record = indexStoreOptionsFor(await context.config(), location);
  return mergeStoreOptions({ location, record }, context);
}

/** Opens the store that an index URL points into. */
async function openHttpIndexes(
  url: string,
  settings: StoreSettings,
): Promise<{ readonly store: WritableIndexStore; readonly name: string }> {
  const [{ openHttpObjects }, { splitIndexUrl }] = await Promise.all([
    import("../lib/objects/http.ts"),
    import("../lib/objects/http_url.ts"),
  ]);
  const { base, name, query } = splitIndexUrl(url);
  return {
    store: new IndexObjects(await openHttpObjects(base, { ...await httpOptions(settings), query })),
    name,
  };
}

/**
 * Reads an index, from `stdin` if the location is `-`.
 *
 * @throws {IndexMissingError} If there is none.
 * @throws {FormatError} If it is not an index.
 */
export async function readIndex(location: string, context: IndexContext): Promise<Index> {
  const settings = await indexSettings(location, context);
  if (location === "-") return decodeIndex(await readInput(context), { location: "-" });
  if (isHttp(location, "index")) return await readHttpIndex(location, { settings, signal: context.signal });
  let bytes;
  try {
    // Not through an index store: a pipe such as /dev/fd/63 is as good as a file.
    bytes = await Deno.readFile(location, { signal: context.signal });
  } catch (cause) {
    context.signal.throwIfAborted();
    if (cause instanceof Deno.errors.NotFound) throw new IndexMissingError(location);
    throw new StoreError(location, "read index", { cause });
  }
  return decodeIndex(bytes, { location });
}

async function readHttpIndex(
  url: string,
  { settings, signal }: { readonly settings: StoreSettings; readonly signal: AbortSignal },
): Promise<Index> {
  const { store, name } = await openHttpIndexes(url, settings);
  await using _ = store;
  const index = await store.get(name, { signal });
  if (index === undefined) throw new IndexMissingError(redactLocation(url));
  return index;
}

/** Reads all of `stdin`. */
async function readInput(context: Pick<CommandContext, "stdin">): Promise<Uint8Array> {
  const { stdin } = context;
  if (stdin.locked) throw new UsageError("standard input can be read only once: '-' is given twice");
  return await new Response(stdin).bytes();
}

/** Writes an index to something that is no regular file. */
async function writeInto(
  location: string,
  work: { readonly index: Index; readonly signal: AbortSignal },
): Promise<void> {
  const { index, signal } = work;
  try {
    await untilAborted(Deno.writeFile(location, encodeIndex(index)), { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new StoreError(location, "write index", { cause });
  }
}

/** A place for an index, which was found fit before the work began. */
export interface IndexTarget {
  /** Writes the index; a reader of a file sees the old one or the new one, whole. */
  write(index: Index): Promise<void>;
}

/**
 * Prepares to write an index, to `stdout` if the location is `-`.
 *
 * @throws {StoreError} If its directory does not exist.
 */
export async function openIndexTarget(
  location: string,
  context: IndexSettingsContext & Pick<CommandContext, "stdout" | "signal">,
): Promise<IndexTarget> {
  const settings = await indexSettings(location, context);
  if (location === "-") {
    return {
      async write(index) {
        await context.stdout.write(encodeIndex(index));
        await context.stdout.flush();
      },
    };
  }
  if (isHttp(location, "index")) {
    return {
      async write(index) {
        const { store, name } = await openHttpIndexes(location, settings);
        await using _ = store;
        await store.put(name, index, { signal: context.signal });
      },
    };
  }
  const info = await Deno.stat(location).catch(() => undefined); // What cannot be seen is written, or fails then.
  if (info?.isDirectory ?? false) {
    throw new StoreError(location, "write index", { reason: "it is a directory" });
  }
  if (info !== undefined && !info.isFile) {
    // A device or a pipe: to rename a file over it would destroy it.
    return { write: (index) => writeInto(location, { index, signal: context.signal }) };
  }
  const path = info === undefined ? location : await Deno.realPath(location);
  const slash = path.lastIndexOf("/");
  const directory = slash < 0 ? "." : path.slice(0, slash + 1);
  if (!await isDirectory(directory)) {
    throw new StoreError(location, "write index", { reason: "its directory does not exist" });
  }
  return {
    async write(index) {
      await using store = await openLocalIndexStore(directory);
      await store.put(path.slice(slash + 1), index);
    },
  };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return false;
    throw new StoreError(path, "open", { cause });
  }
}

/**
 * Makes sure that neither an index is written over its data, nor its data over an index.
 *
 * @throws {UsageError} If the two are one file.
 */
export async function refuseSameFile(
  index: string,
  other: { readonly path: string; readonly kind: "data" | "output" },
): Promise<void> {
  const { path, kind } = other;
  if (index === "-" || path === "-") return;
  const [a, b] = await Promise.all([index, path].map((name) => Deno.realPath(name).catch(() => name)));
  if (a === b) throw new UsageError(`index and ${kind} are the same file: '${path}'`);
}
