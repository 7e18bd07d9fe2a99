import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ArchiveEvent, ArchiveNode } from "../../../lib/archive/entry.ts";
import { normalizeNode } from "../../../lib/archive/normalize_node.ts";
import { writeArchive } from "../../../lib/archive/writer.ts";
import { UnsupportedError } from "../../../lib/errors.ts";
import { recordingRules } from "../../../lib/format/elements_rules.ts";
import { CASYNC_FLAGS, parseFeatureFlags } from "../../../lib/format/feature_flags.ts";
import { FLAG_SETS, treeEvents, trees } from "../../support/archive_trees.ts";
import { ascii, DIRECTORY, NO_METADATA, parseSlices, slicesOf, writeEvents } from "../../support/archives.ts";
import { concat } from "../../support/blobs.ts";

const GOLDEN = new URL("../../golden/catar/", import.meta.url);
const MTIME = 1_500_000_000_000_000_000n;

async function sha512256(bytes: Uint8Array): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("sha512-256").update(bytes).digest("hex");
}

type Tree = readonly (readonly [name: string, node: ArchiveNode, content?: string | Tree])[];

/** Events of a directory, described with names as texts. */
function events(root: ArchiveNode, tree: Tree, name?: string): ArchiveEvent[] {
  const inner = tree.flatMap(([child, node, content]): ArchiveEvent[] => {
    if (node.kind === "directory") return events(node, typeof content === "object" ? content : [], child);
    const begin: ArchiveEvent = { type: "node", name: ascii(child), node };
    return typeof content === "string" ? [begin, { type: "data", data: ascii(content) }] : [begin];
  });
  const begin: ArchiveEvent = {
    type: "node",
    name: name === undefined ? undefined : ascii(name),
    node: root,
  };
  return [begin, ...inner, { type: "leave" }];
}

const META = { ...NO_METADATA, mtime: MTIME };
const DIR: ArchiveNode = { ...META, kind: "directory" };
const file = (size: number, more: Partial<ArchiveNode> = {}): ArchiveNode => {
  return { ...META, permissions: 0o644, ...more, kind: "file", size };
};
const label = (name: string) => ascii(`system_u:object_r:${name}:s0`);

// The worked examples of the format's description; digests are what casync printed.
Deno.test.each<{ archive: string; tree: ArchiveEvent[]; digest: string }>([
  {
    archive: "empty-directory",
    tree: events(DIR, []),
    digest: "b9283d3d2a43e12d3fa0fc9e56b9c9c11ac747b3a56aa8cf5ab54b5e2304c9f1",
  },
  {
    archive: "one-file",
    tree: events({ ...DIR, mtime: 1_500_000_000_123_456_789n }, [
      ["a", file(3, { mtime: 1_500_000_001_000_000_001n }), "hi\n"],
    ]),
    digest: "25742b5f0e8d7b2f3d587d3d42acc1d65df6a625c2fd1799199ada900893636c",
  },
  {
    archive: "three-entries",
    tree: events(DIR, [["a", file(1), "A"], ["b", DIR, []], ["c", {
      ...META,
      kind: "symlink",
      target: ascii("a"),
    }]]),
    digest: "0eeb385ecad0595373b5a2bc82d2bfadabd23f871a9c2ce0c3145a75de83cc85",
  },
  {
    archive: "device-pipe",
    tree: events(DIR, [
      ["null", { ...META, permissions: 0o666, kind: "character-device", major: 1, minor: 3 }],
      ["pipe", { ...META, permissions: 0o600, kind: "fifo" }],
    ]),
    digest: "3715664786a8c2805b371bca1a5d300897bd1925f152aac17a1428df77ae9f9f",
  },
  {
    archive: "names-xattr",
    tree: events(DIR, [[
      "f",
      file(1, {
        ...{ uid: 1, gid: 2, user: ascii("daemon"), group: ascii("bin") },
        xattrs: [{ name: ascii("user.k"), value: ascii("v") }],
      }),
      "x",
    ]]),
    digest: "222e3c2a18dd5b5b88a11f4828f564d44d76cf5e3bb60801d6f2799f6cd61098",
  },
  {
    archive: "acls",
    tree: events(DIR, [
      ["d", {
        ...DIR,
        defaultAcl: {
          ...{ userObject: 7, groupObject: 5, other: 0, mask: 5 },
          users: [{ id: 1, permissions: 5, name: ascii("daemon") }],
          groups: [],
        },
      }, []],
      [
        "f",
        file(1, {
          permissions: 0o660,
          acl: {
            users: [{ id: 1, permissions: 6, name: ascii("daemon") }],
            groups: [{ id: 3333, permissions: 4 }],
            groupObject: 4,
          },
        }),
        "x",
      ],
    ]),
    digest: "6cc8862582398ff7d98ef0c4b6ccd8b6cc9ea1615a4d9e80882a0e1d376c7c3a",
  },
  {
    archive: "all-metadata",
    tree: events(DIR, [
      [
        "f",
        file(1, {
          xattrs: [{ name: ascii("user.u"), value: ascii("1") }],
          acl: { users: [{ id: 1, permissions: 4, name: ascii("daemon") }], groups: [], groupObject: 4 },
          selinux: label("etc_t"),
          fcaps: Uint8Array.fromHex("0100000200200000000000000000000000000000"),
        }),
        "x",
      ],
      ["l", { ...META, kind: "symlink", target: ascii("f"), selinux: label("lnk_t") }],
    ]),
    digest: "2e2e8dec054a0b0de9073c73eef42a1ece5b3031917ba6a5b503d3e0a8b6ddf6",
  },
])("writeArchive() writes casync's archive $archive", async ({ archive, tree, digest }) => {
  const bytes = concat(...await Array.fromAsync(writeArchive(tree)));
  assert.deepEqual(bytes, await Deno.readFile(new URL(`casync/${archive}.catar`, GOLDEN)));
  assert.equal(await sha512256(bytes), digest);
  assert.deepEqual(writeEvents(tree), bytes);
});

