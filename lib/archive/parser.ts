/**
 * Archives (catar) to events, as their bytes come in.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { ByteReader } from "../format/byte_reader.ts";
import { decodeHeader, RECORD, RECORD_HEADER_SIZE, type RecordHeader } from "../format/elements.ts";
import { decodeDevice, decodeFilename, decodeTarget } from "../format/elements_content.ts";
import { decodeEntry, type InodeKind } from "../format/elements_entry.ts";
import { recordingRules } from "../format/elements_rules.ts";
import { DESYNC_FLAGS, normalizeFlags, unassignedFlags } from "../format/feature_flags.ts";
import { decodeGoodbyeTail, goodbyeSize, GoodbyeTable } from "../format/goodbye.ts";
import { compareBytes } from "./bytes_order.ts";
import type { ArchiveEvent, NodeKind } from "./entry.ts";
import { NodeDecoder } from "./node_decoder.ts";

const TAIL_SIZE = 24;
const EMPTY = new Uint8Array();

/** How an archive is read. */
export interface ReadArchiveOptions {
  /** Where the bytes come from, for messages. */
  readonly location?: string | undefined;
  /**
   * Who wrote the archive. desync ends values of extended attributes with a NUL, leaves names of what it
   * skipped behind, and may have a root that is no directory; `auto` takes archives with desync's feature
   * flags for desync's, and lets the first extended attribute decide on the form of the others.
   *
   * @default "auto"
   */
  readonly dialect?: "casync" | "desync" | "auto" | undefined;
  /** Feature flags the archive has to have, those of its index. @default any */
  readonly expectFlags?: bigint | undefined;
  /** Whether search tables are recomputed, rather than passed over. @default true */
  readonly verifyGoodbye?: boolean | undefined;
  /** What becomes of bytes after the root. @default "reject" */
  readonly trailing?: "reject" | "ignore" | undefined;
  /** Levels from the root to the deepest node; casync reads no more than 64. @default 64 */
  readonly maxDepth?: number | undefined;
  /** Most bytes the metadata of one inode may take. @default 16 MiB */
  readonly maxMetadataSize?: number | undefined;
}

interface OpenDirectory {
  readonly entryOffset: number;
  /** Undefined if it is not going to be verified. */
  readonly table: GoodbyeTable | undefined;
  /** Of the last FILENAME. */
  name: Uint8Array | undefined;
  start: number;
}

/** What the next record may be. */
type State = "entry" | "metadata" | "children";

/**
 * Parses an archive: synchronous, so that small files cost no promise each.
 *
 * Push bytes, then take events until there are none, and so on; at the end of the bytes call {@linkcode end}.
 * Memory is bounded by the metadata of one inode, and 32 bytes for each entry of the directories that are
 * open.
 */
export class ArchiveParser {
  readonly #options: ReadArchiveOptions;
  readonly #what: string;
  readonly #maxDepth: number;
  readonly #open: OpenDirectory[] = [];
  readonly #header: RecordHeader = { type: RECORD.ENTRY, size: 0 };
  #decoder: NodeDecoder | undefined;
  #flags: bigint | undefined;
  #isDesync = false;
  #state: State = "entry";
  #hasHeader = false;
  /** Of the record whose header was read last. */
  #recordOffset = 0;
  /** Of the ENTRY that was read last. */
  #entryOffset = 0;
  #payloadLeft = 0;
  #skipLeft = 0;
  #isSkipping = false;
  #offset = 0;
  #input: Uint8Array = EMPTY;
  #inputReader: ByteReader;
  #at = 0;
  /** A record that began in bytes pushed before. */
  #carry = EMPTY;
  #carried = 0;
  /** Fails in the name of the record whose header was read last. */
  #reader: ByteReader;

  /** Starts before the first byte. */
  constructor(options: ReadArchiveOptions = {}) {
    this.#options = options;
    this.#maxDepth = options.maxDepth ?? 64;
    this.#what = options.location === undefined ? "archive" : `archive '${options.location}'`;
    this.#inputReader = this.#reader = new ByteReader(EMPTY, { what: this.#what });
  }

