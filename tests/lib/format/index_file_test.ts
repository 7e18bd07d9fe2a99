import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { CHUNK_ID_SIZE, formatChunkId } from "../../../lib/chunk_id.ts";
import { DEFAULT_CHUNK_SIZES, MAX_CHUNK_SIZE } from "../../../lib/chunker/sizes.ts";
import { FormatError } from "../../../lib/errors.ts";
import { normalizeFlags, unassignedFlags } from "../../../lib/format/feature_flags.ts";
import {
  blobSize,
  decodeIndex,
  encodeIndex,
  type Index,
  IndexBuilder,
  indexDigest,
  rowAt,
  rowCount,
  rowSize,
  rowStart,
} from "../../../lib/format/index_file.ts";

const golden = (path: string) => Deno.readFile(new URL(`../../golden/${path}`, import.meta.url));

const HELLO = "bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134";
const HELLO_SHA256 = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447";
const NUMBERS = "fe04b55c2b5d8b2febf88eb9e3abc55dc84dba2ebe54170591ea08b7bfc23eb4";
const NULL_CHUNK = "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2";
const ZEROS_END = "d68238695825f86b5744700a4ea891ce96f7d07f84bdc1ce553c3300dd79cedf";

/** The rows of an index as text. */
function rowsOf(index: Index): string[] {
  return Array.from({ length: rowCount(index) }, (_, row) => {
    return `${rowSize(index, row)} ${formatChunkId(index.ids, row * CHUNK_ID_SIZE)}`;
  });
}

Deno.test.each([
  { path: "casync/empty.caibx", flags: 0xb000_0000_0000_0000n, rows: [] as string[] },
  { path: "casync/hello.caibx", flags: 0xb000_0000_0000_0000n, rows: [`12 ${HELLO}`] },
  { path: "casync/hello-sha256.caibx", flags: 0x9000_0000_0000_0000n, rows: [`12 ${HELLO_SHA256}`] },
  { path: "casync/hello-unix.caibx", flags: 0xb000_0000_0000_1f09n, rows: [`12 ${HELLO}`] },
  { path: "casync/numbers.caibx", flags: 0xb000_0000_0000_0000n, rows: [`18893 ${NUMBERS}`] },
  {
    path: "casync/zeros.caibx",
    flags: 0xb000_0000_0000_0000n,
    rows: [`262144 ${NULL_CHUNK}`, `262144 ${NULL_CHUNK}`, `75712 ${ZEROS_END}`],
  },
  { path: "desync/empty.caibx", flags: 0xa000_0000_0000_0000n, rows: [] },
  { path: "desync/hello.caibx", flags: 0xa000_0000_0000_0000n, rows: [`12 ${HELLO}`] },
  { path: "desync/hello-sha256.caibx", flags: 0x8000_0000_0000_0000n, rows: [`12 ${HELLO_SHA256}`] },
  { path: "desync/numbers.caibx", flags: 0xa000_0000_0000_0000n, rows: [`18893 ${NUMBERS}`] },
  {
    path: "desync/zeros.caibx",
    flags: 0xa000_0000_0000_0000n,
    rows: [`262144 ${NULL_CHUNK}`, `262144 ${NULL_CHUNK}`, `75712 ${ZEROS_END}`],
  },
])("decodeIndex() and encodeIndex() agree with $path", async ({ path, flags, rows }) => {
  const bytes = await golden(path);
  const index = decodeIndex(bytes);
  assert.equal(index.flags, flags);
  assert.deepEqual(index.sizes, DEFAULT_CHUNK_SIZES);
  assert.deepEqual(rowsOf(index), rows);
  assert.equal(indexDigest(index), path.includes("sha256") ? "sha256" : "sha512-256");
  assert.deepEqual(encodeIndex(index), bytes);
});

Deno.test.each([
  { path: "casync/tree.caidx", flags: 0xb000_0001_ffef_fe26n },
  { path: "desync/tree.caidx", flags: 0xb000_0000_1000_1f22n },
])("decodeIndex() and encodeIndex() agree with the archive index $path", async ({ path, flags }) => {
  const bytes = await golden(path);
  const index = decodeIndex(bytes);
  assert.equal(index.flags, flags);
  assert.equal(rowCount(index), 1);
  assert.deepEqual(encodeIndex(index), bytes);
});

