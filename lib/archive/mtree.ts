/**
 * Trees as mtree(5) listings, in the forms of casync and of desync.
 *
 * @module
 */

import type { DigestName, DigestStream } from "../digest/digest.ts";
import { recordingRules } from "../format/elements_rules.ts";
import { CASYNC_FLAGS, FLAG, type FlagSelection, restoreFlags } from "../format/feature_flags.ts";
import type { ArchiveEvent, ArchiveNode, NodeKind } from "./entry.ts";
import { escapeBytes, EventPath } from "./event_path.ts";

/** What a listing in desync's form begins with. */
export const MTREE_HEADER = "#mtree v1.0\n";

const SECOND = 1_000_000_000n;
const ROOT_NAME = new TextEncoder().encode("root");

/** How lines are written. */
export interface MtreeLineOptions {
  /** Whose form. */
  readonly style: "casync" | "desync";
  /** Feature flags of the archive. @default those of casync */
  readonly flags?: bigint | undefined;
  /** The part of them to show. @default all of them; in desync's form also owners and times that are not recorded */
  readonly shown?: bigint | undefined;
}

/** How all lines are written. */
export interface MtreeStyle extends MtreeLineOptions {
  /** Names of what is to be shown, if `shown` is not given. @default all */
  readonly selection?: FlagSelection | undefined;
}

/** How a listing is written. */
export interface MtreeOptions extends MtreeStyle {
  /** Digest of the contents. */
  readonly digest: { readonly name: DigestName; readonly create: () => DigestStream };
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
  const { digest: { name, create } } = options;
  const place = new EventPath();
  let style: MtreeLineOptions = options;
  let file: { readonly path: string; readonly node: ArchiveNode; readonly hash: DigestStream } | undefined;
  let isFirst = true;
  const endFile = (): string => {
    const { path, node, hash } = file!;
    file = undefined;
    return formatMtreeLine({ path, node, digest: { name, bytes: hash.digest() } }, style);
  };
  for await (const event of events) {
    if (event.type === "data") {
      file?.hash.update(event.data);
      continue;
    }
    if (file !== undefined) yield endFile();
    const path = place.follow(event);
    if (event.type !== "node" || path === undefined) continue;
    if (isFirst) {
      style = lineOptions(options, event);
      if (style.style === "desync") yield MTREE_HEADER;
      isFirst = false;
    }
    const { node } = event;
    if (node.kind === "file") file = { path, node, hash: create() };
    else yield formatMtreeLine({ path, node }, style);
  }
  if (file !== undefined) yield endFile();
}

/** How the lines of the tree are written whose first event is `first`. */
export function lineOptions(options: MtreeStyle, first: ArchiveEvent): MtreeLineOptions {
  const { style, selection, flags: given } = options;
  const flags = (first.type === "node" ? first.flags : undefined) ?? given ?? CASYNC_FLAGS;
  const shown = options.shown ?? (selection && restoreFlags(flags, selection));
  return { style, flags, shown };
}

/** Writes the line of one node, with its line feed. */
export function formatMtreeLine(entry: MtreeEntry, options: MtreeLineOptions): string {
  const fields = options.style === "casync" ? casyncFields(entry, options) : desyncFields(entry, options);
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

function desyncFields({ node, digest }: MtreeEntry, { shown }: MtreeLineOptions): string[] {
  const rules = shown === undefined ? undefined : recordingRules(shown);
  return [
    `type=${TYPES[node.kind]}`,
    `mode=${formatPermissions(node)}`,
    ...(node.kind === "symlink" ? [`target=${escapeBytes(node.target)}`] : []),
    ...deviceField(node),
    ...(rules?.idBits === 0 ? [] : [`uid=${node.uid}`, `gid=${node.gid}`]),
    ...(node.kind === "file" ? [`size=${node.size}`] : []),
    ...(rules?.granularity === 0n ? [] : [`time=${formatTime(node.mtime)}`]),
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

/** The line `line`, which has no digest, with the digest of the content: it is the last field. */
export function appendDigest(line: string, digest: NonNullable<MtreeEntry["digest"]>): string {
  return `${line.slice(0, -1)} ${digestField(digest).join(" ")}\n`;
}

function digestField(digest: MtreeEntry["digest"]): string[] {
  if (digest === undefined) return [];
  const label = digest.name === "sha256" ? "sha256digest" : "sha512256digest";
  const hex = Array.from(digest.bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [`${label}=${hex}`];
}