  /** Feature flags; undefined until the first node. */
  get flags(): bigint | undefined {
    return this.#flags;
  }

  /** Whether the root has ended. */
  get isComplete(): boolean {
    return this.#state === "children" && this.#open.length === 0 && this.#payloadLeft === 0;
  }

  /**
   * Hands over the next bytes of the archive.
   *
   * @param bytes Borrowed until {@linkcode next} returns undefined; data events are parts of it.
   * @throws {RangeError} If there are events left.
   */
  push(bytes: Uint8Array): void {
    if (this.#at < this.#input.length && !this.isComplete) {
      throw new RangeError("Cannot parse archive: the bytes pushed before are not used up");
    }
    this.#input = bytes;
    this.#at = 0;
    this.#inputReader = new ByteReader(bytes, { what: this.#what });
  }

  /**
   * The next event.
   *
   * @returns Undefined if more bytes are needed, or none are left. Names, targets and metadata are shared.
   * @throws {FormatError} If the archive is malformed; it names the record and its offset.
   */
  next(): ArchiveEvent | undefined {
    while (this.#payloadLeft === 0) {
      if (this.isComplete) return this.#checkTrailing();
      if (!this.#hasHeader) {
        const reader = this.#fetch(RECORD_HEADER_SIZE);
        if (reader === undefined) return undefined;
        this.#recordOffset = this.#offset - RECORD_HEADER_SIZE;
        decodeHeader(reader, { out: this.#header, offset: this.#recordOffset });
        this.#reader = reader;
        this.#hasHeader = true;
      }
      const event = this.#record();
      if (event === "wait") return undefined;
      if (event !== "none") return event;
    }
    return this.#payload();
  }

  /** Passes over the last node's content. @returns Bytes of it that were not pushed yet, and must not be. */
  skipContent(): number {
    const left = this.#payloadLeft;
    const here = Math.min(left, this.#input.length - this.#at);
    this.#at += here;
    this.#offset += left;
    this.#payloadLeft = 0;
    return left - here;
  }

  /** Says that there are no more bytes. @throws {FormatError} If the archive is truncated. */
  end(): void {
    if (this.isComplete) return;
    const where = this.#carried > 0 || this.#hasHeader || this.#payloadLeft > 0
      ? "inside a record"
      : "before its end";
    const offset = this.#offset + this.#carried;
    throw new FormatError(`Cannot read ${this.#what}: it is truncated ${where}, at offset ${offset}`);
  }

  #record(): ArchiveEvent | "wait" | "none" {
    const { type } = this.#header;
    if (this.#state === "metadata") {
      return type.rank > 0 ? this.#metadata() : this.#content();
    }
    switch (type) {
      case RECORD.ENTRY:
        if (this.#state === "entry") return this.#entry();
        break;
      case RECORD.FILENAME:
        this.#endStray();
        if (this.#state === "children") return this.#filename();
        break;
      case RECORD.GOODBYE:
        this.#endStray();
        if (this.#state === "children") return this.#goodbye();
    }
    const expected = this.#state === "entry" ? "ENTRY" : "FILENAME or GOODBYE";
    return this.#reader.fail(`it stands where ${expected} has to be`);
  }

  /** desync writes the names of what it then does not archive. */
  #endStray(): void {
    const parent = this.#open.at(-1);
    if (this.#state !== "entry" || parent === undefined || !this.#isDesync) return;
    this.#state = "children";
    this.#addToParent(this.#recordOffset);
  }

  #entry(): "wait" | "none" {
    const reader = this.#body();
    if (reader === undefined) return "wait";
    const entry = decodeEntry(reader);
    this.#decoder ??= this.#openDecoder(reader, entry.flags);
    this.#decoder.begin(reader, entry);
    if (this.#open.length >= this.#maxDepth) reader.fail(`it is more than ${this.#maxDepth} levels deep`);
    if (this.#open.length === 0 && !this.#canBeRoot(entry.kind)) reader.fail(`the root is a ${entry.kind}`);
    this.#entryOffset = this.#recordOffset;
    this.#state = "metadata";
    return "none";
  }

  #canBeRoot(kind: InodeKind): boolean {
    return kind === "directory" || (this.#isDesync && kind !== "fifo" && kind !== "socket");
  }

  #openDecoder(reader: ByteReader, flags: bigint): NodeDecoder {
    const { expectFlags, dialect = "auto", maxMetadataSize = 16 << 20 } = this.#options;
    const text = `feature flags 0x${flags.toString(16)}`;
    const unknown = unassignedFlags(flags);
    if (unknown !== 0n) reader.fail(`it has unknown feature flags 0x${unknown.toString(16)}`);
    if (normalizeFlags(flags) !== flags) reader.fail(`its ${text} contradict each other`);
    if (expectFlags !== undefined && flags !== expectFlags) {
      reader.fail(`it has ${text}, the index 0x${expectFlags.toString(16)}`);
    }
    this.#flags = flags;
    this.#isDesync = dialect === "desync" || (dialect === "auto" && flags === DESYNC_FLAGS);
    return new NodeDecoder({
      rules: recordingRules(flags),
      dialect: dialect === "auto" && !this.#isDesync ? "casync" : dialect,
      maxMetadataSize,
    });
  }

  #metadata(): "wait" | "none" {
    const reader = this.#body();
    if (reader === undefined) return "wait";
    this.#decoder!.add(this.#header.type, reader);
    return "none";
  }

  /** The record after the metadata: part of the node, or the start of what follows it. */
  #content(): ArchiveEvent | "wait" {
    const { kind } = this.#decoder!;
    const { type, size } = this.#header;
    switch (kind) {
      case "directory":
        return this.#node({ kind }, this.#recordOffset);
      case "fifo":
      case "socket":
        return this.#node({ kind }, this.#recordOffset);
      case "file": {
        if (type !== RECORD.PAYLOAD) this.#misplaced("PAYLOAD");
        const end = this.#recordOffset + size;
        if (end > Number.MAX_SAFE_INTEGER) this.#reader.fail(`it ends at offset ${end}, past 2^53`);
        this.#hasHeader = false;
        this.#payloadLeft = size - RECORD_HEADER_SIZE;
        return this.#node({ kind, size: this.#payloadLeft }, end);
      }
      case "symlink": {
        if (type !== RECORD.SYMLINK) this.#misplaced("SYMLINK");
        const reader = this.#body();
        return reader === undefined
          ? "wait"
          : this.#node({ kind, target: decodeTarget(reader) }, this.#offset);
      }
      default: {
        if (type !== RECORD.DEVICE) this.#misplaced("DEVICE");
        const reader = this.#body();
        return reader === undefined ? "wait" : this.#node({ kind, ...decodeDevice(reader) }, this.#offset);
      }
    }
  }

  #misplaced(expected: string): never {
    this.#reader.fail(`it stands where ${expected} of a ${this.#decoder!.kind} has to be`);
  }

  #node(content: NodeKind, end: number): ArchiveEvent {
    const node = this.#decoder!.finish(this.#reader, content);
    const name = this.#open.at(-1)?.name;
    const flags = this.#flags;
    const offset = this.#entryOffset;
    this.#state = "children";
    if (content.kind !== "directory") {
      this.#addToParent(end);
      return { type: "node", name, node, flags, offset, end };
    }
    const table = this.#options.verifyGoodbye === false ? undefined : new GoodbyeTable();
    this.#open.push({ entryOffset: offset, table, name: undefined, start: 0 });
    return { type: "node", name, node, flags, offset, end: undefined };
  }

  #filename(): "wait" | "none" {
    const reader = this.#body();
    if (reader === undefined) return "wait";
    const name = decodeFilename(reader);
    const parent = this.#open.at(-1)!;
    if (parent.name !== undefined && compareBytes(parent.name, name) >= 0) {
      reader.fail("names of the directory are not in ascending order");
    }
    parent.name = name;
    parent.start = this.#recordOffset;
    this.#state = "entry";
    return "none";
  }

