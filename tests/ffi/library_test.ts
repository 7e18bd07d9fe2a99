import assert from "node:assert/strict";
import { lazyLibrary } from "../../ffi/library.ts";

const GETPID = { getpid: { parameters: [], result: "i32" } } as const;
const ignore = Deno.build.os !== "linux" || Deno.permissions.querySync({ name: "ffi" }).state !== "granted";

Deno.test({
  name: "lazyLibrary() opens the first library that is there, and keeps it",
  ignore,
  sanitizeResources: false, // libraries stay open for the life of the thread
  fn() {
    const open = lazyLibrary({ linux: ["libabsent.so.1", "libc.so.6", "libc.musl-x86_64.so.1"] }, GETPID);
    assert.equal(open()?.getpid(), Deno.pid);
    assert.equal(open(), open());
  },
});

Deno.test("lazyLibrary() gives undefined if no library is there", () => {
  assert.equal(lazyLibrary({ [Deno.build.os]: ["libabsent.so.1"] }, GETPID)(), undefined);
  assert.equal(lazyLibrary({}, GETPID)(), undefined);
});

Deno.test({
  name: "lazyLibrary() gives undefined if a symbol is absent",
  ignore,
  fn() {
    const symbols = { no_such_function_here: { parameters: [], result: "i32" } } as const;
    assert.equal(lazyLibrary({ linux: ["libc.so.6"] }, symbols)(), undefined);
  },
});

Deno.test({
  name: "lazyLibrary() gives undefined without a prompt if FFI is not granted",
  permissions: { ffi: false },
  fn() {
    assert.equal(lazyLibrary({ linux: ["libc.so.6"] }, GETPID)(), undefined);
  },
});
