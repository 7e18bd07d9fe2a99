import assert from "node:assert/strict";
import type { ArchiveEvent, ArchiveNode } from "../../../lib/archive/entry.ts";
import { TreeWriter, writeTree, type WriteTreeOptions } from "../../../lib/archive/disk_sink.ts";
import type { RestoreWarning } from "../../../lib/archive/disk_restore.ts";
import { readTree } from "../../../lib/archive/disk_source.ts";
import { CASYNC_FLAGS, DESYNC_FLAGS, FLAG, restoreFlags } from "../../../lib/format/feature_flags.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { peer } from "../../support/peers.ts";
import { tempDir } from "../../support/temp_dir.ts";
import {
  bytes,
  collect,
  ignoreSample,
  isRoot,
  makeSample,
  plainNode,
  run,
  treeTests,
} from "../../support/trees.ts";

const posix = await openTreePosix();
const casync = peer("casync");

const test = treeTests("writeTree()");

const FLAGS = CASYNC_FLAGS & ~(FLAG.subvolume | FLAG.subvolumeReadOnly);
/** What needs no root. */
const PLAIN = FLAG.permissions | FLAG.nsecTime | FLAG.symlinks | FLAG.fifos;

function write(
  path: string,
  events: Iterable<ArchiveEvent>,
  options: Partial<WriteTreeOptions> = {},
): Promise<void> {
  return writeTree(posix, path, { flags: PLAIN, events, ...options });
}

/** Events of a tree from a list of nodes and contents; `null` leaves a directory. */
function* events(list: readonly (readonly [string, ArchiveNode, string?] | null)[]): Generator<ArchiveEvent> {
  yield { type: "node", name: undefined, node: plainNode({ kind: "directory" }) };
  for (const item of list) {
    if (item === null) {
      yield { type: "leave" };
      continue;
    }
    const [name, node, content = ""] = item;
    yield { type: "node", name: bytes(name), node };
    if (content !== "") yield { type: "data", data: bytes(content) };
  }
  yield { type: "leave" };
}

const file = (content: string): [ArchiveNode, string] => [
  plainNode({ kind: "file", size: content.length }),
  content,
];
const link = (target: string) => plainNode({ kind: "symlink", target: bytes(target) });
const directory = plainNode({ kind: "directory" });

test("restores what readTree() gave, and casync sees the same", {
  ignore: ignoreSample || casync.ignore,
  async fn(dir) {
    await Deno.mkdir(dir.join("from"));
    await makeSample(dir.join("from"));
    const read = (path: string) => readTree(posix, path, { flags: FLAGS });
    const digest = (path: string) => run(casync.require(), "digest", "--without=subvolume", path);
    for (const round of ["new", "again"]) {
      await write(dir.join("to"), read(dir.join("from")), { flags: FLAGS, delete: true });
      assert.deepEqual(collect(read(dir.join("to"))), collect(read(dir.join("from"))), round);
      assert.equal(await digest(dir.join("to")), await digest(dir.join("from")), round);
    }
  },
});

test("restores times before 1970", {
  async fn(dir) {
    const node = { mtime: -315619199_500_000_001n };
    const list = [["file", plainNode({ kind: "file", size: 0 }, node)], ["link", {
      ...link("x"),
      ...node,
    }]] as const;
    await write(dir.join("to"), events(list));
    for (const { node } of collect(readTree(posix, dir.join("to"), { flags: FLAGS })).slice(1)) {
      assert.equal(node.mtime, -315619199_500_000_001n);
    }
  },
});

