import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { indexBase, matchesLocation, redactLocation } from "../../cli/location_match.ts";

const HERE = { directory: "/home/me" };

// From the documentation of the reference program.
Deno.test.each([
  { pattern: "http://host/path", location: "http://host/path/", matches: true },
  { pattern: "https://*", location: "https://example.com", matches: true },
  { pattern: "https://*", location: "https://example.com/path", matches: false },
  { pattern: "https://example.com/*/*/", location: "https://example.com/path/another/", matches: true },
  { pattern: "http*://example.com", location: "http://example.com", matches: true },
  { pattern: "http?://example.com", location: "http://example.com", matches: false },
  { pattern: "https://exampl?.*", location: "https://example.com", matches: true },
  { pattern: "https://example.com/path/*", location: "https://example.com/path", matches: false },
  { pattern: "http://host:8080/path", location: "http://host/path", matches: false },
  { pattern: "ssh://host/path", location: "/path", matches: false },
  { pattern: "path", location: "path/", matches: true },
  { pattern: "path/..", location: ".", matches: true },
  { pattern: "/path*", location: "/path/to", matches: false },
  { pattern: "/pat?/?", location: "/path/1", matches: true },
  { pattern: "/path/to/../*", location: "/path/another", matches: true },
  { pattern: "*", location: "https://example.com/path", matches: false },
  { pattern: "/path*", location: "/path/../path", matches: true },
  { pattern: "/path*", location: "/path_1", matches: true },
  { pattern: "/path/*", location: "/path", matches: false },
  { pattern: "/store/*/", location: "/store/20230901", matches: true },
  { pattern: "http*://example.com", location: "https://example.com", matches: true },
  { pattern: "s3+http://h/b?lookup=path", location: "s3+http://h/b?lookup=path", matches: true },
  { pattern: "s3+http://h/b", location: "s3+http://h/b?lookup=path", matches: false },
])("matchesLocation($pattern, $location) is $matches", ({ pattern, location, matches }) => {
  assert.equal(matchesLocation(pattern, location, HERE), matches);
});

