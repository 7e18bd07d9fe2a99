import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "npm:fast-check@4.10.2";
import { type ByteSource, chunks, type ChunksOptions } from "../../../lib/chunker/chunker.ts";
import type { ChunkSizes } from "../../../lib/chunker/sizes.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { xorshift } from "../../support/xorshift.ts";
import { cutSlowly } from "./cut_oracle.ts";

const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
const chunkId = (data: Uint8Array): Uint8Array => createHash("sha512-256").update(data).digest();

async function cut(source: ByteSource, options?: ChunksOptions): Promise<Uint8Array<ArrayBuffer>[]> {
  return await Array.fromAsync(chunks(source, options));
}

const lengths = (pieces: readonly Uint8Array[]): number[] => pieces.map((piece) => piece.length);

/** `data` in pieces of these sizes, the last as large as it has to be. */
function* slice(data: Uint8Array, sizes: Iterable<number>): Generator<Uint8Array> {
  let at = 0;
  for (const size of sizes) yield data.subarray(at, at += size);
  yield data.subarray(at);
}

/** casync's index of a blob, as the format describes it. */
function formatIndex(sizes: ChunkSizes, pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(104 + 40 * pieces.length);
  const view = new DataView(bytes.buffer);
  const head = [
    48n,
    0x96824d9c7b129ff9n,
    0xb000000000000000n,
    sizes.min,
    sizes.avg,
    sizes.max,
    2n ** 64n - 1n,
  ];
  [...head, 0xe75b9e112f17417dn].forEach((field, i) => view.setBigUint64(8 * i, BigInt(field), true));
  let end = 0;
  pieces.forEach((piece, i) => {
    view.setBigUint64(64 + 40 * i, BigInt(end += piece.length), true);
    bytes.set(chunkId(piece), 72 + 40 * i);
  });
  const tail = [0n, 0n, 48n, 56 + 40 * pieces.length, 0x4b4f050e5549ecd1n];
  tail.forEach((field, i) => view.setBigUint64(64 + 40 * pieces.length + 8 * i, BigInt(field), true));
  return bytes;
}

Deno.test("xorshift() makes the input of the golden vectors", () => {
  assert.equal(xorshift(16).toHex(), "634d1f2b7acbda94a059087b7e56b077");
  assert.equal(
    sha256(xorshift(1_048_576)),
    "7293cc1ed05355448c0ee1b1d51909d991635cab45a57f7d892c1f77fc4e54fe",
  );
  assert.equal(
    sha256(xorshift(3_145_728)),
    "6033dcdab360047f7fc4d05377e6c211779225d7196cbeca5fd3d1f747cf6d59",
  );
  assert.equal(
    sha256(xorshift(16_777_216)),
    "c15182dcfa5c5fa2574a5647a6ad64fc9e520a6e93494280ce2ac25471a47b47",
  );
});

