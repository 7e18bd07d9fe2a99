import assert from "node:assert/strict";
import type { StoreRecord } from "../../cli/config_schema.ts";
import { parseFlags } from "../../cli/flags.ts";
import { STORE_FLAGS } from "../../cli/store_flags.ts";
import { mergeStoreOptions, type StoreSettings } from "../../cli/store_settings.ts";
import { ConfigError } from "../../lib/errors.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const KEY_BYTES = Uint8Array.from({ length: 32 }, (_, i) => i);

const DEFAULTS: StoreSettings = {
  concurrency: 64,
  http2: false,
  proxied: false,
  clientCert: undefined,
  clientKey: undefined,
  caCert: undefined,
  trustInsecure: false,
  cacheRepair: true,
  errorRetry: 3,
  errorRetryBaseIntervalMs: 500,
  httpAuth: undefined,
  httpCookie: undefined,
  timeoutMs: 60_000,
  skipVerify: false,
  uncompressed: false,
  encryption: undefined,
};

function merge(record: StoreRecord, argv: readonly string[] = [], options: {
  readonly location?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly skipVerify?: boolean;
} = {}): StoreSettings {
  const { location = "https://u:p@host/store", env = {}, ...rest } = options;
  const { flags, given } = parseFlags(argv, { table: STORE_FLAGS });
  return mergeStoreOptions({ location, record }, { flags, given, env: (name) => env[name], ...rest });
}

Deno.test("mergeStoreOptions() gives the defaults", () => {
  assert.deepEqual(merge({}), DEFAULTS);
  const noFlags = { flags: {}, given: new Set<string>(), env: () => undefined };
  assert.deepEqual(mergeStoreOptions({ location: "/a", record: {} }, noFlags), DEFAULTS);
});

const RECORD: StoreRecord = {
  n: 5,
  "client-cert": "cert",
  "client-key": "key",
  "ca-cert": "ca",
  "trust-insecure": true,
  "error-retry": 0,
  "error-retry-base-interval": 1_500_000,
  "http-auth": "Bearer x",
  "http-cookie": "a=b",
  timeout: 2_000_000_000,
  "skip-verify": true,
  uncompressed: true,
};
const FROM_RECORD: StoreSettings = {
  ...DEFAULTS,
  clientCert: "cert",
  clientKey: "key",
  caCert: "ca",
  trustInsecure: true,
  errorRetry: 0,
  errorRetryBaseIntervalMs: 1.5,
  httpAuth: "Bearer x",
  httpCookie: "a=b",
  timeoutMs: 2_000,
  skipVerify: true,
  uncompressed: true,
};

Deno.test.each<{ argv: string[]; changes: Partial<StoreSettings> }>([
  { argv: [], changes: {} },
  { argv: ["-n", "3"], changes: { concurrency: 3 } },
  { argv: ["--client-cert=c", "--client-key=k"], changes: { clientCert: "c", clientKey: "k" } },
  { argv: ["--client-cert=", "--client-key="], changes: { clientCert: undefined, clientKey: undefined } },
  { argv: ["--ca-cert=x"], changes: { caCert: "x" } },
  { argv: ["--ca-cert="], changes: { caCert: undefined } },
  { argv: ["--trust-insecure=false"], changes: { trustInsecure: false } },
  { argv: ["-r=false"], changes: { cacheRepair: false } },
  { argv: ["-e", "3"], changes: { errorRetry: 3 } },
  { argv: ["-b", "500ms"], changes: { errorRetryBaseIntervalMs: 500 } },
  { argv: ["-b", "0"], changes: { errorRetryBaseIntervalMs: 0 } },
])("mergeStoreOptions() lets $argv override the file, and nothing else", ({ argv, changes }) => {
  assert.deepEqual(merge(RECORD, argv), { ...FROM_RECORD, ...changes });
});

Deno.test("mergeStoreOptions() can switch verification off, but not on", () => {
  assert.equal(merge({}, [], { skipVerify: true }).skipVerify, true);
  assert.equal(merge({ "skip-verify": true }, [], { skipVerify: false }).skipVerify, true);
});

