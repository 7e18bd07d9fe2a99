/**
 * Sends single requests: what the implementations with `fetch`, with `node:https` and over TCP have in common.
 *
 * @module
 */

/** What a transport sends. */
export interface HttpRequest {
  /** What to do. */
  readonly method: "GET" | "HEAD" | "PUT" | "DELETE";
  /** Scheme, host and port, such as `http://[::1]:8080`. */
  readonly origin: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  /** Names in lower case, values of characters below 256, one for each byte. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Not shared, and left alone until there is a response. */
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
  /** Ends the request and the reading of its response. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An answer. Exactly one of `bytes`, `start` and `discard` has to be called; when it has settled, nothing of the
 * response is left.
 */
export interface HttpResponse {
  /** From 200 on. */
  readonly status: number;
  /** Value of a header by its name in lower case; several values are joined by `, `. */
  header(name: string): string | undefined;
  /**
   * The whole body.
   *
   * @returns Fresh bytes.
   * @throws {HttpFailure} If it is incomplete, or has more than `maxSize` bytes.
   */
  bytes(maxSize: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The first `size` bytes of the body, or fewer if it ends or breaks off before; the rest is dropped. */
  start(size: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Drops the body. */
  discard(): Promise<void>;
}

/** Sends requests, and keeps connections open between them. */
export interface HttpTransport extends AsyncDisposable {
  /**
   * Sends one request. Redirects are not followed, contents not decoded.
   *
   * @throws {HttpFailure} If there is no valid response.
   */
  send(request: HttpRequest): Promise<HttpResponse>;
}

/** How a transport connects. */
export interface HttpTransportOptions {
  /** Connections to one host which are kept open while there is nothing to do. */
  readonly concurrency: number;
  /** The certificate to show, in PEM. */
  readonly clientCert?: string | undefined;
  /** The key of that certificate, in PEM. */
  readonly clientKey?: string | undefined;
  /** The only authorities to trust, in PEM; those of the system if there is none. */
  readonly caCert?: string | undefined;
  /** Accept any certificate. */
  readonly trustInsecure?: boolean | undefined;
}

/** Why there is no response, or not all of it. The message has no part of the request in it. */
export class HttpFailure extends Error {
  /** Whether it may work at another time. */
  readonly retryable: boolean;

  /** Makes the error with its message. */
  constructor(message: string, options: { readonly retryable: boolean }) {
    super(message);
    this.name = "HttpFailure";
    this.retryable = options.retryable;
  }
}

/** Time after which a connection that has nothing to do is closed, in milliseconds. */
export const IDLE_TIMEOUT_MS = 60_000;
