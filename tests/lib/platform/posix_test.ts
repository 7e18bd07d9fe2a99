import assert from "node:assert/strict";
import { hasErrorCode, openPosix, pathText, PosixError } from "../../../lib/platform/posix.ts";
import { openPosixFfi } from "../../../lib/platform/posix_ffi.ts";
import { testPosix } from "../../conformance/posix.ts";
import { equal, noise } from "../../support/blobs.ts";
import { canMount, mountTemporary } from "../../support/mount.ts";
import { tempDir } from "../../support/temp_dir.ts";

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const hasFfi = openPosixFfi() !== undefined;
const ignore = !hasFfi;
const KIB = 1024;

testPosix("openPosix(ffi)", { open: () => openPosix({ implementation: "ffi" }), ignore });
testPosix("openPosix(deno)", { open: () => openPosix({ implementation: "deno" }) });

Deno.test("openPosix() prefers system calls, and says which implementation it opened", async () => {
  assert.equal((await openPosix()).implementation, hasFfi ? "ffi" : "deno");
  assert.equal((await openPosix({ implementation: "deno" })).implementation, "deno");
});

Deno.test({
  name: "openPosix() does without FFI where that is not granted",
  // A library that is open stays open, so this needs a thread of its own, which inherits what is granted here.
  permissions: { read: true },
  async fn() {
    const url = new URL("./posix_without_ffi.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    try {
      const answer = await new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
      });
      assert.deepEqual(answer, { byDefault: "deno", forced: "UnsupportedError" });
    } finally {
      worker.terminate();
    }
  },
});

Deno.test({
  name: "openPosix(ffi): nextData() and nextHole() find holes",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const posix = await openPosix({ implementation: "ffi" });
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    file.writeAt(noise(128 * KIB), 256 * KIB);
    file.truncate(1024 * KIB);
    assert.equal(file.nextData(0), 256 * KIB);
    assert.equal(file.nextData(300 * KIB), 300 * KIB);
    assert.equal(file.nextHole(256 * KIB), 384 * KIB);
    assert.equal(file.nextHole(0), 0);
    assert.equal(file.nextHole(500 * KIB), 500 * KIB);
    assert.equal(file.nextData(384 * KIB), undefined);
    assert.equal(file.nextData(2048 * KIB), undefined);
    assert.equal(file.nextHole(2048 * KIB), 1024 * KIB);
    file.writeAt(noise(4 * KIB), 1020 * KIB);
    assert.equal(file.nextHole(1020 * KIB), 1024 * KIB, "the end of the file counts as one");
  },
});

Deno.test({
  name: "openPosix(ffi): allocate() reserves space, and punchHole() gives it back",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const posix = await openPosix({ implementation: "ffi" });
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    file.truncate(1024 * KIB);
    const blocks = () => Deno.statSync(dir.join("file")).blocks!;
    assert.equal(blocks(), 0);
    file.allocate(0, 1024 * KIB);
    assert.ok(blocks() >= 2048);
    assert.equal(file.punchHole(0, 1024 * KIB), true);
    assert.ok(blocks() < 100);
    assert.equal(file.size(), 1024 * KIB);
  },
});

Deno.test("PosixError names code and path, and hasErrorCode() knows both implementations' errors", async () => {
  const error = new PosixError("ENOSPC", { path: "/a", text: "/a: No space left on device" });
  assert.equal(error.message, "/a: No space left on device");
  assert.equal(error.path, "/a");
  assert.ok(hasErrorCode(error, "EIO", "ENOSPC"));
  assert.ok(!hasErrorCode(error, "EIO"));
  assert.ok(!hasErrorCode(error));
  assert.ok(!hasErrorCode({ code: "EIO" }, "EIO"));
  assert.ok(!hasErrorCode(new Error("EIO"), "EIO"));
  await assert.rejects(Deno.stat("/absent/file"), (error) => hasErrorCode(error, "ENOENT"));
});

Deno.test({
  name: "PosixError says what the C library says",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const posix = await openPosix({ implementation: "ffi" });
    assert.throws(() => posix.open(dir.join("absent")), {
      name: "PosixError",
      code: "ENOENT",
      path: dir.join("absent"),
      message: `${dir.join("absent")}: No such file or directory`,
    });
  },
});

Deno.test("pathText() ends at NUL, and shows what is not UTF-8", () => {
  assert.equal(pathText("text"), "text");
  assert.equal(pathText(new TextEncoder().encode("a/ü\0b")), "a/ü");
  assert.equal(pathText(new TextEncoder().encode("no end")), "no end");
  assert.equal(pathText(Uint8Array.of(97, 0xff, 0)), "a\ufffd");
});

const xfs = { kind: "xfs" } as const;
Deno.test({
  name: "openPosix(ffi): cloneFrom() shares the extents of files on a file system that can",
  ignore: ignore || !await canMount(xfs),
  async fn() {
    await using mount = await mountTemporary(xfs);
    const posix = await openPosix({ implementation: "ffi" });
    using source = posix.open(`${mount.path}/source`, { access: "read-write", create: "exclusive" });
    using target = posix.open(`${mount.path}/target`, { access: "read-write", create: "exclusive" });
    const data = noise(4096 * KIB);
    source.writeAt(data, 0);
    source.sync();
    target.truncate(4096 * KIB);
    const before = await freeBlocks(mount.path);
    assert.equal(
      target.cloneFrom(source, { sourceOffset: 1024 * KIB, size: 2048 * KIB, offset: 64 * KIB }),
      true,
    );
    target.sync();
    assert.ok(before - await freeBlocks(mount.path) < 1024 * KIB, "no second copy");
    const expected = new Uint8Array(4096 * KIB);
    expected.set(data.subarray(1024 * KIB, 3072 * KIB), 64 * KIB);
    assert.ok(equal(await Deno.readFile(`${mount.path}/target`), expected));
    // Not at the borders of blocks.
    assert.equal(target.cloneFrom(source, { sourceOffset: 1, size: 4096, offset: 0 }), false);
    // The rest of a file may be less than a block.
    source.truncate(5000);
    assert.equal(target.cloneFrom(source, { sourceOffset: 4096, size: 904, offset: 4096 * KIB }), true);
    assert.equal(target.size(), 4096 * KIB + 904);
  },
});

/** @returns Free bytes of the file system. */
async function freeBlocks(path: string): Promise<number> {
  const command = new Deno.Command("stat", { args: ["--file-system", "--format=%f %S", path] });
  const [blocks, size] = new TextDecoder().decode((await command.output()).stdout).split(" ").map(Number);
  return blocks! * size!;
}
