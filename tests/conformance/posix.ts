/**
 * What every way to the file system has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { hasErrorCode, type Path, type Posix, type PosixFile } from "../../lib/platform/posix.ts";
import { concat, noise } from "../support/blobs.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** Runs the suite over one implementation. */
export function testPosix(
  name: string,
  options: {
    readonly open: () => Promise<Posix>;
    /** @default false */
    readonly ignore?: boolean;
  },
): void {
  const test = (sentence: string, run: (posix: Posix, dir: TempDir) => void | Promise<void>) =>
    Deno.test({
      name: `${name}: ${sentence}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using dir = await tempDir();
        await run(await options.open(), dir);
      },
    });

  test("open() creates, writes and reads a file", async (posix, dir) => {
    const path = dir.join("file");
    const data = noise(100_000);
    {
      using file = posix.open(path, { access: "read-write", create: "if-missing" });
      assert.equal(file.path, path);
      assert.equal(file.size(), 0);
      file.writeAt(data, 0);
      assert.equal(file.size(), data.length);
      const back = new Uint8Array(data.length);
      assert.equal(file.readAt(back, 0), data.length);
      assert.deepEqual(back, data);
    }
    assert.deepEqual(await Deno.readFile(path), data);
  });

  test("open() gives a created file its mode, less the umask", async (posix, dir) => {
    for (const mode of [0o600, 0o644, 0o666]) {
      const path = dir.join(String(mode));
      posix.open(path, { access: "write", create: "exclusive", mode })[Symbol.dispose]();
      assert.equal((await Deno.stat(path)).mode! & 0o777, mode & ~Deno.umask());
    }
  });

  test("open() keeps what is in a file that exists", (posix, dir) => {
    const path = dir.join("file");
    Deno.writeTextFileSync(path, "old");
    posix.open(path, { access: "read-write", create: "if-missing" })[Symbol.dispose]();
    posix.open(path, { access: "write" })[Symbol.dispose]();
    assert.equal(Deno.readTextFileSync(path), "old");
  });

  test("open() takes paths as bytes that end in NUL", (posix, dir) => {
    const path: Path = new TextEncoder().encode(`${dir.join("grüße")}\0what follows does not count`);
    {
      using file = posix.open(path, { access: "write", create: "exclusive" });
      assert.equal(file.path, dir.join("grüße"));
      file.writeAt(new TextEncoder().encode("hello"), 0);
    }
    assert.equal(Deno.readTextFileSync(dir.join("grüße")), "hello");
    const other = new TextEncoder().encode(`${dir.join("other")}\0`);
    assert.ok(posix.exists(path));
    posix.rename(path, other);
    assert.ok(!posix.exists(path) && posix.exists(other));
    assert.ok(posix.remove(other));
    assert.ok(!posix.exists(other));
  });

  test("every call throws an error with a code", (posix, dir) => {
    const { join } = dir;
    Deno.writeTextFileSync(join("file"), "old");
    Deno.mkdirSync(join("directory"));
    Deno.writeTextFileSync(join("directory", "inner"), "");
    Deno.symlinkSync("file", join("link"));
    Deno.symlinkSync("loop", join("loop"));
    const fails = (code: string, action: () => unknown) =>
      assert.throws(action, (error) => hasErrorCode(error, code), `${code} ${action}`);
    fails("ENOENT", () => posix.open(join("absent")));
    fails("ENOENT", () => posix.open(join("absent", "file"), { access: "write", create: "exclusive" }));
    fails("ENOTDIR", () => posix.open(join("file", "file")));
    fails("EEXIST", () => posix.open(join("file"), { access: "write", create: "exclusive" }));
    fails("EISDIR", () => posix.open(join("directory"), { access: "write" }));
    fails("ELOOP", () => posix.open(join("loop")));
    fails("ELOOP", () => posix.open(join("link"), { noFollow: true }));
    fails("ENOENT", () => posix.open(join("absent"), { noFollow: true }));
    fails("ENOTDIR", () => posix.exists(join("file", "file")));
    fails("ELOOP", () => posix.exists(join("loop")));
    fails("ENOENT", () => posix.rename(join("absent"), join("other")));
    fails("EISDIR", () => posix.rename(join("file"), join("directory")));
    fails("ENOENT", () => posix.makeDirectory(join("absent", "directory"), 0o755));
    fails("ENOTDIR", () => posix.makeDirectory(join("file", "directory"), 0o755));
    fails("ENOTDIR", () => posix.remove(join("file", "file")));
    assert.equal(Deno.readTextFileSync(join("file")), "old");
    using directory = posix.open(join("directory"));
    fails("EISDIR", () => directory.readAt(new Uint8Array(1), 0));
  });

  test("open() follows a symbolic link, unless it is told not to", (posix, dir) => {
    Deno.writeTextFileSync(dir.join("file"), "content");
    Deno.symlinkSync("file", dir.join("link"));
    Deno.symlinkSync(".", dir.join("parent"));
    using file = posix.open(dir.join("link"));
    assert.equal(file.size(), 7);
    // Only the last component is meant.
    using inner = posix.open(dir.join("parent", "file"), { noFollow: true });
    assert.equal(inner.size(), 7);
  });

  test("open() refuses a path with NUL in it", (posix, dir) => {
    assert.throws(() => posix.open(`${dir.path}\0/file`), Error);
  });

  test("exists() says whether there is something of any kind", (posix, dir) => {
    Deno.mkdirSync(dir.join("directory"));
    Deno.writeTextFileSync(dir.join("file"), "");
    Deno.symlinkSync("nowhere", dir.join("dangling"));
    assert.deepEqual(
      ["directory", "file", "absent", "dangling"].map((name) => posix.exists(dir.join(name))),
      [true, true, false, false],
    );
  });

  test("remove() removes files and links, and says whether there was one", (posix, dir) => {
    Deno.writeTextFileSync(dir.join("file"), "content");
    Deno.symlinkSync("file", dir.join("link"));
    assert.equal(posix.remove(dir.join("link")), true);
    assert.equal(posix.exists(dir.join("file")), true);
    assert.equal(posix.remove(dir.join("file")), true);
    assert.equal(posix.remove(dir.join("file")), false);
  });

  test("remove() does not remove directories", (posix, dir) => {
    Deno.mkdirSync(dir.join("directory"));
    assert.throws(
      () => posix.remove(dir.join("directory")),
      (error) => hasErrorCode(error, "EISDIR", "EPERM"),
    );
    assert.ok(posix.exists(dir.join("directory")));
  });

  test("rename() takes the place of another file", (posix, dir) => {
    Deno.writeTextFileSync(dir.join("new"), "new");
    Deno.writeTextFileSync(dir.join("old"), "old");
    posix.rename(dir.join("new"), dir.join("old"));
    assert.equal(Deno.readTextFileSync(dir.join("old")), "new");
    assert.ok(!posix.exists(dir.join("new")));
  });

  test("makeDirectory() says whether it made one", (posix, dir) => {
    assert.equal(posix.makeDirectory(dir.join("directory"), 0o750), true);
    assert.equal(Deno.statSync(dir.join("directory")).mode! & 0o777, 0o750 & ~Deno.umask());
    assert.equal(posix.makeDirectory(dir.join("directory"), 0o755), false);
    Deno.writeTextFileSync(dir.join("file"), "");
    assert.equal(posix.makeDirectory(dir.join("file"), 0o755), false);
  });

  test("readAt() and writeAt() do what arrays do", (posix, dir) => {
    const action = fc.record({
      kind: fc.constantFrom("read", "write", "truncate"),
      offset: fc.nat(9000),
      size: fc.oneof(fc.constant(0), fc.nat(5000)),
      seed: fc.nat(99),
    });
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    fc.assert(fc.property(fc.array(action, { maxLength: 8 }), (actions) => {
      file.truncate(0);
      let model = new Uint8Array();
      for (const { kind, offset, size, seed } of actions) {
        if (kind === "read") {
          const target = new Uint8Array(size).fill(0xee);
          const count = file.readAt(target, offset);
          const expected = model.slice(offset, offset + size);
          assert.equal(count, expected.length);
          assert.deepEqual(target.subarray(0, count), expected);
          assert.ok(target.subarray(count).every((byte) => byte === 0xee));
        } else if (kind === "write") {
          const data = noise(size, seed);
          file.writeAt(data, offset);
          const gap = new Uint8Array(size === 0 ? 0 : Math.max(0, offset - model.length));
          model = size === 0 ? model : concat(model.slice(0, offset), gap, data, model.slice(offset + size));
        } else {
          file.truncate(offset);
          model = concat(model.slice(0, offset), new Uint8Array(Math.max(0, offset - model.length)));
        }
        assert.equal(file.size(), model.length);
      }
    }));
  });

  test("readAt() and writeAt() take shared memory", (posix, dir) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    for (const buffer of [memory.buffer, new SharedArrayBuffer(8192)]) {
      const source = new Uint8Array(buffer, 5, 3000);
      source.set(noise(3000));
      file.writeAt(source, 17);
      const target = new Uint8Array(buffer, 4000, 3000);
      assert.equal(file.readAt(target, 17), 3000);
      assert.deepEqual(Uint8Array.from(target), noise(3000));
    }
  });

  test("offsets may exceed 2^32", (posix, dir) => {
    const offset = 5 * 2 ** 32 + 7;
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    file.writeAt(Uint8Array.of(1, 2, 3), offset);
    assert.equal(file.size(), offset + 3);
    const target = new Uint8Array(5);
    assert.equal(file.readAt(target, offset - 2), 5);
    assert.deepEqual(target, Uint8Array.of(0, 0, 1, 2, 3));
    assert.equal(file.readAt(target, offset + 3), 0);
    file.truncate(offset + 2);
    assert.equal(file.size(), offset + 2);
  });

  test("a file that is open for reading cannot be written to", (posix, dir) => {
    Deno.writeTextFileSync(dir.join("file"), "old");
    using file = posix.open(dir.join("file"));
    assert.throws(() => file.writeAt(Uint8Array.of(1), 0), Error);
    assert.throws(() => file.truncate(0), Error);
    assert.equal(Deno.readTextFileSync(dir.join("file")), "old");
  });

  test("nextData() and nextHole() never pass over data", (posix, dir) => {
    const stretch = fc.record({
      isData: fc.boolean(),
      size: fc.oneof(fc.nat(20_000), fc.constantFrom(4096, 65_536)),
    });
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 6 }), (stretches) => {
        const bytes = writeStretches(file, stretches);
        for (let at = 0; at < bytes.length;) {
          const data = file.nextData(at) ?? bytes.length;
          assert.ok(data >= at && data <= bytes.length);
          assert.ok(bytes.subarray(at, data).every((byte) => byte === 0));
          at = data;
          if (at === bytes.length) break;
          const hole = file.nextHole(at);
          assert.ok(hole > at && hole <= bytes.length);
          at = hole;
        }
      }),
      { numRuns: 40 },
    );
  });

  test("allocate() changes neither size nor content", (posix, dir) => {
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    file.writeAt(Uint8Array.of(1, 2, 3), 0);
    file.allocate(0, 100_000);
    file.allocate(50, 0);
    assert.equal(file.size(), 3);
    assert.deepEqual(Deno.readFileSync(dir.join("file")), Uint8Array.of(1, 2, 3));
  });

  test("punchHole() makes a range read as zeros, or says that it cannot", (posix, dir) => {
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    const data = noise(200_000);
    file.writeAt(data, 0);
    if (file.punchHole(10_000, 150_000)) data.fill(0, 10_000, 160_000);
    if (file.punchHole(190_000, 50_000)) data.fill(0, 190_000);
    file.punchHole(5, 0);
    assert.equal(file.size(), data.length);
    assert.ok(Deno.readFileSync(dir.join("file")).every((byte, i) => byte === data[i]));
  });

  test("cloneFrom() copies a range, or says that it cannot and changes nothing", (posix, dir) => {
    using source = posix.open(dir.join("source"), { access: "read-write", create: "exclusive" });
    using target = posix.open(dir.join("target"), { access: "read-write", create: "exclusive" });
    const data = noise(131_072);
    source.writeAt(data, 0);
    const expected = noise(131_072, 2);
    target.writeAt(expected, 0);
    if (target.cloneFrom(source, { sourceOffset: 65_536, size: 65_536, offset: 0 })) {
      expected.set(data.subarray(65_536));
    }
    assert.ok(Deno.readFileSync(dir.join("target")).every((byte, i) => byte === expected[i]));
    assert.equal(target.cloneFrom(source, { sourceOffset: 1, size: 10, offset: 3 }), false);
  });

  test("sync() returns once the data are safe", (posix, dir) => {
    using file = posix.open(dir.join("file"), { access: "read-write", create: "exclusive" });
    file.writeAt(Uint8Array.of(1), 0);
    file.sync();
    using reader = posix.open(dir.join("file"));
    reader.sync();
  });

  test("tryLock() gives the lock to one handle at a time, until that is closed", (posix, dir) => {
    const path = dir.join("file");
    const first = posix.open(path, { access: "read-write", create: "exclusive" });
    using second = posix.open(path, { access: "read-write" });
    const locked = first.tryLock();
    assert.equal(first.tryLock(), locked, "it has it already");
    assert.equal(second.tryLock(), locked === undefined ? undefined : false);
    second.writeAt(Uint8Array.of(1), 0);
    assert.equal(first.readAt(new Uint8Array(1), 0), 1);
    posix.rename(path, dir.join("other"));
    assert.equal(second.tryLock(), locked === undefined ? undefined : false, "also under another name");
    first[Symbol.dispose]();
    assert.equal(second.tryLock(), locked);
    if (Deno.build.os !== "windows") assert.equal(locked, true);
  });

  test("a file can be disposed of twice", (posix, dir) => {
    const file = posix.open(dir.join("file"), { access: "write", create: "exclusive" });
    file[Symbol.dispose]();
    file[Symbol.dispose]();
    assert.throws(() => file.writeAt(Uint8Array.of(1), 0), Error);
  });
}

/** Makes a file of data and holes. @returns What it holds. */
function writeStretches(
  file: PosixFile,
  stretches: readonly { readonly isData: boolean; readonly size: number }[],
): Uint8Array {
  file.truncate(0);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { isData, size } of stretches) {
    parts.push(isData ? noise(size) : new Uint8Array(size));
    if (isData) file.writeAt(noise(size), at);
    at += size;
  }
  file.truncate(at);
  return concat(...parts);
}
