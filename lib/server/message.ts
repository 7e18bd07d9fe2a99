/**
 * Requests and replies of the servers, without sockets.
 *
 * Not the web's `Request`: that one resolves `..` and drops what the client really wrote, which has to be checked and
 * logged; and to make one for each request would take as long as to answer it. {@linkcode toFetchHandler} adapts a handler
 * to where only that one is at hand.
 *
 * @module
 */

import { joinBytes } from "./body.ts";

/** What a client asks for. */
export interface ServerRequest {
  /** Such as `GET`. */
  readonly method: string;
  /** The request target as the client wrote it, nothing decoded; `/` with a path behind it, if all is well. */
  readonly target: string;
  /** Address and port of the client. */
  readonly remote: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Looks up a header; of several, the first. @param name In lower case. */
  header(name: string): string | undefined;
  /**
   * Reads the whole body; once.
   *
   * @returns Fresh bytes.
   * @throws {BodyTooLargeError} If it has more than `maxSize` bytes; the rest is not read.
   */
  readBody(maxSize: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** The answer. */
export interface ServerReply {
  /** Such as 200. */
  readonly status: number;
  /** Names in their usual spelling. The length of the body is added to them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Shared bytes, until {@linkcode release} is called. @default none, and no word about its length */
  readonly body?: Uint8Array | undefined;
  /** Called when the body has been sent, or never will be; or not at all, where nobody can tell. @default nothing */
  readonly release?: (() => void) | undefined;
}

/** Answers requests; what it throws is answered by 500. */
export type ServerHandler = (request: ServerRequest) => Promise<ServerReply>;

/** What went wrong on this side; clients are told no more than that something did. */
export interface ServerDetail {
  /** What was tried, such as `failed to retrieve chunk <id>`. */
  readonly text: string;
  /** Why it failed. */
  readonly error: unknown;
}

/** A request has more to say than it may. */
export class BodyTooLargeError extends Error {
  /** Says what would have been allowed, in bytes. */
  constructor(maxSize: number) {
    super(`Cannot read request body: more than ${maxSize} bytes`);
    this.name = "BodyTooLargeError";
  }
}

/** A reply with text for people; whether a line break ends it is as the reference program has it. */
export function textReply(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): ServerReply {
  return {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", ...headers },
    body: new TextEncoder().encode(text),
  };
}

/** The answer to methods other than those of a store. */
export function methodReply(): ServerReply {
  return textReply(405, "only GET, PUT and HEAD are supported", { Allow: "GET, HEAD, PUT" });
}

/** The answer to what was written. */
export function storedReply(): ServerReply {
  return { status: 200, headers: { "X-Content-Type-Options": "nosniff" }, body: new Uint8Array() };
}

/** Makes a handler fit for `Deno.serve` and other places that speak in `Request` and `Response`. */
export function toFetchHandler(
  handler: ServerHandler,
): (request: Request, options?: { readonly remote?: string }) => Promise<Response> {
  return async (request, { remote = "" } = {}) => {
    const { pathname, search } = new URL(request.url);
    const { status, headers, body } = await handler({
      method: request.method,
      target: pathname + search,
      remote,
      signal: request.signal,
      header: (name) => request.headers.get(name) ?? undefined,
      readBody: (maxSize) => readStream(request, maxSize),
    });
    const bytes = request.method === "HEAD" ? undefined : body;
    const length = body === undefined ? {} : { "Content-Length": String(body.length) };
    return new Response(bytes as Uint8Array<ArrayBuffer> | undefined ?? null, {
      status,
      headers: { ...headers, ...length },
    });
  };
}

async function readStream(request: Request, maxSize: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length") ?? 0) > maxSize) throw new BodyTooLargeError(maxSize);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > maxSize) throw new BodyTooLargeError(maxSize);
    parts.push(part);
  }
  return joinBytes(parts, size);
}
