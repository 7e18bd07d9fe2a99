import assert from "node:assert/strict";
import { readTree, type ReadTreeOptions, type Skipped } from "../../../lib/archive/disk_source.ts";
import { writeArchive } from "../../../lib/archive/writer.ts";
import { CASYNC_FLAGS, DESYNC_FLAGS, FLAG } from "../../../lib/format/feature_flags.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { peer } from "../../support/peers.ts";
import { tempDir } from "../../support/temp_dir.ts";
import {
  bytes,
  collect,
  type CollectedNode,
  ignoreSample,
  isRoot,
  latin1,
  makeSample,
  run,
  treeTests,
} from "../../support/trees.ts";

const posix = await openTreePosix();
const setfattr = peer("setfattr");
const setfacl = peer("setfacl");
const setcap = peer("setcap");
const casync = peer("casync");

const test = treeTests("readTree()");

function read(path: string, options: Partial<ReadTreeOptions> = {}): CollectedNode[] {
  return collect(readTree(posix, path, { flags: CASYNC_FLAGS, ...options }));
}

function find(nodes: readonly CollectedNode[], path: string): CollectedNode["node"] {
  return (nodes.find((node) => node.path === path) ?? assert.fail(`no ${path}`)).node;
}

test("goes depth first, by the bytes of the names", {
  fn(dir) {
    for (
      const name of ["abc-d", "abc.d", "abcd", "ABC", "a b", "abc/z", "abc/a", "é", "\u{10000}", "\uffff"]
    ) {
      Deno.mkdirSync(dir.join(name), { recursive: true });
    }
    const paths = read(dir.path).map(({ path }) => new TextDecoder().decode(bytes(path)));
    assert.deepEqual(paths, [
      ...["", "ABC", "a b", "abc", "abc/a", "abc/z", "abc-d", "abc.d", "abcd", "é", "\uffff", "\u{10000}"],
    ]);
  },
});

test("gives names as they are: not UTF-8, with line feeds, of 255 bytes", {
  fn(dir) {
    const names = ["\xff\xfe", "a\nb", "x".repeat(255), "\x01", "\\", "*"];
    using root = posix.openRoot(dir.path);
    for (const name of names) root.createFile(bytes(name), 0o600)[Symbol.dispose]();
    assert.deepEqual(read(dir.path).map(({ path }) => path), ["", ...names.toSorted()]);
  },
});

test("reads files of all sizes, holes as zeros", {
  fn(dir) {
    const sizes = [0, 1, 4095, 4096, 4097, (1 << 20) - 1, 1 << 20, (1 << 20) + 1];
    for (const size of sizes) {
      using file = Deno.openSync(dir.join(String(size)), { write: true, create: true });
      if (size === 0) continue;
      file.seekSync(size - 1, Deno.SeekMode.Start);
      file.writeSync(Uint8Array.of(7));
    }
    const found = new Map<string, { readonly size: number; count: number; sum: number }>();
    let file = "";
    for (const event of readTree(posix, dir.path, { flags: CASYNC_FLAGS })) {
      if (event.type === "node" && event.node.kind === "file") {
        file = latin1(event.name!);
        found.set(file, { size: event.node.size, count: 0, sum: 0 });
      } else if (event.type === "data") {
        found.get(file)!.count += event.data.length;
        found.get(file)!.sum += event.data.reduce((sum, byte) => sum + byte, 0);
      }
    }
    for (const size of sizes) {
      assert.deepEqual(found.get(String(size)), { size, count: size, sum: size === 0 ? 0 : 7 });
    }
  },
});

