import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  formatDuration,
  parseBoolean,
  parseDuration,
  parseInteger,
  parseList,
  parseUnsigned,
} from "../../cli/flag_values.ts";

Deno.test.each([
  { text: "0", value: 0 },
  { text: "-0", value: 0 },
  { text: "+5", value: 5 },
  { text: "-5", value: -5 },
  { text: "010", value: 8 },
  { text: "0_7", value: 7 },
  { text: "0o17", value: 15 },
  { text: "0O17", value: 15 },
  { text: "0x1F", value: 31 },
  { text: "0X_1f", value: 31 },
  { text: "-0b101", value: -5 },
  { text: "1_000", value: 1000 },
  { text: "9007199254740991", value: Number.MAX_SAFE_INTEGER },
  { text: "9223372036854775807", value: 2 ** 63 },
  { text: "-9223372036854775808", value: -(2 ** 63) },
])("parseInteger() reads $text as $value", ({ text, value }) => {
  assert.equal(parseInteger(text), value);
});

Deno.test.each(
  [
    "",
    "+",
    "-",
    "_1",
    "1_",
    "1__0",
    "08",
    "0x",
    "0xg",
    "0b2",
    "0o8",
    " 5",
    "5 ",
    "1.0",
    "1e3",
    "--5",
    "5k",
    "\u0665",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
  ].map((text) => ({ text })),
)("parseInteger() refuses '$text'", ({ text }) => {
  assert.equal(parseInteger(text), undefined);
});

Deno.test("parseUnsigned() refuses signs, and numbers that need more than 64 bits", () => {
  assert.equal(parseUnsigned("5"), 5);
  assert.equal(parseUnsigned("0x10"), 16);
  assert.equal(parseUnsigned("18446744073709551615"), 2 ** 64);
  for (const text of ["-5", "+5", "-0", "18446744073709551616"]) assert.equal(parseUnsigned(text), undefined);
});

Deno.test("parseInteger() reads what BigInt writes in any base, with underscores anywhere between digits", () => {
  const base = fc.constantFrom(
    { prefix: "", radix: 10 },
    { prefix: "0x", radix: 16 },
    { prefix: "0X", radix: 16 },
    { prefix: "0o", radix: 8 },
    { prefix: "0", radix: 8 },
    { prefix: "0b", radix: 2 },
  );
  fc.assert(
    fc.property(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      base,
      fc.infiniteStream(fc.boolean()),
      (value, { prefix, radix }, cuts) => {
        const digits = (value < 0n ? -value : value).toString(radix)
          .replaceAll(/(?<=.)(?=.)/g, () => cuts.next().value ? "_" : "");
        assert.equal(parseInteger(`${value < 0n ? "-" : ""}${prefix}${digits}`), Number(value));
      },
    ),
  );
});

Deno.test("parseBoolean() knows the words of Go, and no others", () => {
  for (const text of ["1", "t", "T", "true", "TRUE", "True"]) assert.equal(parseBoolean(text), true);
  for (const text of ["0", "f", "F", "false", "FALSE", "False"]) assert.equal(parseBoolean(text), false);
  for (const text of ["", "yes", "no", "tRUE", "on", "2", " true"]) {
    assert.equal(parseBoolean(text), undefined);
  }
});

Deno.test.each([
  { text: "0", value: 0 },
  { text: "+0", value: 0 },
  { text: "500ms", value: 500 },
  { text: "1.5s", value: 1500 },
  { text: ".5s", value: 500 },
  { text: "5.s", value: 5000 },
  { text: "1m30s", value: 90_000 },
  { text: "-1s", value: -1000 },
  { text: "1h2m", value: 3_720_000 },
  { text: "1ns", value: 1e-6 },
  { text: "1us", value: 1e-3 },
  { text: "1\u00b5s", value: 1e-3 },
  { text: "1\u03bcs", value: 1e-3 },
  { text: "1.9999999999999999999999ns", value: 1e-6 },
  { text: "2540400h10m10.000000000s", value: 9_145_440_610_000 },
])("parseDuration() reads $text as $value ms", ({ text, value }) => {
  assert.equal(parseDuration(text), value);
});

Deno.test.each(
  ["", "5", "-", "+", "1d", "s", ".", ".s", "1.5.s", " 1s", "1s ", "1S", "1s5", "--1s", "100000000h"]
    .map((text) => ({ text })),
)("parseDuration() refuses '$text'", ({ text }) => {
  assert.equal(parseDuration(text), undefined);
});

Deno.test.each([
  { ms: 0, text: "0s" },
  { ms: 500, text: "500ms" },
  { ms: 1500, text: "1.5s" },
  { ms: 12_000, text: "12s" },
  { ms: 65_000, text: "1m5s" },
  { ms: 3_600_000, text: "1h0m0s" },
  { ms: 0.0015, text: "1.5\u00b5s" },
  { ms: 0.000001, text: "1ns" },
  { ms: -90_000, text: "-1m30s" },
])("formatDuration() writes $ms ms as $text", ({ ms, text }) => {
  assert.equal(formatDuration(ms), text);
});

Deno.test("parseDuration() reads what formatDuration() writes", () => {
  fc.assert(fc.property(fc.integer({ min: -(2 ** 48), max: 2 ** 48 }), (nanoseconds) => {
    // `+ 0` makes 0 of -0.
    assert.equal(parseDuration(formatDuration(nanoseconds / 1e6)), nanoseconds / 1e6 + 0);
  }));
});

Deno.test.each([
  { text: "", values: [] },
  { text: "a", values: ["a"] },
  { text: "a,b", values: ["a", "b"] },
  { text: "a,", values: ["a", ""] },
  { text: ",", values: ["", ""] },
  { text: ' a , "b"', values: undefined },
  { text: '"a,b",c', values: ["a,b", "c"] },
  { text: '"a""b"', values: ['a"b'] },
  { text: '""', values: [""] },
  { text: '"a', values: undefined },
  { text: 'a"b', values: undefined },
  { text: '"a"b', values: undefined },
  { text: '"', values: undefined },
  { text: '"""', values: undefined },
  { text: "a|b,c:d", values: ["a|b", "c:d"] },
  { text: "a\nb,c", values: ["a\nb", "c"] },
])("parseList() reads $text as $values", ({ text, values }) => {
  assert.deepEqual(parseList(text), values);
});

Deno.test("parseList() reads back any values that are quoted", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (values) => {
    assert.deepEqual(parseList(values.map((value) => `"${value.replaceAll('"', '""')}"`).join(",")), values);
  }));
});
