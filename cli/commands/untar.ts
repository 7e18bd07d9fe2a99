/**
 * `untar`: unpack an archive, or the one that an index describes.
 *
 * @module
 */

import type { RestoreWarning } from "../../lib/archive/disk_restore.ts";
import { shareBytes, shareNumbers } from "../../lib/concurrency/task.ts";
import { type Index, rowCount } from "../../lib/format/index_file.ts";
import { archiveEvents, type ReadArchivePartOptions, unpackArchive } from "../../lib/ops/unpack_archive.ts";
import { readBlob } from "../../lib/ops/read_blob.ts";
import { hasErrorCode } from "../../lib/platform/posix.ts";
import { openTreePosix } from "../../lib/platform/tree.ts";
import { flagSelection, SELECTION_FLAGS, warnOfFlags } from "../archive_flags.ts";
import { openPackedInput, refuseSameInput } from "../packed_input.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { escapeControls, isCausedBy, UsageError } from "../errors.ts";
import { readIndex } from "../index_locations.ts";
import { openChunkSources } from "../locations.ts";
import { openFileOutput } from "../output_file.ts";
import { openSeeds } from "../seeds.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { SOURCE_FLAGS } from "../work_flags.ts";

const FLAGS = {
  ...STORE_FLAGS,
  index: {
    kind: "boolean",
    short: "i",
    help: "unpack the archive that an index describes, with chunks from --store",
  },
  ...SOURCE_FLAGS,
  seed: {
    kind: "list",
    help: "local archive to take chunks from, with its index: <index>:<archive>; with --index",
  },
  path: { kind: "string", help: "unpack only this file or directory of the archive" },
  noSameOwner: { kind: "boolean", help: "do not restore owners, extended attributes and ACLs" },
  noSamePermissions: { kind: "boolean", help: "leave permissions to the umask" },
  delete: { kind: "boolean", help: "delete or replace whatever is not as in the archive" },
  undoImmutable: {
    kind: "boolean",
    help: "clear the attributes immutable and append-only of what is replaced or deleted",
  },
  outputFormat: {
    kind: "string",
    choices: ["disk", "gnu-tar"],
    default: "disk",
    help: "what to write: disk for a directory, or gnu-tar",
  },
  ...SELECTION_FLAGS,
} as const;

type UntarContext = CommandContext<typeof FLAGS>;

export default defineCommand({
  usage: "untar <archive|index> <target>",
  summary: "Unpack an archive, or the one that an index describes",
  description:
    `Unpacks an archive, called catar, into a directory, which is created if it does not exist, or into a tar file. '-'
stands for standard input, or for a tar file on standard output. With --index, every chunk is verified before
anything of it is used.

Files that exist are replaced, each at once when its new content is complete. Everything else stays, and a directory
in place of a file, or the other way round, is an error; --delete makes the target equal to the archive. Nothing is
written outside of the target.

Only root can restore owners; others need --no-same-owner. --with and --without choose what is restored, by casync's
names, for example --without=acl,xattrs.`,
  examples: [
    "desync untar home.catar /home",
    "desync untar -i -s /path/to/store home.caidx /home",
    "desync untar --output-format gnu-tar home.catar - | tar t",
  ],
  args: { min: 2, max: 2 },
  flags: FLAGS,
  async run(context) {
    const { flags } = context;
    const [location, target] = context.args as [string, string];
    checkClientCertificate(flags);
    if (flags.index && flags.store.length === 0) {
      throw new UsageError("--index needs a source store (give one or more with --store)");
    }
    if (!flags.index) warnOfFlags(context, { names: ["store", "cache", "seed"], reason: "without --index" });
    if (flags.outputFormat === "gnu-tar") {
      await refuseSameInput(location, target);
      const names = ["noSameOwner", "noSamePermissions", "delete", "undoImmutable", "with", "without"];
      warnOfFlags(context, { names, reason: "with --output-format gnu-tar" });
    } else if (target === "-") {
      throw new UsageError("standard output is no directory (use --output-format gnu-tar)");
    }
    if (flags.path !== undefined && flags.delete) {
      throw new UsageError("--path and --delete exclude each other");
    }
    if (flags.path?.split("/").includes("..") ?? false) {
      throw new UsageError(`--path must not lead out of the archive: '${flags.path}'`);
    }
    if (flags.index) await unpackIndexed(context);
    else await unpackFile(context);
  },
});

