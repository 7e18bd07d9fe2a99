/**
 * Replies with content, as far as HTTP's conditions and ranges go.
 *
 * @module
 */

import { matchesEtag, parseRange } from "./body.ts";
import type { ServerReply, ServerRequest } from "./message.ts";

/** What {@linkcode contentReply} sends. */
export interface Content {
  /** Shared bytes. */
  readonly body: Uint8Array;
  /** A strong validator, with its quotes. */
  readonly etag: string;
  /** Beside those that all content has. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers of everything that is not a line of text: no browser is to take a chunk for a page. */
export const CONTENT_HEADERS: {
  readonly "Content-Type": string;
  readonly "X-Content-Type-Options": string;
} = { "Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff" };

/** Sends content, or the part of it that is asked for, or says that it has not changed. */
export function contentReply(request: ServerRequest, content: Content): ServerReply {
  const { body, etag } = content;
  if (matchesEtag(request.header("if-none-match"), etag)) return notModifiedReply(content);
  const headers = { ...CONTENT_HEADERS, "Accept-Ranges": "bytes", ETag: etag, ...content.headers };
  const condition = request.header("if-range");
  const isWhole = request.method !== "GET" || condition !== undefined && condition !== etag;
  const range = isWhole ? undefined : parseRange(request.header("range"), body.length);
  if (range === undefined) return { status: 200, headers, body };
  if (range === "unsatisfiable") {
    const refusal = { ...headers, "Content-Range": `bytes */${body.length}` };
    return { status: 416, headers: refusal, body: new Uint8Array() };
  }
  const { start, end } = range;
  return {
    status: 206,
    headers: { ...headers, "Content-Range": `bytes ${start}-${end - 1}/${body.length}` },
    body: body.subarray(start, end),
  };
}

/** Says that the client has the content already. */
export function notModifiedReply(content: Pick<Content, "etag" | "headers">): ServerReply {
  return { status: 304, headers: { ETag: content.etag, ...content.headers } };
}
