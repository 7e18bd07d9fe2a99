/**
 * One request and its reply, on what Node's HTTP servers give: versions 1 and 2.
 *
 * @module
 */

import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { formatHostPort } from "./address.ts";
import { joinBytes } from "./body.ts";
import { BodyTooLargeError, type ServerReply, type ServerRequest } from "./message.ts";

/** A request as Node gives it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response as Node gives it. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Bytes of a body nobody wants which are read nonetheless, to keep the connection. */
const DISCARD_SIZE = 65_536;

/** A request in progress. */
export class Exchange implements ServerRequest {
  readonly method: string;
  readonly target: string;
  readonly remote: string;
  /** When its header had arrived, as of `performance.now()`. */
  readonly start: number = performance.now();
  /** Time, as of `performance.now()`, at which the client has had enough time for what it is doing. */
  deadline = Infinity;
  /** Bytes of the body so far. */
  received = 0;
  /** Bytes of the reply's body. */
  sent = 0;
  readonly #request: NodeRequest;
  readonly #response: NodeResponse;
  readonly #bodyMs: number;
  #abort: AbortController | undefined;
  #isOver = false;
  #release: (() => void) | undefined;
  #continue: boolean;

  /** Takes over what Node gives. */
  constructor(
    request: NodeRequest,
    response: NodeResponse,
    options: {
      /** Who asks. */
      readonly remote: string;
      /** Time for a body to arrive. */
      readonly bodyMs: number;
      /** Whether the client waits to be told to send the body. */
      readonly expectsContinue: boolean;
    },
  ) {
    this.method = request.method ?? "";
    this.target = request.url ?? "";
    this.remote = options.remote;
    this.#request = request;
    this.#response = response;
    this.#bodyMs = options.bodyMs;
    this.#continue = options.expectsContinue;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isOver) this.#giveUp();
    }
    return this.#abort.signal;
  }

  get #isVersion1(): boolean {
    return this.#request.httpVersionMajor === 1;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return typeof value === "object" ? value[0] : value;
  }

  async readBody(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    if (Number(this.header("content-length") ?? 0) > maxSize) throw new BodyTooLargeError(maxSize);
    if (this.#continue) {
      this.#continue = false;
      this.#response.writeContinue();
    }
    this.deadline = performance.now() + this.#bodyMs;
    try {
      return await this.#collect(maxSize);
    } finally {
      this.deadline = Infinity;
    }
  }

  #collect(maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
    const request = this.#request;
    const parts: Uint8Array[] = [];
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        request.removeListener("data", onData).removeListener("end", onEnd).removeListener("close", onClose);
        settle();
      };
      const onData = (part: Uint8Array) => {
        this.received += part.length;
        if (this.received > maxSize) return finish(() => reject(new BodyTooLargeError(maxSize)));
        parts.push(part);
      };
      const onEnd = () => finish(() => resolve(joinBytes(parts, this.received)));
      const onClose = () => finish(() => reject(new Error("Cannot read request body: the client has gone")));
      request.on("data", onData).on("end", onEnd).on("close", onClose);
    });
  }

  /**
   * Sends the reply.
   *
   * @param options `isLast`: whether the connection is to be closed.
   */
  reply(reply: ServerReply, { isLast }: { readonly isLast: boolean }): void {
    this.#release = reply.release;
    if (this.#isOver) return this.#releaseBody();
    const { status, body } = reply;
    const headers: Record<string, string | number> = { ...reply.headers };
    if (body !== undefined) headers["Content-Length"] = body.length;
    if ((isLast || this.#hasUnreadBody()) && this.#isVersion1) headers.Connection = "close";
    const response = this.#response as ServerResponse;
    response.writeHead(status, headers);
    if (body === undefined || body.length === 0 || this.method === "HEAD") {
      response.end();
    } else {
      this.sent = body.length;
      response.end(body);
    }
  }

  /** Ends the connection, or the part of it that this exchange has. */
  destroy(): void {
    if (this.#isVersion1) this.#request.socket?.destroy();
    else (this.#response as Http2ServerResponse).stream?.close(8); // CANCEL
  }

  /** To be called when the reply is complete, or the client has gone. */
  end(): void {
    this.#isOver = true;
    if (!this.#response.writableFinished) this.#giveUp();
    this.#releaseBody();
  }

  #releaseBody(): void {
    // In version 2, frames of the body may wait in the session for longer than the response says.
    if (this.#isVersion1) this.#release?.();
    this.#release = undefined;
  }

  #giveUp(): void {
    this.#abort?.abort(new DOMException("The client has gone", "AbortError"));
  }

  #hasUnreadBody(): boolean {
    if (this.#request.complete || this.method === "GET" || this.method === "HEAD") return false;
    return this.#continue || !(Number(this.header("content-length")) <= DISCARD_SIZE);
  }
}

/** Address and port of the other end of a connection. */
export function remoteOf(
  { remoteAddress, remotePort }: {
    readonly remoteAddress?: string | undefined;
    readonly remotePort?: number | undefined;
  },
): string {
  if (remoteAddress === undefined || remotePort === undefined) return "unix";
  // What listens for IPv6 gets IPv4 in this form.
  return formatHostPort(remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""), remotePort);
}
