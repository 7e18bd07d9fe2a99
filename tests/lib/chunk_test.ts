import assert from "node:assert/strict";
import { Chunk } from "../../lib/chunk.ts";
import { parseChunkId } from "../../lib/chunk_id.ts";
import { CodecStack } from "../../lib/codec/codec_stack.ts";
import { openZstd } from "../../lib/codec/zstd.ts";
import { openDigest } from "../../lib/digest/open.ts";
import { ChunkInvalidError, FormatError } from "../../lib/errors.ts";
import { CASYNC, DESYNC } from "../conformance/zstd_data.ts";

const digest = await openDigest("sha512-256");
const zstd = new CodecStack([await openZstd()]);
const plainStack = new CodecStack([]);
const HELLO = parseChunkId("bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134");
const OTHER = parseChunkId("760ba4275e849e0777507db58f0d74fc05b30e10ccc27a99d50465f5b6639026");
const hello = new TextEncoder().encode("hello world\n");

/** Matches a ChunkInvalidError with that reason. */
function invalid(reason: string | RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof ChunkInvalidError &&
    (typeof reason === "string" ? error.reason === reason : reason.test(error.reason));
}

Deno.test("Chunk.fromPlain() keeps the bytes it was given", () => {
  const chunk = Chunk.fromPlain(HELLO, hello);
  assert.equal(chunk.id, HELLO);
  assert.equal(chunk.plain(), hello);
  assert.equal(chunk.storedAs(plainStack), hello);
  chunk.verify(digest);
});

Deno.test("Chunk.fromStored() reads what casync and desync stored", () => {
  for (const { stored } of [CASYNC[0], DESYNC[0]]) {
    const chunk = Chunk.fromStored(HELLO, Uint8Array.fromHex(stored), { codecs: zstd, maxSize: 12 });
    chunk.verify(digest);
    assert.deepEqual(chunk.plain(), hello);
    assert.equal(chunk.plain(), chunk.plain(), "decoded once");
  }
});

Deno.test("Chunk.storedAs() passes stored bytes through unchanged if the layers are the same", async () => {
  const stored = Uint8Array.fromHex(DESYNC[0].stored);
  const chunk = Chunk.fromStored(HELLO, stored, { codecs: zstd, maxSize: 12 });
  assert.equal(chunk.storedAs(new CodecStack([await openZstd({ level: 1 })])), stored);
  chunk.verify(digest);
  assert.equal(chunk.storedAs(zstd), stored);
});

Deno.test("Chunk.storedAs() compresses and decompresses for a store with other layers", () => {
  const compressed = Chunk.fromPlain(HELLO, hello).storedAs(zstd);
  assert.deepEqual(zstd.decode(compressed, 12), hello);
  const chunk = Chunk.fromStored(HELLO, compressed, { codecs: zstd, maxSize: 12 });
  assert.deepEqual(chunk.storedAs(plainStack), hello);
  assert.equal(chunk.storedAs(plainStack), chunk.plain());
  const uncompressed = Chunk.fromStored(HELLO, hello, { codecs: plainStack, maxSize: 12 });
  assert.deepEqual(zstd.decode(uncompressed.storedAs(zstd), 12), hello);
});

Deno.test("Chunk.verify() throws if the content hashes to another ID", () => {
  const reason = `its content hashes to ${HELLO}`;
  assert.throws(() => Chunk.fromPlain(OTHER, hello).verify(digest), invalid(reason));
  const stored = Uint8Array.fromHex(CASYNC[0].stored);
  const chunk = Chunk.fromStored(OTHER, stored, { codecs: zstd, maxSize: 12 });
  assert.throws(() => chunk.verify(digest), invalid(reason));
  assert.throws(() => chunk.verify(digest), invalid(reason), "also the second time");
});

Deno.test("Chunk.verify() hashes once for each digest", async () => {
  let count = 0;
  const counting = {
    ...digest,
    name: digest.name,
    digest: (data: Uint8Array) => (count++, digest.digest(data)),
  };
  const chunk = Chunk.fromPlain(HELLO, hello);
  chunk.verify(counting);
  chunk.verify(counting);
  assert.equal(count, 1);
  const sha256 = await openDigest("sha256");
  assert.throws(() => chunk.verify(sha256), invalid(/^its content hashes to [0-9a-f]{64}$/));
});

Deno.test("Chunk.verify() throws if the chunk is empty", () => {
  const empty = new Uint8Array();
  const emptyFrame = Uint8Array.fromHex("28b52ffd2000010000");
  for (
    const chunk of [
      Chunk.fromPlain(HELLO, empty),
      Chunk.fromStored(HELLO, empty, { codecs: zstd, maxSize: 12 }),
      Chunk.fromStored(HELLO, empty, { codecs: plainStack, maxSize: 12 }),
      Chunk.fromStored(HELLO, emptyFrame, { codecs: zstd, maxSize: 12 }),
    ]
  ) assert.throws(() => chunk.verify(digest), invalid("it is empty"));
});

Deno.test("Chunk throws ChunkInvalidError with its cause if it cannot be decoded", () => {
  for (const stored of [hello, Uint8Array.fromHex(CASYNC[0].stored).subarray(0, 18)]) {
    const chunk = Chunk.fromStored(HELLO, stored, { codecs: zstd, maxSize: 12 });
    for (const use of [() => chunk.verify(digest), () => chunk.plain(), () => chunk.storedAs(plainStack)]) {
      assert.throws(use, (error) => {
        return invalid(/^cannot be decoded: /)(error) && (error as Error).cause instanceof FormatError;
      });
    }
  }
});

Deno.test("Chunk throws ChunkInvalidError if it holds more than maxSize", () => {
  const stored = Uint8Array.fromHex(CASYNC[0].stored);
  for (
    const chunk of [
      Chunk.fromStored(HELLO, stored, { codecs: zstd, maxSize: 11 }),
      Chunk.fromStored(HELLO, hello, { codecs: plainStack, maxSize: 11 }),
    ]
  ) assert.throws(() => chunk.verify(digest), invalid(/more than 11/));
});

Deno.test("Chunk lets an error through that is not about the data", () => {
  const broken = new CodecStack([{
    key: "broken",
    extension: "",
    encode: () => assert.fail(),
    decode: () => {
      throw new RangeError("out of memory");
    },
  }]);
  assert.throws(() => Chunk.fromStored(HELLO, hello, { codecs: broken, maxSize: 12 }).plain(), RangeError);
});
