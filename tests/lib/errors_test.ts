import assert from "node:assert/strict";
import { parseChunkId } from "../../lib/chunk_id.ts";
import {
  ChunkInvalidError,
  ChunkMissingError,
  ConfigError,
  DesyncError,
  FormatError,
  fromPlainError,
  IndexMissingError,
  SeedInvalidError,
  StoreError,
  toPlainError,
  UnsupportedError,
} from "../../lib/errors.ts";
import { hasErrorCode, PosixError } from "../../lib/platform/posix.ts";

const ID = parseChunkId("bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134");
const cause = new PosixError("EIO", { path: "/s", text: "/s: Input/output error" });

const EXAMPLES = [
  {
    error: new ChunkMissingError(ID, "/s"),
    name: "ChunkMissingError",
    message: `Cannot read chunk ${ID}: missing from /s`,
    fields: { code: "CHUNK_MISSING", id: ID, location: "/s" },
  },
  {
    error: new ChunkInvalidError(ID, "it is empty", { cause }),
    name: "ChunkInvalidError",
    message: `Cannot use chunk ${ID}: it is empty`,
    fields: { code: "CHUNK_INVALID", id: ID, reason: "it is empty" },
  },
  {
    error: new IndexMissingError("a.caibx"),
    name: "IndexMissingError",
    message: "Cannot read index 'a.caibx': it does not exist",
    fields: { code: "INDEX_MISSING", location: "a.caibx" },
  },
  {
    error: new FormatError("Cannot read index: it is truncated"),
    name: "FormatError",
    message: "Cannot read index: it is truncated",
    fields: { code: "FORMAT" },
  },
  {
    error: new SeedInvalidError("old.img", "it has changed"),
    name: "SeedInvalidError",
    message: "Cannot use seed 'old.img': it has changed",
    fields: { code: "SEED_INVALID", location: "old.img" },
  },
  {
    error: new StoreError("/s", "read from", { cause, retryable: true }),
    name: "StoreError",
    message: "Cannot read from '/s': /s: Input/output error",
    fields: { code: "STORE", location: "/s", operation: "read from", retryable: true },
  },
  {
    error: new UnsupportedError("Cannot open /s"),
    name: "UnsupportedError",
    message: "Cannot open /s",
    fields: { code: "UNSUPPORTED" },
  },
  {
    error: new ConfigError("Cannot read key"),
    name: "ConfigError",
    message: "Cannot read key",
    fields: { code: "CONFIG" },
  },
] as const;

for (const { error, name, message, fields } of EXAMPLES) {
  Deno.test(`${name} has its fields, and keeps them on the way between threads`, () => {
    const copy = fromPlainError(structuredClone(toPlainError(error)));
    for (const each of [error, copy]) {
      assert.ok(each instanceof DesyncError && each instanceof error.constructor);
      assert.equal(each.name, name);
      assert.equal(each.message, message);
      assert.equal(each.stack, error.stack);
      for (const [key, value] of Object.entries(fields)) assert.equal(Reflect.get(each, key), value, key);
    }
    assert.equal((copy.cause as Error | undefined)?.message, (error.cause as Error | undefined)?.message);
    assert.ok(!Object.keys(copy).some((key) => ["message", "stack", "cause"].includes(key)));
  });
}

Deno.test("StoreError takes its reason from the cause, unless it is given one", () => {
  const message = (options?: ConstructorParameters<typeof StoreError>[2]) =>
    new StoreError("/s", "open", options).message;
  assert.equal(message(), "Cannot open '/s'");
  assert.equal(message({ cause: new Error("broken") }), "Cannot open '/s': broken");
  assert.equal(message({ cause: "broken" }), "Cannot open '/s': broken");
  assert.equal(message({ cause, reason: "no medium" }), "Cannot open '/s': no medium");
  assert.equal(new StoreError("/s", "open").retryable, false);
});

Deno.test("fromPlainError() keeps the code of a system error, the whole chain, and what is no Error", () => {
  const chain = new StoreError("/s", "read from", { cause: new Error("inner", { cause }) });
  const copy = fromPlainError(structuredClone(toPlainError(chain)));
  const inner = copy.cause as Error;
  assert.equal(inner.message, "inner");
  assert.ok(hasErrorCode(inner.cause, "EIO"));
  assert.equal((inner.cause as Error).name, "PosixError");
  assert.equal(fromPlainError(toPlainError("just text")).message, "just text");
  assert.ok(fromPlainError(toPlainError(new RangeError("too large"))) instanceof RangeError);
  assert.equal(
    fromPlainError(toPlainError(Object.assign(new Error("odd"), { name: "constructor" }))).message,
    "odd",
  );
});
