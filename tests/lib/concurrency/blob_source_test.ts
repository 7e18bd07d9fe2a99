import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { type BlobSource, FileSource, StreamSource } from "../../../lib/concurrency/blob_source.ts";
import { openPosix, type Posix } from "../../../lib/platform/posix.ts";
import { openPosixFfi } from "../../../lib/platform/posix_ffi.ts";
import { buildPieces, concat, equal, noise, pieces, streamOf, writeSparse } from "../../support/blobs.ts";
import { tempDir } from "../../support/temp_dir.ts";

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const implementations: readonly Posix[] = [
  ...openPosixFfi() === undefined ? [] : [await openPosix({ implementation: "ffi" })],
  await openPosix({ implementation: "deno" }),
];

/** One move of a reader: what part of the hole ahead it skips, then how much it reads. */
interface Move {
  readonly skip: number;
  readonly read: number;
}

const moves = fc.array(
  fc.record({
    skip: fc.oneof(fc.constant(1), fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
    read: fc.oneof(fc.nat(100), fc.nat(50_000)),
  }),
  { minLength: 1, maxLength: 10 },
);

/** All that a source gives, if a reader repeats these moves to the end. */
async function readAll(source: BlobSource, moves: readonly Move[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let i = 0;; i++) {
    const { skip, read } = moves[i % moves.length]!;
    const hole = source.holeAhead();
    assert.ok(hole >= 0);
    const skipped = Math.floor(hole * skip);
    if (skipped > 0) source.skip(skipped);
    // The first of the moves always gets on.
    const target = new Uint8Array(read + (i % moves.length === 0 ? 5000 : 0)).fill(0xee);
    const count = await source.read(target);
    assert.ok(target.subarray(count).every((byte) => byte === 0xee));
    parts.push(new Uint8Array(skipped), target.subarray(0, count));
    if (count < target.length) return concat(...parts);
  }
}

for (const posix of implementations) {
  const name = `FileSource (${posix.implementation})`;

  Deno.test(`${name} gives what is in the file, however its holes are skipped`, async () => {
    await using dir = await tempDir();
    const path = dir.join("file");
    const property = fc.asyncProperty(
      pieces({ maxSize: 60_000 }),
      moves,
      fc.nat(30_000),
      async (pieces, moves, start) => {
        const parts = buildPieces(pieces);
        await writeSparse(path, parts);
        using file = posix.open(path);
        const source = new FileSource(file, start);
        const expected = concat(...parts).subarray(start);
        assert.equal(source.size, expected.length);
        assert.ok(equal(await readAll(source, moves), expected));
        assert.equal(source.holeAhead(), 0);
        assert.equal(source.read(new Uint8Array(10)), 0);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  Deno.test(`${name} starts where it is told to`, async () => {
    await using dir = await tempDir();
    await Deno.writeFile(dir.join("file"), noise(1000));
    using file = posix.open(dir.join("file"));
    assert.equal(new FileSource(file).size, 1000);
    const source = new FileSource(file, 990);
    assert.equal(source.size, 10);
    const target = new Uint8Array(20);
    assert.equal(source.read(target), 10);
    assert.deepEqual(target.subarray(0, 10), noise(1000).subarray(990));
    const past = new FileSource(file, 2000);
    assert.equal(past.size, 0);
    assert.equal(past.holeAhead(), 0);
    assert.equal(past.read(target), 0);
  });
}

Deno.test({
  name: "FileSource (ffi) finds holes, and asks for each once",
  ignore: implementations.length < 2,
  async fn() {
    await using dir = await tempDir();
    const [posix] = implementations as [Posix, ...Posix[]];
    const [hole, data] = [1 << 20, 128 << 10];
    await writeSparse(dir.join("file"), [new Uint8Array(hole), noise(data), new Uint8Array(hole)]);
    using file = posix.open(dir.join("file"));
    let asked = 0;
    const counting = {
      path: file.path,
      size: () => file.size(),
      readAt: (target: Uint8Array, offset: number) => file.readAt(target, offset),
      nextData: (offset: number) => (asked++, file.nextData(offset)),
      nextHole: (offset: number) => (asked++, file.nextHole(offset)),
    };
    const source = new FileSource(counting as unknown as typeof file);
    assert.equal(source.holeAhead(), hole);
    source.skip(hole - 5);
    assert.equal(source.holeAhead(), 5);
    const target = new Uint8Array(6);
    source.read(target);
    assert.deepEqual(target, Uint8Array.of(0, 0, 0, 0, 0, noise(1)[0]!));
    for (let at = 1; at < data; at += 1000) {
      assert.equal(source.holeAhead(), 0);
      source.read(new Uint8Array(Math.min(1000, data - at)));
    }
    assert.equal(source.holeAhead(), hole);
    assert.ok(asked <= 4, `asked ${asked} times`);
    source.skip(hole);
    assert.equal(source.read(target), 0);
  },
});

Deno.test("StreamSource gives the same bytes, however the stream is sliced and read", async () => {
  const cuts = fc.array(fc.oneof(fc.constant(0), fc.nat(3000)), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.nat(20_000), cuts, moves, async (size, cuts, moves) => {
      const source = new StreamSource(streamOf(noise(size), cuts));
      assert.equal(source.size, undefined);
      assert.ok(equal(await readAll(source, moves), noise(size)));
      assert.equal(await source.read(new Uint8Array(10)), 0, "also the second time");
    }),
  );
});

Deno.test("StreamSource reads the stream only as far as it has to", async () => {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(noise(1000, ++pulled));
    },
  }, { highWaterMark: 0 });
  const source = new StreamSource(stream);
  assert.equal(pulled, 0);
  assert.equal(await source.read(new Uint8Array(1500)), 1500);
  assert.equal(pulled, 2);
  const target = new Uint8Array(500);
  assert.equal(await source.read(target), 500);
  assert.deepEqual(target, noise(1000, 2).subarray(500));
  assert.equal(pulled, 2);
});

Deno.test("StreamSource throws what the stream fails with", async () => {
  const failure = new Error("connection reset");
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(noise(10));
    },
    pull(controller) {
      controller.error(failure);
    },
  }, { highWaterMark: 0 });
  const source = new StreamSource(stream);
  assert.equal(await source.read(new Uint8Array(5)), 5);
  await assert.rejects(source.read(new Uint8Array(10)), (error) => error === failure);
});

Deno.test("StreamSource has no holes to skip", () => {
  const source: BlobSource = new StreamSource(streamOf(new Uint8Array(100_000)));
  assert.equal(source.holeAhead(), 0);
  assert.throws(() => source.skip(1), TypeError);
});
