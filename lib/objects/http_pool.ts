/**
 * Connections that wait for their next request.
 *
 * @module
 */

import { HttpConnection } from "./http_connection.ts";
import { IDLE_TIMEOUT_MS } from "./http_transport.ts";

interface Idle {
  readonly connection: HttpConnection;
  readonly since: number;
}

/** What a client shows to a server with TLS, in PEM. */
export interface HttpIdentity {
  /** The certificate. */
  readonly clientCert?: string | undefined;
  /** Its key. */
  readonly clientKey?: string | undefined;
}

/** A version that has several requests on one connection would need another client. */
const PROTOCOLS = ["http/1.1"];

/** Opens connections, and keeps some of them. */
export class HttpPool {
  readonly #limit: number;
  readonly #identity: HttpIdentity;
  readonly #idle = new Map<string, Idle[]>();
  #closed = false;

  /** Opens nothing yet. @param limit Connections to keep for each origin. @param identity For servers with TLS. */
  constructor(limit: number, identity: HttpIdentity) {
    this.#limit = limit;
    this.#identity = identity;
  }

  /** Takes the connection to `origin` that was used last. @returns `undefined` if none is waiting. */
  take(origin: string): HttpConnection | undefined {
    const idle = this.#idle.get(origin)?.pop();
    if (idle === undefined || performance.now() - idle.since < IDLE_TIMEOUT_MS) return idle?.connection;
    // All others have waited even longer.
    idle.connection.close();
    this.#closeAll(origin);
    return undefined;
  }

  /** Opens a connection. @throws What `Deno.connect` throws, or the reason of `signal`. */
  async connect(origin: string, signal: AbortSignal | undefined): Promise<HttpConnection> {
    const { protocol, hostname, port } = new URL(origin);
    const secure = protocol === "https:";
    const address = {
      hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? (secure ? 443 : 80) : Number(port),
    };
    if (secure) return new HttpConnection(await connectSecurely(address, { ...this.#identity, signal }));
    return new HttpConnection(await connect(address, signal));
  }

  /** Keeps a connection for the next request to `origin`; it must be at the end of a response. */
  add(origin: string, connection: HttpConnection): void {
    let idle = this.#idle.get(origin);
    if (idle === undefined) this.#idle.set(origin, idle = []);
    if (this.#closed || idle.length >= this.#limit) connection.close();
    else idle.push({ connection, since: performance.now() });
  }

  /** Closes all connections that wait, and all that will be added. */
  close(): void {
    this.#closed = true;
    for (const origin of this.#idle.keys()) this.#closeAll(origin);
  }

  #closeAll(origin: string): void {
    for (const { connection } of this.#idle.get(origin) ?? []) connection.close();
    this.#idle.delete(origin);
  }
}

interface Address {
  readonly hostname: string;
  readonly port: number;
}

async function connect(address: Address, signal: AbortSignal | undefined): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ ...address, ...signal === undefined ? {} : { signal } });
  // Otherwise the last part of a body may wait for the answer to the part before.
  connection.setNoDelay(true);
  return connection;
}

async function connectSecurely(
  address: Address,
  { clientCert, clientKey, signal }: HttpIdentity & { readonly signal: AbortSignal | undefined },
): Promise<Deno.TlsConn> {
  const { hostname } = address;
  const connection = clientCert === undefined || clientKey === undefined
    ? await Deno.startTls(await connect(address, signal), { hostname, alpnProtocols: PROTOCOLS })
    // A connection that is there already cannot be given a certificate.
    : await orAborted(
      Deno.connectTls({ ...address, cert: clientCert, key: clientKey, alpnProtocols: PROTOCOLS }),
      signal,
    );
  const stop = () => connection.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    signal?.throwIfAborted();
    await connection.handshake();
    signal?.throwIfAborted();
    return connection;
  } catch (error) {
    if (signal?.aborted !== true) connection.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Waits no longer than until the signal; a connection that comes later is closed. */
async function orAborted<T extends Deno.Conn>(connecting: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await connecting;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([connecting, aborted.promise]);
  } catch (error) {
    if (signal.aborted) connecting.then((connection) => connection.close(), () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
