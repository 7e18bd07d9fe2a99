/**
 * Trees that commands read: directories, archives, and the archives that indexes describe.
 *
 * @module
 */

import { scanArchive } from "../lib/archive/archive_scan.ts";
import { readTree } from "../lib/archive/disk_source.ts";
import type { ArchiveEvent } from "../lib/archive/entry.ts";
import { escapeBytes, EventPath } from "../lib/archive/event_path.ts";
import { readArchive } from "../lib/archive/reader.ts";
import type { DigestName } from "../lib/digest/digest.ts";
import { StoreError } from "../lib/errors.ts";
import { type FlagSelection, parseFeatureFlags } from "../lib/format/feature_flags.ts";
import type { ContentSource } from "../lib/ops/list_contents.ts";
import { type PackSource, packTree } from "../lib/ops/pack_tree.ts";
import { readBlob } from "../lib/ops/read_blob.ts";
import { openPosix } from "../lib/platform/posix.ts";
import { isSystemError, openTreePosix, type TreeFile } from "../lib/platform/tree.ts";
import { flagSelection, SELECTION_FLAGS } from "./archive_flags.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { BooleanFlag } from "./flags.ts";
import { readIndex } from "./index_locations.ts";
import { openChunkSources } from "./locations.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "./session.ts";
import { STORE_FLAGS } from "./store_flags.ts";
import type { StoreFlagValues } from "./store_settings.ts";
import { untilAborted } from "./until_aborted.ts";
import { SOURCE_FLAGS } from "./work_flags.ts";

/** Flags of the commands that read an archive or a directory. */
export const ARCHIVE_INPUT_FLAGS:
  & typeof STORE_FLAGS
  & typeof SOURCE_FLAGS
  & typeof SELECTION_FLAGS
  & { readonly index: BooleanFlag } = {
    ...STORE_FLAGS,
    ...SOURCE_FLAGS,
    ...SELECTION_FLAGS,
    index: { kind: "boolean", short: "i", help: "the input is the index of an archive, needs --store" },
  };

/** What of a command's context {@linkcode openArchiveInput} needs. */
export type ArchiveInputContext =
  & Pick<CommandContext, "stdin" | "config" | "env" | "signal" | "globals" | "given">
  & {
    readonly flags: StoreFlagValues & FlagSelection & {
      readonly index: boolean;
      readonly store: readonly string[];
      readonly cache: string | undefined;
      readonly concurrency?: number | undefined;
      readonly clientCert?: string | undefined;
      readonly clientKey?: string | undefined;
      readonly cacheRepair?: boolean | undefined;
    };
  };

/** A tree that is open for reading, once. */
export interface ArchiveInput extends AsyncDisposable {
  /** What the user calls it. */
  readonly location: string;
  /** The digest that the command line or the index names. */
  readonly digest: DigestName;
  /** Feature flags that a directory is read with; undefined for archives, whose events have them. */
  readonly flags: bigint | undefined;
  /** Bytes of the archive, borrowed until the next ones; undefined for directories. */
  readonly bytes: AsyncIterable<Uint8Array> | undefined;
  /** What is in it; reads the bytes. */
  events(): AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>;
  /** The directory's archive, without anything that was left out; undefined for archives. */
  readonly pack?: (() => PackSource) | undefined;
  /** The tree for {@linkcode listContents}; undefined if other threads cannot read its contents. */
  readonly contents?: ContentSource | undefined;
}

/** How a directory is read. */
export interface DirectoryOptions {
  /** Leave out what `.caexclude` files and the no-dump attribute say, as casync does. @default true */
  readonly exclude?: boolean | undefined;
}

const BUFFER_SIZE = 1 << 18;

/**
 * Opens what the first argument of a command names: a directory, an archive, `-` for one on standard input, or with `-i`
 * the index of an archive.
 *
 * @throws {UsageError} If the flags contradict each other, or the input.
 * @throws {StoreError} If it cannot be read.
 */
export async function openArchiveInput(
  location: string,
  context: ArchiveInputContext,
  options: DirectoryOptions = {},
): Promise<ArchiveInput> {
  const { flags, globals, signal } = context;
  checkClientCertificate(flags);
  if (flags.index && flags.store.length === 0) throw new UsageError("-i needs a store (use -s <location>)");
  const info = location === "-" ? undefined : await Deno.stat(location).catch((cause) => {
    // An index may be anywhere, an archive is a file.
    if (flags.index) return undefined;
    throw new StoreError(location, "read", { cause });
  });
  if (info?.isDirectory ?? false) {
    if (flags.index) throw new UsageError(`-i needs an index, '${location}' is a directory`);
    const { exclude = true } = options;
    return await directoryInput(location, {
      digest: globals.digest,
      exclude,
      selection: flagSelection(flags),
    });
  }
  if (flags.index) return await indexInput(location, context);
  const { digest } = globals;
  if (info?.isFile ?? false) return await fileInput(location, { digest, signal });
  const bytes = location === "-" ? streamBytes(context.stdin, signal) : fileBytes(location, signal);
  return archiveInput(location, { bytes, digest });
}

