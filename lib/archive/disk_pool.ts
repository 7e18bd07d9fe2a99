/**
 * Files of an archive that are left to other threads.
 *
 * @module
 */

import type { FilePool, PooledFile } from "../concurrency/file_pool.ts";
import type { FileNode } from "./disk_file.ts";

/** A file that is being written. */
export interface OpenFile {
  /** For messages. */
  readonly path: string;
  /** Bytes that are still to come. */
  readonly missing: number;
  /** Takes what comes next; not more than is {@linkcode missing}. */
  write(data: Uint8Array): void;
  /** To be called when nothing is missing. */
  finish(): void;
  /** Absent where there is nothing to give up. */
  [Symbol.dispose]?(): void;
}

/** A file on its way to another thread. A class, because literals with accessors make V8 keep a map for each. */
export class PooledContent implements OpenFile {
  readonly #pool: FilePool;
  readonly #file: PooledFile & { readonly content: Uint8Array };
  #done = 0;

  /** `content` is where the pool wants it. */
  constructor(pool: FilePool, file: PooledFile & { readonly content: Uint8Array }) {
    this.#pool = pool;
    this.#file = file;
  }

  /** For messages. */
  get path(): string {
    return this.#file.directory.node(this.#file.name).path;
  }

  /** Bytes that are still to come. */
  get missing(): number {
    return this.#file.node.size - this.#done;
  }

  /** Copies what comes next. */
  write(data: Uint8Array): void {
    this.#file.content.set(data, this.#done);
    this.#done += data.length;
  }

  /** Hands it over. */
  finish(): void {
    this.#pool.publish(this.#file);
  }
}

/** Whether permissions, owner and time are all that there is to restore. */
export function isPlainFile(node: FileNode): boolean {
  return node.xattrs.length === 0 && node.attributes === 0n && node.acl === undefined &&
    node.selinux === undefined && node.fcaps === undefined && node.projectId === undefined;
}
