/**
 * What a configuration file may hold, and the reader that checks it.
 *
 * Records have the keys of the file, so that file, messages and code use the same names.
 *
 * @module
 */

import { ConfigError } from "../lib/errors.ts";
import { redactLocation } from "./location_match.ts";

/** What a configuration file says of one store; a key is undefined if the file does not have it. */
export interface StoreRecord {
  /** Accepted, but without effect: the flag `--concurrency` counts. */
  readonly n?: number;
  /** File with the certificate that servers ask for. */
  readonly "client-cert"?: string;
  /** File with the key of that certificate. */
  readonly "client-key"?: string;
  /** File with the only authorities to trust. */
  readonly "ca-cert"?: string;
  /** Accept any server certificate. */
  readonly "trust-insecure"?: boolean;
  /** Value of the header `Authorization`. */
  readonly "http-auth"?: string;
  /** Value of the header `Cookie`. */
  readonly "http-cookie"?: string;
  /** Speak HTTP/2 with servers that do. */
  readonly http2?: boolean;
  /** Longest time of a request in nanoseconds; 0 for a minute, negative for no limit. */
  readonly timeout?: number;
  /** Retries after a network error. */
  readonly "error-retry"?: number;
  /** Pause before the first retry, in nanoseconds. */
  readonly "error-retry-base-interval"?: number;
  /** Do not check what is read. */
  readonly "skip-verify"?: boolean;
  /** The store has chunks as they are. */
  readonly uncompressed?: boolean;
  /** The store has encrypted chunks. */
  readonly encryption?: boolean;
  /** `xchacha20-poly1305` or `aes-256-gcm`. */
  readonly "encryption-algorithm"?: string;
  /** 64 hexadecimal digits; if there is none, the environment has it. */
  readonly "encryption-key"?: string;
}

/** Credentials for an S3 endpoint. */
export interface S3Credentials {
  /** Name of the key. */
  readonly "access-key"?: string;
  /** The key itself. */
  readonly "secret-key"?: string;
  /** INI file with more credentials. */
  readonly "aws-credentials-file"?: string;
  /** Section of that file. */
  readonly "aws-profile"?: string;
  /** Region of the buckets. */
  readonly "aws-region"?: string;
}

/** Credentials for an OCI registry. */
export interface OciCredentials {
  /** Name of the account. */
  readonly username?: string;
  /** Password or token of the account. */
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
  /** Credentials by endpoint. */
  readonly "s3-credentials": ConfigKeys<S3Credentials>;
  /** Credentials by pattern of store locations. */
  readonly "oci-credentials": ConfigKeys<OciCredentials>;
  /** Options by pattern of locations. */
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
    http2: "boolean",
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

/** What a record stands for that does not have these keys. */
export const STORE_DEFAULTS: {
  /** Retries. */
  readonly "error-retry": number;
  /** Nanoseconds. */
  readonly "error-retry-base-interval": number;
  /** Always shown, though it is the same as nothing. */
  readonly uncompressed: boolean;
} = { "error-retry": 3, "error-retry-base-interval": 500_000_000, uncompressed: false };

/** What a file holds. */
export interface ParsedConfig {
  /** What it says. */
  readonly config: Config;
  /** Whether any of it must not be shown. */
  readonly hasSecrets: boolean;
}

/**
 * Reads the text of a configuration file. Keys may be in any case; null stands for nothing at all.
 *
 * @param path The file, for messages.
 * @throws {ConfigError} If the text is not JSON, or a value is of the wrong type.
 */
export function parseConfig(text: string, path: string): ParsedConfig {
  const reader = new ConfigReader(path);
  const config = reader.read(parseJson(text, path));
  return { config, hasSecrets: reader.hasSecrets };
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

  /** The values of known keys; of a key in several cases, the last one. */
  #keys(object: JsonObject, known: readonly string[], where: string): ReadonlyMap<string, unknown> {
    const values = new Map<string, unknown>();
    for (const [key, value] of Object.entries(object)) {
      const name = key.toLowerCase();
      if (known.includes(name)) {
        values.set(name, value);
        continue;
      }
      const now = DROPPED_KEYS.get(name);
      const hint = now === undefined ? "" : ` (use '${now}' in 'store-options')`;
      this.#warnings.push(`config file '${this.#path}': ${where}unknown key '${key}' is ignored${hint}`);
    }
    return values;
  }

  #object(value: unknown, where: string): JsonObject {
    if (value === null) return {};
    if (typeof value === "object" && !Array.isArray(value)) return value as JsonObject;
    throw this.#error(`${where} must be an object`, typeName(value));
  }

  #checkKind(value: unknown, kind: ConfigKind, where: string): void {
    switch (kind) {
      case "boolean":
        if (typeof value === "boolean") return;
        throw this.#error(`${where} must be true or false`, typeName(value));
      case "integer":
      case "nanoseconds": {
        // 2^63 is what the largest 64-bit integer is read as.
        if (Number.isInteger(value) && Math.abs(value as number) <= 2 ** 63) return;
        const unit = kind === "integer" ? "" : ", in nanoseconds";
        const found = typeof value === "number" ? String(value) : typeName(value);
        throw this.#error(`${where} must be a 64-bit integer${unit}`, found);
      }
      default:
        if (typeof value === "string") return;
        throw this.#error(`${where} must be a string`, typeName(value));
    }
  }

  #error(problem: string, found: string): ConfigError {
    return new ConfigError(`cannot read config file '${this.#path}': ${problem}, not ${found}`);
  }
}

/** What a value is; not the value itself, which may be a secret. */
function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Keys of old versions, and what replaced them. */
const DROPPED_KEYS: ReadonlyMap<string, string> = new Map([
  ["http-timeout", "timeout"],
  ["http-error-retry", "error-retry"],
]);
