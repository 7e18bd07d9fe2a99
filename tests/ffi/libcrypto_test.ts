import assert from "node:assert/strict";
import { libcrypto } from "../../ffi/libcrypto.ts";

Deno.test({
  name: "libcrypto() hashes an empty and a shared buffer",
  ignore: libcrypto() === undefined,
  fn() {
    const library = libcrypto()!;
    const result = new Uint8Array(32);
    for (const data of [new Uint8Array(0), new Uint8Array(new SharedArrayBuffer(8), 0, 0)]) {
      assert.equal(library.EVP_Digest(data, 0n, result, null, library.EVP_sha256(), null), 1);
      // NIST CAVP
      assert.equal(result.toHex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
  },
});
