/**
 * Listens for HTTP and answers with a handler.
 *
 * This is Node's HTTP server, and not `Deno.serve`, which has no time limits: whoever opened connections and said nothing
 * would keep them for ever. Node's has them, and is no slower: 33,000 requests a second for 30 KB each with either.
 *
 * @module
 */

import type { Server } from "node:http";
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { StoreError } from "../errors.ts";
import { formatHostPort, formatListenAddress, type ListenAddress } from "./address.ts";
import { Exchange, type NodeRequest, type NodeResponse, remoteOf } from "./exchange.ts";
import { checkCertificate, type ServerTls } from "./tls.ts";
import { type ServerDetail, type ServerHandler, type ServerReply, textReply } from "./message.ts";
import type { RequestEntry } from "./request_log.ts";

/** What clients may take, so that none of them can keep others from being served. */
export interface ServerLimits {
  /** Time to send the header of a request, or to agree on encryption. */
  readonly headerMs: number;
  /** Time without a request. */
  readonly idleMs: number;
  /** Time to send the body of a request. */
  readonly bodyMs: number;
  /** Time to take a reply. */
  readonly replyMs: number;
  /** Time to finish when the server ends. */
  readonly drainMs: number;
  /** Connections of one address that is listened on; those above it are closed at once. */
  readonly connections: number;
}

/** What is reasonable. Headers and idle connections have as much time as the reference program gives them. */
export const DEFAULT_LIMITS: ServerLimits = {
  headerMs: 30_000,
  idleMs: 120_000,
  bodyMs: 600_000,
  replyMs: 600_000,
  drainMs: 10_000,
  connections: 4096,
};

/** How to serve. */
export interface ServeOptions {
  /** Answers requests. */
  readonly handler: ServerHandler;
  /** At least one. */
  readonly addresses: readonly ListenAddress[];
  /** Certificates. @default undefined, no encryption */
  readonly tls?: ServerTls | undefined;
  /** What clients may take. @default {@linkcode DEFAULT_LIMITS} */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Told of every request when its header has arrived. @default nothing */
  readonly onStart?: (() => void) | undefined;
  /** Told of every request when it is answered. @default nothing */
  readonly onRequest?: ((entry: RequestEntry) => void) | undefined;
  /** Told of connections and requests that failed on this side. @default nothing */
  readonly onDetail?: ((detail: ServerDetail) => void) | undefined;
}

/** A server at work. Disposed of, it takes no more requests and finishes those under way. */
export interface HttpServer extends AsyncDisposable {
  /** What it listens on, with the ports that the system has chosen. */
  readonly addresses: readonly string[];
  /** Whether it is closing. */
  readonly isClosing: boolean;
}

/**
 * Starts to listen on all addresses.
 *
 * @throws {StoreError} If that is not possible on one of them; then it listens on none.
 * @throws {ConfigError} If the certificate and its key cannot be used.
 */
export async function openServer(options: ServeOptions): Promise<HttpServer> {
  if (options.tls !== undefined) await checkCertificate(options.tls);
  await using opened = new AsyncDisposableStack();
  const server = opened.use(new ListeningServer(options));
  for (const address of options.addresses) await server.listen(address);
  opened.move();
  return server;
}

/** The other end of a connection. */
interface Client {
  readonly remote: string;
  /** What is to be called for each exchange under way. */
  readonly ends: Set<() => void>;
}

function ignore(): void {}