test("gives owners, their names, permissions and times", {
  ignore: !isRoot,
  async fn(dir) {
    await Deno.writeTextFile(dir.join("file"), "x");
    await Deno.chown(dir.join("file"), 1, 54321);
    await Deno.chmod(dir.join("file"), 0o4751);
    await run("touch", "-d", "1960-01-01 00:00:00.5 UTC", dir.join("file"));
    await run("touch", "-d", "2001-09-09 01:46:40.123456789 UTC", dir.path);
    const nodes = read(dir.path);
    assert.equal(find(nodes, "").mtime, 1_000_000_000_123_456_789n);
    assert.equal(find(nodes, "").user, undefined);
    const { uid, gid, user, group, permissions, mtime } = find(nodes, "file");
    assert.deepEqual([uid, gid, permissions, group], [1, 54321, 0o4751, undefined]);
    assert.equal(latin1(user!), "daemon");
    // formats.md 6.5 has this time as it is stored.
    assert.equal(BigInt.asUintN(64, mtime), 18131124874209551616n);
  },
});

test("records no more than the feature flags ask for", {
  async fn(dir) {
    await Deno.writeTextFile(dir.join("file"), "x");
    await Deno.chmod(dir.join("file"), 0o440);
    await Deno.symlink("file", dir.join("link"));
    await run("mkfifo", dir.join("fifo"));
    await run("touch", "-d", "2001-09-09 01:46:41.123456789 UTC", dir.join("file"));
    const file = (flags: bigint) => find(read(dir.path, { flags }), "file");
    const none = file(0n);
    assert.deepEqual([none.permissions, none.uid, none.mtime, none.user], [0o666, 0, 0n, undefined]);
    assert.equal(file(FLAG.readOnly).permissions, 0o444);
    assert.equal(file(FLAG.permissions).permissions, 0o440);
    assert.equal(file(FLAG.usecTime).mtime, 1_000_000_001_123_456_000n);
    assert.equal(file(FLAG.secTime).mtime, 1_000_000_001_000_000_000n);
    assert.equal(file(FLAG.twoSecTime).mtime, 1_000_000_000_000_000_000n);
    const skipped: Skipped[] = [];
    const nodes = read(dir.path, { flags: 0n, onSkipped: (what) => skipped.push(what) });
    assert.deepEqual(nodes.map(({ path }) => path), ["", "file"]);
    assert.deepEqual(skipped, [
      { path: dir.join("fifo"), kind: "fifo", reason: "kind" },
      { path: dir.join("link"), kind: "symlink", reason: "kind" },
    ]);
  },
});

test("refuses an owner that does not fit into 16 bits", {
  ignore: !isRoot,
  async fn(dir) {
    await Deno.writeTextFile(dir.join("file"), "x");
    await Deno.chown(dir.join("file"), 70_000, 0);
    assert.throws(() => read(dir.path, { flags: FLAG.uids16 }), {
      name: "StoreError",
      message: /file': its owner/,
    });
  },
});

test("knows every kind of inode", {
  ignore: !isRoot,
  async fn(dir) {
    await Deno.symlink("/nowhere/é", dir.join("link"));
    await run("mkfifo", dir.join("fifo"));
    await run("mknod", dir.join("char"), "c", "1000", "70000");
    await run("mknod", dir.join("block"), "b", "7", "300");
    Deno.listen({ transport: "unix", path: dir.join("socket") }).close();
    const nodes = read(dir.path);
    const link = find(nodes, "link");
    assert.ok(link.kind === "symlink" && link.permissions === 0o777);
    assert.equal(new TextDecoder().decode(link.target), "/nowhere/é");
    assert.equal(find(nodes, "fifo").kind, "fifo");
    const char = find(nodes, "char");
    assert.deepEqual(char.kind === "character-device" && [char.major, char.minor], [1000, 70000]);
    const block = find(nodes, "block");
    assert.deepEqual(block.kind === "block-device" && [block.major, block.minor], [7, 300]);
  },
});

