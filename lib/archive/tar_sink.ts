/**
 * The events of an archive as a tar archive.
 *
 * @module
 */

import { ByteWriter } from "../format/byte_writer.ts";
import type { ArchiveEvent, ArchiveNode } from "./entry.ts";
import {
  BLOCK_SIZE,
  encodeTarHeader,
  MAX_NAME,
  MAX_OCTAL_12,
  MAX_OCTAL_8,
  MAX_PREFIX,
  type TarTexts,
} from "./tar_header.ts";
import { xattrRecords } from "./tar_metadata.ts";
import { encodePax, formatPaxTime, type PaxRecord } from "./tar_pax.ts";
import { showPath } from "./tar_tree.ts";

/** How a tar archive is written. */
export interface WriteTarOptions {
  /** Is told what is left out: tar has no sockets. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

const encoder = new TextEncoder();
const SECOND = 1_000_000_000n;
const SLASH = 0x2f;
const MAX_OWNER_NAME = 31;
/** Contents from this size on are passed on as they are, smaller ones are gathered. */
const PASS_SIZE = 16 << 10;
/** What is gathered is handed out from this size on. */
const FLUSH_SIZE = 64 << 10;
const ROOT_NAME = encoder.encode("./");
/** Where readers that do not know PAX records put them. */
const PAX_NAME = encoder.encode("PaxHeaders/member");
const TYPES: Readonly<Record<Exclude<ArchiveNode["kind"], "socket">, string>> = {
  "file": "0",
  "symlink": "2",
  "character-device": "3",
  "block-device": "4",
  "directory": "5",
  "fifo": "6",
};

/**
 * Writes a tar archive: ustar, and PAX records for what that cannot hold. GNU tar and bsdtar read all of it.
 *
 * @returns Its bytes. Small parts are gathered in fresh buffers; large contents are those of the events, borrowed
 * until the next part is asked for.
 * @throws {RangeError} If the events are no tree.
 */
export async function* writeTar(
  events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>,
  options: WriteTarOptions = {},
): AsyncGenerator<Uint8Array> {
  const out = new ByteWriter(new Uint8Array(FLUSH_SIZE + PASS_SIZE));
  const writer = new TarWriter(out, options);
  for await (const event of events) {
    if (event.type === "node") writer.node(event.name, event.node);
    else if (event.type === "leave") writer.leave();
    else {
      const { data } = event;
      const padding = writer.data(data.length);
      if (data.length < PASS_SIZE) out.bytes(data);
      else {
        if (out.size > 0) yield out.take();
        yield data;
      }
      out.bytes(padding);
    }
    if (out.size >= FLUSH_SIZE) yield out.take();
  }
  writer.end();
  yield out.take();
}

class TarWriter {
  readonly #out: ByteWriter;
  readonly #options: WriteTarOptions;
  /** What names in the open directories begin with. */
  readonly #prefixes: Uint8Array[] = [];
  #left = 0;
  #size = 0;
  #begun = false;

  constructor(out: ByteWriter, options: WriteTarOptions) {
    this.#out = out;
    this.#options = options;
  }