for (const program of ["casync", "desync"] as const) {
  // desync leaves names behind of what it does not archive, and archives files.
  const other = ["desync/kinds.catar", "desync/file.catar", "desync/symlink.catar"];
  const names = Array.from(
    Deno.readDirSync(new URL(`${program}/`, GOLDEN)),
    ({ name }) => `${program}/${name}`,
  )
    .filter((name) => name.endsWith(".catar") && !other.includes(name)).sort();
  Deno.test.each(names.map((archive) => ({ archive })))(
    "ArchiveWriter writes again what was read from $archive",
    async ({ archive }) => {
      const bytes = await Deno.readFile(new URL(archive, GOLDEN));
      const flags = new DataView(bytes.buffer).getBigUint64(16, true);
      assert.deepEqual(writeEvents(parseSlices([bytes]), { flags, xattrForm: program }), bytes);
    },
  );
}

Deno.test("ArchiveParser reads from what ArchiveWriter writes the tree as it is recorded", () => {
  fc.assert(
    fc.property(
      trees,
      fc.constantFrom(...FLAG_SETS),
      fc.integer({ min: 1, max: 300 }),
      (tree, flags, slice) => {
        const rules = recordingRules(flags);
        const all = treeEvents(tree, rules);
        const bytes = writeEvents(all, { flags });
        const expected = all.filter((event) => event.type !== "data" || event.data.length > 0).map((event) =>
          event.type === "node" ? { ...event, node: normalizeNode(event.node, { rules }) } : event
        );
        const read = parseSlices(slicesOf(bytes, slice), { expectFlags: flags });
        assert.deepEqual(read, expected);
        assert.deepEqual(writeEvents(read, { flags }), bytes);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("writeArchive() passes large contents on, and gathers small ones", async () => {
  const large = new Uint8Array(100_000);
  const tree: ArchiveEvent[] = [
    { type: "node", name: undefined, node: DIR },
    { type: "node", name: ascii("a"), node: file(100_003) },
    { type: "data", data: new Uint8Array(3) },
    { type: "data", data: large },
    { type: "leave" },
  ];
  const parts = await Array.fromAsync(writeArchive(tree));
  assert.deepEqual(parts.map(({ length }) => length), [165, 100_000, 64]);
  assert.equal(parts[1], large);
  assert.deepEqual(concat(...parts), writeEvents(tree));
});

Deno.test.each<{ what: string; tree: ArchiveEvent[]; message: RegExp }>([
  { what: "no events", tree: [], message: /not complete/ },
  { what: "an open directory", tree: events(DIR, []).slice(0, 1), message: /not complete/ },
  { what: "a named root", tree: events(DIR, [], "a"), message: /the root has a name/ },
  {
    what: "a file as root",
    tree: [{ type: "node", name: undefined, node: file(0) }],
    message: /the root is a file/,
  },
  { what: "a second root", tree: [...events(DIR, []), ...events(DIR, [])], message: /follows the root/ },
  { what: "an end too much", tree: [...events(DIR, []), { type: "leave" }], message: /no directory is open/ },
  {
    what: "a node without name",
    tree: [...events(DIR, []).slice(0, 1), ...events(DIR, [])],
    message: /no name/,
  },
  { what: "names out of order", tree: events(DIR, [["b", DIR], ["a", DIR]]), message: /ascending/ },
  { what: "a name twice", tree: events(DIR, [["b", DIR], ["b", DIR]]), message: /ascending/ },
  { what: "a name with a slash", tree: events(DIR, [["a/b", DIR]]), message: /name contains '\/'/ },
  {
    what: "too little content",
    tree: events(DIR, [["a", file(2), "x"]]),
    message: /1 bytes of a file are missing/,
  },
  { what: "too much content", tree: events(DIR, [["a", file(2), "xyz"]]), message: /3 bytes follow where 2/ },
  {
    what: "content of nothing",
    tree: events(DIR, [["a", DIR], ["b", { ...META, kind: "fifo" }, "x"]]),
    message: /1 bytes follow/,
  },
  { what: "a size that is none", tree: events(DIR, [["a", file(-1)]]), message: /its size is -1/ },
  {
    what: "an empty target",
    tree: events(DIR, [["a", { ...META, kind: "symlink", target: ascii("") }]]),
    message: /target/,
  },
  {
    what: "a device that cannot be",
    tree: events(DIR, [["a", { ...META, kind: "block-device", major: 1, minor: -1 }]]),
    message: /no device 1:-1/,
  },
  {
    what: "an attribute without namespace",
    tree: events({ ...DIR, xattrs: [{ name: ascii("a"), value: ascii("") }] }, []),
    message: /no namespace/,
  },
  { what: "a project that is none", tree: events({ ...DIR, projectId: 2 ** 32 }, []), message: /project/ },
])("writeArchive() refuses $what", async ({ tree, message }) => {
  await assert.rejects(Array.fromAsync(writeArchive(tree)), { name: "RangeError", message });
});

Deno.test("writeArchive() refuses what the feature flags do not let be recorded", async () => {
  const tree = events(DIR, [["a", { ...META, kind: "socket" }]]);
  const flags = parseFeatureFlags({ without: ["sockets"] });
  await assert.rejects(Array.fromAsync(writeArchive(tree, { flags })), /a socket is not recorded/);
  await assert.rejects(Array.fromAsync(writeArchive(tree, { flags: 3n })), /not normalized/);
});

Deno.test.each([
  { what: "owner -1", node: { ...DIR, uid: 4_294_967_295 }, flags: CASYNC_FLAGS },
  { what: "owner -1 of 16 bits", node: { ...DIR, gid: 65_535 }, flags: CASYNC_FLAGS },
  {
    what: "an owner of more than 16 bits",
    node: { ...DIR, gid: 70_000 },
    flags: parseFeatureFlags({ with: ["unix"] }),
  },
  { what: "time -1", node: { ...DIR, mtime: -1n }, flags: CASYNC_FLAGS },
])("writeArchive() says that it cannot record $what", async ({ node, flags }) => {
  await assert.rejects(Array.fromAsync(writeArchive(events(node, []), { flags })), UnsupportedError);
});

Deno.test("writeArchive() writes no more than 64 levels unless told otherwise", async () => {
  let tree: Tree = [];
  for (let depth = 1; depth < 65; depth++) tree = [["d", DIR, tree]];
  const nested = events(DIR, tree);
  await assert.rejects(Array.fromAsync(writeArchive(nested)), UnsupportedError);
  assert.ok((await Array.fromAsync(writeArchive(nested, { maxDepth: 65 }))).length > 0);
});

Deno.test("normalizeNode() keeps what feature flags name, in casync's form", () => {
  const node: ArchiveNode = {
    kind: "file",
    size: 1,
    permissions: 0o4640,
    attributes: 0x1_0000n | 0x400_0000n,
    uid: 5,
    gid: 0,
    user: ascii("first.last"),
    group: ascii("root"),
    mtime: 1_500_000_001_999_999_999n,
    xattrs: [{ name: ascii("user.b"), value: ascii("2") }, { name: ascii("user.a"), value: ascii("1") }],
    acl: {
      users: [{ id: 9, permissions: 1 }, { id: 7, permissions: 1, name: ascii("seven") }, {
        id: 7,
        permissions: 1,
      }],
      groups: [],
      groupObject: 4,
    },
    projectId: 0,
  };
  const of = (options: Parameters<typeof parseFeatureFlags>[0]) =>
    normalizeNode(node, { rules: recordingRules(parseFeatureFlags(options)) });
  const best = of({});
  assert.equal(best.permissions, 0o4640);
  assert.equal(best.attributes, 0x1_0000n);
  assert.deepEqual([best.uid, best.gid, best.user, best.group], [5, 0, undefined, undefined]);
  assert.deepEqual(best.xattrs.map(({ name }) => name), [ascii("user.a"), ascii("user.b")]);
  assert.deepEqual(best.acl?.users.map(({ id, name }) => [id, name]), [[7, undefined], [7, ascii("seven")], [
    9,
    undefined,
  ]]);
  assert.equal(best.projectId, undefined);
  const fat = of({ with: ["fat"] });
  assert.deepEqual([fat.permissions, fat.uid, fat.mtime, fat.attributes], [
    0o666,
    0,
    1_500_000_000_000_000_000n,
    0n,
  ]);
  assert.deepEqual([fat.xattrs, fat.acl], [[], undefined]);
  assert.equal(of({ without: ["all"] }).mtime, 0n);
  assert.equal(of({ with: ["2sec-time"] }).mtime, 1_500_000_000_000_000_000n);
  assert.equal(of({ with: ["usec-time"] }).mtime, 1_500_000_001_999_999_000n);
});

Deno.test("normalizeNode() rounds times before 1970 as casync does, by their unsigned value", () => {
  const rules = recordingRules(parseFeatureFlags({ with: ["sec-time"] }));
  const { mtime } = normalizeNode({ ...DIRECTORY, mtime: -1_500_000_000n }, { rules });
  const stored = BigInt.asUintN(64, mtime);
  assert.equal(stored % 1_000_000_000n, 0n);
  assert.ok(-1_500_000_000n - mtime < 1_000_000_000n);
});
