/**
 * tar archives that somebody damaged or forged: each gives a tree that can be archived, or a FormatError; from a stream
 * as from a file. Runs a fixed share of cases; `FUZZ_SECONDS=600` goes on for that long.
 */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { ArchiveEvent } from "../../lib/archive/entry.ts";
import { readTar } from "../../lib/archive/tar_source.ts";
import { FormatError } from "../../lib/errors.ts";
import { openTreePosix } from "../../lib/platform/tree.ts";
import { ascii, slicesOf } from "../support/archives.ts";
import { concat } from "../support/blobs.ts";
// Opens the libraries that are needed; see there.
import "../support/engine.ts";
import { changed, member, pax, tarOf } from "../support/tars.ts";

(await openTreePosix()).userId(ascii("root")); // Opens what looks owners up.

const SECONDS = Number(Deno.env.get("FUZZ_SECONDS") ?? 0);
const SHARE = SECONDS > 0 ? { numRuns: 2 ** 31, interruptAfterTimeLimit: SECONDS * 1000 } : { numRuns: 500 };
/** Holes may be of any size: no more of their zeros is looked at. */
const MAX_CONTENT = 4 << 20;
const BLOCK = 512;

const corpus = [
  tarOf(
    member("d/", { type: "5" }),
    member("d/file", { content: "content".repeat(100), uid: 7 }),
    member("hard", { type: "1", link: "d/file" }),
    member("link", { type: "2", link: "d" }),
    member("null", { type: "3", major: 1, minor: 3 }),
    member("pipe", { type: "6" }),
  ),
  tarOf(
    pax({ comment: "of all", uid: "9" }, "g"),
    pax({
      path: `${"long/".repeat(30)}name`,
      mtime: "-1.25",
      size: "1",
      "SCHILY.xattr.user.a": "value",
      "LIBARCHIVE.xattr.user.b": "AAE",
      "SCHILY.acl.access": "user::rw-,user:77:r--,group::r-x,mask::rwx,other::---",
      "SCHILY.acl.default": "user::rw-,group::r-x,other::---",
      "RHT.security.selinux": "label",
    }),
    member("short", { content: "x" }),
    member("LongLink", { type: "L", content: `${"n".repeat(200)}\0` }),
    member("LongLink", { type: "K", content: `${"t".repeat(200)}\0` }),
    member("cut", { type: "2", link: "cut" }),
  ),
  tarOf(
    pax([
      ["GNU.sparse.size", "3000"],
      ["GNU.sparse.offset", "0"],
      ["GNU.sparse.numbytes", "3"],
      ["GNU.sparse.offset", "2000"],
      ["GNU.sparse.numbytes", "2"],
    ]),
    member("sparse-0.0", { content: "abcde" }),
    pax({ "GNU.sparse.size": "3000", "GNU.sparse.name": "other", "GNU.sparse.map": "0,3,2000,2" }),
    member("sparse-0.1", { content: "abcde" }),
    pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "3000" }),
    member("sparse-1.0", { content: `2\n0\n3\n2000\n2\n${"\0".repeat(BLOCK - 13)}abcde` }),
  ),
];

type Damage =
  | { readonly kind: "flip" | "byte"; readonly at: number; readonly value: number; readonly repair: boolean }
  | { readonly kind: "cut" | "remove" | "repeat"; readonly at: number }
  | { readonly kind: "text"; readonly at: number; readonly text: string; readonly repair: boolean };

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const TEXTS = [
  "../",
  "/",
  "77777777777\0",
  "\x80\xff",
  "9".repeat(17),
  "-1",
  "=",
  "\n",
  "1073741824",
  "ustar  \0",
  "S",
];
const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("flip" as const, "byte" as const),
    at,
    value: fc.nat(255),
    repair: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("text" as const),
    at,
    text: fc.constantFrom(...TEXTS),
    repair: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("cut" as const, "remove" as const, "repeat" as const), at }),
);