test("replaces files and links, keeps directories and what the archive does not have", {
  async fn(dir) {
    const to = dir.join("to");
    await Deno.mkdir(`${to}/sub`, { recursive: true });
    await Deno.writeTextFile(`${to}/sub/kept`, "kept");
    await Deno.writeTextFile(dir.join("outside"), "outside");
    await Deno.symlink(dir.join("outside"), `${to}/file`);
    await Deno.writeTextFile(`${to}/link`, "old");
    const { ino } = await Deno.stat(`${to}/sub`);
    const list = [["file", ...file("new")], ["link", link("file")], ["sub", directory], null] as const;
    await write(to, events(list));
    assert.equal(await Deno.readTextFile(dir.join("outside")), "outside");
    assert.ok((await Deno.lstat(`${to}/file`)).isFile);
    assert.equal(await Deno.readTextFile(`${to}/link`), "new");
    assert.equal((await Deno.stat(`${to}/sub`)).ino, ino);
    assert.equal(await Deno.readTextFile(`${to}/sub/kept`), "kept");
    await write(to, events(list), { delete: true });
    assert.deepEqual([...Deno.readDirSync(`${to}/sub`)], []);
    assert.deepEqual([...Deno.readDirSync(to)].map(({ name }) => name).toSorted(), ["file", "link", "sub"]);
  },
});

