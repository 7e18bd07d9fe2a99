/**
 * Requests by `node:https`, which can replace the authorities of the system, and trust anybody. The client of `fetch`
 * can only add authorities.
 *
 * @module
 */

import type { Agent, RequestOptions } from "node:https";
import type { IncomingMessage } from "node:http";
import { type BodySource, discardBody, parseContentLength, readBody, readBodyStart } from "./http_body.ts";
import {
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
  type HttpTransport,
  type HttpTransportOptions,
  IDLE_TIMEOUT_MS,
} from "./http_transport.ts";

/** What `node:https` has to offer. */
type Https = typeof import("node:https");
type TlsOptions = Pick<RequestOptions, "minVersion" | "rejectUnauthorized" | "ca" | "cert" | "key">;

/** Opens a transport over `node:https`. It speaks HTTP/1.1, and goes through no proxy. */
export async function openNodeTransport(options: HttpTransportOptions): Promise<HttpTransport> {
  return new NodeTransport(await import("node:https"), options);
}

class NodeTransport implements HttpTransport {
  readonly #https: Https;
  readonly #agent: Agent;
  readonly #tls: TlsOptions;

  constructor(
    https: Https,
    { concurrency, caCert, clientCert, clientKey, trustInsecure }: HttpTransportOptions,
  ) {
    this.#https = https;
    this.#tls = {
      minVersion: "TLSv1.2",
      rejectUnauthorized: !(trustInsecure ?? false),
      ...caCert === undefined ? {} : { ca: caCert },
      ...clientCert === undefined || clientKey === undefined ? {} : { cert: clientCert, key: clientKey },
    };
    this.#agent = new https.Agent({
      keepAlive: true,
      maxFreeSockets: concurrency,
      timeout: IDLE_TIMEOUT_MS,
      ...this.#tls,
    });
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    return new NodeResponse(await this.#request(request), request.method);
  }

  #request({ method, origin, target, headers, body, signal }: HttpRequest): Promise<IncomingMessage> {
    const { hostname, port } = new URL(origin);
    return new Promise((resolve, reject) => {
      const outgoing = this.#https.request({
        ...this.#tls,
        agent: this.#agent,
        hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
        port: port === "" ? 443 : Number(port),
        method,
        path: target,
        headers: {
          ...Object.fromEntries(headers),
          ...body === undefined ? {} : { "content-length": body.length },
        },
      });
      const stop = () => outgoing.destroy(new Error("aborted"));
      signal?.addEventListener("abort", stop, { once: true });
      const end = () => signal?.removeEventListener("abort", stop);
      outgoing.on("error", (error) => {
        end();
        reject(toFailure(error));
      });
      outgoing.on("response", (incoming) => {
        incoming.on("close", end);
        incoming.on("error", () => {}); // The reader sees it; one that has gone does not care.
        resolve(incoming);
      });
      outgoing.end(body);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    return Promise.resolve();
  }
}

class NodeResponse implements HttpResponse {
  readonly status: number;
  readonly #incoming: IncomingMessage;
  readonly #method: HttpRequest["method"];

  constructor(incoming: IncomingMessage, method: HttpRequest["method"]) {
    this.status = incoming.statusCode ?? 0;
    this.#incoming = incoming;
    this.#method = method;
  }

  header(name: string): string | undefined {
    const value = this.#incoming.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  async bytes(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    return await readBody(await this.#body(), maxSize);
  }

  async start(size: number): Promise<Uint8Array<ArrayBuffer>> {
    return await readBodyStart(await this.#body(), size);
  }

  async discard(): Promise<void> {
    await discardBody(await this.#body());
  }

  async #body(): Promise<NodeBody> {
    const none = this.#method === "HEAD" || this.status === 204 || this.status === 304;
    try {
      return new NodeBody(this.#incoming, none ? 0 : parseContentLength(this.header("content-length")));
    } catch (error) {
      await new NodeBody(this.#incoming, 0).cancel();
      throw error;
    }
  }
}

class NodeBody implements BodySource {
  readonly size: number | undefined;
  readonly #incoming: IncomingMessage;
  readonly #pieces: AsyncIterator<Uint8Array>;

  constructor(incoming: IncomingMessage, size: number | undefined) {
    this.size = size;
    this.#incoming = incoming;
    this.#pieces = incoming[Symbol.asyncIterator]();
  }

  async read(): Promise<Uint8Array | undefined> {
    let result;
    try {
      result = await this.#pieces.next();
    } catch (error) {
      throw toFailure(error);
    }
    // A connection that ends too soon may look like the end of the body.
    if (result.done === true && !this.#incoming.complete) {
      throw new HttpFailure("the connection was closed within the body", { retryable: true });
    }
    return result.done === true ? undefined : result.value;
  }

  async cancel(): Promise<void> {
    this.#incoming.destroy();
    await this.#pieces.return?.().catch(() => {}); // It has failed before.
  }
}

function toFailure(error: unknown): HttpFailure {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const permanent = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME|CRL/.test(String(code)) ||
    /certificate/i.test(String(message)) || error instanceof TypeError;
  return new HttpFailure(String(message), { retryable: !permanent });
}
