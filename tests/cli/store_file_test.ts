import assert from "node:assert/strict";
import { parseStoreFile, readStoreFile } from "../../cli/store_file.ts";
import { ConfigError } from "../../lib/errors.ts";

interface FileRow {
  readonly text: string;
  readonly stores: readonly string[];
  readonly cache?: string;
}

const FILES: readonly FileRow[] = [
  { text: '{"stores": ["a", "b|c"], "cache": "d"}', stores: ["a", "b|c"], cache: "d" },
  { text: '{"stores": ["a"]}', stores: ["a"] },
  { text: '{"stores": ["a"], "cache": ""}', stores: ["a"] },
  { text: '\ufeff{"STORES": ["a"], "Cache": "d", "more": [{}]}', stores: ["a"], cache: "d" },
  { text: "{}", stores: [] },
  { text: '{"stores": null, "cache": null}', stores: [] },
  { text: '{"stores": ["a}]\\"{"]} {"stores": ["b"]} garbage', stores: ['a}]"{'] },
];

Deno.test.each(FILES)("parseStoreFile() reads $text", ({ text, stores, cache }) => {
  assert.deepEqual(parseStoreFile(text, "f"), { stores, cache });
});

Deno.test.each([
  "",
  " ",
  "{",
  "nonsense",
  "[]",
  "3",
  "null",
  '{"stores": "a"}',
  '{"stores": [1]}',
  '{"cache": 1}',
  '"x"',
])(
  "parseStoreFile() refuses '%s'",
  (text) => {
    assert.throws(() => parseStoreFile(text, "f"), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /^failed to read store-file 'f': /);
      return true;
    });
  },
);

Deno.test("parseStoreFile() shows nothing of a malformed file, which may hold a password", () => {
  assert.throws(() => parseStoreFile('{"stores": ["http://u:secret@h/" }', "f"), (error) => {
    return !/secret/.test(String(error));
  });
});

Deno.test("readStoreFile() names the file that it cannot read", async () => {
  await assert.rejects(readStoreFile("/nonexistent/file"), {
    message: "failed to read store-file '/nonexistent/file'",
  });
});