test("gives extended attributes by name, and capabilities and labels apart", {
  ignore: setfattr.ignore || setcap.ignore || !isRoot,
  async fn(dir) {
    const file = dir.join("file");
    await Deno.writeTextFile(file, "");
    await run(setfattr.require(), "-n", "user.b", "-v", "0x00ff", file);
    await run(setfattr.require(), "-n", "user.a", file);
    await run(setfattr.require(), "-n", "trusted.t", "-v", "value", file);
    await run(setfattr.require(), "-n", "security.selinux", "-v", "a:b:c\\000", file);
    await run(setcap.require(), "cap_net_raw+ep", file);
    const node = find(read(dir.path), "file");
    assert.deepEqual(node.xattrs.map(({ name, value }) => [latin1(name), latin1(value)]), [
      ["trusted.t", "value"],
      ["user.a", ""],
      ["user.b", "\x00\xff"],
    ]);
    assert.equal(latin1(node.selinux!), "a:b:c");
    assert.equal(node.fcaps!.length, 20);
    const all = find(read(dir.path, { flags: DESYNC_FLAGS, xattrNamespaces: "all" }), "file");
    assert.deepEqual(all.xattrs.map(({ name }) => latin1(name)), [
      ...["security.capability", "security.selinux", "trusted.t", "user.a", "user.b"],
    ]);
    assert.equal(all.fcaps, undefined);
  },
});

test("gives ACLs", {
  ignore: setfacl.ignore || !isRoot,
  async fn(dir) {
    await Deno.mkdir(dir.join("sub"));
    const acl = "u:54321:rw,u:daemon:r,g:bin:rx,g::r,m::rwx,d:u::rwx,d:g::r,d:o::-,d:u:2:w,d:m::rw";
    await run(setfacl.require(), "-m", acl, dir.join("sub"));
    const node = find(read(dir.path), "sub");
    const plain = (list: unknown) =>
      JSON.parse(JSON.stringify(list, (_, value) => value instanceof Uint8Array ? latin1(value) : value));
    assert.equal(node.permissions & 0o070, 0o070);
    assert.deepEqual(plain(node.acl), {
      users: [{ id: 1, permissions: 4, name: "daemon" }, { id: 54321, permissions: 6 }],
      groups: [{ id: 2, permissions: 5, name: "bin" }],
      groupObject: 4,
    });
    assert.deepEqual(plain(node.defaultAcl), {
      ...{ userObject: 7, groupObject: 4, other: 0, mask: 6 },
      users: [{ id: 2, permissions: 2, name: "bin" }],
      groups: [],
    });
    assert.equal(find(read(dir.path, { flags: DESYNC_FLAGS }), "sub").acl, undefined);
  },
});

test("follows a symbolic link to the root, and reads a root that is no directory", {
  async fn(dir) {
    await Deno.mkdir(dir.join("real"));
    await Deno.writeTextFile(dir.join("real/file"), "content");
    await Deno.symlink("real", dir.join("link"));
    assert.deepEqual(read(dir.join("link")).map(({ path }) => path), ["", "file"]);
    await Deno.symlink("real/file", dir.join("file-link"));
    const [file, ...rest] = read(dir.join("file-link"));
    assert.deepEqual([file!.path, latin1(file!.content), rest.length], ["", "content", 0]);
    assert.throws(() => read(dir.join("missing")), {
      name: "StoreError",
      message: /^Cannot archive .*missing/,
    });
    assert.throws(() => read(dir.join("real/file/below")), { name: "StoreError" });
  },
});