/** Puts right the checksum of the block at `offset`, so that what is in it counts. */
function repaired(tar: Uint8Array<ArrayBuffer>, offset: number): Uint8Array<ArrayBuffer> {
  const start = offset - offset % BLOCK;
  if (start + BLOCK > tar.length) return tar;
  return concat(
    tar.subarray(0, start),
    changed(tar.slice(start, start + BLOCK), () => {}),
    tar.subarray(start + BLOCK),
  );
}

function apply(tar: Uint8Array<ArrayBuffer>, damage: Damage): Uint8Array<ArrayBuffer> {
  const offset = Math.floor(damage.at * tar.length);
  const block = offset - offset % BLOCK;
  switch (damage.kind) {
    case "cut":
      return tar.slice(0, offset);
    case "remove":
      return concat(tar.subarray(0, block), tar.subarray(block + BLOCK));
    case "repeat":
      return concat(tar.subarray(0, block + BLOCK), tar.subarray(block));
    case "text":
      for (const [i, letter] of [...damage.text].entries()) {
        if (offset + i < tar.length) tar[offset + i] = letter.charCodeAt(0);
      }
      return damage.repair ? repaired(tar, offset) : tar;
    default:
      if (offset < tar.length) {
        tar[offset] = damage.kind === "byte" ? damage.value : tar[offset]! ^ damage.value;
      }
      return damage.repair ? repaired(tar, offset) : tar;
  }
}

/** Nodes, the end of directories and the first bytes of contents; or why there are none. */
async function tryRead(source: Parameters<typeof readTar>[0]): Promise<readonly unknown[] | string> {
  const found: unknown[] = [];
  let depth = 0;
  let left = 0;
  let seen = 0;
  try {
    for await (const event of readTar(source, { xattrNamespaces: "all" })) {
      if (event.type === "data") {
        assert.ok(event.data.length <= left);
        left -= event.data.length;
        if (seen < 4096) found.push(event.data.slice(0, 64));
        if ((seen += event.data.length) > MAX_CONTENT) break;
        continue;
      }
      assert.equal(left, 0);
      found.push(event);
      if (event.type === "leave") depth--;
      else {
        checkName(event);
        if (event.node.kind === "directory") depth++;
        if (event.node.kind === "file") left = event.node.size;
      }
    }
    if (seen <= MAX_CONTENT) assert.deepEqual([depth, left], [0, 0]);
    return found;
  } catch (error) {
    assert.ok(error instanceof FormatError, `${error instanceof Error ? error.stack : error}`);
    return error.message;
  }
}

function checkName({ name }: ArchiveEvent & { readonly type: "node" }): void {
  if (name === undefined) return;
  const text = String.fromCharCode(...name);
  assert.ok(text !== "" && text !== "." && text !== ".." && !/[/\0]/.test(text), text);
}

Deno.test("readTar() of a damaged archive gives a tree or a FormatError", async () => {
  let [valid, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...corpus),
      fc.array(damages, { maxLength: 3 }),
      fc.constantFrom(100, 512, 1000, 10_000),
      async (tar, list, size) => {
        const damaged = list.reduce(apply, tar.slice());
        const whole = await tryRead(ReadableStream.from(slicesOf(damaged, size)));
        const file = {
          size: () => damaged.length,
          readAt(target: Uint8Array, offset: number) {
            const part = damaged.subarray(offset, offset + target.length);
            target.set(part);
            return part.length;
          },
        };
        const byFile = await tryRead(file);
        // Where a truncated archive ends is told in other words only.
        assert.deepEqual(typeof byFile, typeof whole);
        if (typeof whole !== "string") assert.deepEqual(byFile, whole);
        if (typeof whole === "string") refused++;
        else valid++;
      },
    ),
    SHARE,
  );
  assert.ok(valid > 0 && refused > 0);
  if (SECONDS > 0) await Deno.stderr.write(ascii(`\n${valid} archives were read, ${refused} refused\n`));
});