Deno.test("mergeStoreOptions() takes negative retries and pauses of the file for none", () => {
  const settings = merge({ "error-retry": -4, "error-retry-base-interval": -1 });
  assert.deepEqual([settings.errorRetry, settings.errorRetryBaseIntervalMs], [0, 0]);
});

Deno.test.each([
  { timeout: undefined, ms: 60_000 },
  { timeout: 0, ms: 60_000 },
  { timeout: 1, ms: 1 },
  { timeout: 1_500_000, ms: 2 },
  { timeout: 30_000_000_000, ms: 30_000 },
  { timeout: -1, ms: undefined },
  { timeout: (2 ** 31 - 1) * 1e6, ms: 2 ** 31 - 1 },
  { timeout: 2 ** 63, ms: undefined },
])("mergeStoreOptions() makes $ms ms of the timeout $timeout", ({ timeout, ms }) => {
  assert.equal(merge(timeout === undefined ? {} : { timeout }).timeoutMs, ms);
});

Deno.test.each<{ record: StoreRecord; env?: Record<string, string>; algorithm: string }>([
  { record: { encryption: true, "encryption-key": KEY }, algorithm: "xchacha20-poly1305" },
  {
    record: { encryption: true, "encryption-key": KEY.toUpperCase(), "encryption-algorithm": "aes-256-gcm" },
    algorithm: "aes-256-gcm",
  },
  {
    record: { encryption: true, "encryption-key": "", "encryption-algorithm": "" },
    env: { DESYNC_ENCRYPTION_KEY: KEY },
    algorithm: "xchacha20-poly1305",
  },
  {
    record: { encryption: true, "encryption-key": KEY },
    env: { DESYNC_ENCRYPTION_KEY: "ff" },
    algorithm: "xchacha20-poly1305",
  },
])("mergeStoreOptions() reads $record and $env", ({ record, env, algorithm }) => {
  assert.deepEqual(merge(record, [], { env: env ?? {} }).encryption, { algorithm, key: KEY_BYTES });
});

Deno.test("mergeStoreOptions() does not encrypt because of the environment alone", () => {
  assert.deepEqual(merge({}, [], { env: { DESYNC_ENCRYPTION_KEY: KEY } }), DEFAULTS);
});

Deno.test.each<{ record: StoreRecord; argv?: string[]; location?: string; message: string }>([
  {
    record: { "client-cert": "c" },
    message: "client-cert and client-key for 'https://host/store' must be given together",
  },
  {
    record: RECORD,
    argv: ["--client-key="],
    message: "client-cert and client-key for 'https://host/store' must be given together",
  },
  {
    record: { "http-auth": "a\r\nb" },
    message: "http-auth for 'https://host/store' must not contain line breaks or NUL",
  },
  {
    record: { "http-cookie": "a\0" },
    message: "http-cookie for 'https://host/store' must not contain line breaks or NUL",
  },
  {
    record: { "encryption-key": KEY },
    message: "encryption-key/-algorithm set for 'https://host/store' but encryption is off",
  },
  {
    record: { encryption: false, "encryption-algorithm": "aes-256-gcm" },
    message: "encryption-key/-algorithm set for 'https://host/store' but encryption is off",
  },
  { record: { encryption: true }, message: "no encryption key for 'https://host/store'" },
  {
    record: { encryption: true, "encryption-key": KEY.slice(2) },
    message: "encryption key for 'https://host/store' must be 64 hex digits",
  },
  {
    record: { encryption: true, "encryption-key": KEY.replace("0", "x") },
    message: "encryption key for 'https://host/store' must be 64 hex digits",
  },
  {
    record: { encryption: true, "encryption-key": KEY, "encryption-algorithm": "rot13" },
    message: "unknown encryption algorithm 'rot13' (use xchacha20-poly1305 or aes-256-gcm)",
  },
  {
    record: { encryption: true, "encryption-key": KEY },
    location: "SSH://me@host/store",
    message: "ssh stores cannot be encrypted ('SSH://host/store')",
  },
])("mergeStoreOptions() refuses $record: $message", ({ record, argv, location, message }) => {
  const options = location === undefined ? {} : { location };
  assert.throws(() => merge(record, argv, options), (error) => {
    assert(error instanceof ConfigError);
    assert.equal(error.message, message);
    return true;
  });
});
