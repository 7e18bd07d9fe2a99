/**
 * Requests by HTTP/1.1 over the connections of Deno, with or without TLS.
 *
 * Measured with bodies of 64 KiB: `fetch` takes twice the time of the processor and twice the memory. With TLS and
 * HTTP/2, it gets a fifth of the requests through.
 *
 * @module
 */

import { discardBody, readBodyStart } from "./http_body.ts";
import type { HttpConnection } from "./http_connection.ts";
import { framingOf, HeaderParser, type HttpHead, MAX_HEAD_SIZE, parseHead } from "./http_head.ts";
import { openPlainBody, type PlainBody } from "./http_plain_body.ts";
import { HttpPool } from "./http_pool.ts";
import {
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
  type HttpTransport,
  type HttpTransportOptions,
} from "./http_transport.ts";

/** Opens a transport over `Deno.connect`. It trusts the authorities of the system, and goes through no proxy. */
export function openPlainTransport(options: HttpTransportOptions): HttpTransport {
  return new PlainTransport(options);
}

/** A body up to this size is sent together with the head. */
const SMALL_BODY = 128 << 10;

class PlainTransport implements HttpTransport {
  readonly #pool: HttpPool;
  readonly #parser = new HeaderParser();
  #headers: HttpRequest["headers"] | undefined;
  #headerLines = "";

  constructor({ concurrency, clientCert, clientKey }: HttpTransportOptions) {
    this.#pool = new HttpPool(concurrency, { clientCert, clientKey });
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const { origin, signal } = request;
    const head = this.#encodeHead(request);
    for (;;) {
      signal?.throwIfAborted();
      const idle = this.#pool.take(origin);
      try {
        const connection = idle ?? await this.#pool.connect(origin, signal);
        const response = await this.#exchange(request, { connection, head });
        if (response !== undefined) return response;
      } catch (error) {
        throw toFailure(error);
      }
      // The server closes a connection that has had nothing to do for long, at the same moment as it is used.
      if (idle === undefined) {
        throw new HttpFailure("the connection was closed without an answer", { retryable: true });
      }
    }
  }

  /** @returns `undefined` if the connection ended before anything of a response. */
  async #exchange(
    { method, origin, body, signal }: HttpRequest,
    { connection, head }: { readonly connection: HttpConnection; readonly head: Uint8Array },
  ): Promise<HttpResponse | undefined> {
    const stop = () => connection.close();
    signal?.addEventListener("abort", stop);
    const release = (mayReuse: boolean) => {
      signal?.removeEventListener("abort", stop);
      if (mayReuse && connection.isDrained && !connection.isClosed) this.#pool.add(origin, connection);
      else connection.close();
    };
    let written = false;
    try {
      // A server may refuse a body before it has all of it, so the answer is awaited meanwhile.
      const writing = send(connection, head, body).then(() => void (written = true), () => {});
      if (body === undefined) await writing;
      const answer = await readAnswer(connection, this.#parser);
      if (answer === undefined) return release(false), undefined;
      const source = openPlainBody(connection, framingOf(answer, method));
      const isDone = () => written && source.isComplete && answer.keepsAlive;
      return new PlainResponse(answer, { source, connection, release: () => release(isDone()) });
    } catch (error) {
      release(false);
      throw error;
    }
  }

  #encodeHead({ method, origin, target, headers, body }: HttpRequest): Uint8Array {
    if (headers !== this.#headers) {
      this.#headers = headers;
      this.#headerLines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    }
    const size = body === undefined ? "" : `content-length: ${body.length}\r\n`;
    const host = origin.slice(origin.indexOf("//") + 2);
    return toBytes(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${this.#headerLines}${size}\r\n`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }
}

class PlainResponse implements HttpResponse {
  readonly status: number;
  readonly #head: HttpHead;
  readonly #source: PlainBody;
  readonly #connection: HttpConnection;
  readonly #release: () => void;

  constructor(
    head: HttpHead,
    body: { readonly source: PlainBody; readonly connection: HttpConnection; readonly release: () => void },
  ) {
    this.status = head.status;
    this.#head = head;
    this.#source = body.source;
    this.#connection = body.connection;
    this.#release = body.release;
  }

  header(name: string): string | undefined {
    return this.#head.headers.get(name);
  }

  bytes(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#finish(() => this.#source.readAll(maxSize));
  }

  start(size: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#finish(() => readBodyStart(this.#source, size));
  }

  discard(): Promise<void> {
    return this.#finish(() => discardBody(this.#source));
  }

  async #finish<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      this.#connection.close();
      throw toFailure(error);
    } finally {
      this.#release();
    }
  }
}

async function send(
  connection: HttpConnection,
  head: Uint8Array,
  body: Uint8Array | undefined,
): Promise<void> {
  if (body === undefined) return await connection.write(head);
  if (body.length > SMALL_BODY) {
    await connection.write(head);
    return await connection.write(body);
  }
  const both = new Uint8Array(head.length + body.length);
  both.set(head);
  both.set(body, head.length);
  await connection.write(both);
}

/** Reads the head of the answer proper. @returns `undefined` if the connection ends before. */
async function readAnswer(connection: HttpConnection, parser: HeaderParser): Promise<HttpHead | undefined> {
  let room = MAX_HEAD_SIZE;
  for (let isFirst = true;; isFirst = false) {
    let text;
    try {
      text = await connection.readHead(room);
    } catch (error) {
      if (isFirst && isClosed(error) && !connection.isClosed && connection.isDrained) return undefined;
      throw error;
    }
    if (text === undefined) return undefined;
    const head = parseHead(text, parser);
    if (head.status >= 200) return head;
    if (head.status === 101) {
      throw new HttpFailure("the server changes to another protocol", { retryable: false });
    }
    room -= text.length;
  }
}

/** Whether the other side has closed or reset the connection. */
function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.UnexpectedEof;
}

const ENCODER = new TextEncoder();

/** One byte for each character, of which none is above 255. */
function toBytes(text: string): Uint8Array {
  const ascii = ENCODER.encode(text);
  if (ascii.length === text.length) return ascii;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function toFailure(error: unknown): unknown {
  if (error instanceof HttpFailure || !(error instanceof Error)) return error;
  const forbidden = error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied;
  return new HttpFailure(error.message, { retryable: !forbidden && !/certificate/i.test(error.message) });
}
