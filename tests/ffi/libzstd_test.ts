import assert from "node:assert/strict";
import { libzstd, ZSTD_ERROR_DST_SIZE_TOO_SMALL } from "../../ffi/libzstd.ts";

const ignore = libzstd() === undefined;

Deno.test({
  name: "libzstd() returns sizes as positive and errors as negative numbers",
  ignore,
  fn() {
    const library = libzstd()!;
    const context = library.ZSTD_createDCtx();
    // What casync writes for the 12 bytes "hello world\n".
    const stored = Uint8Array.fromHex("28b52ffd005861000068656c6c6f20776f726c640a");
    const target = new Uint8Array(12);
    const decompress = (room: number, size: number) =>
      library.ZSTD_decompressDCtx(context, target, BigInt(room), stored, BigInt(size));
    assert.equal(decompress(12, stored.length), 12);
    assert.equal(decompress(11, stored.length), -ZSTD_ERROR_DST_SIZE_TOO_SMALL);
    assert.equal(decompress(12, stored.length - 1), -72, "ZSTD_error_srcSize_wrong");
    assert.equal(decompress(12, 0), 0);
    assert.equal(library.ZSTD_freeDCtx(context), 0);
  },
});

Deno.test({
  name: "libzstd() compresses an empty buffer",
  ignore,
  fn() {
    const library = libzstd()!;
    const context = library.ZSTD_createCCtx();
    const target = new Uint8Array(64);
    const size = library.ZSTD_compressCCtx(context, target, 64n, new Uint8Array(0), 0n, 3);
    assert.equal(target.subarray(0, size).toHex(), "28b52ffd2000010000");
    assert.equal(library.ZSTD_freeCCtx(context), 0);
  },
});
