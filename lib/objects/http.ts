/**
 * Objects on an HTTP server: read by GET and HEAD, written by PUT.
 *
 * @module
 */

import { ConfigError, StoreError, UnsupportedError } from "../errors.ts";
import type { CallOptions } from "../store/types.ts";
import { checkCertificates } from "./http_certificates.ts";
import { HttpClient, type HttpTransportName } from "./http_client.ts";
import { HttpDeadlines } from "./http_deadline.ts";
import { HttpFailure, type HttpRequest, type HttpResponse } from "./http_transport.ts";
import { encodeKey, parseHttpBase, toHeaderValue } from "./http_url.ts";
import type { ObjectStore } from "./objects.ts";
import { retry, type RetryClock, SYSTEM_CLOCK } from "./retry.ts";

/** How to work with an HTTP server. Can be posted to another thread. */
export interface HttpOptions {
  /** Connections to one host which are kept open while there is nothing to do. @default 10 */
  readonly concurrency?: number | undefined;
  /** Longest time of one try, from the connection to the end of the body. @default none */
  readonly timeoutMs?: number | undefined;
  /** How often a request is tried; values below 1 act like 1. @default 3 */
  readonly tries?: number | undefined;
  /** Pause after the first failure, in milliseconds; the next ones are multiples of it. @default 500 */
  readonly retryBaseIntervalMs?: number | undefined;
  /** Value of the header `Authorization`. @default User name and password of the URL, if any. */
  readonly authorization?: string | undefined;
  /** Value of the header `Cookie`. @default none */
  readonly cookie?: string | undefined;
  /** What follows `?` in every request, such as a signature; never part of a message. @default none */
  readonly query?: string | undefined;
  /** The only authorities to trust, in PEM. @default those of the system */
  readonly caCert?: string | undefined;
  /** The certificate to show, in PEM. @default none */
  readonly clientCert?: string | undefined;
  /** The key of that certificate, in PEM. @default none */
  readonly clientKey?: string | undefined;
  /** Accept any certificate of the server. @default false */
  readonly trustInsecure?: boolean | undefined;
  /**
   * Whether requests may have to go through a proxy of the environment, as `isProxied` tells: `fetch` knows
   * it, but takes longer than the client that is used otherwise.
   *
   * @default false without TLS, true with it
   */
  readonly proxied?: boolean | undefined;
  /** What sends the requests. @default The best for each scheme. */
  readonly transport?: HttpTransportName | undefined;
}

const DEFAULT_CONCURRENCY = 10;
const DEFAULT_TRIES = 3;
const DEFAULT_INTERVAL_MS = 500;

/** As much of the server's explanation as goes into a message, in bytes. */
const MAX_EXPLANATION = 1024;

/**
 * Opens the objects below the URL of an HTTP server. Nothing is requested yet.
 *
 * @param options And the clock that pauses between tries go by.
 * @throws {ConfigError} If URL, headers or certificates are none.
 */
