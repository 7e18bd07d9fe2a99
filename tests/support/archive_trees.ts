/** Trees of every kind of node with all metadata, for properties. */

import fc from "npm:fast-check@4.10.2";
import { compareBytes } from "../../lib/archive/bytes_order.ts";
import type { AclEntry, ArchiveEvent, ArchiveNode } from "../../lib/archive/entry.ts";
import { type RecordingRules, recordsKind } from "../../lib/format/elements_rules.ts";
import { CASYNC_FLAGS, parseFeatureFlags } from "../../lib/format/feature_flags.ts";

/** Feature flags under which much, little and nothing is recorded. */
export const FLAG_SETS: readonly bigint[] = [
  CASYNC_FLAGS,
  ...["unix", "fat", "fuse", "chattr"].map((name) => parseFeatureFlags({ with: [name] })),
  parseFeatureFlags({ without: ["all"] }),
  parseFeatureFlags({ without: ["32bit-uids", "16bit-uids", "nsec-time"], excludeNodump: false }),
];

/** A node, its content if it is a file, and its entries if it is a directory. */
export interface Tree {
  readonly name: Uint8Array;
  readonly node: ArchiveNode;
  readonly content: Uint8Array;
  readonly entries: readonly Tree[];
}

/** Objects as literals make them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const text = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength });
const bytes = (values: fc.Arbitrary<number[]>) => values.map((list) => Uint8Array.from(list));
const filename = bytes(text(12).filter((list) => !list.includes(0x2f) && list[0] !== 0x2e));
const owner = fc.option(
  fc.constantFrom("daemon", "a-b_c9", "first.last").map((name) => new TextEncoder().encode(name)),
  {
    nil: undefined,
  },
);
const id = fc.oneof(fc.nat(3), fc.constantFrom(1000, 65_534));
const permissions = fc.nat(7);
const aclEntries: fc.Arbitrary<AclEntry[]> = fc.uniqueArray(record({ id, permissions, name: owner }), {
  maxLength: 3,
  // Names may be dropped, and numbers too.
  selector: (entry) => entry.permissions,
});
const acl = record({ users: aclEntries, groups: aclEntries, groupObject: permissions });
const defaultAcl = record({
  ...{ userObject: permissions, groupObject: permissions, other: permissions, mask: permissions },
  ...{ users: aclEntries, groups: aclEntries },
});
const xattr = record({
  name: bytes(text(6)).map((tail) => Uint8Array.of(0x75, 0x2e, ...tail)),
  value: fc.uint8Array({ maxLength: 30 }),
});
const metadata = record({
  permissions: fc.nat(0o7777),
  attributes: fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xfff_ffffn })),
  uid: id,
  gid: id,
  user: owner,
  group: owner,
  mtime: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((mtime) => mtime !== -1n),
  xattrs: fc.uniqueArray(xattr, { maxLength: 3, selector: ({ name }) => name.toHex() }),
  acl: fc.option(acl, { nil: undefined, freq: 3 }),
  defaultAcl: fc.option(defaultAcl, { nil: undefined, freq: 3 }),
  selinux: fc.option(bytes(text(9)), { nil: undefined }),
  fcaps: fc.option(fc.uint8Array({ maxLength: 24 }), { nil: undefined }),
  projectId: fc.option(fc.constantFrom(0, 1, 4_294_967_295), { nil: undefined }),
});
const content = fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 400 }));
const kind = fc.oneof(
  ...(["file", "file", "fifo", "socket"] as const).map((name) => record({ kind: fc.constant(name) })),
  record({ kind: fc.constant("symlink" as const), target: bytes(text(20)) }),
  record({
    kind: fc.constantFrom("block-device" as const, "character-device" as const),
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
  }),
);

const leaf: fc.Arbitrary<Tree> = fc.tuple(filename, metadata, content, kind).map((
  [name, common, data, special],
) => ({
  name,
  node:
    (special.kind === "file"
      ? { ...common, ...special, size: data.length }
      : { ...common, ...special }) as ArchiveNode,
  content: special.kind === "file" ? data : new Uint8Array(),
  entries: [],
}));

/** Directories. */
export const trees: fc.Arbitrary<Tree> = fc.letrec<{ directory: Tree; entry: Tree }>((tie) => ({
  directory: fc.tuple(filename, metadata, fc.array(tie("entry"), { maxLength: 4 })).map((
    [name, common, entries],
  ) => ({
    name,
    node: { ...common, kind: "directory" },
    content: new Uint8Array(),
    entries,
  })),
  entry: fc.oneof({ maxDepth: 4 }, leaf, tie("directory")),
})).directory;

/** Events of a tree, without the nodes that are not recorded. */
export function treeEvents(tree: Tree, rules: RecordingRules, name?: Uint8Array): ArchiveEvent[] {
  const events: ArchiveEvent[] = [{ type: "node", name, node: tree.node }];
  if (tree.node.kind === "file") events.push({ type: "data", data: tree.content });
  if (tree.node.kind !== "directory") return events;
  const byName = new Map(tree.entries.map((entry) => [entry.name.toHex(), entry]));
  const entries = [...byName.values()].toSorted((a, b) => compareBytes(a.name, b.name));
  for (const entry of entries) {
    if (recordsKind(rules, entry.node.kind)) events.push(...treeEvents(entry, rules, entry.name));
  }
  return [...events, { type: "leave" }];
}