Deno.test.each([
  { name: "noise", sizes: DEFAULT_CHUNK_SIZES, rows: 51, size: 3 << 20 },
  { name: "noise-small-chunks", sizes: { min: 1024, avg: 4096, max: 16_384 }, rows: 252, size: 1 << 20 },
])(
  "decodeIndex() reads the same rows from casync's and desync's $name",
  async ({ name, sizes, rows, size }) => {
    const casync = decodeIndex(await golden(`casync/${name}.caibx`));
    const desync = decodeIndex(await golden(`desync/${name}.caibx`));
    assert.deepEqual(casync, { ...desync, flags: 0xb000_0000_0000_0000n });
    assert.deepEqual(casync.sizes, sizes);
    assert.equal(rowCount(casync), rows);
    assert.equal(blobSize(casync), size);
  },
);

Deno.test("decodeIndex() reads what the format's description lists", async () => {
  const rows = rowsOf(decodeIndex(await golden("casync/noise.caibx")));
  assert.deepEqual([...rows.slice(0, 3), ...rows.slice(-2)], [
    "22992 58289ad7ed410c321368c40880e364fdebf3757bf609a1ffad2286c9e381c91c",
    "104077 68f4e18d5c1e2d68ebc5e3280c053fbeb25ea81b139524841a0efe6390f14912",
    "82798 7c9b09e62d114b7ab0e9dc72a09e05ac8409d7e4066b7d035f9f35997de6dcf9",
    "105847 51bef3141aa8e7ab92b639b83c8c9d40a9ba268b649a44c92663f25004d4566a",
    "3829 a94c7ce675aa6bf88b5b4b8960c3c2b37a598ad0fcbfc9a11c8e160738f352c8",
  ]);
});

Deno.test("decodeIndex() reads part of a larger buffer and keeps nothing of it", async () => {
  const bytes = await golden("casync/zeros.caibx");
  const buffer = new Uint8Array(bytes.length + 10).fill(0xaa);
  buffer.set(bytes, 3);
  const index = decodeIndex(buffer.subarray(3, 3 + bytes.length));
  buffer.fill(0);
  assert.deepEqual(encodeIndex(index), bytes);
});

/** Casts chunk sizes and flags of every kind that an index may have. */
const headers = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: MAX_CHUNK_SIZE }), { minLength: 3, maxLength: 3 })
    .map((sizes) => sizes.sort((a, b) => a - b))
    .map(([min, avg, max]) => ({ min: min!, avg: avg!, max: max! })),
  flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((flags) =>
    normalizeFlags(flags & ~unassignedFlags(flags))
  ),
});

const indexes: fc.Arbitrary<Index> = headers.chain((header) =>
  fc.array(
    fc.record({
      id: fc.uint8Array({ minLength: CHUNK_ID_SIZE, maxLength: CHUNK_ID_SIZE }),
      // Towards the maximum, so that offsets grow past 2^32.
      size: fc.oneof(fc.integer({ min: 1, max: header.sizes.max }), fc.constant(header.sizes.max)),
    }),
    { maxLength: 100 },
  ).map((rows) => {
    const builder = new IndexBuilder();
    for (const { id, size } of rows) builder.append(id, { offset: 0, size });
    return builder.finish(header);
  })
);

Deno.test("decodeIndex() gives back what encodeIndex() was given", () => {
  fc.assert(fc.property(indexes, (index) => {
    const bytes = encodeIndex(index);
    assert.equal(bytes.length, 104 + 40 * rowCount(index));
    assert.deepEqual(decodeIndex(bytes), {
      ...index,
      ids: Uint8Array.from(index.ids),
      ends: Float64Array.from(index.ends),
    });
  }));
});

Deno.test("encodeIndex() writes offsets beyond 2^32", () => {
  const builder = new IndexBuilder();
  const sizes = { min: 1, avg: MAX_CHUNK_SIZE, max: MAX_CHUNK_SIZE };
  builder.append(new Uint8Array(32).fill(7), { offset: 0, size: MAX_CHUNK_SIZE, count: 100 });
  const bytes = encodeIndex(builder.finish({ sizes, flags: 0n }));
  const ends = Array.from(
    { length: 100 },
    (_, row) => new DataView(bytes.buffer).getBigUint64(64 + 40 * row, true),
  );
  assert.deepEqual(ends, ends.map((_, row) => BigInt(row + 1) * BigInt(MAX_CHUNK_SIZE)));
  assert.equal(blobSize(decodeIndex(bytes)), 100 * MAX_CHUNK_SIZE);
});