test("does not follow a link in place of a directory, wherever it comes from", {
  async fn(dir) {
    await Deno.mkdir(dir.join("outside"));
    await Deno.mkdir(dir.join("to"));
    await Deno.symlink(dir.join("outside"), dir.join("to/l"));
    const list = [["l", directory], ["file", ...file("x")], null] as const;
    const error = { name: "StoreError", message: /to\/l': it exists and is not a directory/ };
    await assert.rejects(write(dir.join("to"), events(list)), error);
    // An archive that brings the link itself has the name twice.
    const planted = [["l", link(dir.join("outside"))], ...list] as const;
    await assert.rejects(write(dir.join("new"), events(planted)), { name: "FormatError", message: /twice/ });
    await write(dir.join("to"), events(list), { onConflict: "replace" });
    assert.ok((await Deno.lstat(dir.join("to/l"))).isDirectory);
    assert.deepEqual([...Deno.readDirSync(dir.join("outside"))], []);
  },
});

test("replaces a directory by something else only if it is told to", {
  async fn(dir) {
    await Deno.mkdir(dir.join("to/file/sub"), { recursive: true });
    await Deno.writeTextFile(dir.join("to/file/sub/old"), "old");
    const list = [["file", ...file("new")]] as const;
    const error = { name: "StoreError", message: /it exists and is a directory/ };
    await assert.rejects(write(dir.join("to"), events(list)), error);
    assert.deepEqual([...Deno.readDirSync(dir.join("to"))].map(({ name }) => name), ["file"]);
    await write(dir.join("to"), events(list), { onConflict: "replace" });
    assert.equal(await Deno.readTextFile(dir.join("to/file")), "new");
  },
});

for (const name of ["", ".", "..", "a/b", "/etc", "a\0b", "x".repeat(256)]) {
  test(`refuses the name ${JSON.stringify(name.slice(0, 5))} of ${name.length} bytes`, {
    async fn(dir) {
      for (const node of [plainNode({ kind: "file", size: 0 }), directory, link("x")]) {
        await assert.rejects(write(dir.join("to"), events([[name, node]])), { name: "FormatError" });
        assert.deepEqual([...Deno.readDirSync(dir.join("to"))], []);
      }
    },
  });
}

test("refuses events that make no tree", {
  async fn(dir) {
    const root: ArchiveEvent = { type: "node", name: undefined, node: directory };
    const begun: ArchiveEvent = {
      type: "node",
      name: bytes("f"),
      node: plainNode({ kind: "file", size: 2 }),
    };
    const data = (size: number): ArchiveEvent => ({ type: "data", data: new Uint8Array(size) });
    const leave: ArchiveEvent = { type: "leave" };
    const bad: ArchiveEvent[][] = [
      [],
      [root],
      [leave],
      [data(1)],
      [begun],
      [root, root],
      [root, leave, leave],
      [root, leave, root],
      [root, data(1)],
      [root, begun, leave],
      [root, begun, data(1), leave],
      [root, begun, data(3)],
      [root, begun, begun],
      [{ ...root, node: plainNode({ kind: "file", size: 0 }) }],
    ];
    for (const [index, list] of bad.entries()) {
      await assert.rejects(write(dir.join(String(index)), list), { name: "FormatError" }, String(index));
      const made = await Array.fromAsync(Deno.readDir(dir.join(String(index)))).catch(() => []);
      assert.deepEqual(made, [], String(index));
    }
  },
});

test("leaves no file under its name that is not complete, and none under a temporary one", {
  async fn(dir) {
    await Deno.writeTextFile(dir.join("file"), "old");
    {
      using writer = new TreeWriter(posix, dir.path, { flags: PLAIN });
      writer.write({ type: "node", name: undefined, node: directory });
      writer.write({ type: "node", name: bytes("file"), node: plainNode({ kind: "file", size: 2 }) });
      writer.write({ type: "data", data: bytes("n") });
      const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).toSorted();
      assert.match(names[0]!, /^\.#file[0-9a-f]{16}$/);
      assert.deepEqual(names.slice(1), ["file"]);
      assert.throws(() => writer.finish(), { name: "FormatError" });
    }
    assert.equal(await Deno.readTextFile(dir.join("file")), "old");
    assert.deepEqual([...Deno.readDirSync(dir.path)].length, 1);
  },
});

test("stops when it is told to", {
  async fn(dir) {
    const controller = new AbortController();
    function* interrupted(): Generator<ArchiveEvent> {
      for (const event of events([["a", ...file("x")], ["b", ...file("x")]])) {
        yield event;
        if (event.type === "data") controller.abort(new Error("stop"));
      }
    }
    const options = { flags: PLAIN, events: interrupted(), signal: controller.signal };
    await assert.rejects(writeTree(posix, dir.join("to"), options), { message: "stop" });
    assert.deepEqual([...Deno.readDirSync(dir.join("to"))].map(({ name }) => name), ["a"]);
  },
});

test("makes holes of zeros", {
  async fn(dir) {
    const content = new Uint8Array(3 << 20);
    content.set([1], 0);
    content.set([2], (1 << 20) + 4095);
    content.set([3], (1 << 20) + 4096);
    const node = plainNode({ kind: "file", size: content.length });
    for (const step of [content.length, 4096, 5000, 65536]) {
      const list: ArchiveEvent[] = [
        { type: "node", name: undefined, node: directory },
        { type: "node", name: bytes("file"), node },
      ];
      for (let at = 0; at < content.length; at += step) {
        list.push({ type: "data", data: content.subarray(at, at + step) });
      }
      await write(dir.join("to"), [...list, { type: "leave" }]);
      assert.deepEqual(await Deno.readFile(dir.join("to/file")), content);
      const { blocks } = await Deno.stat(dir.join("to/file"));
      // Blocks that two events share are written.
      assert.ok(step === 5000 || blocks! <= 24, `${blocks} blocks in steps of ${step}`);
    }
  },
});

test("leaves owners, or permissions, as they are if it is told to", {
  ignore: ignoreSample,
  async fn(dir) {
    await Deno.mkdir(dir.join("from"));
    await makeSample(dir.join("from"));
    const read = () => readTree(posix, dir.join("from"), { flags: DESYNC_FLAGS, xattrNamespaces: "all" });
    const to = async (name: string, options: Partial<WriteTreeOptions>) => {
      await write(dir.join(name), read(), { flags: DESYNC_FLAGS, ...options });
      const nodes = collect(readTree(posix, dir.join(name), { flags: DESYNC_FLAGS, xattrNamespaces: "all" }));
      return (path: string) => nodes.find((node) => node.path === path)!.node;
    };
    const both = await to("both", {});
    assert.deepEqual([both("set-id").uid, both("set-id").permissions], [54321, 0o6755]);
    assert.deepEqual(both("set-id").xattrs.length, 1);
    assert.deepEqual(both("sub/link").uid, 7);
    const owner = await to("no-owner", { sameOwner: false });
    assert.deepEqual([owner("file").uid, owner("file").gid, owner("file").xattrs], [
      Deno.uid(),
      Deno.gid(),
      [],
    ]);
    assert.equal(owner("set-id").permissions, 0o6755);
    const permissions = await to("no-permissions", { samePermissions: false });
    assert.deepEqual([permissions("set-id").permissions, permissions("set-id").uid], [
      0o666 & ~Deno.umask(),
      54321,
    ]);
    assert.equal(permissions("sub").permissions, 0o777 & ~Deno.umask());
  },
});

test("prefers the name of an owner, and says if there is none", {
  ignore: !isRoot,
  async fn(dir) {
    const owners = { uid: 4242, gid: 4242, user: bytes("daemon"), group: bytes("no-such-group") };
    const list = [["file", plainNode({ kind: "file", size: 0 }, owners)]] as const;
    const warnings: RestoreWarning[] = [];
    const flags = PLAIN | FLAG.uids32 | FLAG.userNames;
    await write(dir.join("to"), events(list), { flags, onWarning: (warning) => warnings.push(warning) });
    const { uid, gid } = await Deno.stat(dir.join("to/file"));
    assert.deepEqual([uid, gid], [1, 4242]);
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]!.path, dir.join("to/file"));
    assert.match(warnings[0]!.message, /no owner 'no-such-group'/);
    const named = PLAIN | FLAG.userNames;
    await assert.rejects(write(dir.join("to"), events(list), { flags: named }), { message: /no-such-group/ });
  },
});

