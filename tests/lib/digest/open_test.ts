import assert from "node:assert/strict";
import { libcrypto } from "../../../ffi/libcrypto.ts";
import type { DigestName } from "../../../lib/digest/digest.ts";
import { openDigest } from "../../../lib/digest/open.ts";
import { UnsupportedError } from "../../../lib/errors.ts";
import { testDigest } from "../../conformance/digest.ts";

for (const implementation of ["ffi", "node", "portable"] as const) {
  testDigest(`openDigest(${implementation})`, {
    open: (name: DigestName) => openDigest(name, { implementation }),
    ignore: implementation === "ffi" && libcrypto() === undefined,
  });
}

Deno.test("openDigest() says which implementation it opened", async () => {
  for (const implementation of ["node", "portable"] as const) {
    assert.equal((await openDigest("sha256", { implementation })).implementation, implementation);
  }
});

Deno.test("openDigest() prefers libcrypto, and node:crypto where that cannot be called", async () => {
  const expected = libcrypto() === undefined ? "node" : "ffi";
  assert.equal((await openDigest("sha512-256")).implementation, expected);
});

Deno.test("openDigest() throws UnsupportedError if the implementation asked for cannot be had", async () => {
  const { process } = globalThis;
  Object.defineProperty(globalThis, "process", { value: undefined, configurable: true, writable: true });
  try {
    await assert.rejects(openDigest("sha256", { implementation: "node" }), UnsupportedError);
  } finally {
    Object.defineProperty(globalThis, "process", { value: process, configurable: true, writable: true });
  }
});