// What desync 1.0.4 does in /home/me: it reports a second pattern that matches.
Deno.test.each([
  { pattern: "http://host/a", location: "HTTP://host/a", matches: false },
  { pattern: "HTTP://host/a", location: "HTTP://host/a/", matches: true },
  { pattern: "http://host/a//", location: "http://host/a", matches: false },
  { pattern: "http://host/a", location: "http://host/a//", matches: false },
  { pattern: "http://host/[a-c]", location: "http://host/b", matches: true },
  { pattern: "http://host/[^a-c]", location: "http://host/b", matches: false },
  { pattern: "http://host/[^a-c]", location: "http://host/d", matches: true },
  { pattern: "http://host[^a]b", location: "http://host/b", matches: true },
  { pattern: "http://host[/]b", location: "http://host/b", matches: true },
  { pattern: "http://host/\\b", location: "http://host/b", matches: true },
  { pattern: "http://host/b\\", location: "http://host/b", matches: false },
  { pattern: "http://host/[b", location: "http://host/b", matches: false },
  { pattern: "http://host/[]b]", location: "http://host/b", matches: false },
  { pattern: "http://host/[-b]", location: "http://host/b", matches: false },
  { pattern: "http://host/[b-]", location: "http://host/b", matches: false },
  { pattern: "http://host/[\\-b]", location: "http://host/-", matches: true },
  { pattern: "http://host/[c-a]", location: "http://host/b", matches: false },
  { pattern: "http://host/]", location: "http://host/]", matches: true },
  { pattern: "http://host/[a-b-c]", location: "http://host/b", matches: false },
  { pattern: "http://host/**/c", location: "http://host/a/c", matches: true },
  { pattern: "http://host/**/c", location: "http://host/a/b/c", matches: false },
  { pattern: "http://host/*a*b", location: "http://host/xaxaab", matches: true },
  { pattern: "http://host/*", location: "http://host/", matches: false },
  { pattern: "http://host/*[^x]*b", location: "http://host/a/ab", matches: false },
  { pattern: "http://host*", location: "http://host/", matches: true },
  { pattern: "http://host/?", location: "http://host/é", matches: true },
  { pattern: "http://host/[à-ï]", location: "http://host/é", matches: true },
  { pattern: "http://host/?", location: "http://host/😀", matches: true },
  { pattern: "*://host/a", location: "http://host/a", matches: true },
  { pattern: "*", location: "http://host", matches: false },
  { pattern: "http://host/a?x=/b", location: "http://host/a?x=/b/", matches: true },
  { pattern: "http://host/a/../b", location: "http://host/b", matches: false },
  { pattern: "http://host/A", location: "http://host/a", matches: false },
  { pattern: "store/*", location: "store/a", matches: true },
  { pattern: "./store", location: "store", matches: true },
  { pattern: "../me/store", location: "store", matches: true },
  { pattern: "/home/me/sto*", location: "store/", matches: true },
  { pattern: "store//", location: "./store", matches: true },
  { pattern: "", location: ".", matches: true },
  { pattern: ".", location: "store/..", matches: true },
  { pattern: "*", location: "store", matches: true },
  { pattern: "*", location: "/store", matches: false },
  { pattern: "/*", location: "/store", matches: true },
  { pattern: "/", location: "/..", matches: true },
  { pattern: "st\\ore", location: "store", matches: true },
  { pattern: "st[", location: "st[", matches: false },
  { pattern: "\\[a", location: "[a", matches: true },
  { pattern: "[[]a", location: "[a", matches: true },
  { pattern: "sto?e", location: "store", matches: true },
  { pattern: "**", location: "store", matches: true },
  { pattern: "a\\/b", location: "a/b", matches: true },
  { pattern: "a/*/../b", location: "a/b", matches: true },
  { pattern: "a/*/..", location: "a", matches: true },
  { pattern: "*/store", location: "x/store/", matches: true },
  { pattern: "store", location: "Store", matches: false },
  { pattern: "/st*re/", location: "/st/re", matches: false },
  { pattern: "b", location: "a/b/../../b", matches: true },
])("matchesLocation($pattern, $location) is $matches, as for desync", ({ pattern, location, matches }) => {
  assert.equal(matchesLocation(pattern, location, HERE), matches);
});

Deno.test.each([
  { pattern: "store", location: "/data/[a]*\\b/store", matches: true },
  { pattern: "../*/store", location: "store", matches: true },
  { pattern: "s?ore", location: "./store/", matches: true },
  { pattern: "", location: "", matches: true },
])(
  "matchesLocation($pattern, $location) takes the current directory as it is",
  ({ pattern, location, matches }) => {
    assert.equal(matchesLocation(pattern, location, { directory: "/data/[a]*\\b" }), matches);
  },
);

Deno.test("matchesLocation() accepts paths that are no URL references", () => {
  for (const path of ["/data/100%", "1:x/y", "a b\u0001", ":x"]) {
    assert(matchesLocation(path, path, HERE), path);
  }
});

Deno.test.each([
  { pattern: "C:\\store", location: "C:\\store\\", matches: true },
  { pattern: "C:/store/*", location: "C:\\store\\a", matches: true },
  { pattern: "C:\\*", location: "C:\\store\\a", matches: false },
  { pattern: "C:\\st?re", location: "c:\\store", matches: false },
  { pattern: "store", location: "C:\\me [1]\\store", matches: true },
  { pattern: "C:store", location: "store", matches: true },
  { pattern: "D:store", location: "D:\\store", matches: true },
  { pattern: "\\store", location: "C:\\x\\..\\store", matches: true },
  { pattern: "\\\\host\\share\\*", location: "//host/share/a", matches: true },
  { pattern: "\\\\host\\share\\*", location: "C:\\host\\share\\a", matches: false },
  { pattern: "C:\\[a-c]", location: "C:\\b", matches: true },
  { pattern: "https://host/*", location: "https://host/a", matches: true },
  { pattern: "https://host/\\*", location: "https://host/*", matches: true },
])("matchesLocation($pattern, $location) is $matches on Windows", ({ pattern, location, matches }) => {
  assert.equal(matchesLocation(pattern, location, { directory: "C:\\me [1]", separator: "\\" }), matches);
});

