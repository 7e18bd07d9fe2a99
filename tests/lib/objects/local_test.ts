import assert from "node:assert/strict";
import { StoreError } from "../../../lib/errors.ts";
import { checkDirectory, LocalObjects } from "../../../lib/objects/local.ts";
import { openPosix, type Posix } from "../../../lib/platform/posix.ts";
import { openPosixFfi } from "../../../lib/platform/posix_ffi.ts";
import { testObjects } from "../../conformance/objects.ts";
import { SpyPosix } from "../../faults/spy_posix.ts";
import { noise } from "../../support/blobs.ts";
import { canMount, mountTemporary } from "../../support/mount.ts";
import { tempDir } from "../../support/temp_dir.ts";

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const implementations: readonly Posix[] = [
  ...openPosixFfi() === undefined ? [] : [await openPosix({ implementation: "ffi" })],
  await openPosix({ implementation: "deno" }),
];
const OPTIONS = { temporaryPrefix: ".tmp-test." };
const text = (value: string) => new TextEncoder().encode(value);
const tiny = { kind: "tmpfs", sizeKib: 64 } as const;
const canMountTiny = await canMount(tiny);

/** Matches a StoreError about `location` that was caused by a system error. */
function failure(location: string, operation: string, code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, `${error}`);
    assert.equal(error.location, location);
    assert.equal(error.operation, operation);
    assert.equal(error.retryable, false);
    assert.equal((error.cause as { code?: string }).code, code);
    assert.ok(error.message.startsWith(`Cannot ${operation} '${location}': `));
    return true;
  };
}

for (const posix of implementations) {
  const name = `LocalObjects (${posix.implementation})`;
  const test = (sentence: string, fn: () => Promise<void>, ignore = false) =>
    Deno.test({ name: `${name}: ${sentence}`, ignore, fn });

  testObjects({
    name,
    open: async (scope) => new LocalObjects(posix, scope.use(await tempDir()).path, OPTIONS),
  });

  test("objects are files, by their relative paths", async () => {
    await using dir = await tempDir();
    await using objects = new LocalObjects(posix, dir.path, OPTIONS);
    await objects.put("ab/cd", text("one"));
    await Deno.writeTextFile(dir.join("ab", "ef"), "two");
    assert.equal(await Deno.readTextFile(dir.join("ab", "cd")), "one");
    assert.deepEqual(await objects.get("ab/ef"), text("two"));
    assert.equal(objects.location, dir.path);
    assert.equal((await Deno.stat(dir.join("ab"))).mode! & 0o777, 0o755 & ~Deno.umask());
    assert.equal((await Deno.stat(dir.join("ab", "cd"))).mode! & 0o777, 0o644 & ~Deno.umask());
  });

  test("files are made with the mode that was asked for", async () => {
    await using dir = await tempDir();
    await using objects = new LocalObjects(posix, dir.path, { ...OPTIONS, mode: 0o600 });
    await objects.put("a", text("x"));
    assert.equal((await Deno.stat(dir.join("a"))).mode! & 0o777, 0o600 & ~Deno.umask());
  });

  test("a file in place of a directory is an error, not absence", async () => {
    await using dir = await tempDir();
    await Deno.writeTextFile(dir.join("ab"), "no directory");
    await using objects = new LocalObjects(posix, dir.path, OPTIONS);
    await assert.rejects(objects.get("ab/cd"), failure(dir.path, "read from", "ENOTDIR"));
    await assert.rejects(objects.has("ab/cd"), failure(dir.path, "look into", "ENOTDIR"));
    await assert.rejects(objects.put("ab/cd", text("x")), failure(dir.path, "write to", "ENOTDIR"));
    await assert.rejects(objects.remove("ab/cd"), failure(dir.path, "delete from", "ENOTDIR"));
    assert.equal(await Deno.readTextFile(dir.join("ab")), "no directory");
  });

  test("a directory in place of a file is an error, not absence", async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("ab", "cd"), { recursive: true });
    await using objects = new LocalObjects(posix, dir.path, OPTIONS);
    await assert.rejects(objects.get("ab/cd"), failure(dir.path, "read from", "EISDIR"));
    await assert.rejects(
      objects.get("ab/cd", { maxSize: 2 ** 27 }),
      failure(dir.path, "read from", "EISDIR"),
    );
    await assert.rejects(objects.put("ab/cd", text("x")), failure(dir.path, "write to", "EISDIR"));
    await assert.rejects(objects.remove("ab/cd"), failure(dir.path, "delete from", "EISDIR"));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.join("ab")), ({ name }) => name), ["cd"]);
  });

  test("a directory in place of a file is an error on tmpfs, too", async () => {
    await using mount = await mountTemporary(tiny);
    await Deno.mkdir(`${mount.path}/ab/cd`, { recursive: true });
    await using objects = new LocalObjects(posix, mount.path, OPTIONS);
    await assert.rejects(objects.get("ab/cd"), failure(mount.path, "read from", "EISDIR"));
  }, !canMountTiny);

  test("get() does not follow a symbolic link", async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("ab"));
    await Deno.writeTextFile(dir.join("secret"), "secret");
    await Deno.symlink("../secret", dir.join("ab", "cd"));
    await using objects = new LocalObjects(posix, dir.path, OPTIONS);
    await assert.rejects(objects.get("ab/cd"), failure(dir.path, "read from", "ELOOP"));
    await objects.put("ab/cd", text("x"));
    assert.deepEqual(await objects.get("ab/cd"), text("x"));
    assert.equal(await Deno.readTextFile(dir.join("secret")), "secret");
  });

  test("the directory itself is never created", async () => {
    await using dir = await tempDir();
    const path = dir.join("absent");
    await using objects = new LocalObjects(posix, path, OPTIONS);
    await assert.rejects(objects.put("ab/cd", text("x")), failure(path, "write to", "ENOENT"));
    await assert.rejects(objects.put("a", text("x")), failure(path, "write to", "ENOENT"));
    await assert.rejects(Array.fromAsync(objects.list("")), failure(path, "list", "ENOENT"));
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  });

  test("list() passes by directories, and does not follow symbolic links", async () => {
    await using dir = await tempDir();
    await using outside = await tempDir();
    await Deno.writeTextFile(outside.join("outside"), "");
    await Deno.mkdir(dir.join("a", "b", "c"), { recursive: true });
    await Deno.mkdir(dir.join("empty"));
    await Deno.symlink(outside.path, dir.join("a", "link"));
    await Deno.symlink("..", dir.join("a", "b", "parent"));
    await Deno.writeTextFile(dir.join("a", "b", "c", "file"), "");
    await Deno.writeTextFile(dir.join("a", ".tmp-test.1"), "");
    await using objects = new LocalObjects(posix, dir.path, OPTIONS);
    const keys = await Array.fromAsync(objects.list(""));
    assert.deepEqual(keys.sort(), ["a/.tmp-test.1", "a/b/c/file", "a/b/parent", "a/link"]);
  });

  test("put() leaves no temporary file if the device is full", async () => {
    await using mount = await mountTemporary(tiny);
    await using objects = new LocalObjects(posix, mount.path, OPTIONS);
    await objects.put("a/old", text("old"));
    await assert.rejects(objects.put("a/old", noise(100_000)), failure(mount.path, "write to", "ENOSPC"));
    assert.deepEqual(await Array.fromAsync(objects.list("")), ["a/old"]);
    assert.deepEqual(await objects.get("a/old"), text("old"));
  }, !canMountTiny);
}

