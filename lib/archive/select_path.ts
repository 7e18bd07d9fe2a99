/**
 * A part of a tree.
 *
 * @module
 */

import { compareBytes } from "./bytes_order.ts";
import type { ArchiveEvent } from "./entry.ts";

/**
 * Splits a path below the root of an archive.
 *
 * @returns Names, encoded as UTF-8; none for the root.
 * @throws {RangeError} If it leads out of the root.
 */
export function parseArchivePath(path: string): readonly Uint8Array[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new RangeError(`Cannot use path '${path}': it has '..' in it`);
  return names.map((name) => new TextEncoder().encode(name));
}

/**
 * Passes on what is at one path of a tree: the directories that lead there, the node itself, and what is below it.
 *
 * Nothing is passed on before the node is found.
 */
export class PathSelection {
  readonly #names: readonly Uint8Array[];
  readonly #sink: (event: ArchiveEvent) => void;
  /** Directories on the way there, as long as it is not found. */
  #pending: ArchiveEvent[] = [];
  /** Directories that are open and belong to it or lead there; others that are open. */
  #open = 0;
  #skipped = 0;
  /** Whether contents belong to it. */
  #takesData = false;
  #isFound = false;
  #isDone = false;

  /** Looks for the node at `names`, and calls `sink` in the order of the archive. */
  constructor(names: readonly Uint8Array[], sink: (event: ArchiveEvent) => void) {
    this.#names = names;
    this.#sink = sink;
  }

  /** Whether the node has been met. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** Whether everything was passed on; then no more events are needed. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Takes the next event of the whole tree. */
  write(event: ArchiveEvent): void {
    if (this.#isDone) return;
    if (event.type === "data") {
      if (this.#takesData) this.#sink(event);
    } else if (event.type === "leave") this.#leave(event);
    else if (this.#skipped > 0) this.#skip(event);
    else this.#node(event);
  }

  #node(event: ArchiveEvent & { readonly type: "node" }): void {
    const { name, node } = event;
    const isDirectory = node.kind === "directory";
    const depth = this.#open; // 0 for the root.
    const wanted = this.#names[depth - 1];
    const isTarget = depth === this.#names.length && !this.#isFound;
    const isOnTheWay = name === undefined || wanted === undefined || compareBytes(name, wanted) === 0;
    if (this.#isFound && depth <= this.#names.length) return this.#finish(); // It was a file.
    if (!isOnTheWay || depth < this.#names.length && !isDirectory) return this.#skip(event);
    if (isDirectory) this.#open++;
    if (isTarget) this.#found();
    this.#takesData = true;
    if (this.#isFound) this.#sink(event);
    else this.#pending.push(event);
  }

  #found(): void {
    this.#isFound = true;
    for (const event of this.#pending) this.#sink(event);
    this.#pending = [];
  }

  #skip(event: ArchiveEvent & { readonly type: "node" }): void {
    this.#takesData = false;
    if (event.node.kind === "directory") this.#skipped++;
  }

  #leave(event: ArchiveEvent): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    // A directory on the way there was the only one of its name, so nothing is found any more.
    if (!this.#isFound) this.#isDone = true;
    else if (this.#open > this.#names.length) {
      this.#open--;
      this.#sink(event);
      if (this.#open <= this.#names.length) this.#finish();
    } else this.#finish();
  }

  /** Leaves the directories that led there. */
  #finish(): void {
    this.#isDone = true;
    for (; this.#open > 0; this.#open--) this.#sink({ type: "leave" });
  }
}