const name = fc.string({ unit: fc.constantFrom(..."ab*?[]^-\\. é😀"), minLength: 1, maxLength: 6 });
const names = fc.array(name, { minLength: 1, maxLength: 4 });
const url = names.map((parts) => `https://host/${parts.join("/")}`);
const location = fc.oneof(
  url,
  names.map((parts) => parts.join("/")),
  names.map((parts) => `/${parts.join("/")}`),
);

function escapeGlob(text: string): string {
  return text.replace(/[*?[\\]/g, "\\$&");
}

Deno.test("matchesLocation() is true for the location with its special characters escaped", () => {
  fc.assert(fc.property(location, (text) => matchesLocation(escapeGlob(text), text, HERE)));
});

Deno.test("matchesLocation() takes no notice of one slash at the end", () => {
  fc.assert(fc.property(fc.oneof(name, location), location, (pattern, text) => {
    const expected = matchesLocation(pattern, text, HERE);
    assert.equal(matchesLocation(`${pattern}/`, text, HERE), expected);
    assert.equal(matchesLocation(pattern, `${text}/`, HERE), expected);
  }));
});

Deno.test("matchesLocation() lets a star stand for a name, and a question mark for a character", () => {
  fc.assert(fc.property(names, fc.nat(), (parts, pick) => {
    const at = pick % parts.length;
    const text = `https://host/${parts.join("/")}`;
    const replaceName = (by: string) =>
      `https://host/${parts.map((part, i) => i === at ? by : escapeGlob(part)).join("/")}`;
    assert(matchesLocation(replaceName("*"), text, HERE));
    assert(matchesLocation(replaceName("?".repeat([...parts[at]!].length)), text, HERE));
    assert(!matchesLocation("https://*", `${text}/x`, HERE));
  }));
});

Deno.test("matchesLocation() compares paths after they are made absolute and cleaned", () => {
  fc.assert(fc.property(names, fc.nat(), (parts, pick) => {
    const path = parts.join("/");
    const detour = parts.toSpliced(pick % (parts.length + 1), 0, "x", ".", "..", "").join("/");
    assert(matchesLocation(escapeGlob(path), `/home/me/${detour}`, HERE));
    assert(matchesLocation(escapeGlob(`/home/me/${detour}`), path, HERE));
  }));
});

Deno.test("matchesLocation() stays fast where stars could be tried in many ways", () => {
  const text = `https://host/${"a".repeat(5_000)}`;
  assert(!matchesLocation(`https://host/${"*a".repeat(200)}b`, text, HERE));
  assert(matchesLocation(`https://host/${"*a".repeat(200)}`, text, HERE));
});

Deno.test.each([
  { location: "https://host/a/x.caibx", base: "https://host/a" },
  { location: "https://host/x.caibx", base: "https://host" },
  { location: "/a/x.caibx", base: "/a" },
  { location: "/x.caibx", base: "/" },
  { location: "a/b\\x.caibx", base: "a" },
  { location: "a\\x.caibx", base: "a" },
  { location: "x.caibx", base: "" },
  { location: "-", base: "" },
  { location: "", base: "" },
])("indexBase($location) is $base", ({ location, base }) => {
  assert.equal(indexBase(location), base);
});

Deno.test.each([
  { location: "https://me:secret@host/a@b", shown: "https://host/a@b" },
  { location: "https://me:p@ss@host/", shown: "https://host/" },
  { location: "https://me:secret@host/a|http://you:secret@other/b", shown: "https://host/a|http://other/b" },
  { location: "sftp://me@host/a", shown: "sftp://host/a" },
  { location: "https://host/a", shown: "https://host/a" },
  { location: "/a//b@c/d", shown: "/a//b@c/d" },
])("redactLocation($location) is $shown", ({ location, shown }) => {
  assert.equal(redactLocation(location), shown);
});
