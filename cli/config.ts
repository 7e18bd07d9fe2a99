/**
 * The configuration file: finding and reading it, and what it says of a location.
 *
 * @module
 */

import { ConfigError } from "../lib/errors.ts";
import {
  type Config,
  type OciCredentials,
  parseConfig,
  type S3Credentials,
  type StoreRecord,
} from "./config_schema.ts";
import { indexBase, matchesLocation, type MatchOptions, redactLocation } from "./location_match.ts";

/** Reads an environment variable; the answer is `undefined` if there is none. */
export type Environment = (name: string) => string | undefined;

/** Where the configuration comes from. */
export interface ConfigSource {
  /** The file that was asked for; undefined for the one in the home directory, which may be missing. */
  readonly path: string | undefined;
  /** The environment; names the home directory. */
  readonly env: Environment;
  /** Whether the file that was asked for may be missing as well. @default false */
  readonly mayBeMissing?: boolean;
}

/**
 * Reads the configuration file.
 *
 * @throws {ConfigError} If it cannot be read, is not JSON, or a value is of the wrong type.
 */
export async function loadConfig({ path, env, mayBeMissing = false }: ConfigSource): Promise<Config> {
  const file = path ?? defaultConfigPath(env);
  const text = await readConfigFile(file);
  if (text === undefined) {
    if (path !== undefined && !mayBeMissing) throw new ConfigError(`config file '${path}' does not exist`);
    const nothing = { s3Credentials: undefined, ociCredentials: undefined, storeOptions: undefined };
    return { path: file, ...nothing, warnings: [] };
  }
  const { config, hasSecrets } = parseConfig(text, file);
  if (!hasSecrets || !await isReadableByOthers(file)) return config;
  const warning = `config file '${file}' holds secrets that other users can read ('chmod 600' prevents that)`;
  return { ...config, warnings: [...config.warnings, warning] };
}

function defaultConfigPath(env: Environment): string {
  const windows = Deno.build.os === "windows";
  const home = windows ? (env("HOMEDRIVE") ?? "") + (env("HOMEPATH") ?? "") : env("HOME") ?? "";
  const names = [...home === "" ? [] : [home], ".config", "desync", "config.json"];
  return names.join(windows ? "\\" : "/");
}

/** @returns `undefined` if there is no such file. */
async function readConfigFile(path: string): Promise<string | undefined> {
  try {
    // Editors on Windows begin a file with a byte order mark.
    return (await Deno.readTextFile(path)).replace(/^\ufeff/, "");
  } catch (cause) {
    // The home of a user who shall not log in may be /dev/null.
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return undefined;
    throw new ConfigError(`cannot read config file '${path}'`, { cause });
  }
}

async function isReadableByOthers(path: string): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  const { isFile, mode } = await Deno.stat(path);
  return isFile && ((mode ?? 0) & 0o044) !== 0;
}

/** What the meaning of a relative path depends on. */
export interface LookupOptions {
  /** Absolute. @default the current directory of the process */
  readonly directory?: string;
}

/**
 * What the file says of a chunk store.
 *
 * @param location The store, exactly as it was given.
 * @returns The record of the pattern that matches it, or an empty one.
 * @throws {ConfigError} If several patterns match.
 */
export function storeOptionsFor(
  config: Config,
  location: string,
  options?: LookupOptions,
): StoreRecord {
  const section = { name: "store-options", records: config.storeOptions };
  return findRecord(section, location, options) ?? {};
}

/**
 * What the file says of the store that an index is in.
 *
 * @param location The index, exactly as it was given; `-` and names without a directory are looked up as the current
 * directory.
 * @throws {ConfigError} If several patterns match, or one that has to do with encryption: indexes are never encrypted.
 */
export function indexStoreOptionsFor(
  config: Config,
  location: string,
  options?: LookupOptions,
): StoreRecord {
  const record = storeOptionsFor(config, indexBase(location), options);
  if ((record.encryption ?? false) || record["encryption-key"] || record["encryption-algorithm"]) {
    throw new ConfigError(
      `store options for '${redactLocation(location)}' enable encryption, but indexes are never encrypted`,
    );
  }
  return record;
}

/**
 * The credentials that the file has for a registry.
 *
 * @param url The store, as a URL.
 * @throws {ConfigError} If several patterns match.
 */
export function ociCredentialsFor(config: Config, url: string): OciCredentials | undefined {
  return findRecord({ name: "oci-credentials", records: config.ociCredentials }, url);
}

/**
 * The credentials that the file has for an S3 endpoint. The endpoint itself as a key goes before patterns that match it
 * as well: to the reference program, which knows no patterns here, it is the only one.
 *
 * @param endpoint `http[s]://host[:port]`.
 * @throws {ConfigError} If several patterns match.
 */
export function s3CredentialsFor(config: Config, endpoint: string): S3Credentials | undefined {
  return config.s3Credentials?.get(endpoint) ??
    findRecord({ name: "s3-credentials", records: config.s3Credentials }, endpoint);
}

interface Section<T> {
  readonly name: string;
  readonly records: ReadonlyMap<string, T> | undefined;
}

function findRecord<T>(section: Section<T>, location: string, options?: LookupOptions): T | undefined {
  const { name, records } = section;
  if (records === undefined || records.size === 0) return undefined;
  const context: MatchOptions = {
    directory: options?.directory ?? Deno.cwd(),
    separator: Deno.build.os === "windows" ? "\\" : "/",
  };
  const patterns = [...records.keys()].filter((pattern) => matchesLocation(pattern, location, context));
  if (patterns.length > 1) {
    const list = patterns.map((pattern) => `'${redactLocation(pattern)}'`).join(", ");
    throw new ConfigError(`more than one ${name} entry matches '${redactLocation(location)}': ${list}`);
  }
  return patterns[0] === undefined ? undefined : records.get(patterns[0]);
}
