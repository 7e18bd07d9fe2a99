/**
 * `prune`: remove unreferenced chunks from a store.
 *
 * @module
 */

import { pruneStore } from "../../lib/ops/prune.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readChunkIds } from "../input.ts";
import { openPrunableChunkStore } from "../locations.ts";
import { confirm } from "../prompt.ts";
import { checkClientCertificate, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";

export default defineCommand({
  usage: "prune <index> [<index>...]",
  summary: "Remove unreferenced chunks from a store",
  description:
    `Deletes every chunk of the store that none of the indexes refers to, and files that interrupted writers left
there more than a day ago. Asks first, unless --yes is given; anything but 'y' deletes nothing.`,
  examples: [
    "desync prune -s /path/to/store image-1.caibx image-2.caibx",
    "desync prune --dry-run -s /path/to/store *.caibx",
  ],
  args: { min: 1 },
  flags: {
    ...STORE_FLAGS,
    store: { kind: "string", short: "s", help: "store to prune" },
    yes: { kind: "boolean", short: "y", help: "do not ask" },
    dryRun: {
      kind: "boolean",
      help: "print the IDs of the chunks that would be deleted, and delete nothing",
    },
  },
  async run(context) {
    const { flags, signal, stdout, stderr } = context;
    checkClientCertificate(flags);
    if (!flags.store) throw new UsageError("no store given (use -s <location>)");
    await using engine = await openCommandEngine(context);
    await using store = await openPrunableChunkStore(flags.store, await storeOptions(context, engine));
    const keep = await readChunkIds({ indexes: context.args, lists: [] }, context);
    if (!flags.yes && !flags.dryRun) {
      if (context.args.includes("-")) {
        throw new UsageError("cannot ask for confirmation, as standard input is an index (use --yes)");
      }
      const question = `About to delete every chunk in '${store.location}' that is not among the\n` +
        `${keep.size} unique chunks referenced by the given indexes. Continue?\n`;
      if (!await confirm(question, context)) return;
    }
    const { dryRun } = flags;
    const result = await pruneStore(store, keep, {
      dryRun,
      concurrency: flags.concurrency,
      signal,
      onChunk: (id) => dryRun && void stdout.writeLine(id),
    });
    if (!dryRun) return;
    const temporaries = result.temporaries === 0
      ? ""
      : ` and ${result.temporaries} left-over temporary files`;
    stderr.writeLine(`Would delete ${result.removed} chunks${temporaries}, and keep ${result.kept}`);
  },
});
