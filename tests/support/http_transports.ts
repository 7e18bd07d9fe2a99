/** Every way to send requests, with servers it can reach. */

import { type HttpOptions, openHttpObjects } from "../../lib/objects/http.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import type { RetryClock } from "../../lib/objects/retry.ts";
import { type Certificates, makeCertificates, openssl } from "./certificates.ts";
import {
  type ObjectServer,
  type RawConnection,
  type RawServer,
  serveObjects,
  serveRaw,
} from "./http_servers.ts";

/** Made once for each file of tests; `undefined` without openssl. */
export const certificates: Certificates | undefined = openssl.path === undefined
  ? undefined
  : await makeCertificates();

/** A clock on which time does not pass. */
export interface StillClock extends RetryClock {
  /** Pauses that were asked for, in milliseconds. */
  readonly pauses: number[];
}

/** A way to send requests. */
export interface TransportCase {
  readonly name: "plain" | "fetch" | "node";
  /** Whether it cannot be tested here. */
  readonly ignore: boolean;
  /** Starts a server of objects that it can reach. */
  serve(objects?: ObjectStore): ObjectServer;
  /** Starts a server that does what it is told. */
  serveRaw(serve: (connection: RawConnection) => Promise<void>): RawServer;
  /** Opens a client. It does not pause unless it is given a clock. */
  open(url: string, options?: HttpOptions & { readonly clock?: RetryClock }): Promise<ObjectStore>;
}

/** The time it is on a {@linkcode StillClock}. */
export const NOW = Date.UTC(2026, 0, 1);

/** @returns A clock that only notes how long it should sleep. Chance takes nothing away. */
export function stillClock(): StillClock {
  const pauses: number[] = [];
  const sleep = (ms: number) => Promise.resolve(void pauses.push(ms));
  return { pauses, now: () => NOW, random: () => 0, sleep };
}

/** All of them. */
export const TRANSPORTS: readonly TransportCase[] = [
  transport("plain"),
  transport("fetch"),
  transport("node"),
];

function transport(name: TransportCase["name"]): TransportCase {
  const secure = name === "node";
  const tls = secure && certificates !== undefined ? { tls: certificates.server } : {};
  return {
    name,
    ignore: secure && openssl.ignore,
    serve: (objects) => serveObjects(objects, tls),
    serveRaw: (serve) => serveRaw(serve, tls),
    open: (url, options) =>
      openHttpObjects(url, {
        transport: name,
        clock: stillClock(),
        ...secure ? { caCert: certificates?.ca } : {},
        ...options,
      }),
  };
}
