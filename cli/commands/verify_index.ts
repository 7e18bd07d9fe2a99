/**
 * `verify-index`: check that a file matches an index.
 *
 * @module
 */

import { verifyIndex } from "../../lib/ops/verify_index.ts";
import { defineCommand } from "../command.ts";
import { readIndex } from "../index_locations.ts";
import { checkClientCertificate, checkDigest, openCommandEngine } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";

export default defineCommand({
  usage: "verify-index <index> <file>",
  summary: "Check that a file matches an index",
  description:
    `Reads a file or block device and compares every chunk with the index. Prints nothing if they match; otherwise
says where the first difference is, and exits with 1.`,
  examples: ["desync verify-index image.caibx image.raw"],
  args: { min: 2, max: 2 },
  flags: STORE_FLAGS,
  async run(context) {
    const [location, path] = context.args as [string, string];
    checkClientCertificate(context.flags);
    const index = await readIndex(location, context);
    await using engine = await openCommandEngine(context, checkDigest(context, index, location));
    using bar = context.progress.start("", index.ends.length, { unit: "chunks" });
    const { signal } = context;
    await verifyIndex(engine, { index, path }, { signal, onProgress: (done) => bar.set(done) });
  },
});
