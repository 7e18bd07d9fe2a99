/**
 * Certificates of servers.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** Certificates of a server, in PEM. */
export interface ServerTls {
  /** With those that lead to an authority behind it. */
  readonly cert: string;
  /** Of the certificate. */
  readonly key: string;
  /** Whom clients' certificates have to be from; undefined if clients need none. */
  readonly clientCa?: string | undefined;
}

/**
 * Makes sure that the key is that of the certificate. Node's servers find out when the first client comes.
 *
 * @throws {ConfigError} If it is not, or one of them is malformed.
 */
export async function checkCertificate({ cert, key }: ServerTls): Promise<void> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  const parse = <T>(what: string, make: () => T): T => {
    try {
      return make();
    } catch (cause) {
      throw new ConfigError(`Cannot use the ${what} of the server: it is malformed`, { cause });
    }
  };
  const certificate = parse("certificate", () => new X509Certificate(cert));
  const privateKey = parse("key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError("Cannot use the key of the server: it is not that of the certificate");
  }
}
