/**
 * The configuration file: reading it, finding what it says of a location, and what the command line changes of that.
 *
 * Records have the keys of the file, so that file, messages and code use the same names.
 *
 * @module
 */

import { ConfigError } from "../lib/errors.ts";
import { suggest } from "./errors.ts";
import type { FlagValues } from "./flags.ts";
import { indexBase, matchesLocation, redactLocation } from "./location_match.ts";
import type { STORE_FLAGS } from "./store_flags.ts";

/** What a configuration file says of one store; a key is undefined if the file does not have it. */
export interface StoreRecord {
  /** Accepted, but without effect: the flag `--concurrency` counts. */
  readonly n?: number;
  readonly "client-cert"?: string;
  readonly "client-key"?: string;
  readonly "ca-cert"?: string;
  readonly "trust-insecure"?: boolean;
  /** Value of the header `Authorization`. */
  readonly "http-auth"?: string;
  /** Value of the header `Cookie`. */
  readonly "http-cookie"?: string;
  /** Nanoseconds; negative for none. */
  readonly timeout?: number;
  readonly "error-retry"?: number;
  /** Nanoseconds. */
  readonly "error-retry-base-interval"?: number;
  readonly "skip-verify"?: boolean;
  readonly uncompressed?: boolean;
  readonly encryption?: boolean;
  readonly "encryption-algorithm"?: string;
  /** 64 hexadecimal digits. */
  readonly "encryption-key"?: string;
}

/** Credentials for an S3 endpoint. */
export interface S3Credentials {
  readonly "access-key"?: string;
  readonly "secret-key"?: string;
  /** INI file with more credentials. */
  readonly "aws-credentials-file"?: string;
  /** Section of that file. */
  readonly "aws-profile"?: string;
  readonly "aws-region"?: string;
}

/** Credentials for an OCI registry. */
export interface OciCredentials {
  readonly username?: string;
  readonly secret?: string;
}

/** A configuration file. A section is undefined if the file does not have it. */
export interface Config {
  /** The file, which may not exist. */
  readonly path: string;
  /** By endpoint, `http[s]://host[:port]`. */
  readonly s3Credentials: ReadonlyMap<string, S3Credentials> | undefined;
  /** By pattern of store locations. */
  readonly ociCredentials: ReadonlyMap<string, OciCredentials> | undefined;
  /** By pattern of locations. */
  readonly storeOptions: ReadonlyMap<string, StoreRecord> | undefined;
  /** Lines for the user about what was accepted but is not as it should be. */
  readonly warnings: readonly string[];
}

/** What the value of a key is; secrets are strings that must not be shown. */
export type ConfigKind = "string" | "secret" | "integer" | "nanoseconds" | "boolean";

/** The keys of a record, in the order in which they are shown. */
export type ConfigKeys<T> = Readonly<Record<keyof T, ConfigKind>>;

/** The sections of a configuration file, with the keys of their records. */
export const CONFIG_SECTIONS: {
  readonly "s3-credentials": ConfigKeys<S3Credentials>;
  readonly "oci-credentials": ConfigKeys<OciCredentials>;
  readonly "store-options": ConfigKeys<StoreRecord>;
} = {
  "s3-credentials": {
    "access-key": "string",
    "secret-key": "secret",
    "aws-credentials-file": "string",
    "aws-profile": "string",
    "aws-region": "string",
  },
  "oci-credentials": { username: "string", secret: "secret" },
  "store-options": {
    n: "integer",
    "client-cert": "string",
    "client-key": "string",
    "ca-cert": "string",
    "trust-insecure": "boolean",
    "http-auth": "secret",
    "http-cookie": "secret",
    timeout: "nanoseconds",
    "error-retry": "integer",
    "error-retry-base-interval": "nanoseconds",
    "skip-verify": "boolean",
    uncompressed: "boolean",
    encryption: "boolean",
    "encryption-algorithm": "string",
    "encryption-key": "secret",
  },
};

/** Retries after a network error, unless the file or the command line says otherwise. */
export const DEFAULT_ERROR_RETRY = 3;
/** Pause before the first retry, in nanoseconds, unless the file or the command line says otherwise. */
export const DEFAULT_RETRY_INTERVAL = 500_000_000;

/** @returns The environment variable, or `undefined`. */
export type Environment = (name: string) => string | undefined;

/** Where the configuration comes from. */
export interface ConfigSource {
  /** The file that was asked for; undefined for the one in the home directory, which may be missing. */
  readonly path: string | undefined;
  readonly env: Environment;
  /** Whether the file that was asked for may be missing as well. @default false */
  readonly mayBeMissing?: boolean;
}

/**
 * Reads the configuration file.
 *
 * @throws {ConfigError} If it cannot be read, is not JSON, or a value is of the wrong type.
 */
