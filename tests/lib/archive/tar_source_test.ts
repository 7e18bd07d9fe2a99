import assert from "node:assert/strict";
import type { ArchiveEvent } from "../../../lib/archive/entry.ts";
import { formatList } from "../../../lib/archive/list.ts";
import { readTar, type ReadTarOptions } from "../../../lib/archive/tar_source.ts";
import { FormatError } from "../../../lib/errors.ts";
import { ascii, slicesOf } from "../../support/archives.ts";
import { concat } from "../../support/blobs.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
// Opens the libraries that are needed; see there.
import "../../support/engine.ts";
import { changed, member, padded, pax, tarOf, type TarView, viewTree } from "../../support/tars.ts";

// Native libraries stay open: opened here, they are no leak of the test that looks an owner up first.
(await openTreePosix()).userId(ascii("root"));

function events(tar: Uint8Array<ArrayBuffer>, options: ReadTarOptions = {}): AsyncGenerator<ArchiveEvent> {
  return readTar(ReadableStream.from([tar]), options);
}

async function list(tar: Uint8Array<ArrayBuffer>, options: ReadTarOptions = {}): Promise<string> {
  return (await Array.fromAsync(formatList(events(tar, options)))).join("");
}

async function view(tar: Uint8Array<ArrayBuffer>, path: string): Promise<TarView> {
  const found = (await viewTree(events(tar, { xattrNamespaces: "all" }))).find((node) => node.path === path);
  assert.ok(found !== undefined, path);
  return found;
}

const hex = (text: string) => ascii(text).toHex();

Deno.test("readTar() sorts members, and makes up directories that are missing", async () => {
  const tar = tarOf(
    member("z"),
    member("./b/c/d", { permissions: 0o4755 }),
    member("b-", { type: "5", permissions: 0o700 }),
    member("/b//a"),
  );
  const warnings: string[] = [];
  assert.equal(
    await list(tar, { onWarning: (text) => warnings.push(text) }),
    `drwxr-xr-x .
drwxr-xr-x b
-rw-r--r-- b/a
drwxr-xr-x b/c
-rwsr-xr-x b/c/d
drwx------ b-
-rw-r--r-- z
`,
  );
  assert.deepEqual(warnings, ["names in the tar archive begin with '/', they are made relative"]);
});

Deno.test("readTar() takes the last of members with one name", async () => {
  const tar = tarOf(
    member("a", { content: "old" }),
    member("d/", { type: "5", permissions: 0o700 }),
    member("d/x", { content: "kept" }),
    member("a", { content: "newer" }),
    member("d", { type: "5", permissions: 0o711 }),
    member("./", { type: "5", permissions: 0o1777 }),
  );
  assert.equal(await list(tar), "drwxrwxrwt .\n-rw-r--r-- a\ndrwx--x--x d\n-rw-r--r-- d/x\n");
  assert.equal((await view(tar, "a")).content, hex("newer"));
  assert.equal(
    await list(tar, { addRoot: true }),
    "drwxr-xr-x .\n-rw-r--r-- a\ndrwx--x--x d\n-rw-r--r-- d/x\n",
  );
});

Deno.test("readTar() makes files of hard links, wherever their target is", async () => {
  const tar = tarOf(
    member("early", { type: "1", link: "./link" }),
    member("link", { type: "1", link: "target" }),
    member("target", { content: "first", uid: 7 }),
    member("late", { type: "1", link: "target" }),
    member("target", { content: "second" }),
    member("fifo", { type: "6" }),
    member("fifo2", { type: "1", link: "fifo" }),
  );
  assert.equal((await view(tar, "late")).content, hex("first"));
  assert.equal((await view(tar, "late")).node.uid, 7);
  assert.equal((await view(tar, "target")).content, hex("second"));
  assert.equal((await view(tar, "early")).content, hex("second"));
  assert.equal((await view(tar, "fifo2")).node.kind, "fifo");
});

