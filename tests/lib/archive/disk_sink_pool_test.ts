import assert from "node:assert/strict";
import type { ArchiveEvent, ArchiveNode } from "../../../lib/archive/entry.ts";
import { readTree } from "../../../lib/archive/disk_source.ts";
import { openEngine } from "../../../lib/concurrency/worker_pool.ts";
import { StoreError } from "../../../lib/errors.ts";
import { CASYNC_FLAGS, DESYNC_FLAGS, FLAG } from "../../../lib/format/feature_flags.ts";
import { unpackArchive, type UnpackOptions } from "../../../lib/ops/unpack_archive.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { writeEvents } from "../../support/archives.ts";
import { noise } from "../../support/blobs.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { bytes, hasTreeFfi, isRoot, latin1, plainNode } from "../../support/trees.ts";

const posix = await openTreePosix();
// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
await (await openEngine())[Symbol.asyncDispose]();
const DIRECTORIES = 20;
const FILES = 100;

/** Runs a test over an empty directory. */
function test(
  sentence: string,
  options: { readonly ignore?: boolean; readonly fn: (dir: TempDir) => Promise<void> },
): void {
  Deno.test({
    name: `unpackArchive() by several threads ${sentence}`,
    ignore: !hasTreeFfi || !isRoot || (options.ignore ?? false),
    fn: async () => {
      await using dir = await tempDir();
      await options.fn(dir);
    },
  });
}

/** An archive of so many files that workers make some of them. */
function archive(flags: bigint): Uint8Array {
  const directory = (mtime: bigint) => plainNode({ kind: "directory" }, { mtime, permissions: 0o2755 });
  const events: ArchiveEvent[] = [{ type: "node", name: undefined, node: directory(5_000_000_000n) }];
  for (let d = 0; d < DIRECTORIES; d++) {
    events.push({ type: "node", name: name("d", d), node: directory(BigInt(d + 1) * 1_000_000_000n) });
    for (let f = 0; f < FILES; f++) {
      const content = f % 5 === 0 ? new Uint8Array(5000 * (f % 2)) : noise(f * 13, d + 1);
      events.push({ type: "node", name: name("f", f), node: fileNode(f, content.length) });
      if (content.length > 0) events.push({ type: "data", data: content });
    }
    events.push({ type: "leave" });
  }
  events.push({ type: "leave" });
  return writeEvents(events, { flags });
}

function name(letter: string, number: number): Uint8Array {
  return bytes(`${letter}${String(number).padStart(3, "0")}`);
}

function fileNode(number: number, size: number): ArchiveNode {
  return plainNode({ kind: "file", size }, {
    permissions: [0o644, 0o4755, 0o600][number % 3]!,
    uid: number % 4,
    gid: number % 3,
    mtime: BigInt(number - 50) * 1_000_000_007n + 5n,
  });
}

function unpack(
  dir: TempDir,
  target: string,
  options: Partial<UnpackOptions> & { readonly data?: Uint8Array } = {},
): Promise<void> {
  const { data = archive(FLAGS), ...rest } = options;
  return unpackArchive(posix, dir.join(target), {
    location: "x.catar",
    source: blocks(data),
    threads: 2,
    minFiles: 1,
    ...rest,
  });
}

async function* blocks(data: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += 10_000) yield await Promise.resolve(data.slice(at, at + 10_000));
}

const FLAGS = DESYNC_FLAGS & ~FLAG.xattrs;
const CASYNC = CASYNC_FLAGS &
  ~(FLAG.userNames | FLAG.uids16 | FLAG.subvolume | FLAG.subvolumeReadOnly | FLAG.quotaProjid);

/** What is in a tree, a line for each event: so many are compared faster than objects. */
function read(dir: TempDir, path: string): readonly string[] {
  const text = (_key: string, value: unknown) =>
    typeof value === "bigint" ? String(value) : value instanceof Uint8Array ? latin1(value) : value;
  return Array.from(
    readTree(posix, dir.join(path), { flags: FLAGS }),
    (event) => JSON.stringify(event, text),
  );
}

for (const flags of [FLAGS, CASYNC]) {
  test(`makes what one thread makes, with feature flags 0x${flags.toString(16)}`, {
    async fn(dir) {
      const data = archive(flags);
      await unpack(dir, "alone", { data, threads: 1 });
      await unpack(dir, "to", { data });
      assert(read(dir, "alone").length > DIRECTORIES * FILES);
      assert.deepEqual(read(dir, "to"), read(dir, "alone"));
      // Once more over what is there.
      await unpack(dir, "to", { data, delete: true, onConflict: "replace" });
      assert.deepEqual(read(dir, "to"), read(dir, "alone"));
    },
  });
}

test("fails as one thread does if there is a directory in place of a file, or replaces it", {
  async fn(dir) {
    await Deno.mkdir(dir.join("to", "d019", "f098", "sub"), { recursive: true });
    await Deno.writeTextFile(dir.join("to", "d019", "kept"), "");
    const errors: unknown[] = [];
    for (const threads of [1, 2]) {
      await assert.rejects(unpack(dir, "to", { threads }), (error) => errors.push(error) > 0);
    }
    const [alone, error] = errors as [StoreError, StoreError];
    assert(error instanceof StoreError);
    assert.match(error.message, /d019\/f098': it exists and is a directory$/);
    assert.equal(error.message, alone.message);
    await unpack(dir, "to", { delete: true, onConflict: "replace" });
    await unpack(dir, "alone", { threads: 1 });
    assert.deepEqual(read(dir, "to"), read(dir, "alone"));
  },
});

test("restores the time of a directory after its last file, and what it inherits", {
  async fn(dir) {
    // New files of the directories are in another group than their maker's.
    await Deno.mkdir(dir.join("to"));
    await Deno.chown(dir.join("to"), 0, 7);
    await Deno.chmod(dir.join("to"), 0o2755);
    await unpack(dir, "to");
    await unpack(dir, "alone", { threads: 1 });
    assert.deepEqual(read(dir, "to"), read(dir, "alone"));
  },
});

test("ends when the archive is truncated or the signal is aborted, and leaves no temporary files", {
  async fn(dir) {
    const data = archive(FLAGS);
    const half = data.subarray(0, data.length / 2);
    await assert.rejects(unpack(dir, "to", { data: half }), { name: "FormatError", message: /truncated/ });
    const controller = new AbortController();
    const onProgress = (size: number) => size > data.length / 2 && controller.abort(new Error("stopped"));
    const { signal } = controller;
    await assert.rejects(unpack(dir, "aborted", { data, signal, onProgress }), /^Error: stopped$/);
    for (const path of ["to", "aborted"]) {
      const lines = read(dir, path);
      // Of a truncated archive, all files that came before its end are there.
      assert(lines.length > (path === "to" ? DIRECTORIES * FILES / 3 : 100), `${lines.length} lines`);
      assert.deepEqual(lines.filter((line) => line.includes('"name":".#')), []);
    }
  },
});
