/** Temporary files that several processes create and remove at the same time. */

import assert from "node:assert/strict";
import { AtomicFile } from "../../lib/io/atomic_file.ts";
import { openPosix, type Path, type Posix, type PosixFile } from "../../lib/platform/posix.ts";
import { programArguments } from "../support/cli.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { STALE_PROGRAM_SIZE } from "./crash_stale_program.ts";

const ignore = Deno.build.os !== "linux";

// The library stays open, which would count as a leak of the first test that needs it.
Deno.test.beforeAll(async () => {
  if (!ignore) await openPosix({ implementation: "ffi" });
});

function namesIn(dir: TempDir): string[] {
  return Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
}

for (const [implementation, other] of [["ffi", "deno"], ["deno", "ffi"]] as const) {
  Deno.test({
    name: `AtomicFile leaves files alone that are under construction (${implementation} by ${other})`,
    ignore,
    async fn() {
      await using dir = await tempDir();
      const path = dir.join("result");
      using first = new AtomicFile(await openPosix({ implementation }), path);
      using second = new AtomicFile(await openPosix({ implementation: other }), path);
      assert.equal(namesIn(dir).length, 2);
      first.file.writeAt(new TextEncoder().encode("first"), 0);
      first.commit();
      assert.equal(await Deno.readTextFile(path), "first");
      second.file.writeAt(new TextEncoder().encode("second"), 0);
      second.commit();
      assert.equal(await Deno.readTextFile(path), "second");
      assert.deepEqual(namesIn(dir), ["result"]);
    },
  });
}

Deno.test({
  name: "AtomicFile works with names in the working directory",
  ignore,
  async fn() {
    await using dir = await tempDir();
    await Deno.writeTextFile(dir.join(".result.12345678901"), "stale");
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: programArguments(["result", "1", "7"], new URL("./crash_stale_program.ts", import.meta.url)),
      cwd: dir.path,
    }).output();
    assert(success);
    assert.deepEqual(namesIn(dir), ["result"]);
  },
});

/** Calls `onCreate` with the path of every file that was created, before its creator can do anything with it. */
function whenCreated(inner: Posix, onCreate: (path: string) => void): Posix {
  return {
    implementation: inner.implementation,
    open(path: Path, options): PosixFile {
      const file = inner.open(path, options);
      if (options?.create === "exclusive") onCreate(path as string);
      return file;
    },
    exists: (path) => inner.exists(path),
    rename: (from, to) => inner.rename(from, to),
    remove: (path) => inner.remove(path),
    makeDirectory: (path, mode) => inner.makeDirectory(path, mode),
  };
}

for (const state of ["has taken it for stale", "is about to remove it"] as const) {
  Deno.test({
    name: `AtomicFile takes another name if, before it is locked, another process ${state}`,
    ignore,
    async fn() {
      await using dir = await tempDir();
      const inner = await openPosix();
      using stack = new DisposableStack();
      const taken: string[] = [];
      const posix = whenCreated(inner, (path) => {
        if (taken.length === 2) return;
        taken.push(path);
        const rival = stack.use(inner.open(path, { access: "read-write" }));
        assert.equal(rival.tryLock(), true);
        if (state === "is about to remove it") return;
        inner.remove(path);
        rival[Symbol.dispose]();
      });
      using file = new AtomicFile(posix, dir.join("result"));
      assert.equal(taken.length, 2);
      assert(!taken.includes(file.temporary));
      assert.deepEqual(namesIn(dir).map((name) => dir.join(name)), [file.temporary]);
      file.commit();
      assert.deepEqual(namesIn(dir), ["result"]);
    },
  });
}

Deno.test({
  name: "AtomicFile works where files cannot be locked, and then removes nothing",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const inner = await openPosix();
    const posix: Posix = {
      ...whenCreated(inner, () => {}),
      open(path, options) {
        const file = inner.open(path, options);
        return Object.assign(Object.create(file), {
          tryLock: () => undefined,
          truncate: (size: number) => file.truncate(size),
          sync: () => file.sync(),
          [Symbol.dispose]: () => file[Symbol.dispose](),
        });
      },
    };
    await Deno.writeTextFile(dir.join(".result.12345678901"), "stale or not");
    {
      using file = new AtomicFile(posix, dir.join("result"));
      file.file.truncate(5);
      file.commit();
    }
    assert.deepEqual(namesIn(dir), [".result.12345678901", "result"]);
  },
});

Deno.test({
  name: "Processes that replace the same file at the same time do not disturb each other",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const program = new URL("./crash_stale_program.ts", import.meta.url);
    const outputs = await Promise.all([1, 2, 3, 4].map((byte) =>
      new Deno.Command(Deno.execPath(), {
        args: programArguments([dir.join("result"), "50", String(byte)], program),
      }).output()
    ));
    for (const { success, stderr } of outputs) assert(success, new TextDecoder().decode(stderr));
    const bytes = await Deno.readFile(dir.join("result"));
    assert.deepEqual(bytes, new Uint8Array(STALE_PROGRAM_SIZE).fill(bytes[0]!));
    assert.deepEqual(namesIn(dir), ["result"]);
  },
});
