/**
 * The check of the header `Authorization`.
 *
 * @module
 */

import type { Digest } from "../digest/digest.ts";
import { type ServerReply, textReply } from "./message.ts";

/** Tells whether the value of a header is the one that is expected. */
export type Authorize = (header: string | undefined) => boolean;

/**
 * Makes the check. Digests are compared instead of the values, so that neither the time it takes nor the length of a value
 * says anything about the other.
 *
 * @param expected The whole value, such as `Bearer x`; undefined if everybody is welcome.
 */
export function authorizer(expected: string | undefined, digest: Digest): Authorize {
  if (expected === undefined || expected === "") return () => true;
  const wanted = digest.digest(new TextEncoder().encode(expected));
  return (header = "") => {
    // Node gives headers as one character a byte.
    const given = digest.digest(Uint8Array.from(header, (character) => character.charCodeAt(0)));
    let difference = 0;
    for (let i = 0; i < wanted.length; i++) difference |= wanted[i]! ^ given[i]!;
    return difference === 0;
  };
}

/** The answer to whom the check turns away. */
export function unauthorizedReply(): ServerReply {
  return textReply(401, "Unauthorized\n");
}
