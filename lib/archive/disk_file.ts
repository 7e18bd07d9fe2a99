/**
 * Regular files of an archive, made below directory handles: each gets its name when it is complete.
 *
 * @module
 */

import { StoreError } from "../errors.ts";
import { FLAG } from "../format/feature_flags.ts";
import { hasErrorCode } from "../platform/posix.ts";
import type { TreeDirectory, TreeFile } from "../platform/tree.ts";
import { type RemoveOptions, removeTree, withoutImmutable } from "./disk_remove.ts";
import type { FreshInode, MetadataWriter } from "./disk_restore.ts";
import type { ArchiveNode } from "./entry.ts";
import { SparseContent } from "./sparse_content.ts";

/** Most bytes that a name can have. */
const MAX_NAME = 255;
const HEX_DIGITS = 16;
const MAX_ATTEMPTS = 100;
const DOT = 0x2e;
const SLASH = 0x2f;
const HASH = 0x23;
const DIGIT_ZERO = 0x30;
const LETTER_A = 0x61;

/** A node with content. */
export type FileNode = ArchiveNode & { readonly kind: "file" };

/** A file that is going to get its content. */
export interface NewFile extends Disposable {
  /** For messages. */
  readonly path: string;
  /** Bytes that are still to come. */
  readonly missing: number;
  /** Takes what comes next; not more than is {@linkcode missing}. */
  write(data: Uint8Array): void;
  /** To be called when nothing is missing. */
  finish(): void;
  /** Gives the file up, unless it is finished. */
  [Symbol.dispose](): void;
}

/** Makes nodes under temporary names, and gives what is complete its own. */
export class NodeMaker {
  readonly #metadata: MetadataWriter;
  readonly #options: NodeMakerOptions;
  /** Where the last file was made, and how it began. */
  #directory: TreeDirectory | undefined;
  #fresh: FreshInode | undefined;
  /** Random digits, and what is counted up. */
  readonly #serial = crypto.getRandomValues(new Uint32Array(2));

  /** Nothing is touched yet. */
  constructor(metadata: MetadataWriter, options: NodeMakerOptions) {
    this.#metadata = metadata;
    this.#options = options;
  }

  /** Creates a file. @throws {PosixError} If that cannot be done. */
  beginFile(directory: TreeDirectory, name: Uint8Array, node: FileNode): NewFile {
    // Others get no access before it has its owner.
    const mode = this.#metadata.restores(FLAG.permissions) ? 0o600 : 0o666;
    let file: TreeFile | undefined;
    const temporary = this.makeTemporary(name, (temporary) => {
      file = directory.createFile(temporary, mode, { as: name });
    });
    const made = new DiskFile(file!, {
      size: node.size,
      complete: (file) => {
        this.#metadata.apply(file, node, { fresh: this.#freshIn(directory, file) });
        this.publish(directory, name, temporary);
      },
      afterwards: (file) => this.#metadata.applyLate(file, node),
      discard: () => removeQuietly(directory, temporary),
    });
    try {
      this.#metadata.applyEarly(file!, node);
    } catch (error) {
      made[Symbol.dispose]();
      throw error;
    }
    return made;
  }

  #freshIn(directory: TreeDirectory, file: TreeFile): FreshInode {
    if (this.#directory !== directory || this.#fresh === undefined) {
      this.#fresh = this.#metadata.freshOf(file);
      this.#directory = directory;
    }
    return this.#fresh;
  }

  /** Makes something under a name that nothing has; as casync's, it begins with `.#`. @returns The name. */
  makeTemporary(name: Uint8Array, make: (temporary: Uint8Array) => void): Uint8Array {
    const stem = Math.min(name.length, MAX_NAME - HEX_DIGITS - 2);
    for (let attempt = 1;; attempt++) {
      const temporary = new Uint8Array(stem + HEX_DIGITS + 2);
      temporary[0] = DOT;
      temporary[1] = HASH;
      for (let index = 0; index < stem; index++) temporary[index + 2] = name[index]!;
      this.#writeSerial(temporary, stem + 2);
      try {
        make(temporary);
        return temporary;
      } catch (error) {
        if (!hasErrorCode(error, "EEXIST") || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** Digit by digit: a string for every file would be garbage, and a view would cost an allocation. */
  #writeSerial(target: Uint8Array, offset: number): void {
    const serial = this.#serial;
    serial[1]!++;
    for (let index = 0; index < HEX_DIGITS; index++) {
      const digit = serial[index >> 3]! >>> (28 - (index & 7) * 4) & 15;
      target[offset + index] = digit + (digit < 10 ? DIGIT_ZERO : LETTER_A - 10);
    }
  }

  /** Gives what is complete its name. */
  publish(directory: TreeDirectory, name: Uint8Array, temporary: Uint8Array): void {
    const { remove, onConflict } = this.#options;
    const run = () => directory.rename(temporary, name);
    try {
      withoutImmutable(directory, name, { ...remove, run });
    } catch (error) {
      if (!hasErrorCode(error, "EISDIR", "ENOTEMPTY", "EEXIST")) throw error;
      if (onConflict !== "replace") {
        const reason = "it exists and is a directory";
        throw new StoreError(directory.node(name).path, "extract", { cause: error, reason });
      }
      removeTree(directory, name, remove);
      run();
    }
  }
}

/** How a {@linkcode NodeMaker} takes the place of what is there. */
export interface NodeMakerOptions {
  /** How to remove it. */
  readonly remove: RemoveOptions;
  /** What becomes of a directory that is in the way. */
  readonly onConflict: "fail" | "replace";
}

/** A file that this thread writes. */
class DiskFile implements NewFile {
  readonly #file: TreeFile;
  readonly #content: SparseContent;
  readonly #steps: FileSteps;
  #isOpen = true;

  constructor(file: TreeFile, steps: FileSteps) {
    this.#file = file;
    this.#content = new SparseContent(file, steps.size);
    this.#steps = steps;
  }

  get path(): string {
    return this.#file.path;
  }

  get missing(): number {
    return this.#content.missing;
  }

  write(data: Uint8Array): void {
    this.#content.write(data);
  }

  finish(): void {
    this.#content.finish();
    this.#steps.complete(this.#file);
    this.#isOpen = false;
    try {
      this.#steps.afterwards(this.#file);
    } finally {
      this.#file[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file[Symbol.dispose]();
    this.#steps.discard();
  }
}

interface FileSteps {
  readonly size: number;
  /** Gives it metadata and its name. */
  readonly complete: (file: TreeFile) => void;
  /** Adds what may forbid any further change. */
  readonly afterwards: (file: TreeFile) => void;
  /** Removes what is not complete. */
  readonly discard: () => void;
}

/** For use while another error is under way: that one is what the caller has to see. */
export function removeQuietly(directory: TreeDirectory, name: Uint8Array): void {
  try {
    directory.remove(name);
  } catch {
    // It stays under its temporary name, which nobody takes for a result.
  }
}

/** Whether something in a directory can have that name. */
export function isFileName(name: Uint8Array): boolean {
  // A loop takes a fraction of what the array's methods do.
  const { length } = name;
  if (length === 0 || length > MAX_NAME) return false;
  if (name[0] === DOT && (length === 1 || length === 2 && name[1] === DOT)) return false;
  for (let i = 0; i < length; i++) if (name[i] === SLASH || name[i] === 0) return false;
  return true;
}
