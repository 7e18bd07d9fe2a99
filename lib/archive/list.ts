/**
 * Trees and nodes as casync lists them.
 *
 * @module
 */

import { recordingRules } from "../format/elements_rules.ts";
import { CASYNC_FLAGS, FLAG } from "../format/feature_flags.ts";
import type { ArchiveEvent, ArchiveNode, NodeKind } from "./entry.ts";
import { escapeBytes, EventPath } from "./event_path.ts";
import { formatTime, shownName } from "./mtree.ts";

const LETTERS: Readonly<Record<NodeKind["kind"], string>> = {
  "file": "-",
  "directory": "d",
  "symlink": "l",
  "character-device": "c",
  "block-device": "b",
  "fifo": "p",
  "socket": "s",
};

/** Letters of attributes, in casync's columns. */
const FILE_ATTRIBUTES = [
  [FLAG.flagSync, "S"],
  [FLAG.flagDirsync, "D"],
  [FLAG.flagImmutable, "i"],
  [FLAG.flagAppend, "a"],
  [FLAG.flagNodump, "d"],
  [FLAG.flagNoatime, "A"],
  [FLAG.flagCompr, "c"],
  [FLAG.flagNocomp, "N"],
  [FLAG.flagNocow, "C"],
  [FLAG.flagProjinherit, "P"],
] as const;
const FAT_ATTRIBUTES = [[FLAG.flagHidden, "h"], [FLAG.flagSystem, "s"], [FLAG.flagArchive, "a"]] as const;

/** Lists a tree: a line for each node, with its line feed. */
export async function* formatList(
  events: AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>,
): AsyncGenerator<string> {
  const place = new EventPath();
  for await (const event of events) {
    const path = place.follow(event);
    if (event.type === "node" && path !== undefined) yield formatListLine(path, event.node);
  }
}

/** Lists a node. @param path Escaped. */
export function formatListLine(path: string, node: ArchiveNode): string {
  return `${formatMode(node)} ${path}\n`;
}

/** The ten characters that `ls -l` shows, but for the sticky bit, which only directories show. */
export function formatMode({ kind, permissions }: ArchiveNode): string {
  const triple = (shift: number, special: string, isSpecial: boolean): string => {
    const bits = permissions >> shift;
    const execute = (bits & 1) !== 0;
    const last = isSpecial ? execute ? special : special.toUpperCase() : execute ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${last}`;
  };
  return LETTERS[kind] + triple(6, "s", (permissions & 0o4000) !== 0) +
    triple(3, "s", (permissions & 0o2000) !== 0) +
    triple(0, "t", kind === "directory" && (permissions & 0o1000) !== 0);
}

/** What is known of a node beside its metadata. */
export interface StatOptions {
  /** Feature flags that are shown. @default those of casync */
  readonly flags?: bigint | undefined;
  /** Offset of its ENTRY in the archive. @default 0 */
  readonly offset?: number | undefined;
  /** Digest of a file's content, in hex. */
  readonly digest?: string | undefined;
  /** Digest of the whole node without its FILENAME, in hex; of all but directories. */
  readonly hardLinkDigest?: string | undefined;
  /** Zone of the time. @default "local" */
  readonly timeZone?: "local" | "utc" | undefined;
}

/** Describes a node in lines of a label and a value. @param path Escaped. */
export function formatStat(path: string, node: ArchiveNode, options: StatOptions = {}): string {
  const { flags = CASYNC_FLAGS, offset = 0, digest, hardLinkDigest, timeZone = "local" } = options;
  const rules = recordingRules(flags);
  const lines: [label: string, value: string | undefined][] = [["File", path], ["Mode", formatMode(node)]];
  if (node.kind === "file" || node.kind === "directory") {
    const letters = (columns: typeof FILE_ATTRIBUTES | typeof FAT_ATTRIBUTES) =>
      columns.map(([bit, letter]) => (node.attributes & bit) === 0n ? "-" : letter).join("");
    lines.push(["FileAttr", letters(FILE_ATTRIBUTES)], ["FATAttr", letters(FAT_ATTRIBUTES)]);
  }
  const owner = (id: number, name: Uint8Array | undefined): string | undefined => {
    const shown = rules.userNames ? shownName(id, name) : undefined;
    const number = rules.idBits === 0 ? undefined : `${id}`;
    if (shown === undefined) return number;
    return escapeBytes(shown) + (number === undefined ? "" : ` (${number})`);
  };
  lines.push(
    ["Offset", `${offset}`],
    ["Time", rules.granularity === 0n ? undefined : formatDate(node.mtime, timeZone)],
    ["Size", node.kind === "file" ? `${node.size}` : undefined],
    ["User", owner(node.uid, node.user)],
    ["Group", owner(node.gid, node.group)],
    ["ProjID", node.projectId?.toString()],
    ["Target", node.kind === "symlink" ? escapeBytes(node.target) : undefined],
    ["Device", "major" in node ? `${node.major}:${node.minor}` : undefined],
    ...node.xattrs.map(({ name, value }): [string, string] => [
      "XAttr",
      `${escapeBytes(name)} → ${escapeBytes(value)}`,
    ]),
    ["Digest", digest],
    ["HLDigest", hardLinkDigest],
  );
  return lines.flatMap(([label, value]) => value === undefined ? [] : [`${label.padStart(8)}: ${value}\n`])
    .join("");
}

function formatDate(mtime: bigint, timeZone: "local" | "utc"): string {
  const [seconds, fraction] = formatTime(mtime).split(".");
  const date = new Date(Number(seconds) * 1000);
  // The date of a time zone, as if it was UTC's.
  const shift = timeZone === "local" ? date.getTimezoneOffset() * 60_000 : 0;
  const [day, time] = new Date(date.getTime() - shift).toISOString().split("T");
  return `${day} ${time!.slice(0, 8)}.${fraction}`;
}
