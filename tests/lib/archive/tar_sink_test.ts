import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ArchiveEvent, ArchiveNode } from "../../../lib/archive/entry.ts";
import { writeTar, type WriteTarOptions } from "../../../lib/archive/tar_sink.ts";
import { readTar } from "../../../lib/archive/tar_source.ts";
import { recordingRules } from "../../../lib/format/elements_rules.ts";
import { CASYNC_FLAGS } from "../../../lib/format/feature_flags.ts";
import { type Tree, treeEvents, trees } from "../../support/archive_trees.ts";
import { ascii, DIRECTORY, NO_METADATA } from "../../support/archives.ts";
import { concat } from "../../support/blobs.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
// Opens the libraries that are needed; see there.
import "../../support/engine.ts";
import { viewTree } from "../../support/tars.ts";

// Native libraries stay open: opened here, they are no leak of the test that looks an owner up first.
(await openTreePosix()).userId(ascii("root"));

const ROOT: ArchiveEvent = { type: "node", name: undefined, node: DIRECTORY };
const LEAVE: ArchiveEvent = { type: "leave" };

async function tar(
  events: Iterable<ArchiveEvent>,
  options: WriteTarOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(events, options)) parts.push(part.slice());
  return concat(...parts);
}

function node(name: string, what: ArchiveNode): ArchiveEvent {
  return { type: "node", name: ascii(name), node: what };
}

/** The tree as tar has it: no sockets, one form of each thing. */
function comparable(
  { name, node: { acl: _, defaultAcl: __, fcaps: ___, ...node }, content, entries }: Tree,
): Tree {
  const kept = entries.filter((entry) => entry.node.kind !== "socket").map(comparable);
  const xattrs = node.xattrs.toSorted((a, b) => a.name.toHex() < b.name.toHex() ? -1 : 1);
  const permissions = node.kind === "symlink" ? 0o777 : node.permissions;
  return { name, content, entries: kept, node: { ...node, xattrs, permissions } as ArchiveNode };
}

Deno.test("readTar() reads what writeTar() writes of any tree", async () => {
  await fc.assert(
    fc.asyncProperty(trees, async (any) => {
      const tree = comparable(any);
      const events = treeEvents(tree, recordingRules(CASYNC_FLAGS));
      const read = readTar(ReadableStream.from([await tar(events)]), { xattrNamespaces: "all" });
      assert.deepEqual(await viewTree(read), await viewTree(events));
    }),
    { numRuns: 150 },
  );
});

Deno.test("writeTar() and readTar() keep ACLs, labels and capabilities", async () => {
  const file: ArchiveNode = {
    ...NO_METADATA,
    ...{ kind: "file", size: 1, permissions: 0o674 },
    acl: { users: [{ id: 5, permissions: 4 }], groups: [{ id: 9, permissions: 0 }], groupObject: 6 },
    fcaps: ascii("caps"),
    selinux: ascii("label"),
  };
  const directory: ArchiveNode = {
    ...DIRECTORY,
    defaultAcl: {
      userObject: 7,
      groupObject: 5,
      other: 0,
      mask: 7,
      users: [{ id: 1, permissions: 3 }],
      groups: [],
    },
  };
  const events = [
    ROOT,
    node("d", directory),
    LEAVE,
    node("f", file),
    { type: "data", data: ascii("x") } as const,
    LEAVE,
  ];
  const read = await viewTree(readTar(ReadableStream.from([await tar(events)])));
  assert.deepEqual(read, await viewTree(events));
});

Deno.test("writeTar() keeps paths of any length", async () => {
  const lengths = [98, 99, 100, 101, 154, 155, 156, 255];
  const files = lengths.map((size) => node("f".repeat(size), { ...NO_METADATA, kind: "file", size: 0 }));
  const inner = (size: number): ArchiveEvent[] => [node("d".repeat(size), DIRECTORY), ...files, LEAVE];
  const events = [ROOT, ...[1, 99, 100, 154, 155, 156].flatMap(inner), LEAVE];
  const read = await viewTree(readTar(ReadableStream.from([await tar(events)])));
  assert.deepEqual(read, await viewTree(events));
});

Deno.test("writeTar() leaves sockets out with a warning", async () => {
  const warnings: string[] = [];
  const events = [ROOT, node("s", { ...NO_METADATA, kind: "socket" }), LEAVE];
  const bytes = await tar(events, { onWarning: (text) => warnings.push(text) });
  assert.deepEqual(warnings, ["'s' is a socket, which tar does not have: it is left out"]);
  assert.equal((await viewTree(readTar(ReadableStream.from([bytes])))).length, 1);
});

const FILE = node("f", { ...NO_METADATA, kind: "file", size: 2 });
Deno.test.each([
  { events: [], error: "the tree is not complete" },
  { events: [ROOT], error: "the tree is not complete" },
  { events: [ROOT, LEAVE, LEAVE], error: "no directory is open" },
  { events: [ROOT, LEAVE, ROOT], error: "the events are no tree" },
  { events: [ROOT, FILE, LEAVE], error: "2 bytes of a file are missing" },
  {
    events: [ROOT, FILE, { type: "data", data: ascii("xyz") } as const],
    error: "3 bytes follow where 2 are missing",
  },
])("writeTar() refuses events where $error", async ({ events, error }) => {
  await assert.rejects(tar(events), new RangeError(`Cannot write tar: ${error}`));
});
