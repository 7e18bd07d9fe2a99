/**
 * Trees to archives (catar), bit for bit as casync writes them.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { ByteWriter } from "../format/byte_writer.ts";
import { CASYNC_FLAGS, normalizeFlags, unassignedFlags } from "../format/feature_flags.ts";
import { type RecordingRules, recordingRules } from "../format/elements_rules.ts";
import type { XattrForm } from "../format/elements_metadata.ts";
import { GoodbyeTable } from "../format/goodbye.ts";
import { compareBytes } from "./bytes_order.ts";
import { encodeNode } from "./encode_node.ts";
import type { ArchiveEvent, ArchiveNode } from "./entry.ts";

/** Levels from the root to the deepest node that casync reads. */
export const MAX_DEPTH = 64;
/** Contents from this size on are passed on as they are, smaller ones are gathered. */
const PASS_SIZE = 16 << 10;
/** What is gathered is handed out from this size on. */
const FLUSH_SIZE = 64 << 10;

/** How an archive is written. */
export interface ArchiveWriterOptions {
  /** Normalized feature flags. @default those of casync */
  readonly flags?: bigint | undefined;
  /** How extended attributes are stored. @default "casync" */
  readonly xattrForm?: XattrForm | undefined;
  /** Levels from the root to the deepest node; casync cannot read more than 64. @default 64 */
  readonly maxDepth?: number | undefined;
}

interface OpenDirectory {
  readonly table: GoodbyeTable;
  readonly entryOffset: number;
  /** Of the entry that was begun last. */
  name: Uint8Array | undefined;
  start: number;
}

/**
 * Appends an archive, node by node, to a buffer.
 *
 * Synchronous, and without memory but for the directories that are open, so that a producer can write where
 * the bytes are needed. After an error it must not be used any more.
 */
export class ArchiveWriter {
  readonly #out: ByteWriter;
  readonly #rules: RecordingRules;
  readonly #xattrForm: XattrForm;
  readonly #maxDepth: number;
  readonly #open: OpenDirectory[] = [];
  #offset = 0;
  #payloadLeft = 0;
  #begun = false;

  /** Writes to `out`, after what it holds. @throws {RangeError} If the flags are not normalized. */
  constructor(out: ByteWriter, options: ArchiveWriterOptions = {}) {
    const { flags = CASYNC_FLAGS, xattrForm = "casync", maxDepth = MAX_DEPTH } = options;
    if (unassignedFlags(flags) !== 0n || normalizeFlags(flags) !== flags) {
      throw new RangeError(`Cannot write archive: feature flags 0x${flags.toString(16)} are not normalized`);
    }
    this.#out = out;
    this.#rules = recordingRules(flags);
    this.#xattrForm = xattrForm;
    this.#maxDepth = maxDepth;
  }

  /** Bytes of the archive so far, contents of files included. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the root has ended. */
  get isComplete(): boolean {
    return this.#begun && this.#open.length === 0 && this.#payloadLeft === 0;
  }

  /**
   * Begins a node.
   *
   * @param name Undefined for the root, which has to be a directory; else after the names before it, by their
   * bytes.
   * @throws {UnsupportedError} If the tree is too deep, or the format cannot express an owner or a time.
   * @throws {RangeError} If it may not come now, or it is not valid.
   */
  node(name: Uint8Array | undefined, node: ArchiveNode): void {
    const parent = this.#open.at(-1);
    this.#checkPlace(name, { parent, kind: node.kind });
    const start = this.#offset;
    const filenameSize = name === undefined ? 0 : 16 + name.length + 1;
    this.#append(() => encodeNode(this.#out, node, { name, rules: this.#rules, xattrForm: this.#xattrForm }));
    if (parent !== undefined && name !== undefined) {
      parent.name = name.slice();
      parent.start = start;
    }
    this.#begun = true;
    if (node.kind === "directory") {
      const entryOffset = start + filenameSize;
      this.#open.push({ table: new GoodbyeTable(), entryOffset, name: undefined, start: 0 });
    } else if (node.kind === "file" && node.size > 0) this.#payloadLeft = node.size;
    else this.#endNode();
  }

