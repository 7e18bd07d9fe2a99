/**
 * Archives (catar) in files, of which only what is no content is read.
 *
 * @module
 */

import type { PosixFile } from "../platform/posix.ts";
import type { ArchiveEvent } from "./entry.ts";
import { ArchiveParser, type ReadArchiveOptions } from "./parser.ts";

/** How to read an archive without its contents. */
export interface ScanArchiveOptions extends ReadArchiveOptions {
  /** Is told where the content of a file is, after its node; in bytes from the start of the archive. */
  readonly onContent: (content: { readonly offset: number; readonly size: number }) => void;
}

/** What is read at once: mostly more than the records between two contents. */
const BUFFER_SIZE = 32 << 10;

/**
 * Reads an archive but for the contents of files.
 *
 * @returns Its events, without data.
 * @throws {FormatError} If the archive is malformed, truncated, or followed by other data.
 */
export function* scanArchive(file: PosixFile, options: ScanArchiveOptions): Generator<ArchiveEvent> {
  const parser = new ArchiveParser(options);
  const buffer = new Uint8Array(BUFFER_SIZE);
  const end = file.size();
  for (let position = 0;;) {
    const count = file.readAt(buffer, position);
    if (count === 0) break;
    position += count;
    parser.push(buffer.subarray(0, count));
    for (let event = parser.next(); event !== undefined; event = parser.next()) {
      // What is left of a truncated content is read, and tells so.
      if (event.type === "data") continue;
      yield event;
      if (event.type !== "node" || event.node.kind !== "file" || event.node.size === 0) continue;
      const { end: contentEnd, node: { size } } = event;
      if (contentEnd === undefined || contentEnd > end) continue;
      options.onContent({ offset: contentEnd - size, size });
      position += parser.skipContent();
    }
  }
  parser.end();
}
