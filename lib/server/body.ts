/**
 * Parts of bodies: pieces put together, and ranges taken out.
 *
 * @module
 */

/** Puts `parts` of `size` bytes in all into one array. @returns Fresh bytes. */
export function joinBytes(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Part of a body: from `start` up to, but without, `end`. */
export interface ByteRange {
  /** First byte. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
}

/**
 * Reads the header `Range`.
 *
 * @returns The part of a body of `size` bytes; "unsatisfiable" if it lies outside; undefined if the whole body is to be
 * sent, as there is no such header, or one with several ranges, other units or mistakes in it.
 */
export function parseRange(text: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const match = text === undefined ? null : /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(text);
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

/** Whether the header `If-None-Match` has `etag` in it. */
export function matchesEtag(text: string | undefined, etag: string): boolean {
  if (text === undefined) return false;
  return text.split(",").some((part) => {
    const tag = part.trim();
    return tag === "*" || tag === etag || tag === `W/${etag}`;
  });
}