  /** Appends content of the file that was begun last. @throws {RangeError} If it is more than its size. */
  data(data: Uint8Array): void {
    this.skipData(data.length);
    this.#out.bytes(data);
  }

  /**
   * Counts content that the caller puts into the archive by itself.
   *
   * @throws {RangeError} If it is more than its size.
   */
  skipData(size: number): void {
    if (size > this.#payloadLeft) misplaced(`${size} bytes follow where ${this.#payloadLeft} are missing`);
    if (size === 0) return;
    this.#payloadLeft -= size;
    this.#offset += size;
    if (this.#payloadLeft === 0) this.#endNode();
  }

  /**
   * Ends the directory that was begun last.
   *
   * @throws {RangeError} If none is open, or a file is not complete.
   */
  leave(): void {
    if (this.#payloadLeft > 0) misplaced(`${this.#payloadLeft} bytes of a file are missing`);
    const directory = this.#open.at(-1);
    if (directory === undefined) misplaced("no directory is open");
    const { table, entryOffset } = directory;
    const goodbyeOffset = this.#offset;
    this.#append(() => table.encode(this.#out, { entryOffset, goodbyeOffset }));
    this.#open.pop();
    this.#endNode();
  }

  #checkPlace(
    name: Uint8Array | undefined,
    place: { readonly parent: OpenDirectory | undefined; readonly kind: ArchiveNode["kind"] },
  ): void {
    const { parent, kind } = place;
    if (this.#payloadLeft > 0) misplaced(`${this.#payloadLeft} bytes of a file are missing`);
    if (this.#open.length >= this.#maxDepth) {
      throw new UnsupportedError(`Cannot write archive: the tree has more than ${this.#maxDepth} levels`);
    }
    if (parent === undefined) {
      if (this.#begun) misplaced("a node follows the root");
      if (name !== undefined) misplaced("the root has a name");
      if (kind !== "directory") misplaced(`the root is a ${kind}`);
    } else {
      if (name === undefined) misplaced("a node has no name");
      if (parent.name !== undefined && compareBytes(parent.name, name) >= 0) {
        misplaced("names are not in ascending order");
      }
    }
  }

  #append(encode: () => void): void {
    const before = this.#out.size;
    encode();
    this.#offset += this.#out.size - before;
  }

  #endNode(): void {
    const parent = this.#open.at(-1);
    if (parent?.name !== undefined) parent.table.add(parent.name, { start: parent.start, end: this.#offset });
  }
}

/**
 * Writes an archive.
 *
 * @returns Its bytes. Small parts are gathered in fresh buffers; large contents are those of the events,
 * borrowed until the next part is asked for.
 * @throws {UnsupportedError} If the tree is too deep, or the format cannot express an owner or a time.
 * @throws {RangeError} If the events are no tree, or the archive cannot record a node.
 */
export async function* writeArchive(
  events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>,
  options: ArchiveWriterOptions = {},
): AsyncGenerator<Uint8Array> {
  const out = new ByteWriter(new Uint8Array(FLUSH_SIZE + PASS_SIZE));
  const writer = new ArchiveWriter(out, options);
  for await (const event of events) {
    if (event.type === "node") writer.node(event.name, event.node);
    else if (event.type === "leave") writer.leave();
    else if (event.data.length < PASS_SIZE) writer.data(event.data);
    else {
      writer.skipData(event.data.length);
      if (out.size > 0) yield out.take();
      yield event.data;
    }
    if (out.size >= FLUSH_SIZE) yield out.take();
  }
  if (!writer.isComplete) misplaced("the tree is not complete");
  if (out.size > 0) yield out.take();
}

function misplaced(reason: string): never {
  throw new RangeError(`Cannot write archive: ${reason}`);
}
