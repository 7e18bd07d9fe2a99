import assert from "node:assert/strict";
import { Chunk } from "../../../lib/chunk.ts";
import { encodeChunkId } from "../../../lib/chunk_id.ts";
import { LocalObjects } from "../../../lib/objects/local.ts";
import { hasErrorCode, openPosix, type Posix } from "../../../lib/platform/posix.ts";
import { openPosixFfi } from "../../../lib/platform/posix_ffi.ts";
import { ChunkFiles, TEMPORARY_PREFIX } from "../../../lib/store/chunk_files.ts";
import { SpyPosix } from "../../faults/spy_posix.ts";
import { noise } from "../../support/blobs.ts";
import { absentId, chunkOf } from "../../support/chunks.ts";
import { canMount, mountTemporary } from "../../support/mount.ts";
import { chunkObjects, CODECS } from "../../support/object_stores.ts";
import { tempDir } from "../../support/temp_dir.ts";

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const implementations: readonly Posix[] = [
  ...openPosixFfi() === undefined ? [] : [await openPosix({ implementation: "ffi" })],
  await openPosix({ implementation: "deno" }),
];
const hello = chunkOf("hello world\n");
const HELLO = { ids: encodeChunkId(hello.id), offset: 0 };
const FILE = `bf73/${hello.id}.cacnk`;
const stored = CODECS.zstd.encode(hello.plain());
const tiny = { kind: "tmpfs", sizeKib: 64 } as const;
const canMountTiny = await canMount(tiny);

/** Memory of the size that is asked for. */
function fresh(size: number): Uint8Array {
  return new Uint8Array(size);
}

/** Matches a system error. */
function code(expected: string): (error: unknown) => boolean {
  return (error) => hasErrorCode(error, expected);
}

/** All files below a directory, sorted. */
async function filesIn(path: string): Promise<string[]> {
  await using objects = new LocalObjects(implementations[0]!, path, { temporaryPrefix: ".tmp" });
  return (await Array.fromAsync(objects.list(""))).sort();
}

