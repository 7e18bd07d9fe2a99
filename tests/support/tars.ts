/** Makes tar archives member by member, to be wrong where a test wants it, and shows what is read of them. */

import type { ArchiveEvent } from "../../lib/archive/entry.ts";
import { EventPath } from "../../lib/archive/event_path.ts";
import { BLOCK_SIZE, encodeTarHeader, type TarNumbers, type TarTexts } from "../../lib/archive/tar_header.ts";
import { encodePax } from "../../lib/archive/tar_pax.ts";
import { ascii } from "./archives.ts";
import { concat } from "./blobs.ts";

/** What a member is to have. */
export interface MemberFields extends Partial<TarNumbers> {
  readonly type?: string;
  readonly link?: string;
  readonly content?: string | Uint8Array;
  readonly texts?: Partial<TarTexts>;
}

/** A member with its content, padded. */
export function member(name: string, fields: MemberFields = {}): Uint8Array<ArrayBuffer> {
  const { type = "0", link = "", content = "", texts = {}, ...numbers } = fields;
  const bytes = typeof content === "string" ? ascii(content) : content;
  const header = encodeTarHeader(type, {
    ...{ permissions: 0o644, size: bytes.length, name: ascii(name), link: ascii(link) },
    ...texts,
    ...numbers,
  });
  return concat(header, padded(bytes));
}

/** PAX records for the member that follows; `type` g: for all that follow. */
export function pax(
  records: Readonly<Record<string, string | Uint8Array>> | readonly (readonly [string, string])[],
  type = "x",
): Uint8Array<ArrayBuffer> {
  const list = Array.isArray(records) ? records : Object.entries(records);
  const content = encodePax(
    list.map(([key, value]) => [key, typeof value === "string" ? ascii(value) : value]),
  );
  return member("PaxHeaders/x", { type, content });
}

/** Bytes, and what fills up their last block. */
export function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(bytes, new Uint8Array((BLOCK_SIZE - bytes.length % BLOCK_SIZE) % BLOCK_SIZE));
}

/** An archive with its end mark. */
export function tarOf(...members: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat(...members, new Uint8Array(2 * BLOCK_SIZE));
}

/** A copy of a header whose checksum is right after `change`. */
export function changed(
  bytes: Uint8Array<ArrayBuffer>,
  change: (header: Uint8Array<ArrayBuffer>) => void,
): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  const header = copy.subarray(0, BLOCK_SIZE);
  change(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(ascii(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return copy;
}

/** What tar has of an inode, in a form to compare; without owners' names in ACLs. */
export interface TarView {
  readonly path: string;
  readonly node: Readonly<Record<string, unknown>>;
  readonly content: string;
}

/** Collects nodes and contents. Attributes and projects are not in tar, so they are left out. */
export async function viewTree(
  events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>,
): Promise<TarView[]> {
  const views: { path: string; node: Record<string, unknown>; content: string }[] = [];
  const place = new EventPath();
  for await (const event of events) {
    const path = place.follow(event);
    if (event.type === "data") views.at(-1)!.content += event.data.toHex();
    if (event.type !== "node") continue;
    const { attributes: _, projectId: __, acl, defaultAcl, ...node } = event.node;
    const nameless = (list: readonly { readonly id: number; readonly permissions: number }[]) =>
      list.map(({ id, permissions }) => `${id}:${permissions}`);
    const plain = (value: typeof acl | typeof defaultAcl) =>
      value && { ...value, users: nameless(value.users), groups: nameless(value.groups) };
    const view = { ...node, acl: plain(acl), defaultAcl: plain(defaultAcl) };
    views.push({ path: path!, node: JSON.parse(JSON.stringify(view, showValue)), content: "" });
  }
  return views;
}

function showValue(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return value.toHex();
  return typeof value === "bigint" ? `${value}` : value;
}
