/**
 * `make`: cut a file into chunks, store them, and write an index.
 *
 * @module
 */

import { parseChunkSizes } from "../../lib/chunker/sizes.ts";
import { StoreError } from "../../lib/errors.ts";
import { blobSize } from "../../lib/format/index_file.ts";
import { makeIndex } from "../../lib/ops/make.ts";
import { defineCommand } from "../command.ts";
import { openBlobInput } from "../input.ts";
import { openIndexTarget, refuseSameFile } from "../index_locations.ts";
import { openWritableChunkStore } from "../locations.ts";
import { formatJson } from "../output.ts";
import { checkClientCertificate, openCommandEngine, storeOptions } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { CHUNK_SIZE_FLAG, CREATE_FLAG } from "../work_flags.ts";

export default defineCommand({
  usage: "make <index> <file>",
  summary: "Cut a file into chunks, store them, and write an index",
  description:
    `Cuts a file, a block device or, with '-', standard input into chunks, and writes an index of them. With
--store, chunks that the store does not have are compressed and written to it. The index is written last, and
only if all else succeeded; '-' writes it to standard output.`,
  examples: [
    "desync make -s /path/to/store image.caibx image.raw",
    "desync make image.caibx /dev/sda",
  ],
  args: { min: 2, max: 2 },
  flags: {
    ...STORE_FLAGS,
    store: { kind: "string", short: "s", help: "store to write chunks to" },
    chunkSize: CHUNK_SIZE_FLAG,
    printStats: { kind: "boolean", help: "write statistics to standard error as JSON" },
    create: CREATE_FLAG,
  },
  async run(context) {
    const { args: [location, path], flags, signal, stderr } = context as typeof context & {
      readonly args: readonly [string, string];
    };
    checkClientCertificate(flags);
    const sizes = parseChunkSizes(flags.chunkSize);
    await refuseSameFile(location, { path, kind: "data" });
    await using engine = await openCommandEngine(context);
    await using store = flags.store
      ? await openWritableChunkStore(flags.store, {
        ...await storeOptions(context, engine),
        create: flags.create,
      })
      : undefined;
    const target = await openIndexTarget(location, context);
    using input = await openBlobInput(path, { engine, stdin: context.stdin, signal });
    using bar = context.progress.start("Chunking ", input.source.size ?? 0);
    const { index } = await makeIndex(engine, input.source, {
      sizes,
      store,
      flags: location.endsWith(".caidx") ? input.archiveFlags : undefined,
      concurrency: flags.concurrency,
      signal,
      onProgress: (done) => bar.set(done),
    });
    signal.throwIfAborted();
    const { size = blobSize(index) } = input.source;
    if (size !== blobSize(index)) {
      const reason = `its size changed from ${size} to ${blobSize(index)} bytes meanwhile`;
      throw new StoreError(path, "read", { reason });
    }
    bar.finish();
    if (flags.printStats) {
      const ChunksAccepted = index.ends.length;
      // desync counts the step in which a chunker finds the end of the file, too.
      stderr.writeLine(formatJson({ ChunksAccepted, ChunksProduced: ChunksAccepted + 1 }));
    }
    await target.write(index);
  },
});
