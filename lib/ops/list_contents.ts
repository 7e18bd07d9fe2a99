/**
 * Listing a tree with the digests of its contents.
 *
 * @module
 */

import type { ArchiveEvent } from "../archive/entry.ts";
import { EventPath } from "../archive/event_path.ts";
import {
  appendDigest,
  formatMtreeLine,
  lineOptions,
  MTREE_HEADER,
  type MtreeLineOptions,
  type MtreeStyle,
} from "../archive/mtree.ts";
import { type Content, ContentHasher } from "../concurrency/content_hasher.ts";
import type { Engine } from "../concurrency/worker_pool.ts";
import type { CallOptions } from "../store/types.ts";

/** A tree whose contents are read by whoever takes them. */
export interface ContentSource {
  /** The file that all contents are ranges of; undefined if each has its own. */
  readonly path: string | undefined;
  /**
   * What is in the tree, without data.
   *
   * @param take Is given the content of each file after its node, if it has one. It owns the file from then on.
   */
  events(take: (content: Content) => void): Iterable<ArchiveEvent>;
}

/** A line that is not written yet. */
interface Line {
  /** Complete but for the digest: much less than the node, which would outlive two collections of garbage. */
  readonly text: string;
  readonly isFile: boolean;
  /** Whether its digest comes from the threads; else, that of nothing is meant. */
  hasContent: boolean;
}

/**
 * Writes a listing as `formatMtree()` does, but hashes on all threads.
 *
 * @returns Some lines at a time, each with its line feed.
 * @throws {StoreError} If a file cannot be read, or its size changes meanwhile.
 */
export async function* listContents(
  engine: Engine,
  source: ContentSource,
  options: MtreeStyle & CallOptions,
): AsyncGenerator<string> {
  const { signal } = options;
  await using hasher = new ContentHasher(engine, { path: source.path, signal });
  const lines: Line[] = [];
  const place = new EventPath();
  const empty = { name: engine.digest, bytes: engine.tools.digest.digest(new Uint8Array()) };
  let style: MtreeLineOptions | undefined;
  let written = 0;
  const format = ({ text, isFile, hasContent }: Line): string => {
    if (!isFile) return text;
    return appendDigest(text, hasContent ? { name: engine.digest, bytes: hasher.take() } : empty);
  };
  const isReady = () => !(lines[written]?.hasContent ?? false) || hasher.isReady;
  const takeReady = (): string => {
    let text = "";
    // The last line's content may be still to come.
    while (written < lines.length - 1 && isReady()) text += format(lines[written++]!);
    if (written >= MAX_LINES) {
      lines.splice(0, written);
      written = 0;
    }
    return text;
  };
  const take = (content: Content) => {
    hasher.add(content);
    lines.at(-1)!.hasContent = true;
  };
  for (const event of source.events(take)) {
    const path = place.follow(event);
    if (event.type !== "node" || path === undefined) continue;
    if (style === undefined) {
      style = lineOptions(options, event);
      if (style.style === "desync") yield MTREE_HEADER;
    }
    const { node } = event;
    lines.push({
      text: formatMtreeLine({ path, node }, style),
      isFile: node.kind === "file",
      hasContent: false,
    });
    if (lines.length < MAX_LINES && hasher.hasRoom) continue;
    yield takeReady();
    while (!hasher.hasRoom) {
      await hasher.until(() => hasher.hasRoom || hasher.isReady);
      yield takeReady();
    }
    await hasher.pause();
  }
  while (written < lines.length) {
    if (!isReady()) await hasher.until(isReady);
    yield format(lines[written++]!);
    await hasher.pause();
  }
}

/** Lines that are kept before the first of them is asked for. */
const MAX_LINES = 128;
