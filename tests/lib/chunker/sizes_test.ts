import assert from "node:assert/strict";
import {
  type ChunkSizes,
  DEFAULT_CHUNK_SIZES,
  discriminator,
  isFixedSize,
  MAX_CHUNK_SIZE,
  parseChunkSizes,
  validateChunkSizes,
} from "../../../lib/chunker/sizes.ts";
import { ConfigError } from "../../../lib/errors.ts";

const widest = (avg: number): ChunkSizes => ({ min: 1, avg, max: MAX_CHUNK_SIZE });

Deno.test.each([
  { avg: 48, d: 36 },
  { avg: 64, d: 48 },
  { avg: 100, d: 75 },
  { avg: 128, d: 96 },
  { avg: 256, d: 192 },
  { avg: 512, d: 384 },
  { avg: 1024, d: 768 },
  { avg: 2048, d: 1537 },
  { avg: 4096, d: 3075 },
  { avg: 8192, d: 6153 },
  { avg: 16_384, d: 12_318 },
  { avg: 32_768, d: 24_680 },
  { avg: 65_536, d: 49_535 },
  { avg: 131_072, d: 99_777 },
  { avg: 262_144, d: 202_440 },
  { avg: 524_288, d: 416_942 },
  { avg: 1_048_576, d: 886_711 },
  { avg: 2_097_152, d: 2_030_716 },
  { avg: 4_194_304, d: 5_721_670 },
  { avg: 8_388_608, d: 62_724_856 },
  { avg: 9_324_556, d: MAX_CHUNK_SIZE },
  { avg: 9_324_557, d: MAX_CHUNK_SIZE },
  { avg: MAX_CHUNK_SIZE, d: MAX_CHUNK_SIZE },
])("discriminator() is $d for an average of $avg", ({ avg, d }) => {
  assert.equal(discriminator(widest(avg)), d);
});

Deno.test("discriminator() is never less than min nor more than max", () => {
  assert.equal(discriminator({ min: 16_384, avg: 16_384, max: 65_536 }), 16_384);
  assert.equal(discriminator({ min: 1, avg: 9_000_000, max: 9_000_000 }), 9_000_000);
  assert.equal(discriminator({ min: 64, avg: 10_000_000, max: 10_000_000 }), 10_000_000);
  assert.equal(discriminator({ min: 1, avg: 1, max: 2 }), 1);
});

Deno.test("validateChunkSizes() accepts what casync accepts", () => {
  validateChunkSizes(DEFAULT_CHUNK_SIZES);
  validateChunkSizes({ min: 1, avg: 1, max: 1 });
  validateChunkSizes({ min: MAX_CHUNK_SIZE, avg: MAX_CHUNK_SIZE, max: MAX_CHUNK_SIZE });
});

Deno.test.each([
  { min: 0, avg: 64, max: 256 },
  { min: -1, avg: 64, max: 256 },
  { min: 65, avg: 64, max: 256 },
  { min: 16, avg: 257, max: 256 },
  { min: 16, avg: 64, max: MAX_CHUNK_SIZE + 1 },
  { min: 16.5, avg: 64, max: 256 },
  { min: 16, avg: 64.5, max: 256 },
  { min: 16, avg: 64, max: Number.NaN },
  { min: 16, avg: 64, max: Number.POSITIVE_INFINITY },
])("validateChunkSizes() refuses $min:$avg:$max", (sizes) => {
  assert.throws(() => validateChunkSizes(sizes), RangeError);
});

Deno.test("isFixedSize() takes all three to be equal", () => {
  assert.equal(isFixedSize({ min: 4096, avg: 4096, max: 4096 }), true);
  assert.equal(isFixedSize({ min: 4096, avg: 4096, max: 4097 }), false);
  assert.equal(isFixedSize({ min: 4095, avg: 4096, max: 4096 }), false);
});

Deno.test.each([
  { text: "16:64:256", sizes: DEFAULT_CHUNK_SIZES },
  { text: "1:1:1", sizes: { min: 1024, avg: 1024, max: 1024 } },
  { text: "+016:64:256", sizes: DEFAULT_CHUNK_SIZES },
  { text: "1:131072:131072", sizes: { min: 1024, avg: MAX_CHUNK_SIZE, max: MAX_CHUNK_SIZE } },
])("parseChunkSizes() reads $text as KiB", ({ text, sizes }) => {
  assert.deepEqual(parseChunkSizes(text), sizes);
});

Deno.test.each([
  { text: "", message: "invalid chunk size '': expected MIN:AVG:MAX in KiB" },
  { text: "64", message: "invalid chunk size '64': expected MIN:AVG:MAX in KiB" },
  { text: "16:64", message: "invalid chunk size '16:64': expected MIN:AVG:MAX in KiB" },
  { text: "1:2:3:4", message: "invalid chunk size '1:2:3:4': expected MIN:AVG:MAX in KiB" },
  { text: "x:64:256", message: "invalid chunk size 'x:64:256': min is not a number" },
  { text: "16::256", message: "invalid chunk size '16::256': avg is not a number" },
  { text: "16:64K:256", message: "invalid chunk size '16:64K:256': avg is not a number" },
  { text: "16:0x40:256", message: "invalid chunk size '16:0x40:256': avg is not a number" },
  { text: "16:64: 256", message: "invalid chunk size '16:64: 256': max is not a number" },
  { text: "16:64:2_56", message: "invalid chunk size '16:64:2_56': max is not a number" },
  { text: "16:64:1e3", message: "invalid chunk size '16:64:1e3': max is not a number" },
  { text: "16:64:25.6", message: "invalid chunk size '16:64:25.6': max is not a number" },
  { text: "16:64:256\n", message: "invalid chunk size '16:64:256\n': max is not a number" },
  { text: "0:64:256", message: "chunk size MIN is too small (at least 1 KiB)" },
  { text: "-16:64:256", message: "chunk size MIN is too small (at least 1 KiB)" },
  { text: "16:64:15", message: "chunk size MIN must not exceed MAX" },
  { text: "16:64:-1", message: "chunk size MIN must not exceed MAX" },
  { text: "16:15:256", message: "chunk size MIN must not exceed AVG" },
  { text: "16:257:256", message: "chunk size AVG must not exceed MAX" },
  { text: "16:64:131073", message: "chunk size MAX is too large (at most 131072 KiB)" },
  { text: `16:64:${"9".repeat(400)}`, message: "chunk size MAX is too large (at most 131072 KiB)" },
])("parseChunkSizes() says: $message", ({ text, message }) => {
  assert.throws(
    () => parseChunkSizes(text),
    (error) => error instanceof ConfigError && error.message === message,
  );
});
