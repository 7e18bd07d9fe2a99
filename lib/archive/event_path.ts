/**
 * Where in the tree an event is, as text.
 *
 * @module
 */

import type { ArchiveEvent } from "./entry.ts";

const BACKSLASH = 0x5c;
const HASH = 0x23;

/**
 * Bytes as casync and desync print them: spaces, control characters, `#`, `\` and all that is not ASCII
 * become a backslash and three octal digits.
 */
export function escapeBytes(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== BACKSLASH && byte !== HASH;
    out += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return out;
}

/** Follows events, and knows the path of each node. */
export class EventPath {
  /** What the paths of the entries of open directories begin with. */
  readonly #prefixes: string[] = [];

  /** Takes the next event. @returns Escaped path of a node, `.` for the root; undefined for other events. */
  follow(event: ArchiveEvent): string | undefined {
    if (event.type === "leave") this.#prefixes.pop();
    if (event.type !== "node") return undefined;
    const { name, node } = event;
    const path = name === undefined ? "." : (this.#prefixes.at(-1) ?? "") + escapeBytes(name);
    if (node.kind === "directory") this.#prefixes.push(name === undefined ? "" : `${path}/`);
    return path;
  }
}
