/**
 * `index-server`: serve indexes over HTTP.
 *
 * @module
 */

import { openDigest } from "../../lib/digest/open.ts";
import { indexHandler } from "../../lib/server/index_handler.ts";
import { IndexObjects } from "../../lib/store/index_objects.ts";
import { openLocalIndexStore } from "../../lib/store/local.ts";
import type { WritableIndexStore } from "../../lib/store/types.ts";
import { defineCommand } from "../command.ts";
import { indexStoreOptionsFor } from "../config.ts";
import { UsageError } from "../errors.ts";
import { httpOptions, isHttp } from "../locations.ts";
import { checkServerFlags, SERVER_FLAGS } from "../server_flags.ts";
import { runServer } from "../server_run.ts";
import { checkClientCertificate } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";
import { mergeStoreOptions, type StoreCommandLine } from "../store_settings.ts";
import type { Config } from "../config_schema.ts";

export default defineCommand({
  usage: "index-server",
  summary: "Serve indexes over HTTP",
  description:
    `Answers requests for indexes with those of a directory or another server, until a signal ends it. Only
what is an index is served. With --writable, clients may add indexes and replace them.`,
  examples: [
    "desync index-server -s /path/to/indexes -l :8080",
    "desync index-server -s /path/to/indexes -w --authorization 'Bearer secret' -l :8080",
  ],
  args: { max: 0 },
  flags: {
    ...STORE_FLAGS,
    store: { kind: "string", short: "s", help: "directory or URL that indexes are in" },
    ...SERVER_FLAGS,
  },
  async run(context) {
    const { flags, globals } = context;
    checkClientCertificate(flags);
    checkServerFlags(flags);
    if (!flags.store) throw new UsageError("no store provided");
    const digest = await openDigest(globals.digest);
    await using store = await openIndexStore(flags.store, { config: await context.config(), line: context });
    await runServer(context, {
      handler: (settings) =>
        indexHandler({ ...settings, store, target: flags.writable ? store : undefined, digest }),
      probe: (signal) => store.get(PROBE_NAME, { signal }),
    });
    return 0;
  },
});

/** A name as good as any to find out whether a store answers. */
const PROBE_NAME = ".desync-probe.caibx";

async function openIndexStore(
  location: string,
  { config, line }: { readonly config: Config; readonly line: StoreCommandLine },
): Promise<WritableIndexStore> {
  const record = indexStoreOptionsFor(config, location.endsWith("/") ? location : `${location}/`);
  const settings = mergeStoreOptions({ location, record }, line);
  if (!isHttp(location, "index")) return await openLocalIndexStore(location);
  const [{ openHttpObjects }, options] = await Promise.all([
    import("../../lib/objects/http.ts"),
    httpOptions(settings),
  ]);
  const { base, query } = splitQuery(location);
  return new IndexObjects(await openHttpObjects(base, query === undefined ? options : { ...options, query }));
}

/** The slash that the path has to end with belongs in front of the query. */
function splitQuery(url: string): { readonly base: string; readonly query: string | undefined } {
  const [path, ...rest] = url.split("?");
  const base = path!.endsWith("/") ? path! : `${path}/`;
  return { base, query: rest.length === 0 ? undefined : rest.join("?") };
}
