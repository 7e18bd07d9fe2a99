/**
 * `extract`: rebuild a blob from an index, stores and seeds.
 *
 * @module
 */

import type { AssemblePhase, PhaseProgress } from "../../lib/assemble/assemble.ts";
import type { AssembleStats } from "../../lib/assemble/stats.ts";
import { extractBlob } from "../../lib/ops/extract.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readIndex, refuseSameFile } from "../index_locations.ts";
import { openChunkSources } from "../locations.ts";
import { formatJson } from "../output.ts";
import type { ProgressBar, ProgressFactory } from "../progress.ts";
import { openSeeds } from "../seeds.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { SOURCE_FLAGS } from "../work_flags.ts";

export default defineCommand({
  usage: "extract <index> <output>",
  summary: "Rebuild a blob from an index, stores and seeds",
  description:
    `Rebuilds the blob of an index. Chunks that local seeds have are copied from them, or shared with them where
the file system can do that; only the others are fetched from the stores. Every chunk is verified.

The output appears under its name once it is complete. With --in-place it is written directly, and what is right
in it is kept: so an interrupted extraction can go on, and a block device can be the output.`,
  examples: [
    "desync extract -s /path/to/store image.caibx image.raw",
    "desync extract -s /path/to/store --seed old.caibx image.caibx image.raw",
    "desync extract -k -s /path/to/store image.caibx /dev/sda2",
  ],
  args: { min: 2, max: 2 },
  flags: {
    ...STORE_FLAGS,
    ...SOURCE_FLAGS,
    seed: {
      kind: "list",
      help: "index of local data: <name>.caibx with its data in <name>, or <index>:<data>",
    },
    seedDir: {
      kind: "list",
      help: "directory that is searched for seeds, indexes with their data beside them",
    },
    skipInvalidSeeds: { kind: "boolean", help: "go on without seeds that do not match their index" },
    regenerateInvalidSeeds: { kind: "boolean", help: "cut seeds that do not match their index again" },
    inPlace: {
      kind: "boolean",
      short: "k",
      help: "write to the output itself, and keep what is right in it",
    },
    printStats: { kind: "boolean", help: "write statistics to standard output as JSON" },
  },
  async run(context) {
    const { flags, signal, stderr } = context;
    const [location, output] = context.args as [string, string];
    checkClientCertificate(flags);
    if (location === output) throw new UsageError(`index and output are the same file: '${output}'`);
    await refuseSameFile(location, { path: output, kind: "output" });
    if (flags.store.length === 0) throw new UsageError("no store given (use -s <location>)");
    if (flags.skipInvalidSeeds && flags.regenerateInvalidSeeds) {
      throw new UsageError("--skip-invalid-seeds and --regenerate-invalid-seeds exclude each other");
    }
    const index = await readIndex(location, context);
    await using engine = await openCommandEngine(context, checkDigest(context, index, location));
    await using store = await openChunkSources(
      { stores: flags.store, cache: flags.cache, cacheRepair: flags.cacheRepair },
      await storeOptions(context, engine),
    );
    const seeds = await openSeeds(
      { seeds: flags.seed, directories: flags.seedDir, target: location, digest: engine.digest },
      context,
    );
    using bars = new PhaseBars(context.progress);
    const stats = await extractBlob(engine, output, {
      index,
      store,
      seeds,
      invalidSeeds: flags.skipInvalidSeeds ? "skip" : flags.regenerateInvalidSeeds ? "regenerate" : "fail",
      inPlace: flags.inPlace,
      concurrency: flags.concurrency,
      signal,
      onProgress: bars.show,
      onSeedProblem: (message) => stderr.writeLine(`Warning: ${message}`),
    });
    bars[Symbol.dispose]();
    if (flags.printStats) await context.stdout.writeLine(formatStats(stats));
  },
});

/** One bar after another, as the extraction goes from phase to phase. */
class PhaseBars implements Disposable {
  readonly #progress: ProgressFactory;
  #label = "";
  #bar: ProgressBar | undefined;

  constructor(progress: ProgressFactory) {
    this.#progress = progress;
  }

  readonly show: PhaseProgress = (phase, { done, total }) => {
    const label = phaseLabel(phase);
    if (label !== this.#label) {
      this.#bar?.finish();
      this.#label = label;
      this.#bar = this.#progress.start(label, total, {
        unit: phase.kind === "regenerate" ? "bytes" : "chunks",
      });
    }
    this.#bar?.set(done);
  };

  [Symbol.dispose](): void {
    this.#bar?.finish();
  }
}

/** Labels as desync's. */
function phaseLabel(phase: AssemblePhase): string {
  const attempt = `Attempt ${phase.attempt}: `;
  switch (phase.kind) {
    case "seeds":
      return `${attempt}Validating `;
    case "regenerate":
      return `${attempt}Chunking Seed ${phase.seed} `;
    case "assemble":
      return `${attempt}Assembling `;
  }
}

function formatStats(stats: AssembleStats): string {
  // Without chunks, desync does not look at the output, and counts no seeds.
  const { blockSize, seeds } = stats.chunksTotal === 0 ? { blockSize: 0, seeds: 0 } : stats;
  return formatJson({
    "chunks-from-seeds": stats.chunksFromSeeds,
    "chunks-from-store": stats.chunksFromStore,
    "chunks-in-place": stats.chunksInPlace,
    "bytes-copied-from-seeds": stats.bytesCopied,
    "bytes-cloned-from-seeds": stats.bytesCloned,
    "blocksize": blockSize,
    "bytes-total": stats.bytesTotal,
    "chunks-total": stats.chunksTotal,
    seeds,
  });
}
