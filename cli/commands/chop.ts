/**
 * `chop`: store the chunks of a file that an index describes.
 *
 * @module
 */

import { rowCount } from "../../lib/format/index_file.ts";
import { chopFile } from "../../lib/ops/chop.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readChunkIds } from "../input.ts";
import { readIndex } from "../index_locations.ts";
import { openWritableChunkStore } from "../locations.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { CREATE_FLAG, IGNORE_FLAGS } from "../work_flags.ts";

export default defineCommand({
  usage: "chop <index> <file>",
  summary: "Store the chunks of a file that an index describes",
  description:
    `Reads the chunks of a file as an index lists them, verifies them, and writes those to the store that it does not
have. A file that does not match the index is an error; chunks stored before that stay.`,
  examples: ["desync chop -s /path/to/store image.caibx image.raw"],
  args: { min: 2, max: 2 },
  flags: {
    ...STORE_FLAGS,
    store: { kind: "string", short: "s", help: "store to write chunks to" },
    ...IGNORE_FLAGS,
    create: CREATE_FLAG,
  },
  async run(context) {
    const { flags, signal } = context;
    const [location, path] = context.args as [string, string];
    checkClientCertificate(flags);
    if (!flags.store) throw new UsageError("no store given (use -s <location>)");
    const index = await readIndex(location, context);
    await using engine = await openCommandEngine(context, checkDigest(context, index, location));
    const options = { ...await storeOptions(context, engine), create: flags.create };
    await using store = await openWritableChunkStore(flags.store, options);
    const ignore = await readChunkIds({ indexes: flags.ignore, lists: flags.ignoreChunks }, context);
    using bar = context.progress.start("", rowCount(index), { unit: "chunks" });
    const { concurrency } = flags;
    const onProgress = (done: number) => bar.set(done);
    await chopFile(engine, { index, path, store }, { ignore, concurrency, signal, onProgress });
  },
});