  node(name: Uint8Array | undefined, node: ArchiveNode): void {
    const parent = this.#prefixes.at(-1);
    this.#checkComplete();
    if (parent === undefined ? this.#begun : name === undefined) misplaced("the events are no tree");
    this.#begun = true;
    const isDirectory = node.kind === "directory";
    // A root that is no directory has no name, and desync's archives can have it.
    const path = name === undefined
      ? isDirectory ? ROOT_NAME : encoder.encode("root")
      : join(parent ?? new Uint8Array(), name, isDirectory ? [SLASH] : []);
    if (isDirectory) this.#prefixes.push(name === undefined ? new Uint8Array() : path);
    if (node.kind === "socket") {
      this.#options.onWarning?.(`'${showPath(path)}' is a socket, which tar does not have: it is left out`);
      return;
    }
    this.#header(path, node, TYPES[node.kind]);
    if (node.kind === "file") this.#size = this.#left = node.size;
  }

  /** Counts content. @returns What has to follow it. */
  data(size: number): Uint8Array {
    if (size > this.#left) misplaced(`${size} bytes follow where ${this.#left} are missing`);
    this.#left -= size;
    return padding(this.#left === 0 && size > 0 ? this.#size : 0);
  }

  leave(): void {
    this.#checkComplete();
    if (this.#prefixes.pop() === undefined) misplaced("no directory is open");
  }

  end(): void {
    this.#checkComplete();
    if (!this.#begun || this.#prefixes.length > 0) misplaced("the tree is not complete");
    this.#out.bytes(new Uint8Array(2 * BLOCK_SIZE));
  }

  #checkComplete(): void {
    if (this.#left > 0) misplaced(`${this.#left} bytes of a file are missing`);
  }

  #header(path: Uint8Array, node: ArchiveNode, type: string): void {
    const pax = new PaxCollector();
    const size = node.kind === "file" ? node.size : 0;
    const seconds = (node.mtime - (node.mtime % SECOND + SECOND) % SECOND) / SECOND;
    const fits = node.mtime % SECOND === 0n && seconds >= 0n && seconds <= BigInt(MAX_OCTAL_12);
    if (!fits) pax.text("mtime", encoder.encode(formatPaxTime(node.mtime)));
    const texts: TarTexts = {
      ...splitPath(path) ?? pax.long("path", path),
      link: node.kind === "symlink" ? pax.field("linkpath", node.target, MAX_NAME) : undefined,
      user: pax.field("uname", node.user, MAX_OWNER_NAME),
      group: pax.field("gname", node.group, MAX_OWNER_NAME),
    };
    const isDevice = node.kind === "character-device" || node.kind === "block-device";
    const header = encodeTarHeader(type, {
      ...texts,
      permissions: node.permissions & 0o7777,
      uid: pax.number("uid", node.uid, MAX_OCTAL_8),
      gid: pax.number("gid", node.gid, MAX_OCTAL_8),
      size: pax.number("size", size, MAX_OCTAL_12),
      mtime: fits ? Number(seconds) : clamp(seconds),
      major: isDevice ? node.major : 0,
      minor: isDevice ? node.minor : 0,
    });
    const records = [...pax.records(), ...xattrRecords(node)];
    if (records.length > 0) {
      const body = encodePax(records);
      this.#out.bytes(encodeTarHeader("x", { name: PAX_NAME, permissions: 0o644, size: body.length }));
      this.#out.bytes(body);
      this.#out.bytes(padding(body.length));
    }
    this.#out.bytes(header);
  }
}

/** Gathers what does not fit into a header. */
class PaxCollector {
  readonly #records: PaxRecord[] = [];
  #isBinary = false;

  text(key: string, value: Uint8Array): void {
    this.#records.push([key, value]);
    this.#isBinary ||= value.some((byte) => byte > 0x7f);
  }

  /** @returns What the header has of a text. */
  field(key: string, value: Uint8Array | undefined, max: number): Uint8Array | undefined {
    if (value === undefined || value.length <= max) return value;
    this.text(key, value);
    return value.subarray(0, max);
  }

  long(key: string, path: Uint8Array): Pick<TarTexts, "name"> {
    this.text(key, path);
    return { name: path.subarray(0, MAX_NAME) };
  }

  /** @returns What the header has of a number. */
  number(key: string, value: number, max: number): number {
    if (value <= max) return value;
    this.text(key, encoder.encode(`${value}`));
    return 0;
  }

  records(): PaxRecord[] {
    // Else bsdtar takes texts for UTF-8, and converts them to the character set of its environment.
    const charset: PaxRecord[] = this.#isBinary ? [["hdrcharset", encoder.encode("BINARY")]] : [];
    return [...charset, ...this.#records];
  }
}

/** Name and prefix of a path in ustar's header; undefined if it does not fit. */
function splitPath(path: Uint8Array): Pick<TarTexts, "name" | "prefix"> | undefined {
  if (path.length <= MAX_NAME) return { name: path };
  if (path.length > MAX_PREFIX + 1 + MAX_NAME) return undefined;
  const at = path.indexOf(SLASH, path.length - MAX_NAME - 1);
  if (at <= 0 || at > MAX_PREFIX || at === path.length - 1) return undefined;
  return { prefix: path.subarray(0, at), name: path.subarray(at + 1) };
}

function clamp(seconds: bigint): number {
  return seconds < 0n ? 0 : seconds > BigInt(MAX_OCTAL_12) ? MAX_OCTAL_12 : Number(seconds);
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE);
}

function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function misplaced(reason: string): never {
  throw new RangeError(`Cannot write tar: ${reason}`);
}