// What casync makes of the first 1 MiB; the last column is the SHA-256 of its index.
Deno.test.each(
  [
    [
      "16384:65536:262144",
      16,
      "22992 104077 82798 79363 113369 32780 86830 36428",
      "534021e36d3592f0f4cad36bf0d268ed23e1043568c7084b810cb30abdcddc0e",
    ],
    [
      "1024:4096:16384",
      252,
      "1183 1377 1414 1275 1305 4259 3348 1587",
      "903e0f6790e9f176ffe1145b737d824690fa07a73bac3379c493aa814f0880b0",
    ],
    [
      "2048:8192:32768",
      127,
      "6047 14289 12563 6385 7779 12459 4445 15404",
      "03f77b0a09553e67703992cb8199e7c1a0845ad954e64970e60f98f5ddf8d78c",
    ],
    [
      "64:256:1024",
      4253,
      "153 191 237 236 169 67 354 191",
      "0c2af2f189ab51b84c0c227c5302fc3acb7f235ee51ef8d697a73924eb161dcc",
    ],
    [
      "48:64:256",
      11_167,
      "153 109 62 72 171 163 49 78",
      "0608eeafaa8409a52c2d6632d4286b3d8fa4b4a8f8eff30a1d660f27ed752731",
    ],
    [
      "47:100:1000",
      8640,
      "53 228 232 59 69 61 84 117",
      "5e22822450a0efe9f70ae8b85a95800487d12af9f38c4f03bc3e462db573abca",
    ],
    [
      "1:64:256",
      11_167,
      "153 109 62 72 171 163 49 78",
      "aa390afd568557ed1ee9c09d0671353d075c2a43a7891902b3f7e34a93d7bc04",
    ],
    [
      "1024:1024:4096",
      534,
      "2884 3245 2458 1491 2324 3333 1511 1868",
      "884b6b0256c67cb7d0f8e194fd35958989fbcb285cd06ecb4dad45250596ab53",
    ],
    [
      "65536:65536:262144",
      9,
      "132194 73686 124250 95068 123518 262144 138654 94845",
      "6d246836d7c814e1b1911c5c3a34347fd022361881c9c7c73769f07b3794614c",
    ],
    [
      "16384:65536:65536",
      23,
      "22992 65536 38541 65536 17262 65536 65536 61660",
      "559b4a4b2da73e4749541f0289e0b35f1d4a62151295175b699315541b5fd551",
    ],
    [
      "4096:4096:4096",
      256,
      "4096 4096 4096 4096 4096 4096 4096 4096",
      "2000cdd7d5ee1991dbaef1fe4f4ccdfac74a3bc7e62ef53d56496829633ec9f5",
    ],
    [
      "100000:100000:100000",
      11,
      "100000 100000 100000 100000 100000 100000 100000 100000",
      "069d3c8fc35e3ab1d027fc392220241e09b79bc643d5a86a13640db7553e4a58",
    ],
    [
      "1024:2048:2048",
      598,
      "2048 1620 2048 2048 2048 2048 2048 2048",
      "b71de3923645830dc625f18ac61ebc0718cc2ba818a6fe565b585603b49c149f",
    ],
    [
      "262144:1048576:4194304",
      2,
      "820107 228469",
      "8b2106a0ee49bca2878f25f36173bd74faafdab6715094602521e0f6bc1fef7b",
    ],
  ] as const,
)("chunks() cuts as casync does with %s", async (text, count, first, index) => {
  const [min, avg, max] = text.split(":").map(Number) as [number, number, number];
  const sizes = { min, avg, max };
  for (const implementation of ["wasm", "plain"] as const) {
    const pieces = await cut([xorshift(1_048_576)], { sizes, implementation });
    assert.equal(pieces.length, count);
    assert.equal(lengths(pieces).slice(0, 8).join(" "), first);
    assert.equal(sha256(formatIndex(sizes, pieces)), index);
  }
});

Deno.test("chunks() makes casync's 51 chunks of 3 MiB", async () => {
  const pieces = await cut([xorshift(3_145_728)]);
  assert.equal(pieces.length, 51);
  const index = formatIndex({ min: 16_384, avg: 65_536, max: 262_144 }, pieces);
  assert.equal(index.length, 2144);
  assert.equal(sha256(index), "fcfbbc53f3628f145eb37eab5d06555bcd18b5d3253b7e33cdb2f8b2be04e9e5");
});

Deno.test("chunks() tests at exactly min bytes, unlike desync, in 16 MiB", async () => {
  const pieces = lengths(await cut([xorshift(16_777_216)], { sizes: { min: 1024, avg: 4096, max: 16_384 } }));
  assert.equal(pieces.length, 4014);
  assert.equal(pieces.slice(0, 3016).reduce((sum, size) => sum + size, 0), 12_667_138);
  assert.deepEqual(pieces.slice(3016, 3019), [1024, 2277, 2484]);
});

/** Zeros, a window as text, zeros. */
function planted(before: number, window: string, after: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(before + 48 + after);
  data.set(new TextEncoder().encode(window), before);
  return data;
}

Deno.test("chunks() tests at exactly min bytes", async () => {
  const data = planted(16_336, "boundary exactly at the minimum size: 0000004335", 8192);
  assert.equal(sha256(data), "258aca537a648adc6f096dd558b18d8ae5fb57ca1ceb8a87aec1b4d8b4c0d5c0");
  assert.deepEqual(lengths(await cut([data])), [16_384, 8192]);
});

Deno.test("chunks() knows that 2^32 − 1 is a boundary for powers of two alone", async () => {
  const data = planted(19_952, "casync+desync: buzhash equals 2^32-1 herey2vacKM", 20_000);
  assert.equal(
    new Uint8Array(chunkId(data)).toHex(),
    "330419018ab6057aee6bc9ab05aae085cf067b00b9b92a32dfcb1010ce86525a",
  );
  assert.deepEqual(lengths(await cut([data])), [40_000]);
  const sizes = { min: 16_384, avg: 16_384, max: 65_536 };
  assert.deepEqual(lengths(await cut([data], { sizes })), [20_000, 20_000]);
});

Deno.test("chunks() cuts zeros into null chunks", async () => {
  const nullId = "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2";
  const id = (piece: Uint8Array): string => new Uint8Array(chunkId(piece)).toHex();
  assert.deepEqual((await cut([new Uint8Array(1_048_576)])).map(id), [nullId, nullId, nullId, nullId]);
  const last = "d68238695825f86b5744700a4ea891ce96f7d07f84bdc1ce553c3300dd79cedf";
  assert.deepEqual((await cut([new Uint8Array(600_000)])).map(id), [nullId, nullId, last]);
});