class ListeningServer implements HttpServer {
  readonly addresses: string[] = [];
  isClosing = false;
  readonly #options: ServeOptions;
  readonly #limits: ServerLimits;
  readonly #servers: (Server | Http2SecureServer)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #exchanges = new Set<Exchange>();
  readonly #clients = new WeakMap<object, Client>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #onIdle: (() => void) | undefined;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { bodyMs, replyMs } = this.#limits;
    this.#sweep = setInterval(() => this.#endOverdue(), Math.max(10, Math.min(bodyMs, replyMs) / 10));
  }

  async listen(address: ListenAddress): Promise<void> {
    const server = await this.#createServer();
    const text = formatListenAddress(address);
    if (address.kind === "unix") await removeStaleSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: unknown) => reject(new StoreError(text, "listen on", { cause }));
      server.once("error", fail);
      server.once("listening", () => {
        server.removeListener("error", fail);
        server.on(
          "error",
          (error: unknown) => this.#options.onDetail?.({ text: `listening on ${text}`, error }),
        );
        resolve();
      });
      if (address.kind === "unix") server.listen(address.path);
      else if (address.host === undefined) server.listen(address.port);
      else server.listen(address.port, address.host);
    });
    this.#servers.push(server);
    const bound = server.address();
    this.addresses.push(
      bound === null || typeof bound === "string" || address.kind === "unix"
        ? text
        : formatHostPort(address.host ?? "", bound.port),
    );
  }

  async #createServer(): Promise<Server | Http2SecureServer> {
    const { tls } = this.#options;
    const { headerMs, idleMs, bodyMs, connections } = this.#limits;
    const limits = {
      headersTimeout: headerMs,
      requestTimeout: headerMs + bodyMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.max(10, Math.min(headerMs, bodyMs) / 10),
      noDelay: true,
    };
    let server: Server | Http2SecureServer;
    if (tls === undefined) {
      server = (await import("node:http")).createServer(limits);
    } else {
      const { createSecureServer } = await import("node:http2");
      const { cert, key, clientCa } = tls;
      server = createSecureServer({
        ...limits,
        ...clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true, ca: clientCa },
        cert,
        key,
        minVersion: "TLSv1.2",
        handshakeTimeout: headerMs,
        allowHTTP1: true,
      });
      server.on("session", (session: ServerHttp2Session) => this.#addSession(session));
      server.on(
        "tlsClientError",
        (error: unknown) => this.#options.onDetail?.({ text: "TLS handshake failed", error }),
      );
    }
    (server as Server).maxConnections = connections;
    server.on("connection", (socket: Socket) => this.#addSocket(socket));
    server.on("request", (request: NodeRequest, response: NodeResponse) => {
      this.#accept(request, response, { expectsContinue: false });
    });
    server.on("checkContinue", (request: NodeRequest, response: NodeResponse) => {
      this.#accept(request, response, { expectsContinue: true });
    });
    return server;
  }

  #addSocket(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #addSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.setTimeout(this.#limits.idleMs, () => session.close());
    if (this.isClosing) session.close();
  }

  #accept(
    request: NodeRequest,
    response: NodeResponse,
    { expectsContinue }: { readonly expectsContinue: boolean },
  ): void {
    const { bodyMs, replyMs } = this.#limits;
    const { remote, ends } = this.#clientOf(request);
    const exchange = new Exchange(request, response, { remote, bodyMs, expectsContinue });
    this.#exchanges.add(exchange);
    this.#options.onStart?.();
    const end = () => {
      if (!this.#exchanges.delete(exchange)) return;
      ends.delete(end);
      exchange.end();
      this.#report(exchange, response.statusCode);
      if (this.#exchanges.size === 0) this.#onIdle?.();
    };
    ends.add(end);
    response.on("finish", end).on("close", end);
    request.on("error", ignore); // Who reads the body hears of it by the end of the connection.
    this.#answer(exchange).then((reply) => {
      exchange.deadline = performance.now() + replyMs;
      exchange.reply(reply, { isLast: this.isClosing });
    }).catch((error) => {
      this.#options.onDetail?.({ text: "failed to send a reply", error });
      exchange.destroy();
    });
  }

  /** What is known of the connection that a request came by. */
  #clientOf({ socket, httpVersionMajor }: NodeRequest): Client {
    const known = this.#clients.get(socket);
    if (known !== undefined) return known;
    const client: Client = { remote: remoteOf(socket), ends: new Set() };
    this.#clients.set(socket, client);
    // Replies that wait for the ones before are not told that their connection has ended.
    if (httpVersionMajor === 1) socket.once("close", () => client.ends.forEach((end) => end()));
    return client;
  }

  #report(exchange: Exchange, status: number): void {
    const { remote, method, target, received, sent, start } = exchange;
    const durationMs = performance.now() - start;
    this.#options.onRequest?.({
      time: Date.now(),
      remote,
      method,
      target,
      status,
      received,
      sent,
      durationMs,
    });
  }

  async #answer(exchange: Exchange): Promise<ServerReply> {
    try {
      return await this.#options.handler(exchange);
    } catch (error) {
      this.#options.onDetail?.({ text: `failed to answer ${exchange.method}`, error });
      return textReply(500, "internal server error\n");
    }
  }

  #endOverdue(): void {
    const now = performance.now();
    for (const exchange of this.#exchanges) if (exchange.deadline < now) exchange.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isClosing) return;
    this.isClosing = true;
    const closed = this.#servers.map((server) =>
      new Promise<void>((resolve) => server.close(() => resolve()))
    );
    for (const session of this.#sessions) session.close();
    await this.#drain();
    for (const exchange of this.#exchanges) exchange.destroy();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    clearInterval(this.#sweep);
    await Promise.all(closed);
  }

  /** Waits for the requests under way, but not for ever. */
  async #drain(): Promise<void> {
    if (this.#exchanges.size === 0) return;
    let timer;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, this.#limits.drainMs);
    });
    clearTimeout(timer);
  }
}

/** Removes a socket that a server left which did not end properly. One that somebody listens on stays. */
async function removeStaleSocket(path: string): Promise<void> {
  const info = await Deno.lstat(path).catch(() => undefined);
  if (!(info?.isSocket ?? false)) return;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) await Deno.remove(path);
  }
}