Deno.test("readTar() applies PAX records", async () => {
  const path = `${"long/".repeat(60)}\u00e9`;
  const tar = tarOf(
    pax({ comment: "of all members", uid: "9" }, "g"),
    pax({
      ...{ path, mtime: "-1.25", uid: "4294967294", gid: "70000", uname: "daemon" },
      ...{
        "SCHILY.xattr.user.a%3Db%25": "v\n=",
        "LIBARCHIVE.xattr.user.%ff": "AAE",
        "SCHILY.xattr.user.empty": "",
      },
      ...{ "SCHILY.xattr.security.capability": "caps", "RHT.security.selinux": "label\0" },
      "SCHILY.acl.access": "user::rw-,user:77:r--,group::r-x,group:daemon:-w-:55,mask::rwx,other::---",
    }),
    member("short", { content: "x" }),
    pax({ linkpath: "t".repeat(300) }),
    member("link", { type: "2", link: "cut" }),
    member("other", { uid: 1 }),
  );
  const { node, content } = await view(tar, `${"long/".repeat(60)}\\303\\251`);
  assert.equal(content, hex("x"));
  const found = { uid: node.uid, gid: node.gid, mtime: node.mtime, user: node.user };
  assert.deepEqual(found, { uid: 4294967294, gid: 70000, mtime: "-1250000000", user: hex("daemon") });
  assert.deepEqual(node.xattrs, [
    { name: hex("security.capability"), value: hex("caps") },
    { name: hex("user.a=b%"), value: hex("v\n=") },
    { name: hex("user.empty"), value: "" },
    { name: `${hex("user.")}ff`, value: "0001" },
  ]);
  assert.deepEqual(node.acl, { users: ["77:4"], groups: ["55:2"], groupObject: 5 });
  assert.deepEqual([node.fcaps, node.selinux], [hex("caps"), hex("label")]);
  assert.equal((await view(tar, "link")).node.target, hex("t".repeat(300)));
  assert.equal((await view(tar, "other")).node.uid, 9);
});

Deno.test("readTar() applies long names of GNU tar, and numbers in base 256", async () => {
  const name = "n".repeat(200);
  const large = changed(member("short"), (header) => {
    header.set([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xf0], 108);
    header.set([...new Array(8).fill(0xff), 0xff, 0xff, 0xff, 0xfe], 136);
  });
  const tar = tarOf(
    member("././@LongLink", { type: "L", content: `${name}\0` }),
    large,
    member("././@LongLink", { type: "K", content: `${"t".repeat(200)}\0` }),
    member("link", { type: "2", link: "cut" }),
    member("old/", { type: "\0" }),
  );
  const { node } = await view(tar, name);
  assert.deepEqual([node.uid, node.mtime], [0xffff_fff0, "-2000000000"]);
  assert.equal((await view(tar, "link")).node.target, hex("t".repeat(200)));
  assert.equal((await view(tar, "old")).node.kind, "directory");
});

const SPARSE_CONTENT = `${"00".repeat(600)}${hex("one")}${"00".repeat(397)}${hex("two!")}${"00".repeat(96)}`;
const octal = (value: number) => ascii(`${value.toString(8).padStart(11, "0")} `);
const oldSparse = changed(member("f", { type: "S", content: "onetwo!" }), (header) => {
  header.set(ascii("ustar  \0"), 257);
  header.set(concat(octal(600), octal(3), octal(1000), octal(4)), 386);
  header.set(octal(1100), 483);
});
const [sparseHeader, sparseBody] = [oldSparse.slice(0, 512), oldSparse.slice(512)];
const continuation = padded(concat(octal(1000), octal(4)));

Deno.test.each([
  { form: "GNU", tar: [oldSparse] },
  {
    form: "GNU, continued",
    tar: [
      changed(sparseHeader, (header) => {
        header.fill(0, 410, 482);
        header[482] = 1;
      }),
      continuation,
      sparseBody,
    ],
  },
  {
    form: "PAX 0.0",
    tar: [
      pax([
        ["GNU.sparse.size", "1100"],
        ["GNU.sparse.numblocks", "2"],
        ["GNU.sparse.offset", "600"],
        ["GNU.sparse.numbytes", "3"],
        ["GNU.sparse.offset", "1000"],
        ["GNU.sparse.numbytes", "4"],
      ]),
      member("f", { content: "onetwo!" }),
    ],
  },
  {
    form: "PAX 0.1",
    tar: [
      pax({ "GNU.sparse.size": "1100", "GNU.sparse.map": "600,3,1000,4", "GNU.sparse.name": "f" }),
      member("GNUSparseFile.1/f", { content: "onetwo!" }),
    ],
  },
  {
    form: "PAX 1.0",
    tar: [
      pax({
        ...{ "GNU.sparse.major": "1", "GNU.sparse.minor": "0" },
        ...{ "GNU.sparse.name": "f", "GNU.sparse.realsize": "1100" },
      }),
      member("GNUSparseFile.1/f", {
        content: concat(padded(ascii("2\n600\n3\n1000\n4\n")), ascii("onetwo!")),
      }),
    ],
  },
])("readTar() fills the holes of sparse files of $form", async ({ tar }) => {
  assert.equal((await view(tarOf(...tar, member("g")), "f")).content, SPARSE_CONTENT);
});