export async function openHttpObjects(
  url: string,
  options: HttpOptions & { readonly clock?: RetryClock | undefined } = {},
): Promise<ObjectStore> {
  const { origin, path, authorization } = parseHttpBase(url);
  const location = `${origin}${path.slice(0, -1)}`;
  checkCertificates(options);
  const client = new HttpClient({
    ...options,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    authorization: checkHeader("http-auth", options.authorization ?? authorization, location),
    cookie: checkHeader("http-cookie", options.cookie, location),
  });
  try {
    await client.open(origin);
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
  return new HttpObjects(client, { ...options, origin, path, location });
}

interface HttpObjectsOptions extends HttpOptions {
  readonly origin: string;
  readonly path: string;
  readonly location: string;
  readonly clock?: RetryClock | undefined;
}

/** What is done with an object, in words and over the wire. */
interface Action<T> {
  readonly operation: string;
  readonly method: HttpRequest["method"];
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal | undefined;
  /** Takes the result out of a response. */
  readonly read: (response: HttpResponse) => Promise<T>;
}

class HttpObjects implements ObjectStore {
  readonly location: string;
  readonly supports = { write: true, list: false } as const;
  readonly #client: HttpClient;
  readonly #options: HttpObjectsOptions;
  readonly #deadlines: HttpDeadlines;
  readonly #suffix: string;

  constructor(client: HttpClient, options: HttpObjectsOptions) {
    this.location = options.location;
    this.#client = client;
    this.#options = options;
    this.#deadlines = new HttpDeadlines(options.timeoutMs);
    this.#suffix = options.query === undefined ? "" : `?${options.query.replaceAll("#", "%23")}`;
  }

  has(key: string, { signal }: CallOptions = {}): Promise<boolean> {
    const read = async (response: HttpResponse) => {
      await response.discard();
      if (response.status === 200) return true;
      if (response.status === 404) return false;
      throw unexpectedStatus(response);
    };
    return this.#perform(key, { operation: "look for", method: "HEAD", signal, read });
  }

  get(
    key: string,
    { signal, maxSize = Infinity }: CallOptions & { readonly maxSize?: number | undefined } = {},
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const read = async (response: HttpResponse) => {
      if (response.status === 200) return await response.bytes(maxSize);
      await response.discard();
      if (response.status === 404) return undefined;
      throw unexpectedStatus(response);
    };
    return this.#perform(key, { operation: "read", method: "GET", signal, read });
  }

  async put(key: string, data: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    const read = async (response: HttpResponse) => {
      if (![200, 201, 204].includes(response.status)) throw await explainedStatus(response);
      await response.discard();
    };
    await this.#perform(key, { operation: "write", method: "PUT", body: toUnshared(data), signal, read });
  }

  // deno-lint-ignore require-yield
  async *list(_prefix: string, options?: CallOptions): AsyncIterable<string> {
    await options?.signal?.throwIfAborted();
    throw new UnsupportedError(`Cannot list '${this.location}': HTTP servers do not tell what they have`);
  }

  async remove(key: string, { signal }: CallOptions = {}): Promise<boolean> {
    const read = async (response: HttpResponse) => {
      if (response.status === 404) return await response.discard(), false;
      if (![200, 202, 204].includes(response.status)) throw await explainedStatus(response);
      await response.discard();
      return true;
    };
    return await this.#perform(key, { operation: "delete", method: "DELETE", signal, read });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#deadlines[Symbol.dispose]();
    await this.#client[Symbol.asyncDispose]();
  }

  async #perform<T>(key: string, action: Action<T>): Promise<T> {
    const { origin, path, tries, retryBaseIntervalMs, clock } = this.#options;
    const { signal } = action;
    const target = `${path}${encodeKey(key)}`;
    let failure: unknown;
    const attempt = () => this.#try(target + this.#suffix, action);
    try {
      return await retry(attempt, {
        tries: tries ?? DEFAULT_TRIES,
        baseIntervalMs: retryBaseIntervalMs ?? DEFAULT_INTERVAL_MS,
        signal,
        isRetryable: (error) => error instanceof HttpFailure && error.retryable,
        shortestPauseMs: (error) => error instanceof StatusFailure ? error.retryAfter(clock) : undefined,
        clock,
      });
    } catch (error) {
      failure = error;
    }
    if (!(failure instanceof HttpFailure) || signal?.aborted === true) throw failure;
    const { message: reason, retryable } = failure;
    throw new StoreError(origin + target, action.operation, { reason, retryable });
  }

  async #try<T>(target: string, { method, body, signal, read }: Action<T>): Promise<T> {
    using deadline = this.#deadlines.begin(signal);
    const { origin } = this.#options;
    try {
      return await read(await this.#client.send({ method, origin, target, body, signal: deadline.signal }));
    } catch (error) {
      throw deadline.explain(error);
    }
  }
}

/** The failure that a status means. */
class StatusFailure extends HttpFailure {
  readonly #retryAfter: string | undefined;

  constructor(
    { status, retryAfter }: { status: number; retryAfter: string | undefined },
    explanation: string,
  ) {
    // A server that says when to come back to it means it; without that, 429 is an answer like 403.
    const retryable = status >= 500 && status < 600 || status === 429 && retryAfter !== undefined;
    super(`unexpected status ${status}${explanation}`, { retryable });
    this.#retryAfter = status === 429 || status === 503 ? retryAfter : undefined;
  }

  /** Milliseconds until the server wants to be asked again. */
  retryAfter(clock: RetryClock = SYSTEM_CLOCK): number | undefined {
    const value = this.#retryAfter?.trim();
    if (value === undefined) return undefined;
    const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - clock.now();
    return ms > 0 ? ms : undefined; // NaN if it is not a date.
  }
}

function unexpectedStatus(response: HttpResponse, explanation = ""): StatusFailure {
  const { status } = response;
  return new StatusFailure({ status, retryAfter: response.header("retry-after") }, explanation);
}

/** With what the server says about it, made harmless for a terminal. */
async function explainedStatus(response: HttpResponse): Promise<StatusFailure> {
  const text = new TextDecoder().decode(await response.start(MAX_EXPLANATION)).trim();
  // deno-lint-ignore no-control-regex
  const harmless = text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return unexpectedStatus(response, harmless === "" ? "" : `: ${harmless}`);
}

function checkHeader(name: string, value: string | undefined, location: string): string | undefined {
  // deno-lint-ignore no-control-regex
  if (value !== undefined && /[\0-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new ConfigError(`${name} for '${location}' must not contain line breaks or control characters`);
  }
  return value === undefined || value === "" ? undefined : toHeaderValue(value);
}

/** Shared memory cannot be sent: it could change meanwhile. */
function toUnshared(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer ? data as Uint8Array<ArrayBuffer> : new Uint8Array(data);
}