  #goodbye(): ArchiveEvent | "wait" {
    const { entryOffset, table } = this.#open.at(-1)!;
    const { size } = this.#header;
    const place = { entryOffset, goodbyeOffset: this.#recordOffset };
    if (table !== undefined) {
      if (size !== table.size) {
        this.#reader.fail(`its size is ${size}, not ${table.size} for a directory of ${table.count} entries`);
      }
      const reader = this.#body();
      if (reader === undefined) return "wait";
      table.verify(reader, place);
    } else {
      if (!this.#isSkipping) {
        if ((size - goodbyeSize(0)) % TAIL_SIZE !== 0) this.#reader.fail(`its size is ${size}`);
        this.#isSkipping = true;
        this.#skipLeft = size - RECORD_HEADER_SIZE - TAIL_SIZE;
      }
      const reader = this.#skip() ? this.#fetch(TAIL_SIZE) : undefined;
      if (reader === undefined) return "wait";
      decodeGoodbyeTail(reader, { ...place, size });
      this.#isSkipping = false;
      this.#hasHeader = false;
    }
    this.#open.pop();
    this.#addToParent(this.#offset);
    return { type: "leave", end: this.#offset };
  }

  #addToParent(end: number): void {
    const parent = this.#open.at(-1);
    if (parent?.name !== undefined) parent.table?.add(parent.name, { start: parent.start, end });
  }