async function directoryInput(
  location: string,
  options: { readonly digest: DigestName; readonly exclude: boolean; readonly selection: FlagSelection },
): Promise<ArchiveInput> {
  const { digest, exclude, selection } = options;
  const posix = await openTreePosix();
  const excludes = { excludeFile: exclude, excludeNodump: exclude };
  const flags = parseFeatureFlags({ ...selection, digest, ...excludes });
  const contents: ContentSource = {
    path: undefined,
    events: (take) => {
      const takeFile = (file: TreeFile, size: number) => take({ file, offset: 0, size });
      return readTree(posix, location, { flags, ...excludes, takeFile });
    },
  };
  return {
    ...{ location, digest, flags, bytes: undefined },
    events: () => readTree(posix, location, { flags, ...excludes }),
    pack: () => packTree(posix, location, { flags }),
    contents: posix.implementation === "ffi" ? contents : undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** An archive in a regular file: what needs no contents does not read them. */
async function fileInput(
  location: string,
  options: { readonly digest: DigestName; readonly signal: AbortSignal },
): Promise<ArchiveInput> {
  const { digest, signal } = options;
  const bytes = fileBytes(location, signal);
  const input = archiveInput(location, { bytes, digest });
  const posix = await openPosix();
  return {
    ...input,
    contents: {
      path: location,
      *events(take) {
        const onContent = (range: { readonly offset: number; readonly size: number }) =>
          take({ file: undefined, ...range });
        try {
          using file = posix.open(location);
          yield* scanArchive(file, { location, onContent });
        } catch (cause) {
          throw isSystemError(cause) ? new StoreError(location, "read", { cause }) : cause;
        }
      },
    },
  };
}

async function indexInput(location: string, context: ArchiveInputContext): Promise<ArchiveInput> {
  const { flags, signal } = context;
  const index = await readIndex(location, context);
  const digest = checkDigest(context, index, location);
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(await openCommandEngine(context, digest));
  const store = opened.use(
    await openChunkSources(
      { stores: flags.store, cache: flags.cache, cacheRepair: flags.cacheRepair },
      await storeOptions(context, engine),
    ),
  );
  const { concurrency } = flags;
  const bytes = readBlob(engine, { index, store, concurrency, signal });
  const resources = opened.move();
  return {
    ...archiveInput(location, { bytes, digest }),
    [Symbol.asyncDispose]: async () => {
      await bytes.return(undefined); // The engine is used until then.
      await resources.disposeAsync();
    },
  };
}

function archiveInput(
  location: string,
  source: { readonly bytes: AsyncGenerator<Uint8Array>; readonly digest: DigestName },
): ArchiveInput {
  const { bytes, digest } = source;
  return {
    ...{ location, digest, flags: undefined, bytes },
    events: () => readArchive(bytes, { location }),
    [Symbol.asyncDispose]: async () => void await bytes.return(undefined),
  };
}

async function openFile(path: string, signal: AbortSignal): Promise<Deno.FsFile> {
  try {
    return await untilAborted(Deno.open(path), { signal, discard: (late) => late.close() });
  } catch (cause) {
    signal.throwIfAborted();
    throw new StoreError(path, "read", { cause });
  }
}

async function* fileBytes(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  using file = await openFile(path, signal);
  const buffer = new Uint8Array(BUFFER_SIZE);
  for (;;) {
    let count: number | null;
    try {
      count = await untilAborted(file.read(buffer), { signal });
    } catch (cause) {
      signal.throwIfAborted();
      throw new StoreError(path, "read", { cause });
    }
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

async function* streamBytes(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await untilAborted(reader.read(), { signal });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // What it has to say was thrown before.
    reader.releaseLock();
  }
}

/** The input for who wants no contents: of directories and files, they are not read. */
export function withoutContents(input: ArchiveInput): ArchiveInput {
  const { contents } = input;
  if (contents === undefined) return input;
  return { ...input, events: () => contents.events(({ file }) => file?.[Symbol.dispose]()) };
}

/** An event inside a part of a tree. */
export interface PlacedEvent {
  /** What it is. */
  readonly event: ArchiveEvent;
  /** Escaped path of a node, from the root of the whole tree; undefined for other events. */
  readonly path: string | undefined;
  /** Levels below the top of the part, of the last node. */
  readonly depth: number;
}

/**
 * Walks through a tree, or through what is at `path` in it; slashes around that do not matter.
 *
 * @throws {StoreError} If there is nothing at `path`.
 */
export async function* walkTree(input: ArchiveInput, path = ""): AsyncGenerator<PlacedEvent> {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const top = names.map((name) => escapeBytes(new TextEncoder().encode(name))).join("/");
  const places = new EventPath();
  let level = 0;
  let topLevel: number | undefined;
  for await (const event of input.events()) {
    const here = places.follow(event);
    if (event.type === "leave") level--;
    if (here !== undefined && topLevel === undefined && (top === "" || here === top)) topLevel = level;
    // Below the top, or a part of it; the next node on its level ends it.
    else if (topLevel !== undefined && here !== undefined && level <= topLevel) return;
    if (topLevel !== undefined) {
      if (event.type === "leave" && level < topLevel) return;
      yield { event, path: here, depth: level - topLevel };
    }
    if (event.type === "node" && event.node.kind === "directory") level++;
  }
  if (topLevel === undefined) throw notFound(input.location, path);
}

function notFound(location: string, path: string): Error {
  return new StoreError(location, `find '${path}' in`, { reason: "it does not exist" });
}

/** Digests in hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
