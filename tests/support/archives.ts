/** Makes archives: record by record, to be wrong where a test wants it, and from events. */

import type { ArchiveEvent, ArchiveNode, NodeMetadata } from "../../lib/archive/entry.ts";
import { ArchiveParser, type ReadArchiveOptions } from "../../lib/archive/parser.ts";
import { ArchiveWriter, type ArchiveWriterOptions } from "../../lib/archive/writer.ts";
import { ByteWriter } from "../../lib/format/byte_writer.ts";
import { TYPE_ENTRY } from "../../lib/format/constants.ts";
import { CASYNC_FLAGS } from "../../lib/format/feature_flags.ts";
import { concat } from "./blobs.ts";

const encoder = new TextEncoder();

/** Bytes of a text, which may be a single NUL-terminated field. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Numbers of 64 bits. */
export function u64(...values: readonly (number | bigint)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}

/** A record whose size is right. */
export function record(type: bigint, ...body: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = concat(...body);
  return concat(u64(16 + content.length, type), content);
}

/** Fields of an ENTRY. */
export interface EntryFields {
  readonly flags?: bigint;
  readonly attributes?: number | bigint;
  readonly uid?: number | bigint;
  readonly gid?: number | bigint;
  readonly mtime?: number | bigint;
}

/** An ENTRY record. */
export function entry(mode: number | bigint, fields: EntryFields = {}): Uint8Array<ArrayBuffer> {
  const { flags = CASYNC_FLAGS, attributes = 0, uid = 0, gid = 0, mtime = 0 } = fields;
  return record(TYPE_ENTRY, u64(flags, mode, attributes, uid, gid, mtime));
}

/** Metadata of which nothing is recorded. */
export const NO_METADATA: NodeMetadata = {
  permissions: 0o755,
  attributes: 0n,
  uid: 0,
  gid: 0,
  user: undefined,
  group: undefined,
  mtime: 0n,
  xattrs: [],
  acl: undefined,
  defaultAcl: undefined,
  selinux: undefined,
  fcaps: undefined,
  projectId: undefined,
};

/** A directory without anything. */
export const DIRECTORY: ArchiveNode = { kind: "directory", ...NO_METADATA };

/** Parses bytes that come in slices. Contents are joined; places are left out. */
export function parseSlices(slices: Iterable<Uint8Array>, options: ReadArchiveOptions = {}): ArchiveEvent[] {
  const parser = new ArchiveParser(options);
  const events: ArchiveEvent[] = [];
  for (const slice of slices) {
    parser.push(slice);
    for (let event = parser.next(); event !== undefined; event = parser.next()) {
      const last = events.at(-1);
      if (event.type === "leave") events.push({ type: "leave" });
      else if (event.type === "node") events.push({ type: "node", name: event.name, node: event.node });
      else if (last?.type === "data") {
        events[events.length - 1] = { type: "data", data: concat(last.data, event.data) };
      } else events.push({ type: "data", data: event.data.slice() });
    }
  }
  parser.end();
  return events;
}

/** Cuts bytes into slices of `size`. */
export function* slicesOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Writes an archive. */
export function writeEvents(
  events: Iterable<ArchiveEvent>,
  options: ArchiveWriterOptions = {},
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const writer = new ArchiveWriter(out, options);
  for (const event of events) {
    if (event.type === "node") writer.node(event.name, event.node);
    else if (event.type === "data") writer.data(event.data);
    else writer.leave();
  }
  return out.take();
}