test("fails if a file grows or shrinks while it is read", {
  fn(dir) {
    const path = dir.join("file");
    for (const size of [10, 3_000_000]) {
      for (const newSize of [0, size - 1, size + 1, size * 2]) {
        Deno.writeFileSync(path, new Uint8Array(size));
        const consume = () => {
          for (const event of readTree(posix, dir.path, { flags: CASYNC_FLAGS })) {
            if (event.type === "node" && event.node.kind === "file") Deno.truncateSync(path, newSize);
          }
        };
        assert.throws(consume, { name: "StoreError", message: /file': its size changed while it was read/ });
      }
    }
  },
});

test("closes what is open if the iteration ends early", {
  fn(dir) {
    Deno.mkdirSync(dir.join("a/b/c"), { recursive: true });
    Deno.writeTextFileSync(dir.join("a/b/c/file"), "x");
    for (const event of readTree(posix, dir.path, { flags: CASYNC_FLAGS })) if (event.type === "data") break;
    // Other tests of this process open and close files of their own meanwhile.
    const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`);
      } catch {
        return "";
      }
    });
    assert.deepEqual(open.filter((path) => path.startsWith(dir.path)), []);
  },
});

test("reads trees deeper than a path may be long", {
  fn(dir) {
    const name = bytes("d".repeat(100));
    const open = [posix.openRoot(dir.path)];
    for (let depth = 0; depth < 100; depth++) {
      open.at(-1)!.makeDirectory(name, 0o755);
      open.push(open.at(-1)!.openDirectory(name));
    }
    for (const directory of open) directory[Symbol.dispose]();
    assert.equal(read(dir.path).length, 101);
  },
});

test("lists nothing of a pseudo file system", {
  fn() {
    assert.deepEqual(read("/proc").map(({ path, node }) => [path, node.kind]), [["", "directory"]]);
    const [file] = read("/proc/self/status");
    assert.ok(file!.node.kind === "file" && file!.node.size === 0 && file!.content.length === 0);
  },
});

test("leaves out what has the no-dump attribute, and records attributes", {
  ignore: !isRoot,
  async fn(dir) {
    await Deno.writeTextFile(dir.join("kept"), "");
    await Deno.writeTextFile(dir.join("left"), "");
    await Deno.mkdir(dir.join("left-directory"));
    await run("chattr", "+A", dir.join("kept"));
    await run("chattr", "+d", dir.join("left"), dir.join("left-directory"), dir.path);
    const skipped: Skipped[] = [];
    const nodes = read(dir.path, { excludeNodump: true, onSkipped: (what) => skipped.push(what) });
    assert.deepEqual(nodes.map(({ path }) => path), ["", "kept"]);
    assert.equal(find(nodes, "kept").attributes, FLAG.flagNoatime);
    assert.deepEqual(skipped.map(({ reason }) => reason), ["nodump", "nodump"]);
    assert.equal(find(read(dir.path, { flags: FLAG.flagNodump }), "left").attributes, FLAG.flagNodump);
  },
});

test("gives what casync archives, bit for bit", {
  ignore: ignoreSample || casync.ignore,
  async fn(dir) {
    await Deno.mkdir(dir.join("tree"));
    await makeSample(dir.join("tree"));
    for (const selection of [[], ["--with=unix"], ["--with=fat"], ["--with=fuse"], ["--without=acl"]]) {
      await run(casync.require(), "make", ...selection, dir.join("x.catar"), dir.join("tree"));
      const expected = await Deno.readFile(dir.join("x.catar"));
      const flags = new DataView(expected.buffer).getBigUint64(16, true);
      const events = readTree(posix, dir.join("tree"), { flags, excludeFile: true, excludeNodump: true });
      const parts: Uint8Array[] = [];
      for await (const part of writeArchive(events, { flags })) parts.push(part.slice());
      const ours = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
      assert.deepEqual(ours, expected, `${selection}`);
    }
  },
});

Deno.test("readTree() reads files, directories and links without FFI", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("b"));
  await Deno.writeTextFile(dir.join("b/file"), "content");
  await Deno.symlink("file", dir.join("b/link"));
  const portable = await openTreePosix({ implementation: "deno" });
  const nodes = collect(readTree(portable, dir.path, { flags: CASYNC_FLAGS }));
  assert.deepEqual(nodes.map(({ path, node, content }) => [path, node.kind, latin1(content)]), [
    ["", "directory", ""],
    ["b", "directory", ""],
    ["b/file", "file", "content"],
    ["b/link", "symlink", ""],
  ]);
});