Deno.test("readTar() does not care how its input is sliced", async () => {
  const tar = tarOf(
    member("a", { content: "x".repeat(700) }),
    pax({ path: "dir/b" }),
    member("b", { content: "y" }),
  );
  const whole = await viewTree(events(tar));
  for (const size of [1, 7, 512, 513, 1000]) {
    assert.deepEqual(await viewTree(readTar(ReadableStream.from(slicesOf(tar, size)))), whole);
  }
});

Deno.test("readTar() warns of what is odd", async () => {
  const warnings: string[] = [];
  const onWarning = (text: string) => void warnings.push(text);
  const parts = [
    member("label", { type: "V" }),
    member("a"),
    member("b", { type: "Q" }),
    member("c", { type: "Q" }),
  ];
  assert.equal(
    await list(concat(...parts), { onWarning }),
    "drwxr-xr-x .\n" + "abc".replace(/./g, "-rw-r--r-- $&\n"),
  );
  assert.equal(await list(concat(tarOf(), member("lost")), { onWarning }), "drwxr-xr-x .\n");
  assert.deepEqual(warnings, [
    "a tar member that is the label of a volume is left out",
    "tar members of the unknown type 'Q' are taken for files",
    "the tar archive has no end mark, it may be truncated",
    "other data follow the end of the tar archive, they are ignored",
  ]);
});

const ONE = member("a", { content: "content" });
const HOSTILE: readonly {
  readonly what: string;
  readonly tar: Uint8Array<ArrayBuffer>;
  readonly error: string;
}[] = [
  { what: "nothing", tar: new Uint8Array(), error: "it is empty" },
  { what: "text", tar: padded(ascii("hello")), error: "the header at offset 0 has the checksum 0, not 788" },
  { what: "half a header", tar: ONE.slice(0, 300), error: "it is truncated, at offset 300" },
  { what: "half a content", tar: ONE.slice(0, 515), error: "it is truncated, at offset 515" },
  { what: "no padding", tar: ONE.slice(0, 519), error: "it is truncated, at offset 519" },
  {
    what: "a way out",
    tar: tarOf(member("a/../../etc/passwd")),
    error: "'a/../../etc/passwd' is no valid name: name is '..'",
  },
  {
    what: "a link through which a file goes",
    tar: tarOf(member("a", { type: "2", link: "/etc" }), member("a/passwd")),
    error: "'a/passwd' is below 'a', which is a symlink",
  },
  {
    what: "a file instead of a directory",
    tar: tarOf(member("a/b"), member("a")),
    error: "'a' is a directory with entries first, a file then",
  },
  {
    what: "a link to nowhere",
    tar: tarOf(member("a", { type: "1", link: "../b" })),
    error: "'../b' is no valid name: name is '..'",
  },
  {
    what: "links in a circle",
    tar: tarOf(member("a", { type: "1", link: "b" }), member("b", { type: "1", link: "a" })),
    error: "'a' is a hard link to 'b', which is not in it",
  },
  {
    what: "a link to a directory",
    tar: tarOf(member("d", { type: "5" }), member("a", { type: "1", link: "d" })),
    error: "'a' is a hard link to the directory 'd'",
  },
  {
    what: "no target",
    tar: tarOf(member("a", { type: "2" })),
    error: "the symbolic link 'a' has no valid target",
  },
  { what: "no name", tar: tarOf(member("")), error: "a member has no name" },
  {
    what: "a long component",
    tar: tarOf(pax({ path: "n".repeat(256) }), ONE),
    error: `'${"n".repeat(200)}' is no valid name: name has 256 bytes, more than 255`,
  },
  {
    what: "a deep path",
    tar: tarOf(pax({ path: "a/".repeat(2000) }), ONE),
    error: `'${"a/".repeat(100)}' is no valid name: it is 2000 levels deep`,
  },
  {
    what: "a huge size",
    tar: changed(ONE, (header) => header.set([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff], 124)),
    error: "the header at offset 0 has no valid size",
  },
  {
    what: "a huge header",
    tar: changed(member("x", { type: "x" }), (header) => header.set(ascii("77777777777\0"), 124)),
    error: "a header of 8589934591 bytes is larger than 4194304 bytes",
  },
  {
    what: "a malformed record",
    tar: tarOf(member("x", { type: "x", content: "99 path=a\n" }), ONE),
    error: "a PAX record is malformed, at byte 0 of its header",
  },
  {
    what: "a header of nothing",
    tar: tarOf(pax({ path: "a" })),
    error: "the member of a header is missing, at offset 1024",
  },
  {
    what: "a block of zeros",
    tar: tarOf(ONE, new Uint8Array(512), ONE),
    error: "a single block of zeros is inside it, at offset 1024",
  },
  { what: "a wrong owner", tar: tarOf(pax({ uid: "-1" }), ONE), error: "'-1' is no owner" },
  { what: "a wrong time", tar: tarOf(pax({ mtime: "1e9" }), ONE), error: "'1e9' is no time" },
  {
    what: "a wrong attribute",
    tar: tarOf(pax({ "LIBARCHIVE.xattr.user.a": "*" }), ONE),
    error: "an extended attribute is not in base 64",
  },
  {
    what: "an unknown owner in an ACL",
    tar: tarOf(pax({ "SCHILY.acl.access": "user:no such user:rwx" }), ONE),
    error: "an ACL names the user 'no such user', who is not known here",
  },
  {
    what: "overlapping extents",
    tar: tarOf(pax({ "GNU.sparse.size": "9", "GNU.sparse.map": "0,4,3,3" }), ONE),
    error: "the map of a sparse file is malformed: its extents do not ascend",
  },
  {
    what: "extents without data",
    tar: tarOf(pax({ "GNU.sparse.size": "99", "GNU.sparse.map": "0,4" }), ONE),
    error: "the map of a sparse file is malformed: its extents have 4 bytes, its member 7",
  },
  {
    what: "another volume",
    tar: tarOf(member("a", { type: "M" })),
    error: "'a' begins in another volume",
  },
];

