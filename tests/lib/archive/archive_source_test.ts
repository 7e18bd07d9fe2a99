import assert from "node:assert/strict";
import { TreeSource } from "../../../lib/archive/archive_source.ts";
import { readTree } from "../../../lib/archive/disk_source.ts";
import { CASYNC_FLAGS } from "../../../lib/format/feature_flags.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { writeEvents } from "../../support/archives.ts";
import { concat } from "../../support/blobs.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
// Opens the libraries that trees need; see there.
import "../../support/trees.ts";

const posix = await openTreePosix();
const flags = CASYNC_FLAGS;

async function makeTree(dir: TempDir): Promise<string> {
  const path = dir.join("tree");
  await Deno.mkdir(`${path}/a/b`, { recursive: true });
  for (let size = 0; size < 40; size++) await Deno.writeTextFile(`${path}/a/${size}`, "x".repeat(size));
  await Deno.writeFile(`${path}/noise`, crypto.getRandomValues(new Uint8Array(60_000)));
  await Deno.writeTextFile(`${path}/z`, "");
  return path;
}

for (const size of [1, 7, 64, 1000, 1 << 20]) {
  Deno.test(`TreeSource fills targets of ${size} bytes with the archive of a tree`, async () => {
    await using dir = await tempDir();
    const path = await makeTree(dir);
    const expected = writeEvents(readTree(posix, path, { flags }), { flags });
    using source = new TreeSource(posix, path, { flags });
    const parts: Uint8Array[] = [];
    // Shared memory, as the ring of chunks is.
    const target = new Uint8Array(new SharedArrayBuffer(size));
    for (;;) {
      const count = source.read(target);
      parts.push(target.slice(0, count));
      if (count < size) break;
    }
    assert.equal(source.read(target), 0);
    const found = concat(...parts);
    assert.equal(found.length, expected.length);
    assert.equal(found.findIndex((byte, i) => byte !== expected[i]), -1);
  });
}

Deno.test("TreeSource fails when a file shrinks or grows while it is read", async () => {
  for (const change of ["", "x".repeat(70_000)]) {
    await using dir = await tempDir();
    const path = await makeTree(dir);
    using source = new TreeSource(posix, path, { flags });
    const target = new Uint8Array(1000);
    // Far enough to have begun the large file, and not to have ended it.
    for (let at = 0; at < 40_000; at += target.length) source.read(target);
    await Deno.writeTextFile(`${path}/noise`, change);
    assert.throws(() => {
      while (source.read(target) === target.length);
    }, /its size changed/);
  }
});

Deno.test("TreeSource closes what is open when it is disposed of early", async () => {
  await using dir = await tempDir();
  const path = await makeTree(dir);
  const source = new TreeSource(posix, path, { flags });
  source.read(new Uint8Array(20_000));
  source[Symbol.dispose]();
  assert.equal(source.read(new Uint8Array(10)), 0);
});

Deno.test("TreeSource has no holes", async () => {
  await using dir = await tempDir();
  using source = new TreeSource(posix, dir.path, { flags });
  assert.equal(source.holeAhead(), 0);
  assert.throws(() => source.skip(), TypeError);
});
