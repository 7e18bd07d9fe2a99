/**
 * Heads of HTTP/1.1 responses: what comes before the body.
 *
 * Strict where laxity has been exploited: line ends are CRLF, nothing is folded, lengths do not contradict each other.
 *
 * @module
 */

import { parseContentLength } from "./http_body.ts";
import { HttpFailure, type HttpRequest } from "./http_transport.ts";

/** How to tell where a body ends. */
export type BodyFraming =
  | { readonly kind: "size"; readonly size: number }
  | { readonly kind: "chunked" }
  /** With the connection. */
  | { readonly kind: "close" };

/** Status and headers of a response. */
export interface HttpHead {
  /** From 100 to 999. */
  readonly status: number;
  /** Names in lower case; several values are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the connection can be used again after the body. */
  readonly keepsAlive: boolean;
}

/** Largest size of all heads of one response, in bytes. */
export const MAX_HEAD_SIZE = 64 << 10;

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Parses a head.
 *
 * @param text Without the empty line at its end; one character for each byte.
 * @param parser May remember lines of earlier responses.
 * @throws {HttpFailure} If it is malformed.
 */
export function parseHead(text: string, parser: HeaderParser = new HeaderParser()): HttpHead {
  const lines = text.split("\r\n");
  const start = STATUS_LINE.exec(lines[0]!);
  if (start === null || Number(start[2]) < 100) throw malformed("status line");
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const { name, value } = parser.parse(lines[i]!);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const connection = headers.get("connection")?.toLowerCase().split(",").map((token) => token.trim());
  const keepsAlive = start[1] === "1" ? !connection?.includes("close") : connection?.includes("keep-alive");
  return { status: Number(start[2]), headers, keepsAlive: keepsAlive ?? start[1] === "1" };
}

/** A header, its name in lower case. */
interface Header {
  readonly name: string;
  readonly value: string;
}

/** Longer lines are not worth the memory. */
const MAX_MEMO_LINE = 200;
const MAX_MEMO_LINES = 32;
/** Headers that are different for every object. */
const VARIES = /^(?:etag|content-length|last-modified|date):/i;

/** Parses headers, and remembers some: most that a server sends are the same in all its responses. */
export class HeaderParser {
  readonly #known = new Map<string, Header>();

  /** @throws {HttpFailure} If the line is malformed. */
  parse(line: string): Header {
    const known = this.#known.get(line);
    if (known !== undefined) return known;
    const match = HEADER_LINE.exec(line);
    if (match === null) throw malformed("header");
    const header = { name: match[1]!.toLowerCase(), value: match[2]!.trimEnd() };
    if (line.length <= MAX_MEMO_LINE && !VARIES.test(line)) {
      if (this.#known.size === MAX_MEMO_LINES) this.#known.clear();
      this.#known.set(line, header);
    }
    return header;
  }
}

/**
 * How the body after a head is delimited.
 *
 * @throws {HttpFailure} If the head does not say so in exactly one way.
 */
export function framingOf({ status, headers }: HttpHead, method: HttpRequest["method"]): BodyFraming {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined && length !== undefined) {
    throw new HttpFailure("the response has both Content-Length and Transfer-Encoding", { retryable: true });
  }
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "size", size: 0 };
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") {
      throw new HttpFailure("the response has a Transfer-Encoding that is not chunked", { retryable: true });
    }
    return { kind: "chunked" };
  }
  const size = parseContentLength(length);
  return size === undefined ? { kind: "close" } : { kind: "size", size };
}

/**
 * Parses the line before a piece of a chunked body.
 *
 * @returns The size of the piece, in bytes; 0 for the last.
 * @throws {HttpFailure} If it is malformed.
 */
export function parseChunkSize(line: string): number {
  const digits = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line)?.[1];
  if (digits === undefined) throw malformed("size of a piece");
  return parseInt(digits, 16);
}

function malformed(what: string): HttpFailure {
  return new HttpFailure(`the response has a malformed ${what}`, { retryable: true });
}