Deno.test.each(HOSTILE)("readTar() refuses $what", async ({ tar, error }) => {
  await assert.rejects(Array.fromAsync(events(tar)), (found) => {
    assert.ok(found instanceof FormatError, String(found));
    assert.equal(found.message, `Cannot read tar: ${error}`);
    return true;
  });
});

/** A file in memory that counts what is read of it. */
function fileOf(
  tar: Uint8Array,
): { size(): number; readAt(target: Uint8Array, offset: number): number; read: number } {
  return {
    read: 0,
    size: () => tar.length,
    readAt(target, offset) {
      const part = tar.subarray(offset, offset + target.length);
      target.set(part);
      this.read += part.length;
      return part.length;
    },
  };
}

Deno.test("readTar() reads contents of a file once, and only those that count", async () => {
  const large = "x".repeat(3_000_000);
  const tar = tarOf(
    member("b", { content: large }),
    member("a", { content: "small" }),
    member("c", { type: "1", link: "a" }),
    member("b", { content: "last" }),
  );
  const file = fileOf(tar);
  const found = await viewTree(readTar(file));
  assert.deepEqual(found, await viewTree(events(tar)));
  assert.deepEqual(found.map(({ content }) => content), ["", hex("small"), hex("last"), hex("small")]);
  assert.ok(file.read < 400_000, `${file.read} bytes`);
});

Deno.test("readTar() refuses a file that ends too early, or that shrinks", async () => {
  const tar = tarOf(member("a", { content: "x".repeat(300_000) }), member("b"));
  await assert.rejects(viewTree(readTar(fileOf(tar.subarray(0, 200_000)))), FormatError);
  const shrinking = fileOf(tar);
  const reading = readTar(shrinking);
  await reading.next();
  shrinking.readAt = () => 0;
  await assert.rejects(Array.fromAsync(reading), FormatError);
});

Deno.test("readTar() of a file ends when it is aborted", async () => {
  const reading = readTar(fileOf(tarOf(member("a"))), { signal: AbortSignal.abort(new Error("enough")) });
  await assert.rejects(reading.next(), /enough/);
});

Deno.test("readTar() cancels its source if reading ends early", async () => {
  let isCancelled = false;
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(ascii("no tar").slice()),
    cancel: () => void (isCancelled = true),
  });
  await assert.rejects(Array.fromAsync(readTar(broken)), FormatError);
  assert.ok(isCancelled);
});
