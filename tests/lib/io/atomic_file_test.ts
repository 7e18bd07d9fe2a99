import assert from "node:assert/strict";
import { AtomicFile, publishFile, randomSuffix } from "../../../lib/io/atomic_file.ts";
import { hasErrorCode, openPosix, type Path, type Posix } from "../../../lib/platform/posix.ts";
import { openPosixFfi } from "../../../lib/platform/posix_ffi.ts";
import { SpyPosix } from "../../faults/spy_posix.ts";
import { noise } from "../../support/blobs.ts";
import { canMount, mountTemporary } from "../../support/mount.ts";
import { tempDir } from "../../support/temp_dir.ts";

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const implementations: readonly Posix[] = [
  ...openPosixFfi() === undefined ? [] : [await openPosix({ implementation: "ffi" })],
  await openPosix({ implementation: "deno" }),
];
const hello = new TextEncoder().encode("hello world\n");
const tiny = { kind: "tmpfs", sizeKib: 64 } as const;
const canMountTiny = await canMount(tiny);

/** Names in a directory, sorted. */
function namesIn(path: string): string[] {
  return Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
}

/** Matches a system error. */
function code(expected: string): (error: unknown) => boolean {
  return (error) => hasErrorCode(error, expected);
}

for (const posix of implementations) {
  const test = (sentence: string, fn: () => Promise<void>, ignore = false) =>
    Deno.test({ name: `${sentence} (${posix.implementation})`, ignore, fn });

  test("publishFile() writes a file under its name, and leaves nothing beside it", async () => {
    await using dir = await tempDir();
    publishFile(posix, { path: dir.join("file"), temporary: dir.join(".tmp"), data: hello, mode: 0o640 });
    assert.deepEqual(await Deno.readFile(dir.join("file")), hello);
    assert.equal((await Deno.stat(dir.join("file"))).mode! & 0o777, 0o640 & ~Deno.umask());
    assert.deepEqual(namesIn(dir.path), ["file"]);
  });

  test("publishFile() replaces a file, also one that is read-only, and a symbolic link", async () => {
    await using dir = await tempDir();
    await Deno.writeTextFile(dir.join("target"), "kept");
    await Deno.writeTextFile(dir.join("file"), "old");
    await Deno.chmod(dir.join("file"), 0o444);
    await Deno.symlink("target", dir.join("link"));
    for (const name of ["file", "link"]) {
      publishFile(posix, { path: dir.join(name), temporary: dir.join(".tmp"), data: hello, mode: 0o644 });
      assert.deepEqual(await Deno.readFile(dir.join(name)), hello);
    }
    assert.equal(await Deno.readTextFile(dir.join("target")), "kept");
    assert.deepEqual(namesIn(dir.path), ["file", "link", "target"]);
  });

  test("publishFile() removes its temporary file if the device is full", async () => {
    await using mount = await mountTemporary(tiny);
    const path = `${mount.path}/file`;
    publishFile(posix, { path, temporary: `${mount.path}/.tmp`, data: hello, mode: 0o644 });
    const large = { path, temporary: `${mount.path}/.tmp`, data: noise(100_000), mode: 0o644 };
    assert.throws(() => publishFile(posix, large), code("ENOSPC"));
    assert.deepEqual(namesIn(mount.path), ["file"]);
    assert.deepEqual(await Deno.readFile(path), hello);
    // What it took is free again.
    publishFile(posix, { ...large, data: noise(40_000) });
    assert.deepEqual(namesIn(mount.path), ["file"]);
  }, !canMountTiny);

  test("AtomicFile vanishes if the device is full", async () => {
    await using mount = await mountTemporary(tiny);
    const write = () => {
      using output = new AtomicFile(posix, `${mount.path}/file`);
      output.file.writeAt(noise(100_000), 0);
      output.commit();
    };
    assert.throws(write, code("ENOSPC"));
    assert.deepEqual(namesIn(mount.path), []);
  }, !canMountTiny);

  test("AtomicFile appears under its name at commit() and not before", async () => {
    await using dir = await tempDir();
    const path = dir.join("out.img");
    await Deno.writeTextFile(path, "old");
    {
      using output = new AtomicFile(posix, path);
      output.file.writeAt(hello, 0);
      assert.match(output.temporary.slice(dir.path.length), /^\/\.out\.img\.[1-9]\d{10}$/);
      assert.deepEqual(await Deno.readFile(output.temporary), hello);
      assert.equal(await Deno.readTextFile(path), "old");
      output.commit();
      assert.deepEqual(await Deno.readFile(path), hello);
      assert.deepEqual(namesIn(dir.path), ["out.img"]);
    }
    assert.deepEqual(namesIn(dir.path), ["out.img"]);
    assert.deepEqual(await Deno.readFile(path), hello);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o644 & ~Deno.umask());
  });

  test("AtomicFile leaves nothing behind if it is not committed", async () => {
    await using dir = await tempDir();
    const path = dir.join("out.img");
    const write = () => {
      using output = new AtomicFile(posix, path);
      output.file.writeAt(hello, 0);
      throw new Error("interrupted");
    };
    assert.throws(write, { message: "interrupted" });
    assert.deepEqual(namesIn(dir.path), []);
    await Deno.writeTextFile(path, "old");
    assert.throws(write, { message: "interrupted" });
    assert.deepEqual(namesIn(dir.path), ["out.img"]);
    assert.equal(await Deno.readTextFile(path), "old");
  });

  test("AtomicFile vanishes if it cannot get its name", async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("out.img"));
    const write = () => {
      using output = new AtomicFile(posix, dir.join("out.img"));
      output.file.writeAt(hello, 0);
      output.commit();
    };
    assert.throws(write, code("EISDIR"));
    assert.deepEqual(namesIn(dir.path), ["out.img"]);
  });

  test("AtomicFile removes what a process that was killed left behind, and nothing else", async () => {
    await using dir = await tempDir();
    const others = [
      ".out.img.1234567890", // desync's
      ".out.img.123456789012",
      ".out.img.01234567890",
      ".out.img.20240131", // a date
      ".out.img.backup",
      ".other.img.12345678901",
      "out.img.12345678901",
      ".out.img.12345678901.part",
    ];
    for (const name of others) await Deno.writeTextFile(dir.join(name), "kept");
    await Deno.mkdir(dir.join(".out.img.12345678903"));
    await Deno.symlink(".out.img.backup", dir.join(".out.img.12345678904"));
    others.push(".out.img.12345678903", ".out.img.12345678904");
    for (const number of ["12345678901", "99999999999"]) {
      await Deno.writeTextFile(dir.join(`.out.img.${number}`), "left behind");
    }
    {
      using _output = new AtomicFile(posix, dir.join("out.img"));
      assert.equal(namesIn(dir.path).length, others.length + 1);
    }
    assert.deepEqual(namesIn(dir.path), others.sort());
  });

  test("AtomicFile leaves alone what others are writing under the same name", async () => {
    await using dir = await tempDir();
    const path = dir.join("out.img");
    {
      using first = new AtomicFile(posix, path);
      first.file.writeAt(hello, 0);
      {
        using second = new AtomicFile(posix, path);
        assert.notEqual(second.temporary, first.temporary);
        assert.deepEqual(namesIn(dir.path).length, 2);
        second.file.writeAt(new TextEncoder().encode("second"), 0);
        second.commit();
      }
      assert.equal(await Deno.readTextFile(path), "second");
      first.commit();
    }
    assert.deepEqual(await Deno.readFile(path), hello);
    assert.deepEqual(namesIn(dir.path), ["out.img"]);
  });

  test("AtomicFile throws the system's error if it cannot be created", async () => {
    await using dir = await tempDir();
    assert.throws(() => new AtomicFile(posix, dir.join("absent", "out.img")), code("ENOENT"));
  });
}