const [posix] = implementations as [Posix, ...Posix[]];

Deno.test("LocalObjects.put() writes beside the object, under the prefix it was given", async () => {
  await using dir = await tempDir();
  for (const sync of [false, true]) {
    const spy = new SpyPosix(posix);
    await using objects = new LocalObjects(spy, dir.path, { ...OPTIONS, sync });
    await objects.put("ab/cd", text("x"));
    const calls = spy.calls.map((call) => call.replace(/\d+$/, "N"));
    const [write, sequel] = [["open", "write", ...sync ? ["sync"] : [], "close"], ["rename"]];
    const missing = sync ? [] : ["open .tmp-test.N", "mkdir ab"];
    assert.deepEqual(calls, [...missing, ...[...write, ...sequel].map((call) => `${call} .tmp-test.N`)]);
  }
});

for (const call of ["write", "close", "rename"] as const) {
  Deno.test(`LocalObjects.put() leaves the old object alone if ${call} fails`, async () => {
    await using dir = await tempDir();
    await using objects = new LocalObjects(new SpyPosix(posix, { [call]: "EIO" }), dir.path, OPTIONS);
    await Deno.writeTextFile(dir.join("a"), "old");
    await assert.rejects(objects.put("a", text("new")), failure(dir.path, "write to", "EIO"));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name), ["a"]);
    assert.equal(await Deno.readTextFile(dir.join("a")), "old");
  });
}

Deno.test("LocalObjects.put() gives up if a directory cannot be created", async () => {
  await using dir = await tempDir();
  await using objects = new LocalObjects(new SpyPosix(posix, { mkdir: "EROFS" }), dir.path, OPTIONS);
  await assert.rejects(objects.put("ab/cd", text("new")), failure(dir.path, "write to", "EROFS"));
});

Deno.test("checkDirectory() throws StoreError that says what is wrong", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "");
  await checkDirectory(dir.path);
  const says = (message: string) => (error: unknown) =>
    error instanceof StoreError && error.message === message;
  const absent = dir.join("absent");
  await assert.rejects(checkDirectory(absent), says(`Cannot open store '${absent}': it does not exist`));
  const file = dir.join("file");
  await assert.rejects(
    checkDirectory(file),
    says(`Cannot open store '${file}': it is a file, a directory is needed`),
  );
  await assert.rejects(
    checkDirectory(dir.join("file", "file")),
    failure(dir.join("file", "file"), "open", "ENOTDIR"),
  );
});
