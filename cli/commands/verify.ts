/**
 * `verify`: check the chunks of a store.
 *
 * @module
 */

import { verifyStore } from "../../lib/ops/verify.ts";
import { StoreError } from "../../lib/errors.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { openPrunableChunkStore } from "../locations.ts";
import { openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";

export default defineCommand({
  usage: "verify",
  summary: "Check the chunks of a store",
  description:
    `Reads, decodes and hashes every chunk of a local store. Chunks that are not what their IDs say are listed on
standard error, and deleted with --repair. If there are any, the exit code is 1.`,
  examples: ["desync verify -s /path/to/store", "desync verify -r -s /path/to/store"],
  args: { max: 0 },
  flags: {
    concurrency: STORE_FLAGS.concurrency,
    store: { kind: "string", short: "s", help: "store to check, a local directory" },
    repair: { kind: "boolean", short: "r", help: "delete invalid chunks" },
  },
  async run(context) {
    const { flags, signal, stderr } = context;
    if (!flags.store) throw new UsageError("no store given (use -s <location>)");
    await using engine = await openCommandEngine(context);
    await using store = await openPrunableChunkStore(flags.store, await storeOptions(context, engine));
    const result = await verifyStore(engine, store, {
      repair: flags.repair,
      signal,
      onFinding: ({ text }) => void stderr.writeLine(text),
    });
    if (result.invalid + result.unreadable === 0) return;
    const { chunks, invalid, unreadable, removed } = result;
    const counts = [
      `${invalid} of ${chunks} chunks invalid`,
      ...unreadable > 0 ? [`${unreadable} unreadable`] : [],
      ...flags.repair ? [`${removed} removed`] : [],
    ];
    throw new StoreError(flags.store, "trust", { reason: counts.join(", ") });
  },
});
