/**
 * `cat`: write a blob, or a part of it, to standard output or a file.
 *
 * @module
 */

import { blobSize } from "../../lib/format/index_file.ts";
import { readBlob } from "../../lib/ops/read_blob.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readIndex, refuseSameFile } from "../index_locations.ts";
import { openChunkSources } from "../locations.ts";
import { openFileOutput } from "../output_file.ts";
import { checkClientCertificate, checkDigest, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { SOURCE_FLAGS } from "../work_flags.ts";

export default defineCommand({
  usage: "cat <index> [<output>]",
  summary: "Write a blob, or a part of it, to standard output or a file",
  description:
    `Reads a blob in order, without storing it. A length that reaches past the end, zero or a negative one means all
to the end.`,
  examples: [
    "desync cat -s /path/to/store image.caibx | sha256sum",
    "desync cat -s /path/to/store -o 1024 -l 512 image.caibx part",
  ],
  args: { min: 1, max: 2 },
  flags: {
    ...STORE_FLAGS,
    ...SOURCE_FLAGS,
    offset: { kind: "int", short: "o", default: 0, help: "offset in bytes to start at" },
    length: { kind: "int", short: "l", default: 0, help: "number of bytes, 0 for all to the end" },
  },
  async run(context) {
    const { flags, signal } = context;
    const [location, path] = context.args as [string, string?];
    checkClientCertificate(flags);
    if (flags.store.length === 0) throw new UsageError("no store given (use -s <location>)");
    if (path !== undefined) await refuseSameFile(location, { path, kind: "output" });
    const index = await readIndex(location, context);
    const total = blobSize(index);
    const { offset } = flags;
    if (offset < 0 || offset > total) {
      throw new UsageError(`offset ${offset} is outside the blob (size ${total})`);
    }
    const size = flags.length <= 0 ? total - offset : Math.min(flags.length, total - offset);
    await using engine = await openCommandEngine(context, checkDigest(context, index, location));
    await using store = await openChunkSources(
      { stores: flags.store, cache: flags.cache, cacheRepair: flags.cacheRepair },
      await storeOptions(context, engine),
    );
    await using output = await openFileOutput(path, context);
    const { concurrency } = flags;
    for await (const bytes of readBlob(engine, { index, store, offset, size, concurrency, signal })) {
      await output.write(bytes);
    }
    await output.commit();
  },
});
