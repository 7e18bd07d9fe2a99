/**
 * Trees as mtree(5) listings, in the forms of casync and of desync.
 *
 * @module
 */

import type { DigestName } from "../digest/digest.ts";
import { recordingRules } from "../format/elements_rules.ts";
import { CASYNC_FLAGS, FLAG } from "../format/feature_flags.ts";
import type { ArchiveEvent, ArchiveNode, NodeKind } from "./entry.ts";
import { escapeBytes, EventPath } from "./event_path.ts";

const SECOND = 1_000_000_000n;
const ROOT_NAME = new TextEncoder().encode("root");

/** A digest that takes its data in pieces. */
export interface StreamingHash {
  /** Adds data. */
  update(data: Uint8Array): unknown;
  /** The digest of all of them. */
  digest(): Uint8Array;
}

/** How lines are written. */
export interface MtreeLineOptions {
  /** Whose form. */
  readonly style: "casync" | "desync";
  /** Feature flags of the archive. @default those of casync */
  readonly flags?: bigint | undefined;
  /** The part of them to show; of casync's form only. @default all of them */
  readonly shown?: bigint | undefined;
}

/** How a listing is written. */
export interface MtreeOptions extends MtreeLineOptions {
  /** Digest of the contents. */
  readonly digest: { readonly name: DigestName; readonly create: () => StreamingHash };
}

/** What a line is about. */
export interface MtreeEntry {
  /** Escaped. */
  readonly path: string;
  /** The inode. */
  readonly node: ArchiveNode;
  /** Digest of the content of a file. */
  readonly digest?: { readonly name: DigestName; readonly bytes: Uint8Array } | undefined;
}

const TYPES: Readonly<Record<NodeKind["kind"], string>> = {
  "file": "file",
  "directory": "dir",
  "symlink": "link",
  "character-device": "char",
  "block-device": "block",
  "fifo": "fifo",
  "socket": "socket",
};

/** Attributes that mtree has words for, in casync's order. */
const ATTRIBUTES = [
  [FLAG.flagHidden, "hidden"],
  [FLAG.flagSystem, "system"],
  [FLAG.flagArchive, "archive"],
  [FLAG.flagAppend, "sappend"],
  [FLAG.flagNodump, "nodump"],
  [FLAG.flagImmutable, "simmutable"],
] as const;

/**
 * Writes a listing. desync's form begins with a line of its own.
 *
 * @param events Their own feature flags win over those of the options.
 * @returns Lines, each with its line feed.
 */
export async function* formatMtree(
  events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>,
  options: MtreeOptions,
): AsyncGenerator<string> {
  const { digest: { name, create }, style, shown } = options;
  const place = new EventPath();
  let { flags } = options;
  let file: { readonly path: string; readonly node: ArchiveNode; readonly hash: StreamingHash } | undefined;
  let isFirst = true;
  const endFile = (): string => {
    const { path, node, hash } = file!;
    file = undefined;
    return formatMtreeLine({ path, node, digest: { name, bytes: hash.digest() } }, { style, flags, shown });
  };
  for await (const event of events) {
    if (event.type === "data") {
      file?.hash.update(event.data);
      continue;
    }
    if (file !== undefined) yield endFile();
    const path = place.follow(event);
    if (event.type !== "node" || path === undefined) continue;
    if (isFirst && style === "desync") yield "#mtree v1.0\n";
    isFirst = false;
    flags = event.flags ?? flags;
    const { node } = event;
    if (node.kind === "file") file = { path, node, hash: create() };
    else yield formatMtreeLine({ path, node }, { style, flags, shown });
  }
  if (file !== undefined) yield endFile();
}

/** Writes the line of one node, with its line feed. */
export function formatMtreeLine(entry: MtreeEntry, options: MtreeLineOptions): string {
  const fields = options.style === "casync" ? casyncFields(entry, options) : desyncFields(entry);
  return `${[entry.path, ...fields].join(" ")}\n`;
}

/** Owner's name as casync shows it: root's is not stored. */
export function shownName(id: number, name: Uint8Array | undefined): Uint8Array | undefined {
  return name ?? (id === 0 ? ROOT_NAME : undefined);
}

/** A time in seconds with nine decimals. Before 1970 the fraction still counts forward. */
export function formatTime(mtime: bigint): string {
  const nanoseconds = (mtime % SECOND + SECOND) % SECOND;
  return `${(mtime - nanoseconds) / SECOND}.${nanoseconds.toString().padStart(9, "0")}`;
}

function casyncFields({ node, digest }: MtreeEntry, options: MtreeLineOptions): string[] {
  const { flags = CASYNC_FLAGS, shown = flags } = options;
  const rules = recordingRules(shown);
  const fields = [`type=${TYPES[node.kind]}`, `mode=${formatPermissions(node)}`];
  if (node.kind === "file") fields.push(`size=${node.size}`);
  if (node.kind === "symlink") fields.push(`link=${escapeBytes(node.target)}`);
  fields.push(...deviceField(node));
  if (rules.idBits !== 0) fields.push(`uid=${node.uid}`, `gid=${node.gid}`);
  if (rules.userNames) {
    const user = shownName(node.uid, node.user);
    const group = shownName(node.gid, node.group);
    if (user !== undefined) fields.push(`uname=${escapeBytes(user)}`);
    if (group !== undefined) fields.push(`gname=${escapeBytes(group)}`);
  }
  const words = ATTRIBUTES.filter(([bit]) => (flags & bit) !== 0n);
  if (words.length > 0) {
    // casync shows what only files and directories can have as set on all others.
    const set = node.kind === "file" || node.kind === "directory" ? node.attributes & shown : flags;
    fields.push(`flags=${words.map(([bit, word]) => (set & bit) === 0n ? `no${word}` : word).join(",")}`);
  }
  if (rules.granularity !== 0n) fields.push(`time=${formatTime(node.mtime)}`);
  return [...fields, ...digestField(digest)];
}

function desyncFields({ node, digest }: MtreeEntry): string[] {
  return [
    `type=${TYPES[node.kind]}`,
    `mode=${formatPermissions(node)}`,
    ...(node.kind === "symlink" ? [`target=${escapeBytes(node.target)}`] : []),
    ...deviceField(node),
    `uid=${node.uid}`,
    `gid=${node.gid}`,
    ...(node.kind === "file" ? [`size=${node.size}`] : []),
    `time=${formatTime(node.mtime)}`,
    ...digestField(digest),
  ];
}

function formatPermissions(node: ArchiveNode): string {
  return node.permissions.toString(8).padStart(4, "0");
}

function deviceField(node: ArchiveNode): string[] {
  const isDevice = node.kind === "block-device" || node.kind === "character-device";
  return isDevice ? [`device=linux,${node.major},${node.minor}`] : [];
}

function digestField(digest: MtreeEntry["digest"]): string[] {
  if (digest === undefined) return [];
  const label = digest.name === "sha256" ? "sha256digest" : "sha512256digest";
  const hex = Array.from(digest.bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [`${label}=${hex}`];
}
