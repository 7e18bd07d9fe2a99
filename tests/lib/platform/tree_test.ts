import assert from "node:assert/strict";
import { hasErrorCode } from "../../../lib/platform/posix.ts";
import { isSystemError, openTreePosix, type TreePosix } from "../../../lib/platform/tree.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { bytes, hasTreeFfi, isRoot, latin1 } from "../../support/trees.ts";

/** Runs a test over both implementations. */
function testBoth(sentence: string, fn: (posix: TreePosix, dir: TempDir) => void): void {
  for (const implementation of ["ffi", "deno"] as const) {
    Deno.test({
      name: `openTreePosix(${implementation}): ${sentence}`,
      ignore: implementation === "ffi" && !hasTreeFfi,
      fn: async () => {
        await using dir = await tempDir();
        fn(await openTreePosix({ implementation }), dir);
      },
    });
  }
}

/** Runs a test over what only system calls can do. */
function testFfi(
  sentence: string,
  fn: (posix: TreePosix, dir: TempDir) => void,
  options: { readonly needsRoot?: boolean } = {},
): void {
  Deno.test({
    name: `openTreePosix(ffi): ${sentence}`,
    ignore: !hasTreeFfi || (options.needsRoot ?? false) && !isRoot,
    fn: async () => {
      await using dir = await tempDir();
      fn(await openTreePosix({ implementation: "ffi" }), dir);
    },
  });
}

function failsWith(...codes: readonly string[]): (error: unknown) => boolean {
  return (error) => isSystemError(error) && hasErrorCode(error, ...codes);
}

testBoth("list(), stat() and the rest agree with what was made", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  assert.equal(root.path, dir.path);
  assert.equal(root.makeDirectory(bytes("sub"), 0o700), true);
  assert.equal(root.makeDirectory(bytes("sub"), 0o700), false);
  root.makeSymlink(bytes("link"), bytes("target"));
  {
    using file = root.createFile(bytes("file"), 0o600);
    assert.equal(file.path, dir.join("file"));
    file.writeAt(bytes("tent"), 3);
    file.writeAt(bytes("con"), 0);
    file.truncate(10);
    file.setPermissions(0o640);
    file.setMtime(-1_500_000_000n);
    const { kind, size, permissions, mtime } = file.stat();
    assert.deepEqual({ kind, size, permissions, mtime }, {
      ...{ kind: "file", size: 10, permissions: 0o640, mtime: -1_500_000_000n },
    });
  }
  assert.deepEqual(root.list().map(({ name, kind }) => [latin1(name), kind]).toSorted(), [
    ...[["file", "file"], ["link", "symlink"], ["sub", "directory"]],
  ]);
  assert.equal(latin1(root.readLink(bytes("link"))), "target");
  assert.equal(root.node(bytes("link")).stat().kind, "symlink");
  {
    using file = root.openFile(bytes("file"));
    const data = new Uint8Array(20);
    assert.equal(file.read(data), 10);
    assert.equal(file.read(data), 0);
    assert.equal(latin1(data.subarray(0, 10)), "content\0\0\0");
  }
  root.link(bytes("file"), bytes("other"));
  root.rename(bytes("other"), bytes("link"));
  assert.equal(root.node(bytes("link")).stat().kind, "file");
  root.remove(bytes("link"));
  root.removeDirectory(bytes("sub"));
  assert.deepEqual(root.list().map(({ name }) => latin1(name)), ["file"]);
});

