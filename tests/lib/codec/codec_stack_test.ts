import assert from "node:assert/strict";
import type { Codec } from "../../../lib/codec/codec.ts";
import { CodecStack } from "../../../lib/codec/codec_stack.ts";
import { openZstd } from "../../../lib/codec/zstd.ts";
import { FormatError } from "../../../lib/errors.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** A layer that appends its letter, and records what it does. */
function letterLayer(letter: string, calls: string[]): Codec {
  return {
    key: letter,
    extension: `.${letter}`,
    encode(plain) {
      calls.push(`+${letter}`);
      return Uint8Array.of(...plain, letter.charCodeAt(0));
    },
    decode(stored, maxSize) {
      calls.push(`-${letter}`);
      if (stored.at(-1) !== letter.charCodeAt(0)) throw new FormatError(`Cannot decode: no ${letter}`);
      if (stored.length - 1 > maxSize) throw new FormatError("Cannot decode: too large");
      return Uint8Array.from(stored.subarray(0, -1));
    },
  };
}

/** Stacks by their letters, which all record into `calls`. */
function letterStacks() {
  const calls: string[] = [];
  const stack = (letters: string) => new CodecStack([...letters].map((letter) => letterLayer(letter, calls)));
  return { calls, stack };
}

Deno.test("CodecStack applies its layers in order and undoes them last first", () => {
  const { calls, stack } = letterStacks();
  const codecs = stack("abc");
  assert.equal(codecs.extension, ".a.b.c");
  const stored = codecs.encode(text("x"));
  assert.deepEqual(stored, text("xabc"));
  assert.deepEqual(codecs.decode(stored, 1), text("x"));
  assert.deepEqual(calls, ["+a", "+b", "+c", "-c", "-b", "-a"]);
});

Deno.test("CodecStack without layers keeps bytes as they are", () => {
  const codecs = new CodecStack([]);
  const plain = text("plain");
  assert.equal(codecs.extension, "");
  assert.equal(codecs.encode(plain), plain);
  assert.equal(codecs.decode(plain, 5), plain);
  assert.throws(() => codecs.decode(plain, 4), FormatError);
});

Deno.test("CodecStack.decode() lets data between layers be larger than the plain bytes", () => {
  const { stack } = letterStacks();
  assert.deepEqual(stack("abc").decode(text("abc"), 0), text(""));
  assert.throws(() => stack("abc").decode(text("xabc"), 0), FormatError);
});

Deno.test("CodecStack.decode() bounds data between layers", () => {
  const { stack } = letterStacks();
  assert.throws(() => stack("ab").decode(Uint8Array.of(...new Uint8Array(5000), 97, 98), 100), FormatError);
});

Deno.test("CodecStack.equals() compares what layers do, not which objects they are", () => {
  const { stack } = letterStacks();
  assert.ok(stack("ab").equals(stack("ab")));
  assert.ok(stack("").equals(stack("")));
  assert.ok(!stack("ab").equals(stack("a")));
  assert.ok(!stack("a").equals(stack("ab")));
  assert.ok(!stack("ab").equals(stack("ac")));
});

for (
  const { from, to, calls: expected } of [
    { from: "z", to: "z", calls: [] },
    { from: "zk", to: "zk", calls: [] },
    { from: "", to: "", calls: [] },
    { from: "z", to: "zk", calls: ["+k"] },
    { from: "zk", to: "z", calls: ["-k"] },
    { from: "zk", to: "zl", calls: ["-k", "+l"] },
    { from: "zk", to: "k", calls: ["-k", "-z", "+k"] },
    { from: "", to: "zk", calls: ["+z", "+k"] },
    { from: "zk", to: "", calls: ["-k", "-z"] },
  ]
) {
  Deno.test(`CodecStack.convert() from '${from}' to '${to}' does ${expected.join(" ") || "nothing"}`, () => {
    const { calls, stack } = letterStacks();
    const stored = stack(from).encode(text("x"));
    calls.length = 0;
    const converted = stack(to).convert(stored, { from: stack(from), maxSize: 1 });
    assert.deepEqual(converted, text(`x${to}`));
    assert.deepEqual(calls, expected);
    if (expected.length === 0) assert.equal(converted, stored);
  });
}

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
const fast = await openZstd({ level: 1 });
const small = await openZstd({ level: 19 });

Deno.test("CodecStack.convert() does not compress again at another level", () => {
  const stored = fast.encode(text("chunk ".repeat(100)));
  const options = { from: new CodecStack([fast]), maxSize: 1000 };
  assert.equal(new CodecStack([small]).convert(stored, options), stored);
});
