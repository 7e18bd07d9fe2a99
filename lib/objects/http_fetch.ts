/**
 * Requests by `fetch`, which knows HTTP/2, proxies and the authorities of the system.
 *
 * @module
 */

import {
  type BodySource,
  discardBody,
  parseContentLength,
  readBody,
  readBodyStart,
  truncated,
} from "./http_body.ts";
import {
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
  type HttpTransport,
  type HttpTransportOptions,
  IDLE_TIMEOUT_MS,
} from "./http_transport.ts";

/** Opens a transport over `fetch`. Outside of Deno, connections are those of the platform. */
export function openFetchTransport(options: HttpTransportOptions): HttpTransport {
  return new FetchTransport(typeof Deno === "undefined" ? undefined : createClient(options));
}

class FetchTransport implements HttpTransport {
  readonly #client: Deno.HttpClient | undefined;

  constructor(client: Deno.HttpClient | undefined) {
    this.#client = client;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const init: RequestInit & { client?: Deno.HttpClient } = {
      method: request.method,
      headers: request.headers as [string, string][],
      redirect: "manual",
      body: request.body ?? null,
      signal: request.signal ?? null,
      ...this.#client === undefined ? {} : { client: this.#client },
    };
    try {
      return new FetchResponse(await fetch(request.origin + request.target, init));
    } catch (error) {
      throw toFailure(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    return Promise.resolve();
  }
}

class FetchResponse implements HttpResponse {
  readonly status: number;
  readonly #response: Response;

  constructor(response: Response) {
    this.status = response.status;
    this.#response = response;
  }

  header(name: string): string | undefined {
    return this.#response.headers.get(name) ?? undefined;
  }

  async bytes(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    const size = await this.#size();
    if (this.#response.body === null) return new Uint8Array(0);
    if (size === undefined || size > maxSize || typeof Deno === "undefined") {
      return await readBody(new FetchBody(this.#response.body, size), maxSize);
    }
    try {
      // Deno sees to it that there are no more bytes than announced.
      const bytes = await this.#response.bytes();
      if (bytes.length < size) throw truncated(bytes.length, size);
      return bytes;
    } catch (error) {
      throw error instanceof HttpFailure ? error : toFailure(error);
    }
  }

  async start(size: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#response.body === null) return new Uint8Array(0);
    return await readBodyStart(new FetchBody(this.#response.body, undefined), size);
  }

  async discard(): Promise<void> {
    if (this.#response.body !== null) {
      await discardBody(new FetchBody(this.#response.body, await this.#size()));
    }
  }

  async #size(): Promise<number | undefined> {
    try {
      const size = parseContentLength(this.header("content-length"));
      // Deno leaves the content alone, as the request has an `accept-encoding`; others decode it.
      return typeof Deno === "undefined" && this.header("content-encoding") !== undefined ? undefined : size;
    } catch (error) {
      await this.#response.body?.cancel();
      throw error;
    }
  }
}

class FetchBody implements BodySource {
  readonly size: number | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>, size: number | undefined) {
    this.size = size;
    this.#reader = stream.getReader();
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#reader.read()).value;
    } catch (error) {
      throw toFailure(error);
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // It has failed before.
  }
}

function createClient({ concurrency, clientCert, clientKey }: HttpTransportOptions): Deno.HttpClient {
  const pool = { poolMaxIdlePerHost: concurrency, poolIdleTimeout: IDLE_TIMEOUT_MS };
  if (clientCert === undefined || clientKey === undefined) return Deno.createHttpClient(pool);
  return Deno.createHttpClient({ ...pool, cert: clientCert, key: clientKey });
}

/** The URL in messages of `fetch` may have secrets in its query. */
function toFailure(error: unknown): HttpFailure {
  const { cause } = error as { readonly cause?: unknown };
  const text = cause instanceof Error
    ? cause.message
    : error instanceof Error
    ? error.message
    : String(error);
  const reason = /client error \(\w+\): (.*)/s.exec(text)?.[1] ??
    text.replace(/(for url \()?\b\w+:\/\/[^\s)]*\)?/g, "the server");
  const passes = error instanceof TypeError && !/certificate|are blocked/i.test(reason);
  return new HttpFailure(reason, { retryable: passes });
}