Deno.test("rowAt() finds the row that holds a byte", () => {
  fc.assert(fc.property(indexes, (index) => {
    const rows = rowCount(index);
    for (let row = 0; row < rows; row++) {
      assert.equal(rowAt(index, rowStart(index, row)), row);
      assert.equal(rowAt(index, index.ends[row]! - 1), row);
      assert.equal(rowStart(index, row) + rowSize(index, row), index.ends[row]);
    }
    assert.equal(rowAt(index, blobSize(index)), rows);
    assert.equal(rowAt(index, Number.MAX_SAFE_INTEGER), rows);
    assert.equal(blobSize(index), rows === 0 ? 0 : index.ends[rows - 1]);
  }));
});

/** An index of casync's, and how to damage it. */
const SOUND = await golden("casync/noise-small-chunks.caibx");
const ROW_3 = 64 + 3 * 40;
const TAIL = SOUND.length - 40;

/** A copy of the index with a number of 64 bits replaced. */
function patched(at: number, value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = SOUND.slice();
  new DataView(bytes.buffer).setBigUint64(at, value, true);
  return bytes;
}

function read(at: number): bigint {
  return new DataView(SOUND.buffer).getBigUint64(at, true);
}

Deno.test.each([
  { defect: "no bytes", bytes: new Uint8Array(), says: /truncated: 0 bytes/ },
  { defect: "15 bytes", bytes: SOUND.slice(0, 15), says: /truncated: 15 bytes/ },
  { defect: "half of its head", bytes: SOUND.slice(0, 50), says: /truncated: 50 bytes/ },
  { defect: "nothing but its head", bytes: SOUND.slice(0, 64), says: /truncated: 64 bytes/ },
  {
    defect: "one trailing byte",
    bytes: Uint8Array.of(...SOUND, 0),
    says: /followed by other data: 10185 bytes/,
  },
  { defect: "a trailing row", bytes: Uint8Array.of(...SOUND, ...new Uint8Array(40)), says: /no tail marker/ },
  { defect: "the last 8 bytes missing", bytes: SOUND.slice(0, -8), says: /truncated.*: 10176 bytes/ },
  { defect: "the whole tail missing", bytes: SOUND.slice(0, -40), says: /truncated.*no tail marker/ },
  { defect: "a zero word of the tail set", bytes: patched(TAIL, 1n), says: /tail is damaged/ },
  { defect: "the other zero word of the tail set", bytes: patched(TAIL + 8, 1n), says: /tail is damaged/ },
  { defect: "a tail index offset of 47", bytes: patched(TAIL + 16, 47n), says: /tail is damaged/ },
  {
    defect: "a tail size off by one",
    bytes: patched(TAIL + 24, read(TAIL + 24) + 1n),
    says: /tail gives a table of 10137 bytes for 252 rows/,
  },
  { defect: "a wrong tail marker", bytes: patched(TAIL + 32, read(TAIL + 32) + 1n), says: /no tail marker/ },
  {
    defect: "INDEX of another type",
    bytes: patched(8, read(8) + 1n),
    says: /does not start with an INDEX record/,
  },
  { defect: "INDEX of size 49", bytes: patched(0, 49n), says: /INDEX has size 49, not 48/ },
  { defect: "TABLE of a known size", bytes: patched(48, read(TAIL + 24)), says: /size of TABLE/ },
  { defect: "TABLE of another type", bytes: patched(56, read(56) + 1n), says: /not followed by a TABLE/ },
  { defect: "min = 0", bytes: patched(24, 0n), says: /chunk sizes 0:4096:16384/ },
  { defect: "min > avg", bytes: patched(24, 4097n), says: /chunk sizes 4097:4096:16384/ },
  { defect: "avg > max", bytes: patched(32, 16_385n), says: /chunk sizes 1024:16385:16384/ },
  { defect: "max = 128 MiB + 1", bytes: patched(40, 134_217_729n), says: /1024:4096:134217729.*128 MiB/ },
  { defect: "max = 2^63", bytes: patched(40, 2n ** 63n), says: /1024:4096:9223372036854775808/ },
  { defect: "max below a chunk", bytes: patched(40, 4096n), says: /row 5 has 4259 bytes.*maximum of 4096/ },
  {
    defect: "an unassigned flag",
    bytes: patched(16, 0xb800_0000_0000_0000n),
    says: /unknown.* 0x800000000000000$/,
  },
  { defect: "all flags", bytes: patched(16, 2n ** 64n - 1n), says: /unknown.* 0xffffffe00000000$/ },
  {
    defect: "flags not in normal form",
    bytes: patched(16, 0xb000_0000_0000_0003n),
    says: /0xb000000000000003 contradict each other/,
  },
  {
    defect: "a chunk of no bytes",
    bytes: patched(ROW_3, read(ROW_3 - 40)),
    says: /row 3 ends at offset 3974, not after 3974/,
  },
  {
    defect: "an end before the one before",
    bytes: patched(ROW_3, read(ROW_3 - 40) - 1n),
    says: /row 3 ends at offset 3973, not after 3974/,
  },
  { defect: "a first end of 0", bytes: patched(64, 0n), says: /row 0 ends at offset 0, not after 0/ },
  {
    defect: "a chunk larger than max",
    bytes: patched(ROW_3, read(ROW_3 - 40) + 16_385n),
    says: /row 3 has 16385/,
  },
  { defect: "an end of 2^63", bytes: patched(ROW_3, 2n ** 63n), says: /row 3 has \d+ bytes, more/ },
  { defect: "an end of 2^64 - 1", bytes: patched(ROW_3, 2n ** 64n - 1n), says: /row 3 has \d+ bytes, more/ },
])("decodeIndex() throws FormatError for an index with $defect", ({ bytes, says }) => {
  assert.throws(() => decodeIndex(bytes, { location: "a/b.caibx" }), (error) => {
    assert.ok(error instanceof FormatError);
    assert.match(error.message, /^Cannot read index 'a\/b.caibx': /);
    assert.match(error.message, says);
    return true;
  });
  assert.throws(() => decodeIndex(bytes), { name: "FormatError", message: /^Cannot read index: / });
});

