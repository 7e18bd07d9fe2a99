/**
 * URLs of HTTP stores, and of what is in them.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** Where an HTTP store is. */
export interface HttpBase {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Percent-encoded; begins and ends with a slash. */
  readonly path: string;
  /** The `Authorization` that the user name and password of the URL amount to. */
  readonly authorization: string | undefined;
}

/** An index by its URL. */
export interface IndexUrl {
  /** URL of the directory it is in, with a slash at the end and with credentials, but no query. */
  readonly base: string;
  /** Its name, decoded. */
  readonly name: string;
  /** What follows `?`, as it is; undefined if there is none. */
  readonly query: string | undefined;
}

/**
 * Takes the URL of a store apart. Query and fragment are dropped.
 *
 * @throws {ConfigError} If it is no URL of HTTP.
 */
export function parseHttpBase(url: string): HttpBase {
  const { origin, protocol, host, pathname, username, password } = parseUrl(url);
  return {
    origin: origin === "null" ? `${protocol}//${host}` : origin,
    path: pathname.endsWith("/") ? pathname : `${pathname}/`,
    authorization: username === "" && password === "" ? undefined : basicAuthorization(username, password),
  };
}

/** Keys that need no encoding. */
const PLAIN_KEY = /^[0-9A-Za-z]+\/[0-9A-Za-z]+(?:\.[0-9A-Za-z-]+)*$/;

/**
 * The percent-encoded form of a key below a base path.
 *
 * @throws {TypeError} If the key cannot be part of a URL: that would resolve `.` and `..`.
 */
export function encodeKey(key: string): string {
  if (PLAIN_KEY.test(key)) return key; // As those of all chunks.
  const segments = key.split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) {
    throw new TypeError(`Cannot use '${key}' in a URL`);
  }
  return segments.map(encodeURIComponent).join("/");
}

/**
 * Splits the URL of an index into its store, its name and the query, which may be a signature.
 *
 * @throws {ConfigError} If it is no URL of HTTP, or has no name in it.
 */
export function splitIndexUrl(url: string): IndexUrl {
  const parsed = parseUrl(url);
  const query = parsed.search.slice(1) || undefined;
  parsed.search = "";
  parsed.hash = "";
  const slash = parsed.pathname.lastIndexOf("/");
  const parents = decodeSegment(parsed.pathname.slice(slash + 1)).split("/");
  const name = parents.pop()!;
  if (name === "") throw new ConfigError(`'${parsed.origin}${parsed.pathname}' does not name an index`);
  const below = parents.map((parent) => `${encodeURIComponent(parent)}/`).join("");
  parsed.pathname = parsed.pathname.slice(0, slash + 1) + below;
  return { base: parsed.href, name, query };
}

/** The bytes of a header value in UTF-8, one character for each. */
export function toHeaderValue(value: string): string {
  return Array.from(new TextEncoder().encode(value), (byte) => String.fromCharCode(byte)).join("");
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hostname === "") {
    throw new ConfigError("Cannot open an HTTP store: its location is not a URL of HTTP");
  }
  return parsed;
}

function basicAuthorization(username: string, password: string): string {
  const pair = `${decodeSegment(username)}:${decodeSegment(password)}`;
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

/** Decodes what can be decoded; a `%` that encodes nothing is one. */
function decodeSegment(segment: string): string {
  return segment.replace(/(?:%[0-9A-Fa-f]{2})+/g, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
