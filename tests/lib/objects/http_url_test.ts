import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { ConfigError } from "../../../lib/errors.ts";
import { encodeKey, parseHttpBase, splitIndexUrl } from "../../../lib/objects/http_url.ts";

Deno.test.each([
  { url: "http://h", base: { origin: "http://h", path: "/", authorization: undefined } },
  { url: "http://h/path", base: { origin: "http://h", path: "/path/", authorization: undefined } },
  { url: "HTTPS://H:443/a//b/?q#f", base: { origin: "https://h", path: "/a//b/", authorization: undefined } },
  {
    url: "http://[::1]:81/%41 b",
    base: { origin: "http://[::1]:81", path: "/%41%20b/", authorization: undefined },
  },
  { url: "http://u@h/", base: { origin: "http://h", path: "/", authorization: "Basic dTo=" } },
  { url: "http://u%3a:%70@h/", base: { origin: "http://h", path: "/", authorization: "Basic dTo6cA==" } },
])("parseHttpBase() of $url", ({ url, base }) => {
  assert.deepEqual(parseHttpBase(url), base);
});

Deno.test("parseHttpBase() refuses other URLs without repeating them", () => {
  for (
    const url of ["", "h/path", "s3+http://u:s3cret@h/b", "http://", "http://u:s3cret@:80:80/", "file:///x"]
  ) {
    assert.throws(() => parseHttpBase(url), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
});

Deno.test.each([
  { url: "http://h/x.caibx", base: "http://h/", name: "x.caibx", query: undefined },
  { url: "http://u:p@h/a/b/x.caibx", base: "http://u:p@h/a/b/", name: "x.caibx", query: undefined },
  { url: "https://h/a/x?sig=%2F/y&b#f", base: "https://h/a/", name: "x", query: "sig=%2F/y&b" },
  { url: "http://h/a/a%3Ab.caibx?", base: "http://h/a/", name: "a:b.caibx", query: undefined },
  { url: "http://h/%25", base: "http://h/", name: "%", query: undefined },
  { url: "http://h/100%", base: "http://h/", name: "100%", query: undefined },
  { url: "http://h/%C3%BC%FF%3f", base: "http://h/", name: "%C3%BC%FF%3f", query: undefined },
  { url: "http://h/ü x", base: "http://h/", name: "ü x", query: undefined },
  { url: "http://h/a/b%2Fc%20d%2Fe", base: "http://h/a/b/c%20d/", name: "e", query: undefined },
])("splitIndexUrl() of $url", ({ url, base, name, query }) => {
  assert.deepEqual(splitIndexUrl(url), { base, name, query });
});

Deno.test("splitIndexUrl() refuses a URL without a name", () => {
  for (const url of ["http://h", "http://h/", "http://h/a/?x", "http://h/a%2F", "ftp://h/a"]) {
    assert.throws(() => splitIndexUrl(url), ConfigError);
  }
});

Deno.test("encodeKey() gives a path that is that key, whatever is in it", () => {
  const segment = fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.replaceAll("/", "x"))
    .filter((text) => text.isWellFormed() && text !== "." && text !== "..");
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
    const url = new URL(`http://h/base/${encodeKey(segments.join("/"))}`);
    assert.deepEqual([url.search, url.hash], ["", ""]);
    assert.deepEqual(url.pathname.split("/").slice(2).map(decodeURIComponent), segments);
    const { base, name } = splitIndexUrl(`http://h/${encodeKey(segments.at(-1)!)}`);
    assert.deepEqual([base, name], ["http://h/", segments.at(-1)]);
  }));
});

Deno.test("encodeKey() refuses what a URL cannot express", () => {
  for (const key of [".", "..", "../a", "a/./b", "a/.."]) assert.throws(() => encodeKey(key), TypeError);
});