Deno.test("decodeIndex() leaves to readers of chunks what only their bytes can tell", () => {
  assert.equal(indexDigest(decodeIndex(patched(16, 0x9000_0000_0000_0000n))), "sha256");
  assert.equal(rowSize(decodeIndex(SOUND), 3), 1275);
  assert.equal(rowSize(decodeIndex(patched(ROW_3, read(ROW_3) + 1n)), 3), 1276);
});

Deno.test("IndexBuilder collects rows as they come", () => {
  const rows = fc.array(
    fc.record({
      id: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      size: fc.integer({ min: 1, max: MAX_CHUNK_SIZE }),
      count: fc.oneof(fc.constant(undefined), fc.nat(3), fc.nat(3000)),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(rows, fc.double({ min: 0, max: 1, noNaN: true }), (rows, part) => {
      const builder = new IndexBuilder();
      const ids: number[] = [];
      const ends: number[] = [];
      let end = 0;
      for (const { id, size, count } of rows) {
        // At an offset in a larger table.
        const table = new Uint8Array(100);
        table.set(id, 41);
        builder.append(table, { offset: 41, size, ...count === undefined ? {} : { count } });
        for (let i = 0; i < (count ?? 1); i++) {
          ids.push(...id);
          ends.push(end += size);
        }
        assert.equal(builder.rows, ends.length);
        assert.equal(builder.size, end);
      }
      const from = Math.floor(part * ends.length);
      assert.deepEqual([...builder.since(from).ends], ends.slice(from));
      const index = builder.finish({ sizes: DEFAULT_CHUNK_SIZES, flags: 5n });
      assert.deepEqual([...index.ids], ids);
      assert.deepEqual([...index.ends], ends);
      assert.deepEqual(index.sizes, DEFAULT_CHUNK_SIZES);
      assert.equal(index.flags, 5n);
    }),
    { numRuns: 30 },
  );
});
