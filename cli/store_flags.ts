/**
 * The flags of every command that opens stores.
 *
 * @module
 */

import type { BooleanFlag, DurationFlag, IntegerFlag, StringFlag } from "./flags.ts";

/**
 * Flags for the connection to stores. Which of them the command line has decides what a configuration file may still
 * say, so a command passes on its `given` set together with the values.
 */
export const STORE_FLAGS: {
  /** Undefined if not given: then work on chunks uses every core, and connections are limited to 10. */
  readonly concurrency: Omit<IntegerFlag, "default">;
  readonly clientCert: Omit<StringFlag, "default" | "choices">;
  readonly clientKey: Omit<StringFlag, "default" | "choices">;
  readonly caCert: Omit<StringFlag, "default" | "choices">;
  readonly trustInsecure: BooleanFlag;
  readonly cacheRepair: BooleanFlag;
  readonly errorRetry: IntegerFlag & { readonly default: number };
  readonly errorRetryBaseInterval: DurationFlag & { readonly default: number };
} = {
  concurrency: {
    kind: "int",
    short: "n",
    min: 1,
    defaultText: "10",
    help: "number of concurrent operations",
  },
  clientCert: { kind: "string", metavar: "file", help: "client certificate for TLS, needs --client-key" },
  clientKey: { kind: "string", metavar: "file", help: "key of the client certificate" },
  caCert: { kind: "string", metavar: "file", help: "trust the authorities in this file only" },
  trustInsecure: { kind: "boolean", short: "t", help: "accept any server certificate" },
  cacheRepair: {
    kind: "boolean",
    short: "r",
    default: true,
    help: "replace invalid chunks that are found in the cache",
  },
  errorRetry: { kind: "int", short: "e", min: 0, default: 3, help: "retries after a network error" },
  errorRetryBaseInterval: {
    kind: "duration",
    short: "b",
    min: 0,
    default: 500,
    help: "pause before the first retry; the next ones are multiples of it",
  },
};