test("skips kinds that are not selected, and times of the epoch if it is told to", {
  async fn(dir) {
    const epoch = plainNode({ kind: "file", size: 0 }, { mtime: 0n });
    const list = [["fifo", plainNode({ kind: "fifo" })], ["file", epoch], ["link", link("x")]] as const;
    const flags = restoreFlags(PLAIN, { without: ["symlinks", "fifos"] });
    await write(dir.join("to"), events(list), { flags, skipEpoch: true });
    assert.deepEqual([...Deno.readDirSync(dir.join("to"))].map(({ name }) => name), ["file"]);
    assert.notEqual((await Deno.stat(dir.join("to/file"))).mtime!.getTime(), 0);
    await write(dir.join("to"), events(list), { flags });
    assert.equal((await Deno.stat(dir.join("to/file"))).mtime!.getTime(), 0);
  },
});

test("replaces and removes what is immutable only if it is told to", {
  ignore: !isRoot,
  async fn(dir) {
    const to = dir.join("to");
    await Deno.mkdir(`${to}/old`, { recursive: true });
    for (const name of ["file", "old/file"]) await Deno.writeTextFile(`${to}/${name}`, "old");
    await run("chattr", "+i", `${to}/file`, `${to}/old/file`, `${to}/old`);
    try {
      const list = [["file", ...file("new")]] as const;
      const error = { name: "StoreError", message: /Operation not permitted/ };
      await assert.rejects(write(to, events(list), { delete: true }), error);
      await write(to, events(list), { delete: true, undoImmutable: true });
      assert.deepEqual([...Deno.readDirSync(to)].map(({ name }) => name), ["file"]);
      assert.equal(await Deno.readTextFile(`${to}/file`), "new");
    } finally {
      await run("chattr", "-R", "-i", to);
    }
  },
});

Deno.test("writeTree() writes files, directories and links without FFI", async () => {
  await using dir = await tempDir();
  const portable = await openTreePosix({ implementation: "deno" });
  const list = [
    ["file", ...file("x")],
    ["link", link("file")],
    ["sub", directory],
    ["f", ...file("")],
    null,
  ] as const;
  for (const _ of ["new", "again"]) {
    await writeTree(portable, dir.join("to"), { flags: PLAIN, events: events(list), delete: true });
    const nodes = collect(readTree(portable, dir.join("to"), { flags: PLAIN }));
    assert.deepEqual(nodes.map(({ path, node }) => [path, node.kind]), [
      ...[["", "directory"], ["file", "file"], ["link", "symlink"], ["sub", "directory"], ["sub/f", "file"]],
    ]);
    assert.equal(nodes[1]!.node.mtime, 1_000_000_000_123_000_000n);
    await Deno.symlink(dir.path, dir.join("to/planted"));
  }
  const through = [["planted", directory], ["f", ...file("")], null] as const;
  const error = { name: "StoreError", message: /it exists and is not a directory/ };
  await assert.rejects(writeTree(portable, dir.join("to"), { flags: PLAIN, events: events(through) }), error);
});
