/**
 * What the commands that work on chunks have in common: the engine, and what their flags say of stores.
 *
 * @module
 */

import { type Engine, openEngine } from "../lib/concurrency/worker_pool.ts";
import type { DigestName } from "../lib/digest/digest.ts";
import { type Index, indexDigest } from "../lib/format/index_file.ts";
import type { CommandContext, Globals } from "./command.ts";
import { storeOptionsFor } from "./config.ts";
import { UsageError } from "./errors.ts";
import type { StoreOptions } from "./locations.ts";
import { mergeStoreOptions, type StoreFlagValues } from "./store_settings.ts";

/** What {@linkcode openCommandEngine} needs of a command's context. */
export interface EngineContext {
  readonly globals: Globals;
  readonly given: ReadonlySet<string>;
  readonly flags: { readonly concurrency?: number | undefined };
}

/** Opens the engine with the digest of the command line. `-n` bounds its threads; more than cores would not help. */
export function openCommandEngine(
  context: EngineContext,
  digest: DigestName = context.globals.digest,
): Promise<Engine> {
  const cores = navigator.hardwareConcurrency;
  return openEngine({ digest, threads: Math.min(cores, context.flags.concurrency ?? cores) });
}

/**
 * The digest of an index. The flag `--digest` is only a check, for an index names its digest.
 *
 * @throws {UsageError} If the flag was given and says something else.
 */
export function checkDigest(context: EngineContext, index: Index, location: string): DigestName {
  const digest = indexDigest(index);
  if (context.given.has("digest") && context.globals.digest !== digest) {
    throw new UsageError(`'${location}' was made with digest ${digest} (use --digest ${digest})`);
  }
  return digest;
}

/**
 * Both or none of the two flags for a client certificate.
 *
 * @throws {UsageError} If there is only one.
 */
export function checkClientCertificate(
  flags: { readonly clientCert?: string | undefined; readonly clientKey?: string | undefined },
): void {
  if (((flags.clientCert ?? "") === "") !== ((flags.clientKey ?? "") === "")) {
    throw new UsageError("--client-cert and --client-key must be given together");
  }
}

/** What stores are opened with, by a command that works with `engine`. */
export async function storeOptions(
  context: Pick<CommandContext, "config" | "env" | "given"> & { readonly flags: StoreFlagValues },
  engine: Engine,
): Promise<StoreOptions> {
  const config = await context.config();
  return {
    digest: engine.tools.digest,
    zstd: engine.tools.zstd,
    settings: (location) =>
      mergeStoreOptions({ location, record: storeOptionsFor(config, location) }, context),
  };
}
