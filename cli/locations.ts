/**
 * From what the command line says to stores: the one place that turns locations into composed stores.
 *
 * @module
 */

import type { ZstdCodec } from "../lib/codec/zstd.ts";
import type { Digest } from "../lib/digest/digest.ts";
import { ConfigError, UnsupportedError } from "../lib/errors.ts";
import type { HttpOptions } from "../lib/objects/http.ts";
import {
  type ObjectsRecipe,
  openObjectsStore,
  openStore,
  type StoreRecipe,
  type TransportRecipe,
} from "../lib/store/recipe.ts";
import type { SeedColumns } from "../lib/store/seeded.ts";
import type { ChunkStore, PrunableChunkStore, WritableChunkStore } from "../lib/store/types.ts";
import { readPem } from "./certificates.ts";
import { UsageError } from "./errors.ts";
import { redactLocation } from "./location_match.ts";
import type { StoreSettings } from "./store_settings.ts";

/** What stores are opened with. */
export interface StoreOptions {
  /** Names the chunks. */
  readonly digest: Digest;
  /** The codec of compressed stores. @default one is opened */
  readonly zstd?: ZstdCodec | undefined;
  /** What configuration and command line say of the store at a location. */
  readonly settings: (location: string) => StoreSettings;
  /** Create a directory that does not exist. @default false */
  readonly create?: boolean | undefined;
}

/** Stores to read chunks from. */
export interface ChunkSources {
  /** Asked in order; `a|b` is a failover group. */
  readonly stores: readonly string[];
  /** Asked first, and given what the others have. */
  readonly cache?: string | undefined;
  /** Replace damaged chunks of the cache. @default true */
  readonly cacheRepair?: boolean | undefined;
  /** Local files that are asked before all others. @default none */
  readonly seeds?: readonly SeedColumns[] | undefined;
}

/** Transports that have a name, but no implementation here. */
const MISSING_SCHEMES = ["s3+http", "s3+https", "gs", "sftp", "ssh", "oci+http", "oci+https"];

/**
 * Opens the stores that chunks are read from.
 *
 * @throws {UsageError} If there are none.
 * @throws {StoreError} If one of them is a directory that does not exist; that of a cache is created.
 */
export async function openChunkSources(sources: ChunkSources, options: StoreOptions): Promise<ChunkStore> {
  const source = await sourcesRecipe(sources, options);
  const { seeds = [] } = sources;
  return await openStore(seeds.length === 0 ? source : { kind: "seeded", seeds, source }, options);
}

/** Opens a store that chunks are written to. */
export async function openWritableChunkStore(
  location: string,
  options: StoreOptions,
): Promise<WritableChunkStore> {
  return await openObjectsStore(await storeRecipe(location, options), options);
}

/**
 * Opens a store that chunks are deleted from.
 *
 * @throws {UnsupportedError} If it is not possible to list its chunks.
 */
export async function openPrunableChunkStore(
  location: string,
  options: StoreOptions,
): Promise<PrunableChunkStore> {
  const recipe = await storeRecipe(location, options);
  if (recipe.transport.kind === "http") {
    throw new UnsupportedError(
      `Cannot list the chunks of '${redactLocation(location)}': HTTP servers do not tell what they have`,
    );
  }
  return await openObjectsStore(recipe, options);
}

async function sourcesRecipe(sources: ChunkSources, options: StoreOptions): Promise<StoreRecipe> {
  if (sources.stores.length === 0) throw new UsageError("no store given (use -s <location>)");
  const members = await Promise.all(sources.stores.map((location) => groupRecipe(location, options)));
  const source = members.length === 1 ? members[0]! : { kind: "router", members } as const;
  if (sources.cache === undefined || sources.cache === "") return source;
  const cache = await storeRecipe(sources.cache, { ...options, create: true });
  return { kind: "cache", cache, source, repair: sources.cacheRepair ?? true };
}

async function groupRecipe(group: string, options: StoreOptions): Promise<StoreRecipe> {
  const members = await Promise.all(group.split("|").map((location) => storeRecipe(location, options)));
  return members.length === 1 ? members[0]! : { kind: "failover", members };
}

async function storeRecipe(location: string, options: StoreOptions): Promise<ObjectsRecipe> {
  const settings = options.settings(location);
  const transport = await transportRecipe(location, { ...options, settings });
  if (settings.encryption !== undefined) {
    throw new UnsupportedError(
      `Cannot open store '${redactLocation(location)}': encryption is not supported`,
    );
  }
  const form = settings.uncompressed ? "plain" : "zstd";
  return { kind: "objects", transport, form, verify: !settings.skipVerify };
}

async function transportRecipe(
  location: string,
  options: { readonly settings: StoreSettings; readonly create?: boolean | undefined },
): Promise<TransportRecipe> {
  const { create } = options;
  if (!isHttp(location, "store")) return { kind: "directory", path: location, create };
  return { kind: "http", url: location, options: await httpOptions(options.settings) };
}

/**
 * Whether a location is that of an HTTP server; otherwise it is a path. What looks like a URL is never a file of that
 * name.
 *
 * @throws {ConfigError} If its scheme is not known.
 * @throws {UnsupportedError} If it is, but there is no such transport here.
 */
export function isHttp(location: string, kind: "store" | "index"): boolean {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(location)?.[1]?.toLowerCase();
  if (scheme === undefined) return false;
  if (scheme === "http" || scheme === "https") return true;
  const name = `${kind} '${redactLocation(location)}'`;
  if (MISSING_SCHEMES.includes(scheme)) {
    throw new UnsupportedError(`Cannot open ${name}: ${scheme} is not supported`);
  }
  throw new ConfigError(`Cannot open ${name}: unknown scheme '${scheme}'`);
}

/**
 * What settings say of HTTP.
 *
 * @throws {ConfigError} If a certificate cannot be read.
 */
export async function httpOptions(settings: StoreSettings): Promise<HttpOptions> {
  const [caCert, clientCert, clientKey] = await Promise.all([
    readPem(settings.caCert),
    readPem(settings.clientCert),
    readPem(settings.clientKey),
  ]);
  return {
    concurrency: settings.concurrency,
    timeoutMs: settings.timeoutMs,
    tries: settings.errorRetry,
    retryBaseIntervalMs: settings.errorRetryBaseIntervalMs,
    authorization: settings.httpAuth,
    cookie: settings.httpCookie,
    proxied: settings.proxied,
    transport: settings.http2 ? "fetch" : undefined,
    trustInsecure: settings.trustInsecure,
    caCert,
    clientCert,
    clientKey,
  };
}
