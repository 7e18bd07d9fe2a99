/** Archives that command lines have written, as text. */

import { formatListLine } from "../../lib/archive/list.ts";
import { EventPath } from "../../lib/archive/event_path.ts";
import { parseSlices } from "./archives.ts";

/** Modes and paths of all nodes, with the content of files behind an equals sign. */
export function listArchive(bytes: Uint8Array): string[] {
  const place = new EventPath();
  const lines: string[] = [];
  for (const event of parseSlices([bytes])) {
    const path = place.follow(event);
    if (event.type === "node") lines.push(formatListLine(path!, event.node).trimEnd());
    if (event.type === "data") lines.push(`${lines.pop()}=${new TextDecoder().decode(event.data)}`);
  }
  return lines;
}

/** Feature flags of an archive, which begins with its first ENTRY. */
export function flagsOfArchive(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(16, true);
}
