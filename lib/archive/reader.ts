/**
 * Archives (catar) from streams.
 *
 * @module
 */

import type { ArchiveEvent } from "./entry.ts";
import { ArchiveParser, type ReadArchiveOptions } from "./parser.ts";

/**
 * Reads an archive.
 *
 * What has no time for a promise an event uses {@linkcode ArchiveParser} itself.
 *
 * @param source Bytes of the archive, sliced in any way. It is cancelled if reading ends early.
 * @returns What is in it. Contents are parts of the source's bytes, borrowed until the next event.
 * @throws {FormatError} If the archive is malformed, truncated, or followed by other data.
 */
export async function* readArchive(
  source: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
  options: ReadArchiveOptions = {},
): AsyncGenerator<ArchiveEvent> {
  const parser = new ArchiveParser(options);
  for await (const bytes of source) {
    parser.push(bytes);
    for (let event = parser.next(); event !== undefined; event = parser.next()) yield event;
    if (parser.isComplete && options.trailing === "ignore") return;
  }
  parser.end();
}
