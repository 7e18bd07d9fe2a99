/**
 * `tar`: pack a directory into an archive, or into chunks and an index.
 *
 * @module
 */

import type { Skipped } from "../../lib/archive/disk_source.ts";
import { relayBlob } from "../../lib/concurrency/relay.ts";
import { parseChunkSizes } from "../../lib/chunker/sizes.ts";
import { parseFeatureFlags } from "../../lib/format/feature_flags.ts";
import { makeIndex } from "../../lib/ops/make.ts";
import { type PackSource, packTar, packTree, writeBlob } from "../../lib/ops/pack_tree.ts";
import { openTreePosix } from "../../lib/platform/tree.ts";
import { EXCLUDE_FLAGS, flagSelection, SELECTION_FLAGS, warnOfFlags } from "../archive_flags.ts";
import { openPackedInput, refuseSameInput } from "../packed_input.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { escapeControls, UsageError } from "../errors.ts";
import { openIndexTarget } from "../index_locations.ts";
import { openWritableChunkStore } from "../locations.ts";
import { openFileOutput } from "../output_file.ts";
import { checkClientCertificate, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { CHUNK_SIZE_FLAG, CREATE_FLAG } from "../work_flags.ts";

const FLAGS = {
  ...STORE_FLAGS,
  index: {
    kind: "boolean",
    short: "i",
    help: "cut the archive into chunks for --store, and write an index of them",
  },
  store: { kind: "string", short: "s", help: "store to write chunks to" },
  chunkSize: CHUNK_SIZE_FLAG,
  create: CREATE_FLAG,
  inputFormat: {
    kind: "string",
    choices: ["disk", "tar"],
    default: "disk",
    help: "what the source is: disk for a directory, or tar",
  },
  tarAddRoot: { kind: "boolean", help: "put a directory around what a tar file has" },
  noTime: { kind: "boolean", help: "do not record times" },
  ...EXCLUDE_FLAGS,
  ...SELECTION_FLAGS,
} as const;

type TarContext = CommandContext<typeof FLAGS>;

export default defineCommand({
  usage: "tar <archive|index> <source>",
  summary: "Pack a directory into an archive, or into chunks and an index",
  description:
    `Packs a directory, or what is in a tar file, into an archive, called catar. With --index it is cut into chunks at
once, and never stored as a whole. What is written appears under its name once it is complete; '-' stands for standard
output, or for a tar file from standard input.

Everything that casync knows is recorded: owners, permissions, times, devices, pipes, sockets, extended attributes,
ACLs, labels, capabilities and attributes of file systems. --with and --without choose from it, for example
--without=user-names,acl; sets of them are best, unix, fat, chattr, fat-attrs, privileged, fuse and all.`,
  examples: [
    "desync tar home.catar /home",
    "desync tar -i -s /path/to/store home.caidx /home",
    "gzip -dc src.tar.gz | desync tar --input-format tar src.catar -",
  ],
  args: { min: 2, max: 2 },
  flags: FLAGS,
  async run(context) {
    const { flags } = context;
    const [location, path] = context.args as [string, string];
    checkClientCertificate(flags);
    if (flags.index && !flags.store) {
      throw new UsageError("--index needs a target store (give one with --store)");
    }
    if (flags.tarAddRoot && flags.inputFormat !== "tar") {
      throw new UsageError("--tar-add-root needs --input-format tar");
    }
    if (flags.inputFormat === "tar") {
      await refuseSameInput(path, location);
      const reason = "with --input-format tar";
      warnOfFlags(context, { names: ["oneFileSystem", "excludeNodump", "excludeFile"], reason });
    }
    const features = featureFlags(context);
    if (flags.index) await writeIndexed(context, features);
    else {
      warnOfFlags(context, { names: ["store", "chunkSize", "create"], reason: "without --index" });
      await writeArchiveFile(context, features);
    }
  },
});

function featureFlags({ flags, globals }: TarContext): bigint {
  const { with: wanted, without = [] } = flagSelection(flags);
  const times = flags.noTime ? ["sec-time", "usec-time", "nsec-time", "2sec-time"] : [];
  return parseFeatureFlags({
    with: wanted,
    without: [...without, ...times],
    excludeFile: flags.excludeFile,
    excludeNodump: flags.excludeNodump,
    excludeSubmounts: flags.oneFileSystem,
    digest: globals.digest,
  });
}

async function writeArchiveFile(context: TarContext, features: bigint): Promise<void> {
  const { signal } = context;
  const [location, path] = context.args as [string, string];
  using opened = new DisposableStack();
  await using source = await openSource(context, { features, opened });
  if (context.flags.inputFormat === "disk") await refuseInside(path, location);
  await using output = await openFileOutput(location, context);
  const { temporary } = output;
  if (temporary === undefined) await writeBlob(source, { signal, write: (bytes) => output.write(bytes) });
  else {
    await using engine = await openCommandEngine(context);
    await relayBlob(engine, source, { target: { path: temporary, name: location }, signal });
    signal.throwIfAborted();
  }
  await output.commit();
}

async function writeIndexed(context: TarContext, features: bigint): Promise<void> {
  const { flags, signal } = context;
  const [location] = context.args as [string, string];
  const sizes = parseChunkSizes(flags.chunkSize);
  using opened = new DisposableStack();
  await using source = await openSource(context, { features, opened });
  await using engine = await openCommandEngine(context);
  await using store = await openWritableChunkStore(flags.store!, {
    ...await storeOptions(context, engine),
    create: flags.create,
  });
  const target = await openIndexTarget(location, context);
  const { concurrency } = flags;
  const { index } = await makeIndex(engine, source, { sizes, store, flags: features, concurrency, signal });
  signal.throwIfAborted();
  await target.write(index);
}

/** Opens what is to be packed; a file that it is read from is closed together with `opened`. */
async function openSource(
  context: TarContext,
  options: { readonly features: bigint; readonly opened: DisposableStack },
): Promise<PackSource> {
  const { flags, globals, stderr } = context;
  const [, path] = context.args as [string, string];
  const onSkipped = ({ path, kind, reason }: Skipped) => {
    // What the user asked for with other words than a kind is not worth a line each.
    if (reason !== "kind" && !globals.verbose) return;
    const what = reason === "kind" ? `${kind} nodes are not recorded` : SKIP_REASONS[reason];
    stderr.writeLine(`Left out '${escapeControls(path)}': ${what}`);
  };
  if (flags.inputFormat === "disk") {
    const posix = await openTreePosix();
    if (posix.implementation === "deno") {
      stderr.writeLine(
        "Warning: without FFI, no extended attributes, ACLs, special files and names of owners are recorded",
      );
    }
    return packTree(posix, path, { flags: options.features, onSkipped });
  }
  const { blocks, file } = options.opened.use(await openPackedInput(path, context));
  return await packTar(file ?? blocks, {
    signal: context.signal,
    flags: options.features,
    addRoot: flags.tarAddRoot,
    onSkipped,
    onWarning: (message) => stderr.writeLine(`Warning: ${escapeControls(message)}`),
  });
}

const SKIP_REASONS = {
  nodump: "it has the no-dump attribute",
  mount: "it is on another file system",
  excluded: "a rule in .caexclude says so",
} as const;

/** An archive in the directory that it is made of would have to contain itself. */
async function refuseInside(directory: string, archive: string): Promise<void> {
  if (archive === "-") return;
  const info = await Deno.stat(archive).catch(() => undefined); // It need not exist, or fails when it is opened.
  if (info !== undefined && !info.isFile) return;
  const slash = archive.lastIndexOf("/");
  const parent = slash < 0 ? "." : archive.slice(0, slash + 1);
  const [root, place] = await Promise.all(
    [directory, parent].map((path) => Deno.realPath(path).catch(() => undefined)),
  );
  if (root === undefined || place === undefined) return;
  if (place === root || place.startsWith(root === "/" ? root : `${root}/`)) {
    throw new UsageError(`the archive is inside of the directory: '${archive}'`);
  }
}