const [posix] = implementations as [Posix, ...Posix[]];

Deno.test("publishFile() closes the file before it renames it, and syncs it first if it is told to", async () => {
  await using dir = await tempDir();
  for (const sync of [undefined, false, true]) {
    const spy = new SpyPosix(posix);
    const file = { path: dir.join("file"), temporary: dir.join(".tmp"), data: hello, mode: 0o644 };
    publishFile(spy, sync === undefined ? file : { ...file, sync });
    const middle = sync ? ["sync .tmp"] : [];
    assert.deepEqual(spy.calls, ["open .tmp", "write .tmp", ...middle, "close .tmp", "rename .tmp"]);
  }
});

for (const call of ["write", "sync", "close", "rename"] as const) {
  Deno.test(`publishFile() removes its temporary file if ${call} fails, and throws that error`, async () => {
    await using dir = await tempDir();
    await Deno.writeTextFile(dir.join("file"), "old");
    for (const remove of [{}, { remove: "EROFS" }]) {
      const spy = new SpyPosix(posix, { [call]: "EIO", ...remove });
      const temporary = dir.join(`.tmp-${Object.keys(remove).length}`);
      const publication = { path: dir.join("file"), temporary, data: hello, mode: 0o644, sync: true };
      assert.throws(() => publishFile(spy, publication), code("EIO"));
      assert.equal(await Deno.readTextFile(dir.join("file")), "old");
      assert.match(spy.calls.at(-1)!, /^remove \.tmp-/);
    }
    assert.deepEqual(namesIn(dir.path), [".tmp-1", "file"], "that which could not be removed");
  });
}

