/**
 * Archives as blobs, made while they are read: no archive is ever stored.
 *
 * @module
 */

import type { BlobSource } from "../concurrency/blob_source.ts";
import { StoreError } from "../errors.ts";
import { ByteWriter } from "../format/byte_writer.ts";
import type { TreePosix } from "../platform/tree.ts";
import { readTree, type ReadTreeOptions } from "./disk_source.ts";
import type { ArchiveEvent } from "./entry.ts";
import { ArchiveWriter } from "./writer.ts";

/** Records that were encoded, and are handed out piece by piece. */
class Records {
  readonly out = new ByteWriter(new Uint8Array(RECORDS_SIZE));
  #taken = 0;

  /** Moves as many bytes as fit to `target`, from `at` on. @returns Their number. */
  takeInto(target: Uint8Array, at: number): number {
    const size = Math.min(this.out.size - this.#taken, target.length - at);
    if (size === 0) return 0;
    target.set(this.out.written.subarray(this.#taken, this.#taken + size), at);
    this.#taken += size;
    if (this.#taken === this.out.size) {
      this.out.clear();
      this.#taken = 0;
    }
    return size;
  }
}

/** The records of one inode hardly ever take more. */
const RECORDS_SIZE = 16 << 10;

/**
 * The archive of a directory tree. Contents are read from their files into the memory of whoever asks, and nothing waits
 * for a promise: a tree of small files costs its system calls.
 */
export class TreeSource implements BlobSource, Disposable {
  readonly size: undefined = undefined;
  readonly #path: string;
  readonly #events: Generator<ArchiveEvent, void, undefined>;
  readonly #records = new Records();
  readonly #writer: ArchiveWriter;
  #target: Uint8Array = new Uint8Array();
  #done = 0;

  /**
   * Nothing is read yet.
   *
   * @param path The root, a directory.
   * @throws {RangeError} If the flags are not normalized.
   */
  constructor(posix: TreePosix, path: string, options: Omit<ReadTreeOptions, "contentBuffer">) {
    this.#path = path;
    this.#writer = new ArchiveWriter(this.#records.out, { flags: options.flags });
    const contentBuffer = () => this.#target.subarray(this.#done);
    this.#events = readTree(posix, path, { ...options, contentBuffer });
  }

  /**
   * Reads on.
   *
   * @throws {StoreError} If the root is not a directory, or something in it cannot be read.
   * @throws {UnsupportedError} If the tree is too deep, or the format cannot express something.
   */
  read(target: Uint8Array): number {
    this.#target = target;
    this.#done = this.#records.takeInto(target, 0);
    while (this.#done < target.length) {
      // All records have been handed out by now, so content goes right behind them.
      const { done, value: event } = this.#events.next();
      if (done ?? false) break;
      this.#take(event!);
    }
    return this.#done;
  }

  #take(event: ArchiveEvent): void {
    if (event.type === "data") {
      this.#writer.skipData(event.data.length);
      this.#done += event.data.length;
      return;
    }
    if (event.type === "leave") this.#writer.leave();
    else {
      if (event.name === undefined && event.node.kind !== "directory") {
        throw new StoreError(this.#path, "archive", { reason: "it is not a directory" });
      }
      this.#writer.node(event.name, event.node);
    }
    this.#done += this.#records.takeInto(this.#target, this.#done);
  }

  /** Archives have no holes that would be known before they are read. */
  holeAhead(): number {
    return 0;
  }

  /** Archives have no holes. */
  skip(): void {
    throw new TypeError("Cannot skip a hole of an archive: there are none");
  }

  /** Closes what is open. */
  [Symbol.dispose](): void {
    this.#events.return();
  }
}