for (const posix of implementations) {
  const test = (sentence: string, fn: () => Promise<void>, ignore = false) =>
    Deno.test({ name: `ChunkFiles (${posix.implementation}) ${sentence}`, ignore, fn });
  const open = (root: string, extension = ".cacnk") => new ChunkFiles(posix, { root, extension });

  test("and ChunkObjects read what the other one wrote", async () => {
    await using dir = await tempDir();
    for (const form of ["zstd", "plain"] as const) {
      const files = open(dir.path, CODECS[form].extension);
      await using store =
        chunkObjects(new LocalObjects(posix, dir.path, { temporaryPrefix: ".tmp" }), { form }).store;
      const chunks = Array.from({ length: 20 }, (_, i) => chunkOf(`chunk number ${i}`));
      // All IDs in one table, which does not begin with them.
      const ids = new Uint8Array(7 + 32 * chunks.length);
      chunks.forEach((chunk, i) => ids.set(encodeChunkId(chunk.id), 7 + 32 * i));
      for (const [i, chunk] of chunks.entries()) {
        const offset = 7 + 32 * i;
        assert.equal(files.has(ids, offset), false);
        assert.equal(files.read({ ids, offset }, fresh), undefined);
        if (i % 2 === 0) files.write({ ids, offset }, chunk.storedAs(CODECS[form]));
        else await store.put(chunk);
        assert.equal(files.has(ids, offset), true);
        assert.deepEqual((await store.get(chunk.id))?.plain(), chunk.plain());
        const found = Chunk.fromStored(chunk.id, files.read({ ids, offset }, fresh)!, {
          codecs: CODECS[form],
          maxSize: 100,
        });
        assert.deepEqual(found.plain(), chunk.plain());
      }
      for (const [i, { id }] of chunks.entries()) {
        assert.equal(files.remove(ids, 7 + 32 * i), true);
        assert.equal(files.remove(ids, 7 + 32 * i), false);
        assert.equal(await store.has(id), false);
      }
    }
    assert.deepEqual(await filesIn(dir.path), []);
  });

  test("reads the stores of casync and desync", () => {
    const root = `${import.meta.dirname}/../../golden`;
    for (const store of ["casync/zstd.castr", "desync/zstd.castr"]) {
      const found = open(`${root}/${store}`).read(HELLO, fresh);
      assert.deepEqual(CODECS.zstd.decode(found!, 100), hello.plain());
    }
    assert.deepEqual(open(`${root}/desync/plain.castr`, "").read(HELLO, fresh), hello.plain());
    assert.equal(open(`${root}/desync/zstd.castr`, "").read(HELLO, fresh), undefined, "in the other form");
    return Promise.resolve();
  });

  test("has files of mode 0644 in directories of mode 0755, less the umask", async () => {
    await using dir = await tempDir();
    open(dir.path).write(HELLO, stored);
    const modeOf = async (path: string) => (await Deno.stat(dir.join(path))).mode! & 0o777;
    assert.equal(await modeOf(FILE), 0o644 & ~Deno.umask());
    assert.equal(await modeOf("bf73"), 0o755 & ~Deno.umask());
    assert.deepEqual(await filesIn(dir.path), [FILE]);
  });

  test("replaces a chunk, also one that casync wrote read-only", async () => {
    await using dir = await tempDir();
    const files = open(dir.path);
    files.write(HELLO, noise(50));
    await Deno.chmod(dir.join(FILE), 0o444);
    files.write(HELLO, stored);
    assert.deepEqual(files.read(HELLO, fresh), stored);
    assert.deepEqual(await filesIn(dir.path), [FILE]);
  });

  test("reads into memory that it asks for, once the size is known", async () => {
    await using dir = await tempDir();
    const files = open(dir.path);
    files.write(HELLO, stored);
    const asked: number[] = [];
    const memory = new Uint8Array(new SharedArrayBuffer(1000));
    const found = files.read(HELLO, (size) => {
      asked.push(size);
      return memory.subarray(10, 10 + size);
    });
    assert.deepEqual(asked, [stored.length]);
    assert.equal(found?.buffer, memory.buffer);
    assert.deepEqual(Uint8Array.from(found!), Uint8Array.from(stored));
    const refusal = new Error("too large");
    const refuse = () => {
      throw refusal;
    };
    assert.throws(() => files.read(HELLO, refuse), (error) => error === refusal);
    assert.equal(files.read({ ids: encodeChunkId(absentId()), offset: 0 }, refuse), undefined);
  });

  test("takes any name for its directory", async () => {
    await using dir = await tempDir();
    const root = dir.join("grüße 0000 {a}%20");
    await Deno.mkdir(root);
    const files = open(root);
    files.write(HELLO, stored);
    assert.deepEqual(files.read(HELLO, fresh), stored);
    assert.deepEqual(await filesIn(root), [FILE]);
  });

  test("does not create its directory", async () => {
    await using dir = await tempDir();
    const files = open(dir.join("absent"));
    assert.equal(files.has(HELLO.ids, 0), false);
    assert.equal(files.read(HELLO, fresh), undefined);
    assert.throws(() => files.write(HELLO, stored), code("ENOENT"));
    assert.deepEqual(await filesIn(dir.path), []);
  });

  test("takes a file in place of a directory for an error, not for absence", async () => {
    await using dir = await tempDir();
    await Deno.writeTextFile(dir.join("bf73"), "no directory");
    for (const files of [open(dir.path), open(dir.join("bf73"))]) {
      assert.throws(() => files.has(HELLO.ids, 0), code("ENOTDIR"));
      assert.throws(() => files.read(HELLO, fresh), code("ENOTDIR"));
      assert.throws(() => files.write(HELLO, stored), code("ENOTDIR"));
      assert.throws(() => files.remove(HELLO.ids, 0), code("ENOTDIR"));
    }
  });

  test("takes a directory in place of a chunk for an error", async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join(FILE), { recursive: true });
    const files = open(dir.path);
    assert.throws(() => files.read(HELLO, fresh), code("EISDIR"));
    assert.throws(() => files.write(HELLO, stored), code("EISDIR"));
    assert.throws(() => files.remove(HELLO.ids, 0), code("EISDIR"));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.join("bf73")), ({ name }) => name), [
      FILE.slice(5),
    ]);
  });

  test("does not follow a symbolic link in place of a chunk", async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("bf73"));
    await Deno.writeFile(dir.join("elsewhere"), stored);
    await Deno.symlink("../elsewhere", dir.join(FILE));
    const files = open(dir.path);
    assert.throws(() => files.read(HELLO, fresh), code("ELOOP"));
    files.write(HELLO, stored);
    assert.deepEqual(files.read(HELLO, fresh), stored);
    assert.ok((await Deno.lstat(dir.join(FILE))).isFile);
  });

  test("leaves nothing behind if the device is full", async () => {
    await using mount = await mountTemporary(tiny);
    const files = open(mount.path);
    files.write(HELLO, stored);
    assert.throws(() => files.write(HELLO, noise(100_000)), code("ENOSPC"));
    assert.deepEqual(await filesIn(mount.path), [FILE]);
    assert.deepEqual(files.read(HELLO, fresh), stored);
  }, !canMountTiny);
}

const [posix] = implementations as [Posix, ...Posix[]];

Deno.test("ChunkFiles writes beside the chunk under the name that prune knows, and syncs nothing", async () => {
  await using dir = await tempDir();
  const spy = new SpyPosix(posix);
  const files = new ChunkFiles(spy, { root: dir.path, extension: ".cacnk" });
  files.write(HELLO, stored);
  const name = spy.calls[1]!.slice("open ".length);
  assert.ok(name.startsWith(TEMPORARY_PREFIX) && /^\.tmp-cacnk\.\d{1,10}$/.test(name));
  const sequel = ["open", "write", "close", "rename"];
  assert.deepEqual(spy.calls, ["mkdir bf73", ...sequel.map((call) => `${call} ${name}`)]);
});

for (const call of ["write", "close", "rename"] as const) {
  Deno.test(`ChunkFiles leaves the old chunk alone if ${call} fails`, async () => {
    await using dir = await tempDir();
    const sound = new ChunkFiles(posix, { root: dir.path, extension: ".cacnk" });
    sound.write(HELLO, stored);
    const files = new ChunkFiles(new SpyPosix(posix, { [call]: "EIO" }), {
      root: dir.path,
      extension: ".cacnk",
    });
    assert.throws(() => files.write(HELLO, noise(10)), code("EIO"));
    assert.deepEqual(await filesIn(dir.path), [FILE]);
    assert.deepEqual(sound.read(HELLO, fresh), stored);
  });
}