Deno.test("chunks() cuts a run of any byte value at max", async () => {
  for (const value of [1, 0x55, 0x61, 0xff]) {
    assert.deepEqual(lengths(await cut([new Uint8Array(300_000).fill(value)])), [262_144, 37_856]);
  }
});

Deno.test("chunks() yields nothing for an empty source", async () => {
  assert.deepEqual(await cut([]), []);
  assert.deepEqual(await cut([new Uint8Array(0), new Uint8Array(0)]), []);
  assert.deepEqual(await cut(new Blob([]).stream()), []);
});

Deno.test("chunks() yields no empty chunk when the stream ends at a boundary", async () => {
  assert.deepEqual(lengths(await cut([xorshift(1_048_576).subarray(0, 22_992)])), [22_992]);
  const sizes = { min: 4096, avg: 4096, max: 4096 };
  assert.deepEqual(lengths(await cut([new Uint8Array(8192)], { sizes })), [4096, 4096]);
});

Deno.test("chunks() does not depend on how the source is sliced, and loses nothing", async () => {
  const data = xorshift(40_000);
  data.fill(0, 10_000, 14_000);
  const triples = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.nat(500), fc.integer({ min: 48, max: 2000 }));
  await fc.assert(
    fc.asyncProperty(triples, fc.array(fc.nat(5000)), async ([min, more, most], pieces) => {
      const sizes = { min, avg: min + more, max: min + more + most };
      const result = await cut(slice(data, pieces), { sizes });
      assert.deepEqual(lengths(result), cutSlowly(data, sizes));
      assert.deepEqual(await new Blob(result).bytes(), data);
    }),
    { numRuns: 25 },
  );
});

Deno.test("chunks() cuts more than its buffer holds, from every kind of source", async () => {
  const data = xorshift(5_000_000);
  const expected = lengths(await cut([data]));
  const pieces = () => slice(data, [1, 1_500_000, 7, 65_536, 3_000_000]);
  assert.deepEqual(lengths(await cut(pieces())), expected);
  assert.deepEqual(
    lengths(
      await cut((async function* () {
        yield* pieces();
      })()),
    ),
    expected,
  );
  assert.deepEqual(lengths(await cut(ReadableStream.from(pieces()))), expected);
  assert.deepEqual(lengths(await cut(withoutIterator(ReadableStream.from(pieces())))), expected);
});

/** A stream as in runtimes that cannot iterate over streams. */
function withoutIterator(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return { getReader: () => stream.getReader() } as ReadableStream<Uint8Array>;
}

Deno.test("chunks() yields bytes that stay as they are", async () => {
  const data = xorshift(1_000_000);
  const seen: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks(slice(data, [300_000, 300_000]))) seen.push(chunk);
  assert.deepEqual(await new Blob(seen).bytes(), data);
  assert.equal(new Set(seen.map((chunk) => chunk.buffer)).size, seen.length);
});

Deno.test("chunks() yields a chunk as soon as its end is there", async () => {
  const data = xorshift(200_000);
  const taken: number[] = [];
  const source = function* (): Generator<Uint8Array> {
    for (let at = 0; at < data.length; at += 1000) {
      taken.push(at);
      yield data.subarray(at, at + 1000);
    }
  };
  for await (const chunk of chunks(source())) {
    assert.equal(chunk.length, 22_992);
    break;
  }
  assert.equal(taken.at(-1), 22_000);
});

Deno.test("chunks() cancels the source when the consumer stops", async () => {
  for (const wrap of [(stream: ReadableStream<Uint8Array>) => stream, withoutIterator]) {
    let cancelled = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(xorshift(100_000)),
      cancel: () => void cancelled++,
    });
    for await (const _ of chunks(wrap(stream))) break;
    assert.equal(cancelled, 1);
    assert.equal(stream.locked, false);
  }
});

Deno.test("chunks() passes on what the source throws", async () => {
  const failure = new Error("broken");
  const source = function* (): Generator<Uint8Array> {
    yield xorshift(50_000);
    throw failure;
  };
  await assert.rejects(cut(source()), failure);
  const stream = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(failure) });
  await assert.rejects(cut(withoutIterator(stream)), failure);
});

Deno.test("chunks() refuses misuse", async () => {
  await assert.rejects(cut([], { sizes: { min: 2, avg: 1, max: 3 } }), RangeError);
  await assert.rejects(cut(["text"] as unknown as Uint8Array[]), TypeError);
  await assert.rejects(cut([xorshift(100)], { sizes: { min: 1, avg: 2, max: 40 } }), ConfigError);
});
