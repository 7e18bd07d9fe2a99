/**
 * The flags of servers, and the rules for them that need nothing but the command line.
 *
 * @module
 */

import { UnsupportedError } from "../lib/errors.ts";
import { type ListenAddress, parseListenAddress } from "../lib/server/address.ts";
import { UsageError } from "./errors.ts";
import type { BooleanFlag, FlagValues, ListFlag, StringFlag } from "./flags.ts";

type TextFlag = Omit<StringFlag, "default" | "choices">;

/** Flags of every server. */
export const SERVER_FLAGS: {
  readonly listen: ListFlag;
  readonly writable: BooleanFlag;
  readonly cert: TextFlag;
  readonly key: TextFlag;
  readonly mutualTls: BooleanFlag;
  readonly clientCa: TextFlag;
  readonly authorization: TextFlag;
  readonly log: TextFlag;
  readonly logFormat: StringFlag & {
    readonly default: string;
    readonly choices: readonly ("text" | "json")[];
  };
  readonly adminListen: TextFlag;
} = {
  listen: {
    kind: "list",
    short: "l",
    default: [":http"],
    help: "address to listen on: host:port, :port, [address]:port or unix:path",
  },
  writable: {
    kind: "boolean",
    short: "w",
    deprecatedNames: ["writeable"],
    help: "let clients write to the store",
  },
  cert: { kind: "string", metavar: "file", help: "certificate of the server for HTTPS, needs --key" },
  key: { kind: "string", metavar: "file", help: "key of the certificate" },
  mutualTls: { kind: "boolean", help: "demand a certificate of every client, needs --client-ca" },
  clientCa: {
    kind: "string",
    metavar: "file",
    help: "authorities that clients' certificates have to be from",
  },
  authorization: {
    kind: "string",
    metavar: "value",
    defaultText: "$DESYNC_HTTP_AUTH",
    help: "value of the header Authorization that every client has to send",
  },
  log: { kind: "string", metavar: "file", help: "file that requests are logged to; '-' for standard error" },
  logFormat: {
    kind: "string",
    default: "text",
    choices: ["text", "json"],
    help: "format of the log: text or json",
  },
  adminListen: { kind: "string", metavar: "address", help: "address for /metrics, /healthz and /readyz" },
};

/** Values of the flags of a server. */
export type ServerFlagValues = FlagValues<typeof SERVER_FLAGS>;

/**
 * Makes sure that what the flags say of TLS is complete.
 *
 * @throws {UsageError} If it is not.
 */
export function checkServerFlags(flags: ServerFlagValues): void {
  const { cert = "", key = "", clientCa = "", mutualTls } = flags;
  if ((cert === "") !== (key === "")) {
    throw new UsageError("--key and --cert options need to be provided together");
  }
  if (mutualTls && cert === "") {
    throw new UsageError("--mutual-tls requires --cert and --key (TLS must be enabled)");
  }
  if (clientCa !== "" && cert === "") {
    throw new UsageError("--client-ca requires --cert and --key (TLS must be enabled)");
  }
  if (mutualTls && clientCa === "") {
    throw new UsageError(
      "--mutual-tls requires --client-ca (otherwise it is not said which client certificates to accept)",
    );
  }
  if (clientCa !== "" && !mutualTls) {
    throw new UsageError(
      "--client-ca requires --mutual-tls (otherwise client certificates are not verified)",
    );
  }
}

/**
 * The addresses to listen on; an empty list stands for the default one.
 *
 * @throws {ConfigError} If one is malformed.
 */
export async function listenAddresses(listen: readonly string[]): Promise<readonly ListenAddress[]> {
  const texts = listen.length === 0 ? [":http"] : listen;
  const isNamed = texts.some((text) => /:[^:]*[A-Za-z][^:]*$/.test(text));
  const services = isNamed ? await Deno.readTextFile("/etc/services").catch(() => "") : "";
  return texts.map((text) => parseListenAddress(text, { services }));
}

/** Flags for the form in which chunks travel. */
export const WIRE_FLAGS: {
  readonly uncompressed: BooleanFlag;
  readonly encryption: BooleanFlag;
  readonly encryptionKey: TextFlag;
  readonly encryptionAlgorithm: TextFlag;
} = {
  uncompressed: { kind: "boolean", short: "u", help: "exchange chunks with clients as they are" },
  encryption: { kind: "boolean", help: "exchange encrypted chunks with clients" },
  encryptionKey: {
    kind: "string",
    metavar: "hex",
    defaultText: "$DESYNC_ENCRYPTION_KEY",
    help: "key for that, 64 hexadecimal digits",
  },
  encryptionAlgorithm: { kind: "string", help: "xchacha20-poly1305 or aes-256-gcm" },
};

/**
 * Makes sure that encryption between server and clients, if any flag asks for it, is complete and possible.
 *
 * @throws {UsageError} If it is incomplete.
 * @throws {UnsupportedError} If it is not possible.
 */
export function checkWireFlags(
  flags: FlagValues<typeof WIRE_FLAGS>,
  env: (name: string) => string | undefined,
): void {
  const { encryption, encryptionKey = "", encryptionAlgorithm = "" } = flags;
  if (!encryption && encryptionKey === "" && encryptionAlgorithm === "") return;
  // The variable alone never asks for encryption.
  const key = encryptionKey || env("DESYNC_ENCRYPTION_KEY") || "";
  if (key === "") throw new UsageError("no encryption key configured");
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(key)) {
    throw new UsageError("invalid encryption key, expected hex-encoded 256-bit key");
  }
  if (!["", "xchacha20-poly1305", "aes-256-gcm"].includes(encryptionAlgorithm)) {
    throw new UsageError(`unsupported encryption algorithm "${encryptionAlgorithm}"`);
  }
  if (key.length !== 64) {
    throw new UsageError(`encryption key must be 32 bytes, got ${key.length / 2}`);
  }
  // A layer for encryption would come here: the codecs of the wire are made of what these flags say.
  throw new UnsupportedError("Cannot serve encrypted chunks: encryption is not supported");
}