testBoth("no call follows a link, or takes one kind for another", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  root.makeDirectory(bytes("sub"), 0o700);
  root.createFile(bytes("file"), 0o600)[Symbol.dispose]();
  root.makeSymlink(bytes("to-sub"), bytes("sub"));
  root.makeSymlink(bytes("to-file"), bytes("file"));
  assert.throws(() => root.openDirectory(bytes("to-sub")), failsWith("ENOTDIR", "ELOOP"));
  assert.throws(() => root.openDirectory(bytes("file")), failsWith("ENOTDIR"));
  assert.throws(() => root.openFile(bytes("to-file")), failsWith("ELOOP"));
  assert.throws(() => root.createFile(bytes("to-file"), 0o600), failsWith("EEXIST"));
  assert.throws(() => root.createFile(bytes("file"), 0o600), failsWith("EEXIST"));
  assert.throws(() => root.remove(bytes("sub")), failsWith("EISDIR", "EPERM"));
  assert.throws(() => root.removeDirectory(bytes("file")), failsWith("ENOTDIR"));
  assert.throws(() => root.node(bytes("missing")).stat(), failsWith("ENOENT"));
  assert.throws(() => posix.openRoot(dir.join("file")), failsWith("ENOTDIR"));
  using followed = posix.openRoot(dir.join("to-sub"));
  assert.deepEqual(followed.list(), []);
});

testBoth("listXattrs() and its like do without what is not there", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  assert.equal(root.getXattr(bytes("user.none")), undefined);
  assert.equal(root.removeXattr(bytes("user.none")), false);
  assert.equal(root.fatAttributes(), undefined);
});

testFfi("extended attributes are set and read by handle and by name", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  using file = root.createFile(bytes("\xff"), 0o600);
  const node = root.node(bytes("\xff"));
  file.setXattr(bytes("user.empty"), new Uint8Array());
  node.setXattr(bytes("user.value"), Uint8Array.of(0, 1, 2));
  assert.deepEqual(node.listXattrs().map(latin1).toSorted(), ["user.empty", "user.value"]);
  assert.deepEqual(file.listXattrs().map(latin1).toSorted(), ["user.empty", "user.value"]);
  assert.deepEqual(file.getXattr(bytes("user.value")), Uint8Array.of(0, 1, 2));
  assert.deepEqual(node.getXattr(bytes("user.empty")), new Uint8Array());
  assert.equal(node.removeXattr(bytes("user.value")), true);
  assert.equal(file.getXattr(bytes("user.value")), undefined);
});

testFfi("names are refused that C would cut off, or that are too long", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  assert.throws(() => root.createFile(bytes("a\0b"), 0o600), failsWith("EINVAL"));
  assert.throws(() => root.createFile(bytes("x".repeat(256)), 0o600), failsWith("ENAMETOOLONG"));
  assert.throws(() => root.createFile(bytes("x".repeat(10_000)), 0o600), failsWith("ENAMETOOLONG"));
});

testFfi("list() reads directories of any size, again and again", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  const names = Array.from({ length: 1000 }, (_, index) => String(index).padStart(200, "x"));
  for (const name of names) root.makeSymlink(bytes(name), bytes("x"));
  for (const _ of ["once", "twice"]) {
    assert.deepEqual(root.list().map(({ name }) => latin1(name)).toSorted(), names.toSorted());
  }
});

testFfi("special files have their numbers, links their own owner and time", (posix, dir) => {
  using root = posix.openRoot(dir.path);
  root.makeSpecial(bytes("device"), { kind: "block-device", major: 4095, minor: 1_048_575 });
  const { kind, major, minor, permissions } = root.node(bytes("device")).stat();
  assert.deepEqual([kind, major, minor, permissions], ["block-device", 4095, 1_048_575, 0]);
  root.node(bytes("device")).setPermissions(0o640);
  assert.equal(root.node(bytes("device")).stat().permissions, 0o640);
  root.makeSymlink(bytes("link"), bytes("device"));
  root.node(bytes("link")).setOwner(5, 6);
  root.node(bytes("link")).setMtime(123n);
  const { uid, gid, mtime } = root.node(bytes("link")).stat();
  assert.deepEqual([uid, gid, mtime], [5, 6, 123n]);
  assert.equal(root.node(bytes("device")).stat().uid, 0);
}, { needsRoot: true });

testFfi("owners have names", (posix) => {
  assert.equal(latin1(posix.userName(0)!), "root");
  assert.equal(latin1(posix.groupName(0)!), "root");
  assert.equal(posix.userId(bytes("root")), 0);
  assert.equal(posix.groupId(bytes("root")), 0);
  assert.equal(posix.userName(3_999_999_999), undefined);
  assert.equal(posix.userId(bytes("no-such-user")), undefined);
});
