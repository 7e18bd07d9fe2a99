/**
 * `chunk-server`: serve the chunks of stores over HTTP.
 *
 * @module
 */

import type { ChunkId } from "../../lib/chunk_id.ts";
import { CodecStack } from "../../lib/codec/codec_stack.ts";
import { openZstd } from "../../lib/codec/zstd.ts";
import { openDigest } from "../../lib/digest/open.ts";
import { chunkHandler } from "../../lib/server/chunk_handler.ts";
import { defineCommand } from "../command.ts";
import { storeOptionsFor } from "../config.ts";
import { findServedStores, openServedStores } from "../served_stores.ts";
import { checkServerFlags, checkWireFlags, SERVER_FLAGS, WIRE_FLAGS } from "../server_flags.ts";
import { runServer } from "../server_run.ts";
import { checkClientCertificate } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { mergeStoreOptions } from "../store_settings.ts";
import { SOURCE_FLAGS } from "../work_flags.ts";

export default defineCommand({
  usage: "chunk-server",
  summary: "Serve the chunks of stores over HTTP",
  description:
    `Answers requests for chunks with what stores have, until a signal ends it. Clients get chunks in the form
that the flags say, whatever form the stores have. With --writable, clients may add chunks to the one store.
With --store-file, SIGHUP reads that file again and replaces the stores, while requests go on.`,
  examples: [
    "desync chunk-server -s /path/to/store -l :8080",
    "desync chunk-server -s https://server/store -c /path/to/cache -l :8080",
    "desync chunk-server -s /path/to/store -w --skip-verify-write=false -l :8080",
    "desync chunk-server --store-file stores.json --cert cert.pem --key key.pem -l :https",
  ],
  args: { max: 0 },
  flags: {
    ...STORE_FLAGS,
    ...SOURCE_FLAGS,
    storeFile: {
      kind: "string",
      metavar: "file",
      help: "JSON file with stores and cache, read again on SIGHUP",
    },
    ...SERVER_FLAGS,
    ...WIRE_FLAGS,
    skipVerifyRead: { kind: "boolean", default: true, help: "do not verify what is read from stores" },
    skipVerifyWrite: { kind: "boolean", default: true, help: "do not verify what clients write" },
  },
  async run(context) {
    const { flags, given, env, globals, stderr } = context;
    checkClientCertificate(flags);
    checkServerFlags(flags);
    checkWireFlags(flags, env);
    const sources = await findServedStores(flags);
    if (flags.writable && flags.skipVerifyWrite) {
      stderr.writeLine(
        "Warning: chunks that clients write are not verified; --skip-verify-write=false is recommended",
      );
    }
    const [config, digest] = [await context.config(), await openDigest(globals.digest)];
    using zstd = await openZstd();
    const codecs = new CodecStack(flags.uncompressed ? [] : [zstd]);
    const line = { flags, given, env, skipVerify: flags.skipVerifyRead };
    const options = {
      digest,
      zstd,
      settings: (location: string) =>
        mergeStoreOptions({ location, record: storeOptionsFor(config, location) }, line),
    };
    await using served = await openServedStores(sources, { flags, options, codecs });
    await runServer(context, {
      handler: (settings) =>
        chunkHandler({
          ...settings,
          store: served.store,
          reader: () => served.reader,
          target: served.target,
          codecs,
          digest,
          verifyWrite: !flags.skipVerifyWrite,
        }),
      probe: (signal) => served.store.has(PROBE_ID, { signal }),
      reload: !flags.storeFile ? undefined : async () => {
        const { closed } = await served.replace(await findServedStores(flags));
        closed.catch((error) => void stderr.writeLine(`Warning: failed to close stores: ${error}`));
      },
    });
    return 0;
  },
});

/** A chunk that is as good as any to find out whether a store answers. */
const PROBE_ID = "0".repeat(64) as ChunkId;