Deno.test("publishFile() does not touch a file that has its temporary name", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join(".tmp"), "another's");
  const publication = { path: dir.join("file"), temporary: dir.join(".tmp"), data: hello, mode: 0o644 };
  assert.throws(() => publishFile(posix, publication), code("EEXIST"));
  assert.deepEqual(namesIn(dir.path), [".tmp"]);
  assert.equal(await Deno.readTextFile(dir.join(".tmp")), "another's");
});

Deno.test("AtomicFile is synced before it gets its name, and vanishes if that fails", async () => {
  await using dir = await tempDir();
  const spy = new SpyPosix(posix);
  {
    using output = new AtomicFile(spy, dir.join("file"));
    output.commit();
  }
  assert.deepEqual(spy.calls.map((call) => call.split(" ")[0]), ["open", "sync", "rename", "close"]);

  const failing = new SpyPosix(posix, { sync: "EIO" });
  const write = () => {
    using output = new AtomicFile(failing, dir.join("other"));
    output.commit();
  };
  assert.throws(write, code("EIO"));
  assert.deepEqual(failing.calls.map((call) => call.split(" ")[0]), ["open", "sync", "close", "remove"]);
  assert.deepEqual(namesIn(dir.path), ["file"]);
});

Deno.test("AtomicFile throws what went wrong, not that it could not be removed", async () => {
  await using dir = await tempDir();
  const write = () => {
    using output = new AtomicFile(new SpyPosix(posix, { rename: "EIO", remove: "EROFS" }), dir.join("file"));
    output.commit();
  };
  assert.throws(write, code("EIO"));
});

Deno.test("AtomicFile takes names without a directory", async () => {
  await using dir = await tempDir();
  const at = (path: Path) => dir.join(String(path));
  // The working directory belongs to all tests.
  const elsewhere: Posix = {
    implementation: posix.implementation,
    open: (path, options) => posix.open(at(path), options),
    exists: (path) => posix.exists(at(path)),
    rename: (from, to) => posix.rename(at(from), at(to)),
    remove: (path) => posix.remove(at(path)),
    makeDirectory: (path, mode) => posix.makeDirectory(at(path), mode),
  };
  using output = new AtomicFile(elsewhere, "file");
  assert.match(output.temporary, /^\.file\.\d{11}$/);
  output.commit();
  assert.deepEqual(namesIn(dir.path), ["file"]);
});

Deno.test("randomSuffix() is a number that differs from call to call", () => {
  const suffixes = Array.from({ length: 20 }, () => randomSuffix());
  assert.ok(suffixes.every((suffix) => /^\d{1,10}$/.test(suffix)));
  assert.ok(new Set(suffixes).size > 15);
});
