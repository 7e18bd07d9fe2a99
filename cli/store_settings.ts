/**
 * How to work with one store: what the configuration file says of it, under what the command line says.
 *
 * @module
 */

import { ConfigError } from "../lib/errors.ts";
import { isProxied } from "../lib/objects/http_proxy.ts";
import type { Environment } from "./config.ts";
import { STORE_DEFAULTS, type StoreRecord } from "./config_schema.ts";
import type { FlagValues } from "./flags.ts";
import { redactLocation } from "./location_match.ts";
import type { STORE_FLAGS } from "./store_flags.ts";

/** Algorithms that stored chunks can be encrypted with. */
export type EncryptionAlgorithm = "xchacha20-poly1305" | "aes-256-gcm";

/** How the chunks of a store are encrypted. */
export interface EncryptionSettings {
  /** How. */
  readonly algorithm: EncryptionAlgorithm;
  /** 32 bytes. */
  readonly key: Uint8Array<ArrayBuffer>;
}

/** Everything there is to know about a store besides its location. */
export interface StoreSettings {
  /** Largest number of operations at a time. */
  readonly concurrency: number;
  /** File with the client certificate; there is a key if and only if there is one. */
  readonly clientCert?: string | undefined;
  /** File with the key of the client certificate. */
  readonly clientKey?: string | undefined;
  /** File with the only authorities to trust; undefined for those of the system. */
  readonly caCert?: string | undefined;
  /** Accept any server certificate. */
  readonly trustInsecure: boolean;
  /** Replace damaged chunks, if the store is a cache. */
  readonly cacheRepair: boolean;
  /** Retries after a network error. */
  readonly errorRetry: number;
  /** Pause before the first retry; the next ones are multiples of it. */
  readonly errorRetryBaseIntervalMs: number;
  /** Value of the header `Authorization`. */
  readonly httpAuth?: string | undefined;
  /** Value of the header `Cookie`. */
  readonly httpCookie?: string | undefined;
  /** Speak HTTP/2 with servers that do. */
  readonly http2: boolean;
  /** Requests may have to go through a proxy that the environment names. */
  readonly proxied: boolean;
  /** Longest time of one request; undefined for no limit. */
  readonly timeoutMs: number | undefined;
  /** Do not check what is read. */
  readonly skipVerify: boolean;
  /** The store has its chunks as they are. */
  readonly uncompressed: boolean;
  /** Undefined if they are not encrypted. */
  readonly encryption?: EncryptionSettings | undefined;
}

/** Values of the flags for stores, as far as a command has them. */
export type StoreFlagValues = {
  readonly [Name in keyof typeof STORE_FLAGS]?: FlagValues<typeof STORE_FLAGS>[Name] | undefined;
};

/** What the command line says of all stores. */
export interface StoreCommandLine {
  /** Values, whether given or not. */
  readonly flags: StoreFlagValues;
  /** Names of the flags that were given: only these override the file. */
  readonly given: ReadonlySet<string>;
  /** The environment; may have the key for encryption. */
  readonly env: Environment;
  /** Do not check what is read, whatever the file says. @default false */
  readonly skipVerify?: boolean;
}

/** As many as the engine ever has under way; what is not used costs nothing. */
const DEFAULT_CONCURRENCY = 64;
const DEFAULT_TIMEOUT = 60_000;
/** Beyond this a timer would fire at once; as a limit, 24 days are as good as none. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Puts together the settings of one store.
 *
 * @param store What the file says, and the location that it says it of.
 * @throws {ConfigError} If that makes no sense: half a client certificate, or encryption that is incomplete, not
 * possible, or not switched on.
 */
export function mergeStoreOptions(
  { location, record }: { readonly location: string; readonly record: StoreRecord },
  { flags, given, env, skipVerify = false }: StoreCommandLine,
): StoreSettings {
  const name = redactLocation(location);
  // An empty file name is one that was not given; from the command line, it takes away that of the file.
  const clientCert = (given.has("clientCert") ? flags.clientCert : record["client-cert"]) || undefined;
  const clientKey = (given.has("clientKey") ? flags.clientKey : record["client-key"]) || undefined;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new ConfigError(`client-cert and client-key for '${name}' must be given together`);
  }
  const retries = given.has("errorRetry") ? flags.errorRetry : record["error-retry"];
  const intervalMs = given.has("errorRetryBaseInterval")
    ? flags.errorRetryBaseInterval
    : (record["error-retry-base-interval"] ?? STORE_DEFAULTS["error-retry-base-interval"]) / 1e6;
  return {
    concurrency: flags.concurrency ?? DEFAULT_CONCURRENCY,
    clientCert,
    clientKey,
    caCert: (given.has("caCert") ? flags.caCert : record["ca-cert"]) || undefined,
    trustInsecure: (given.has("trustInsecure") ? flags.trustInsecure : record["trust-insecure"]) ?? false,
    cacheRepair: flags.cacheRepair ?? true,
    // The reference program accepts negative numbers in the file, which act like 0.
    errorRetry: Math.max(retries ?? STORE_DEFAULTS["error-retry"], 0),
    errorRetryBaseIntervalMs: Math.max(intervalMs ?? 0, 0),
    httpAuth: headerValue(record, "http-auth", name),
    httpCookie: headerValue(record, "http-cookie", name),
    http2: record.http2 ?? false,
    proxied: isProxied(location, env),
    timeoutMs: timeoutOf(record.timeout ?? 0),
    skipVerify: skipVerify || (record["skip-verify"] ?? false),
    uncompressed: record.uncompressed ?? false,
    encryption: encryptionOf(record, location, env),
  };
}

function timeoutOf(nanoseconds: number): number | undefined {
  if (nanoseconds === 0) return DEFAULT_TIMEOUT;
  const ms = Math.ceil(nanoseconds / 1e6);
  return nanoseconds < 0 || ms > MAX_TIMER ? undefined : ms;
}

function headerValue(
  record: StoreRecord,
  key: "http-auth" | "http-cookie",
  name: string,
): string | undefined {
  const value = record[key];
  if (value !== undefined && /[\r\n\0]/.test(value)) {
    throw new ConfigError(`${key} for '${name}' must not contain line breaks or NUL`);
  }
  return value || undefined;
}

function encryptionOf(
  record: StoreRecord,
  location: string,
  env: Environment,
): EncryptionSettings | undefined {
  const name = redactLocation(location);
  const algorithm = record["encryption-algorithm"] || undefined;
  if (!(record.encryption ?? false)) {
    // Chunks must not end up in plain text because of a missing line.
    if (record["encryption-key"] || algorithm !== undefined) {
      throw new ConfigError(`encryption-key/-algorithm set for '${name}' but encryption is off`);
    }
    return undefined;
  }
  if (/^ssh:/i.test(location)) throw new ConfigError(`ssh stores cannot be encrypted ('${name}')`);
  const key = record["encryption-key"] || env("DESYNC_ENCRYPTION_KEY") || undefined;
  if (key === undefined) throw new ConfigError(`no encryption key for '${name}'`);
  if (!/^[0-9A-Fa-f]{64}$/.test(key)) {
    throw new ConfigError(`encryption key for '${name}' must be 64 hex digits`);
  }
  return { algorithm: algorithmOf(algorithm ?? "xchacha20-poly1305"), key: Uint8Array.fromHex(key) };
}

function algorithmOf(name: string): EncryptionAlgorithm {
  if (name === "xchacha20-poly1305" || name === "aes-256-gcm") return name;
  throw new ConfigError(`unknown encryption algorithm '${name}' (use xchacha20-poly1305 or aes-256-gcm)`);
}