async function unpackFile(context: UntarContext): Promise<void> {
  const [location] = context.args as [string, string];
  using input = await openPackedInput(location, context);
  using bar = context.progress.start("Unpacking ", input.size);
  await unpack(context, { source: input.blocks, onProgress: (size) => bar.set(size) });
}

async function unpackIndexed(context: UntarContext): Promise<void> {
  const { flags, signal } = context;
  const [location] = context.args as [string, string];
  const index = await readIndex(location, context);
  await using engine = await openCommandEngine(context, checkDigest(context, index, location));
  const opened = await openSeeds(
    { seeds: flags.seed, directories: [], target: location, digest: engine.digest },
    context,
  );
  const seeds = opened.map(({ location: path, index: { ids, ends } }) => ({
    path,
    ids: shareBytes(ids),
    ends: shareNumbers(ends),
  }));
  await using store = await openChunkSources(
    { stores: flags.store, cache: flags.cache, cacheRepair: flags.cacheRepair, seeds },
    await storeOptions(context, engine),
  );
  using bar = context.progress.start("Unpacking ", rowCount(index), { unit: "chunks" });
  const rowsUpTo = rowCounter(index);
  const { concurrency } = flags;
  await unpack(context, {
    source: readBlob(engine, { index, store, concurrency, signal }),
    indexFlags: index.flags,
    onProgress: (size) => bar.set(rowsUpTo(size)),
  });
}

/** Counts the rows that end in the first bytes of a blob; the sizes that it is asked for must not fall. */
function rowCounter({ ends }: Index): (size: number) => number {
  let row = 0;
  return (size) => {
    while (row < ends.length && ends[row]! <= size) row++;
    return row;
  };
}

async function unpack(
  context: UntarContext,
  archive: Omit<ReadArchivePartOptions, "location" | "signal" | "path">,
): Promise<void> {
  const { flags, signal } = context;
  const [location, target] = context.args as [string, string];
  const options = { ...archive, location, signal, path: flags.path };
  if (flags.outputFormat === "gnu-tar") return await writeTarFile(context, options);
  try {
    await unpackArchive(await openTreePosix(), target, {
      ...options,
      selection: flagSelection(flags),
      sameOwner: !flags.noSameOwner,
      samePermissions: !flags.noSamePermissions,
      delete: flags.delete,
      undoImmutable: flags.undoImmutable,
      onConflict: flags.delete ? "replace" : "fail",
      onWarning: ({ path, message }: RestoreWarning) =>
        context.stderr.writeLine(`Warning: '${escapeControls(path)}': ${message}`),
    });
  } catch (error) {
    if (!flags.noSameOwner && isCausedBy(error, (cause) => hasErrorCode(cause, "EPERM"))) {
      const hint = "Use --no-same-owner to unpack without owners and extended attributes.";
      throw Object.assign(error as Error, { hint });
    }
    throw error;
  }
}

async function writeTarFile(context: UntarContext, options: ReadArchivePartOptions): Promise<void> {
  const [, target] = context.args as [string, string];
  const { writeTar } = await import("../../lib/archive/tar_sink.ts");
  await using output = await openFileOutput(target, context);
  const onWarning = (message: string) => context.stderr.writeLine(`Warning: ${escapeControls(message)}`);
  for await (const bytes of writeTar(archiveEvents(options), { onWarning })) await output.write(bytes);
  await output.commit();
}
