/**
 * Requests to an HTTP server: the transport for each scheme, credentials, and redirects.
 *
 * @module
 */

import {
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
  type HttpTransport,
  type HttpTransportOptions,
} from "./http_transport.ts";

/** Which transport sends requests. */
export type HttpTransportName = "fetch" | "node" | "plain";

/** How a client connects. */
export interface HttpClientOptions extends HttpTransportOptions {
  /** Value of the header `Authorization`, one character for each byte. */
  readonly authorization?: string | undefined;
  /** Value of the header `Cookie`, one character for each byte. */
  readonly cookie?: string | undefined;
  /** Whether requests may have to go through a proxy. @default false without TLS; with it, `fetch` finds out */
  readonly proxied?: boolean | undefined;
  /** Use this one for everything. @default The best for each scheme. */
  readonly transport?: HttpTransportName | undefined;
}

/** What a client sends; the headers are its own. */
export type HttpClientRequest = Omit<HttpRequest, "headers">;

/** As many as browsers follow, or Go. */
const MAX_REDIRECTS = 10;

/** Sends requests with credentials, and follows redirects. */
export class HttpClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  readonly #transports = new Map<HttpTransportName, Promise<HttpTransport>>();
  readonly #headers: readonly (readonly [string, string])[];

  /** Opens nothing yet. */
  constructor(options: HttpClientOptions) {
    this.#options = options;
    const { authorization, cookie } = options;
    this.#headers = [
      ...PUBLIC_HEADERS,
      ...authorization === undefined ? [] : [["authorization", authorization] as const],
      ...cookie === undefined ? [] : [["cookie", cookie] as const],
    ];
  }

  /**
   * Opens what requests to `origin` need.
   *
   * @throws {ConfigError} If a certificate or key is none.
   */
  async open(origin: string): Promise<void> {
    await this.#transport(origin);
  }

  /**
   * Sends a request, and again to where the answer says it should go. Credentials go to no other origin than the first.
   *
   * @throws {HttpFailure} If there is no valid response, or the redirects do not end.
   */
  async send(request: HttpClientRequest): Promise<HttpResponse> {
    let { origin, target } = request;
    let headers = this.#headers;
    for (let redirects = 0;; redirects++) {
      const transport = await this.#transport(origin);
      const response = await transport.send({ ...request, origin, target, headers });
      const location = redirectOf(request.method, response);
      if (location === undefined) return response;
      await response.discard();
      if (redirects === MAX_REDIRECTS) {
        throw new HttpFailure(`more than ${MAX_REDIRECTS} redirects`, { retryable: false });
      }
      const url = URL.parse(location, origin + target);
      if (url === null || !/^https?:$/.test(url.protocol)) {
        throw new HttpFailure("it redirects to what is not a URL of HTTP", { retryable: false });
      }
      // Once they are gone, they stay away: the other origin could send them anywhere.
      if (url.origin !== origin) headers = PUBLIC_HEADERS;
      origin = url.origin;
      target = url.pathname + url.search;
    }
  }

  /** Closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#transports.values());
    for (const result of opened) {
      if (result.status === "fulfilled") await result.value[Symbol.asyncDispose]();
    }
  }

  #transport(origin: string): Promise<HttpTransport> {
    const name = this.#options.transport ?? chooseTransport(origin, this.#options);
    let transport = this.#transports.get(name);
    if (transport === undefined) this.#transports.set(name, transport = openTransport(name, this.#options));
    return transport;
  }
}

// Whoever does not ask for a coding does not get one: a chunk has to arrive as it is stored.
const PUBLIC_HEADERS: readonly (readonly [string, string])[] = [
  ["accept", "*/*"],
  ["accept-encoding", "identity"],
  ["user-agent", "desync"],
];

function chooseTransport(origin: string, options: HttpClientOptions): HttpTransportName {
  const secure = origin.startsWith("https:");
  if (secure && (options.caCert !== undefined || options.trustInsecure === true)) return "node";
  return typeof Deno === "undefined" || (options.proxied ?? secure) ? "fetch" : "plain";
}

async function openTransport(name: HttpTransportName, options: HttpClientOptions): Promise<HttpTransport> {
  switch (name) {
    case "fetch":
      return (await import("./http_fetch.ts")).openFetchTransport(options);
    case "node":
      return await (await import("./http_node.ts")).openNodeTransport(options);
    case "plain":
      return (await import("./http_plain.ts")).openPlainTransport(options);
  }
}

/** @returns Where the request should be sent again, if anywhere. */
function redirectOf(method: HttpRequest["method"], response: HttpResponse): string | undefined {
  const { status } = response;
  const follows = status === 307 || status === 308 ||
    (method === "GET" || method === "HEAD") && (status === 301 || status === 302 || status === 303);
  return follows ? response.header("location") : undefined;
}
