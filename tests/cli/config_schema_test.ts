import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { parseConfig } from "../../cli/config_schema.ts";
import { ConfigError } from "../../lib/errors.ts";

function parse(json: string | object) {
  return parseConfig(typeof json === "string" ? json : JSON.stringify(json), "c.json").config;
}

Deno.test.each([
  { json: "", problem: "it is empty" },
  { json: " \n", problem: "it is empty" },
  { json: "{", problem: "Expected property name or '}' in JSON at position 1 (line 1 column 2)" },
  {
    json: "{} {}",
    problem: "Unexpected non-whitespace character after JSON at position 3 (line 1 column 4)",
  },
  { json: '{"a":\n  x}', problem: "unexpected character in JSON at line 2 column 3" },
  { json: "nul", problem: "Unexpected end of JSON input" },
  { json: "[]", problem: "the file must be an object, not an array" },
  { json: { "store-options": [] }, problem: "'store-options' must be an object, not an array" },
  {
    json: { "store-options": { "http://u:p@h/": 5 } },
    problem: "'store-options' entry 'http://h/' must be an object, not a number",
  },
  {
    json: { "s3-credentials": { a: { "secret-key": 12345 } } },
    problem: "'s3-credentials' entry 'a': 'secret-key' must be a string, not a number",
  },
  {
    json: { "store-options": { a: { uncompressed: "yes" } } },
    problem: "'store-options' entry 'a': 'uncompressed' must be true or false, not a string",
  },
  {
    json: { "store-options": { a: { TIMEOUT: "30s" } } },
    problem: "'store-options' entry 'a': 'timeout' must be a 64-bit integer, in nanoseconds, not a string",
  },
  {
    json: { "store-options": { a: { timeout: 1.5 } } },
    problem: "'store-options' entry 'a': 'timeout' must be a 64-bit integer, in nanoseconds, not 1.5",
  },
  {
    json: { "store-options": { a: { n: 1e20 } } },
    problem: "'store-options' entry 'a': 'n' must be a 64-bit integer, not 100000000000000000000",
  },
  {
    json: { "oci-credentials": { a: { username: {} } } },
    problem: "'oci-credentials' entry 'a': 'username' must be a string, not an object",
  },
])("parseConfig() refuses $json", ({ json, problem }) => {
  assert.throws(() => parse(json), (error) => {
    assert(error instanceof ConfigError);
    assert.equal(error.message, `cannot read config file 'c.json': ${problem}`);
    return true;
  });
});

Deno.test("parseConfig() never shows what a malformed file holds", () => {
  const secret = "Zq7Wk9Xv3Jy5";
  const text = `{"s3-credentials": {"http://h": {"access-key": "a", "secret-key": "${secret}"}}}`;
  fc.assert(fc.property(
    fc.nat(text.length),
    fc.nat(3),
    fc.constantFrom("", "'", '"', "x", "{", "]", ",", "\n", "\\", "5", "ü"),
    (at, removed, inserted) => {
      try {
        parse(text.slice(0, at) + inserted + text.slice(at + removed));
      } catch (error) {
        assert(error instanceof ConfigError);
        const shown = Deno.inspect(error);
        for (let i = 0; i + 4 <= secret.length; i++) assert(!shown.includes(secret.slice(i, i + 4)), shown);
      }
    },
  ));
});

Deno.test("parseConfig() takes null for nothing, and keys in any case", () => {
  const nothing = parse("null");
  assert.deepEqual([nothing.storeOptions, nothing.s3Credentials], [undefined, undefined]);
  const config = parse({
    "STORE-options": { A: { Timeout: 5, "error-retry": null }, b: null },
    "s3-credentials": null,
  });
  assert.deepEqual(config.storeOptions, new Map<string, object>([["A", { timeout: 5 }], ["b", {}]]));
  assert.deepEqual([config.s3Credentials, config.warnings], [undefined, []]);
});

Deno.test("parseConfig() warns of keys it does not know", () => {
  const { warnings } = parse(`{
    "http-timeout": 5, "constructor": 1, "__proto__": {"timeout": 1},
    "store-options": {"https://u:p@h": {"Uncompresed": true, "error-retry": 1}}
  }`);
  assert.deepEqual(warnings, [
    "config file 'c.json': unknown key 'http-timeout' is ignored (use 'timeout' in 'store-options')",
    "config file 'c.json': unknown key 'constructor' is ignored",
    "config file 'c.json': unknown key '__proto__' is ignored",
    "config file 'c.json': 'store-options' entry 'https://h': unknown key 'Uncompresed' is ignored",
  ]);
});