export async function loadConfig(source: ConfigSource): Promise<Config> {
  const path = source.path ?? defaultConfigPath(source.env);
  const text = await readConfigFile(path);
  if (text === undefined) {
    if (source.path === undefined || (source.mayBeMissing ?? false)) {
      return {
        path,
        s3Credentials: undefined,
        ociCredentials: undefined,
        storeOptions: undefined,
        warnings: [],
      };
    }
    throw new ConfigError(`config file '${path}' does not exist`);
  }
  const reader = new ConfigReader(path);
  const config = reader.read(parseJson(text, path));
  if (!reader.hasSecrets || Deno.build.os === "windows") return config;
  const { mode, isFile } = await Deno.stat(path);
  if (!isFile || ((mode ?? 0) & 0o044) === 0) return config;
  const warning = `config file '${path}' holds secrets that other users can read; 'chmod 600' prevents that`;
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
    // The home of users who shall not log in may be /dev/null.
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return undefined;
    throw new ConfigError(`cannot read config file '${path}'`, { cause });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Without the error itself as the cause: V8 shows an excerpt, and that may be of a password.
    const problem = text.trim() === "" ? "it is empty" : syntaxProblem(text, error);
    throw new ConfigError(`cannot read config file '${path}': ${problem}`);
  }
}

/** What V8 says of malformed JSON, less the excerpt. Where it shows one it gives no position, so that is found here. */
function syntaxProblem(text: string, { message }: SyntaxError): string {
  if (!/ is not valid JSON$/.test(message)) return message;
  // The shortest beginning of the text that has the problem ends with it.
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isValidStart(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const lines = text.slice(0, bad).split("\n");
  return `unexpected character in JSON at line ${lines.length} column ${lines.at(-1)!.length}`;
}

/** Whether text may become JSON if more follows, as far as the problem is one that V8 shows an excerpt of. */
function isValidStart(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    return error instanceof SyntaxError && !/ is not valid JSON$/.test(error.message);
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Checks the types of one file, and collects what is odd about it. */
class ConfigReader {
  hasSecrets = false;
  readonly #path: string;
  readonly #warnings: string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  read(json: unknown): Config {
    const sections = this.#keys(this.#object(json, "the file"), Object.keys(CONFIG_SECTIONS), "");
    return {
      path: this.#path,
      s3Credentials: this.#section<S3Credentials>(sections, "s3-credentials"),
      ociCredentials: this.#section<OciCredentials>(sections, "oci-credentials"),
      storeOptions: this.#section<StoreRecord>(sections, "store-options"),
      warnings: this.#warnings,
    };
  }

  #section<T>(
    sections: ReadonlyMap<string, unknown>,
    name: keyof typeof CONFIG_SECTIONS,
  ): ReadonlyMap<string, T> | undefined {
    const value = sections.get(name);
    if (value === undefined || value === null) return undefined;
    const kinds: Readonly<Record<string, ConfigKind>> = CONFIG_SECTIONS[name];
    const entries = new Map<string, T>();
    for (const [pattern, content] of Object.entries(this.#object(value, `'${name}'`))) {
      const where = `'${name}' entry '${redactLocation(pattern)}'`;
      const values = this.#keys(this.#object(content, where), Object.keys(kinds), `${where}: `);
      const record: Record<string, unknown> = {};
      for (const [key, kind] of Object.entries(kinds)) {
        const item = values.get(key);
        if (item === undefined || item === null) continue;
        this.#checkKind(item, kind, `${where}: '${key}'`);
        if (kind === "secret" && item !== "") this.hasSecrets = true;
        record[key] = item;
      }
      entries.set(pattern, record as T);
    }
    return entries;
  }

  /** The values of known keys, which may be in any case; of a key in several cases, the last one. */
  #keys(object: JsonObject, known: readonly string[], where: string): ReadonlyMap<string, unknown> {
    const values = new Map<string, unknown>();
    for (const [key, value] of Object.entries(object)) {
      const name = key.toLowerCase();
      if (known.includes(name)) {
        values.set(name, value);
        continue;
      }
      const advice = DROPPED_KEYS[name] ?? suggest(name, known)[0];
      const hint = advice === undefined ? "" : ` (use '${advice}')`;
      this.#warnings.push(`config file '${this.#path}': ${where}unknown key '${key}' is ignored${hint}`);
    }
    return values;
  }

  /** Null stands for nothing at all. */
  #object(value: unknown, where: string): JsonObject {
    if (value === null) return {};
    if (typeof value === "object" && !Array.isArray(value)) return value as JsonObject;
    throw this.#error(value, `${where} must be an object`);
  }

  #checkKind(value: unknown, kind: ConfigKind, where: string): void {
    switch (kind) {
      case "boolean":
        if (typeof value === "boolean") return;
        throw this.#error(value, `${where} must be true or false`);
      case "integer":
      case "nanoseconds":
        if (Number.isInteger(value) && Math.abs(value as number) <= 2 ** 63) return;
        throw this.#error(value, `${where} must be an integer${kind === "integer" ? "" : " (nanoseconds)"}`);
      default:
        if (typeof value === "string") return;
        throw this.#error(value, `${where} must be a string`);
    }
  }

  #error(value: unknown, problem: string): ConfigError {
    let type: string = typeof value;
    if (typeof value === "number") type = Number.isInteger(value) ? "number" : "fraction";
    else if (Array.isArray(value)) type = "array";
    const article = /^[aeiou]/.test(type) ? "an" : "a";
    return new ConfigError(`cannot read config file '${this.#path}': ${problem}, not ${article} ${type}`);
  }
}

/** Keys of old versions, and what replaced them. */
const DROPPED_KEYS: Readonly<Record<string, string>> = {
  "http-timeout": "timeout",
  "http-error-retry": "error-retry",
};
