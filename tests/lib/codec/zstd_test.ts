import assert from "node:assert/strict";
import { libzstd } from "../../../ffi/libzstd.ts";
import { openZstd, type ZstdImplementation } from "../../../lib/codec/zstd.ts";
import { UnsupportedError } from "../../../lib/errors.ts";
import { testZstd } from "../../conformance/codec.ts";

const IMPLEMENTATIONS: readonly ZstdImplementation[] = libzstd() === undefined
  ? ["node", "wasm"]
  : ["ffi", "node", "wasm"];

for (const implementation of ["ffi", "node", "wasm"] as const) {
  testZstd(`openZstd(${implementation})`, {
    open: () => openZstd({ implementation }),
    others: () => Promise.all(IMPLEMENTATIONS.map((other) => openZstd({ implementation: other }))),
    ignore: !IMPLEMENTATIONS.includes(implementation),
  });
}

Deno.test("openZstd() says which implementation it opened", async () => {
  for (const implementation of IMPLEMENTATIONS) {
    using codec = await openZstd({ implementation });
    assert.equal(codec.implementation, implementation);
    assert.equal(codec.key, "zstd");
    assert.equal(codec.extension, ".cacnk");
  }
});

Deno.test("openZstd() prefers libzstd, and node:zlib where that cannot be called", async () => {
  using codec = await openZstd();
  assert.equal(codec.implementation, libzstd() === undefined ? "node" : "ffi");
});

Deno.test("openZstd() throws RangeError for a level out of range", async () => {
  for (const level of [0, 23, -1, 1.5, NaN]) await assert.rejects(openZstd({ level }), RangeError);
});

Deno.test("openZstd() throws UnsupportedError if the implementation asked for cannot be had", async () => {
  const { process } = globalThis;
  Object.defineProperty(globalThis, "process", { value: undefined, configurable: true, writable: true });
  try {
    await assert.rejects(openZstd({ implementation: "node" }), UnsupportedError);
  } finally {
    Object.defineProperty(globalThis, "process", { value: process, configurable: true, writable: true });
  }
});

Deno.test("openZstd() compresses more at a higher level", async () => {
  const plain = new Uint8Array(200_000).map((_, i) => 97 + (i * i >> 7) % 26);
  for (const implementation of IMPLEMENTATIONS) {
    using fast = await openZstd({ implementation, level: 1 });
    using small = await openZstd({ implementation, level: 19 });
    const stored = small.encode(plain);
    assert.ok(stored.length < fast.encode(plain).length, implementation);
    assert.deepEqual(fast.decode(stored, plain.length).length, plain.length);
  }
});

Deno.test("a disposed codec allocates anew when it is used again", async () => {
  for (const implementation of IMPLEMENTATIONS) {
    using codec = await openZstd({ implementation });
    const plain = new TextEncoder().encode("again and again");
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(codec.decode(codec.encode(plain), 100), plain);
      codec[Symbol.dispose]();
    }
  }
});
