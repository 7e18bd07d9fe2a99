/**
 * Finds out in time whether certificates are any.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** The certificates of a connection, in PEM. */
export interface HttpCertificates {
  /** The only authorities to trust. */
  readonly caCert?: string | undefined;
  /** The one to show. */
  readonly clientCert?: string | undefined;
  /** Its key. */
  readonly clientKey?: string | undefined;
}

/**
 * Checks what can be checked without a connection; outside of Deno that is little.
 *
 * @throws {ConfigError} If there are no authorities, half a client certificate, or one that cannot be read.
 */
export function checkCertificates({ caCert, clientCert, clientKey }: HttpCertificates): void {
  if (caCert !== undefined) {
    const isPem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(caCert);
    if (!isPem || !isUsable({ caCerts: [caCert] })) {
      throw new ConfigError("no CA certificates found in ca-cert file");
    }
  }
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new ConfigError("client certificate and client key must be given together");
  }
  if (
    clientCert !== undefined && clientKey !== undefined && !isUsable({ cert: clientCert, key: clientKey })
  ) {
    throw new ConfigError("Cannot use the client certificate: it and its key do not match, or are no PEM");
  }
}

function isUsable(options: Parameters<typeof Deno.createHttpClient>[0]): boolean {
  if (typeof Deno === "undefined") return true;
  try {
    Deno.createHttpClient(options).close();
    return true;
  } catch {
    return false;
  }
}
