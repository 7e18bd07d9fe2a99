import assert from "node:assert/strict";
import { scanArchive } from "../../../lib/archive/archive_scan.ts";
import { readTree } from "../../../lib/archive/disk_source.ts";
import { formatMtree } from "../../../lib/archive/mtree.ts";
import { writeArchive } from "../../../lib/archive/writer.ts";
import { FormatError, StoreError } from "../../../lib/errors.ts";
import { CASYNC_FLAGS } from "../../../lib/format/feature_flags.ts";
import { type ContentSource, listContents } from "../../../lib/ops/list_contents.ts";
import { openTreePosix, type TreePosix } from "../../../lib/platform/tree.ts";
import { concat, noise } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { hasTreeFfi } from "../../support/trees.ts";

const THREADS = [1, 2, 3];
const OPTIONS = { style: "desync", flags: CASYNC_FLAGS } as const;

/** More files than may be open at once, some of them larger than a buffer. */
async function makeFiles(dir: TempDir): Promise<string> {
  const root = dir.join("tree");
  await Deno.mkdir(`${root}/sub`, { recursive: true });
  for (let i = 0; i < 600; i++) {
    const size = i % 100 === 7 ? 700_000 : i % 3 * 100;
    await Deno.writeFile(`${root}/${i % 2 === 0 ? "" : "sub/"}${i}`, noise(size, i + 1));
  }
  return root;
}

function treeSource(posix: TreePosix, root: string): ContentSource {
  return {
    path: undefined,
    events: (take) =>
      readTree(posix, root, {
        flags: CASYNC_FLAGS,
        takeFile: (file, size) => take({ file, offset: 0, size }),
      }),
  };
}

async function join(lines: AsyncIterable<string>): Promise<string> {
  return (await Array.fromAsync(lines)).join("");
}

Deno.test({
  name: "listContents() lists a directory and its archive as formatMtree() does",
  ignore: !hasTreeFfi,
  async fn() {
    await using dir = await tempDir();
    const root = await makeFiles(dir);
    const posix = await openTreePosix();
    const path = dir.join("tree.catar");
    const archive = await Array.fromAsync(
      writeArchive(readTree(posix, root, { flags: CASYNC_FLAGS })),
      (bytes) => bytes.slice(),
    );
    await Deno.writeFile(path, concat(...archive));
    for (const threads of THREADS) {
      await using engine = await openTestEngine({ threads });
      const create = () => engine.tools.digest.stream();
      const events = readTree(posix, root, { flags: CASYNC_FLAGS });
      const expected = await join(
        formatMtree(events, { ...OPTIONS, digest: { name: engine.digest, create } }),
      );
      assert.equal(await join(listContents(engine, treeSource(posix, root), OPTIONS)), expected);
      using file = engine.tools.posix.open(path);
      const source: ContentSource = {
        path,
        events: (take) => scanArchive(file, { onContent: (range) => take({ file: undefined, ...range }) }),
      };
      assert.equal(await join(listContents(engine, source, OPTIONS)), expected);
    }
  },
});

Deno.test({
  name: "listContents() notices a file that grows or shrinks, and closes all files if it ends early",
  ignore: !hasTreeFfi,
  async fn() {
    await using dir = await tempDir();
    const root = await makeFiles(dir);
    const posix = await openTreePosix();
    for (const size of [50, 150, 699_999, 700_001]) {
      const name = size < 1000 ? "1" : "7";
      const inner = treeSource(posix, root);
      const source: ContentSource = {
        path: undefined,
        events: (take) =>
          inner.events((content) => {
            if (content.file?.path === `${root}/sub/${name}`) Deno.truncateSync(content.file.path, size);
            take(content);
          }),
      };
      await using engine = await openTestEngine();
      await Deno.writeFile(`${root}/sub/1`, noise(100, 2));
      await Deno.writeFile(`${root}/sub/7`, noise(700_000, 8));
      await assert.rejects(
        join(listContents(engine, source, OPTIONS)),
        (error) => error instanceof StoreError && /its size changed while it was read/.test(error.message),
      );
      for await (const _ of listContents(engine, inner, OPTIONS)) break;
    }
  },
});

Deno.test("scanArchive() tells of a truncated archive as a reader does", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine({ threads: 1 });
  const root = dir.join("tree");
  await Deno.mkdir(root);
  await Deno.writeFile(`${root}/file`, noise(100_000, 1));
  const posix = await openTreePosix();
  const parts = await Array.fromAsync(
    writeArchive(readTree(posix, root, { flags: CASYNC_FLAGS })),
    (bytes) => bytes.slice(),
  );
  const archive = concat(...parts);
  const path = dir.join("cut");
  for (const size of [0, 10, 100, 50_000, archive.length - 1]) {
    await Deno.writeFile(path, archive.subarray(0, size));
    using file = engine.tools.posix.open(path);
    assert.throws(() => [...scanArchive(file, { onContent: () => {} })], FormatError, `${size} bytes`);
  }
  await Deno.writeFile(path, concat(archive, new Uint8Array(1)));
  using file = engine.tools.posix.open(path);
  assert.throws(() => [...scanArchive(file, { onContent: () => {} })], /other data follow its end/);
});