  #payload(): ArchiveEvent | undefined {
    const size = Math.min(this.#payloadLeft, this.#input.length - this.#at);
    if (size === 0) return undefined;
    const data = this.#input.subarray(this.#at, this.#at + size);
    this.#at += size;
    this.#offset += size;
    this.#payloadLeft -= size;
    return { type: "data", data };
  }

  /** @returns Whether the bytes to skip are behind. */
  #skip(): boolean {
    const size = Math.min(this.#skipLeft, this.#input.length - this.#at);
    this.#at += size;
    this.#offset += size;
    this.#skipLeft -= size;
    return this.#skipLeft === 0;
  }

  #checkTrailing(): undefined {
    if (this.#at < this.#input.length && this.#options.trailing !== "ignore") {
      throw new FormatError(`Cannot read ${this.#what}: other data follow its end at offset ${this.#offset}`);
    }
  }

  /** The body of the record whose header was read; then the next header comes. */
  #body(): ByteReader | undefined {
    const reader = this.#fetch(this.#header.size - RECORD_HEADER_SIZE);
    if (reader !== undefined) this.#hasHeader = false;
    return reader;
  }

  /** The next `size` bytes; undefined until they have been pushed. Callers have bounded `size`. */
  #fetch(size: number): ByteReader | undefined {
    const left = this.#input.length - this.#at;
    let reader = this.#inputReader;
    if (this.#carried === 0 && left >= size) {
      reader.window(this.#at, size);
      this.#at += size;
    } else {
      if (this.#carry.length < size) {
        const larger = new Uint8Array(Math.max(size, 512));
        larger.set(this.#carry.subarray(0, this.#carried));
        this.#carry = larger;
      }
      const part = Math.min(size - this.#carried, left);
      this.#carry.set(this.#input.subarray(this.#at, this.#at + part), this.#carried);
      this.#at += part;
      this.#carried += part;
      if (this.#carried < size) return undefined;
      this.#carried = 0;
      reader = new ByteReader(this.#carry.subarray(0, size), { what: this.#what });
    }
    this.#offset += size;
    reader.context(this.#hasHeader ? this.#header.type.name : "record", this.#recordOffset);
    this.#reader = reader;
    return reader;
  }
}
