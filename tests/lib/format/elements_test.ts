import assert from "node:assert/strict";
import { FormatError } from "../../../lib/errors.ts";
import { ByteReader } from "../../../lib/format/byte_reader.ts";
import { ByteWriter } from "../../../lib/format/byte_writer.ts";
import { decodeHeader, RECORD, type RecordHeader, type RecordName } from "../../../lib/format/elements.ts";
import {
  decodeDevice,
  decodeFilename,
  decodeTarget,
  encodeDevice,
  encodePayloadHeader,
} from "../../../lib/format/elements_content.ts";
import { decodeEntry, encodeEntry, type Entry } from "../../../lib/format/elements_entry.ts";
import {
  decodeAclDefault,
  decodeAclEntry,
  decodeAclGroupObject,
  decodeFcaps,
  decodeLabel,
  decodeOwnerName,
  decodeProjectId,
  decodeXattr,
  encodeAclDefault,
  encodeAclEntry,
  encodeAclGroupObject,
  encodeFcaps,
  encodeProjectId,
  encodeText,
  encodeXattr,
  isPortableOwnerName,
} from "../../../lib/format/elements_metadata.ts";
import { ascii, u64 } from "../../support/archives.ts";

/** What is written, and a reader at the body of it. */
function written(
  write: (out: ByteWriter) => void,
): { readonly bytes: Uint8Array; readonly body: ByteReader } {
  const out = new ByteWriter(new Uint8Array(1));
  write(out);
  const bytes = out.take();
  const body = new ByteReader(bytes);
  const header: RecordHeader = { type: RECORD.ENTRY, size: 0 };
  decodeHeader(body, { out: header, offset: 0 });
  assert.equal(header.size, bytes.length);
  return { bytes, body };
}

// From the table of the format's description: sizes on both sides of what casync accepts.
Deno.test.each<{ name: RecordName; good: readonly number[]; bad: readonly number[] }>([
  { name: "ENTRY", good: [64], bad: [63, 65] },
  { name: "USER", good: [18, 272], bad: [17, 273] },
  { name: "GROUP", good: [18, 272], bad: [17, 273] },
  { name: "XATTR", good: [20, 65_808], bad: [19, 65_810] },
  { name: "ACL_USER", good: [32, 34, 288], bad: [31, 289] },
  { name: "ACL_GROUP", good: [32, 34, 288], bad: [31, 289] },
  { name: "ACL_GROUP_OBJ", good: [24], bad: [23, 25] },
  { name: "ACL_DEFAULT", good: [48], bad: [47, 49] },
  { name: "ACL_DEFAULT_USER", good: [32, 34, 288], bad: [31, 289] },
  { name: "ACL_DEFAULT_GROUP", good: [32, 34, 288], bad: [31, 289] },
  { name: "SELINUX", good: [18, 4112], bad: [17, 4113] },
  { name: "FCAPS", good: [16, 65_552], bad: [15, 65_553] },
  { name: "QUOTA_PROJID", good: [24], bad: [23, 25] },
  { name: "SYMLINK", good: [18, 4112], bad: [17, 4113] },
  { name: "DEVICE", good: [32], bad: [31, 33] },
  { name: "PAYLOAD", good: [16, 2 ** 53 - 1], bad: [0, 15, 2 ** 53, 2 ** 63] },
  { name: "FILENAME", good: [18, 272], bad: [0, 8, 16, 17, 273, 2 ** 50] },
  { name: "GOODBYE", good: [40, 64], bad: [39] },
])("decodeHeader() of $name accepts the sizes of the format alone", ({ name, good, bad }) => {
  const type = RECORD[name];
  const decode = (size: number): RecordHeader => {
    const header: RecordHeader = { type: RECORD.ENTRY, size: 0 };
    const reader = new ByteReader(u64(size, BigInt(type.high) << 32n | BigInt(type.low)));
    decodeHeader(reader, { out: header, offset: 7 });
    return header;
  };
  for (const size of good) assert.deepEqual(decode(size), { type, size });
  for (const size of bad) {
    assert.throws(() => decode(size), (error) => {
      assert.ok(error instanceof FormatError);
      assert.match(error.message, new RegExp(`^Cannot read archive: ${name} at offset 7: its size`));
      return true;
    });
  }
});

Deno.test("encodeEntry() and decodeEntry() agree", () => {
  const common = {
    flags: 0xb000_0001_ffef_fe26n,
    attributes: 0x10000n,
    uid: 4_294_967_294,
    gid: 7,
    mtime: 2n ** 63n,
  };
  const kinds = [
    "file",
    "directory",
    "symlink",
    "block-device",
    "character-device",
    "fifo",
    "socket",
  ] as const;
  for (const kind of kinds) {
    const entry: Entry = { ...common, kind, permissions: 0o7654 };
    const { body } = written((out) => encodeEntry(out, entry));
    assert.deepEqual(decodeEntry(body), entry);
    assert.equal(body.left, 0);
  }
});

Deno.test("encodeXattr() writes casync's and desync's form, and decodeXattr() reads its own", () => {
  const xattr = { name: ascii("user.k"), value: ascii("v") };
  const ours = written((out) => encodeXattr(out, { ...xattr, form: "casync" }));
  assert.equal(ours.bytes.toHex(), "180000000000000086c40bf8917015b8757365722e6b0076");
  assert.deepEqual(decodeXattr(ours.body, "casync"), xattr);
  const theirs = written((out) => encodeXattr(out, { ...xattr, form: "desync" }));
  assert.equal(theirs.bytes.toHex(), "190000000000000086c40bf8917015b8757365722e6b007600");
  assert.deepEqual(decodeXattr(theirs.body, "desync"), xattr);
});

Deno.test("decodeXattr() of an empty value needs desync's NUL in its form alone", () => {
  const empty = { name: ascii("user.k"), value: new Uint8Array() };
  for (const form of ["casync", "desync"] as const) {
    const { body } = written((out) => encodeXattr(out, { ...empty, form }));
    assert.deepEqual(decodeXattr(body, form), empty);
  }
  const { body } = written((out) => encodeXattr(out, { ...empty, form: "casync" }));
  assert.throws(() => decodeXattr(body, "desync"), FormatError);
});

Deno.test("encodeAclEntry() and decodeAclEntry() agree with and without a name", () => {
  for (
    const entry of [{ id: 3333, permissions: 4, name: undefined }, {
      id: 1,
      permissions: 6,
      name: ascii("daemon"),
    }]
  ) {
    for (const name of ["ACL_USER", "ACL_GROUP", "ACL_DEFAULT_USER", "ACL_DEFAULT_GROUP"] as const) {
      const { bytes, body } = written((out) => encodeAclEntry(out, { type: RECORD[name], entry }));
      assert.equal(bytes.length, entry.name === undefined ? 32 : 39);
      assert.deepEqual(decodeAclEntry(body), entry);
    }
  }
});

Deno.test("encodeAclDefault() and decodeAclDefault() agree with and without a mask", () => {
  for (const mask of [undefined, 0, 5]) {
    const acl = { userObject: 7, groupObject: 5, other: 0, mask };
    const { bytes, body } = written((out) => encodeAclDefault(out, acl));
    assert.deepEqual(decodeAclDefault(body), acl);
    assert.equal(bytes.subarray(40).toHex(), mask === undefined ? "f".repeat(16) : `0${mask}00000000000000`);
  }
});

Deno.test("The pairs of all other records agree", () => {
  const pair = <T>(value: T, encode: (out: ByteWriter) => void, decode: (body: ByteReader) => T) => {
    const { body } = written(encode);
    assert.deepEqual(decode(body), value);
    assert.equal(body.left, 0);
  };
  const texts = [
    { type: RECORD.USER, decode: decodeOwnerName },
    { type: RECORD.GROUP, decode: decodeOwnerName },
    { type: RECORD.SELINUX, decode: decodeLabel },
    { type: RECORD.SYMLINK, decode: decodeTarget },
    { type: RECORD.FILENAME, decode: decodeFilename },
  ];
  for (const { type, decode } of texts) {
    const text = ascii("name-ä");
    pair<Uint8Array>(text, (out) => encodeText(out, { type, text }), decode);
  }
  pair(5, (out) => encodeAclGroupObject(out, 5), decodeAclGroupObject);
  pair<Uint8Array>(ascii("caps"), (out) => encodeFcaps(out, ascii("caps")), decodeFcaps);
  pair(4_294_967_295, (out) => encodeProjectId(out, 4_294_967_295), decodeProjectId);
  pair(
    { major: 4095, minor: 1_048_575 },
    (out) => encodeDevice(out, { major: 4095, minor: 1_048_575 }),
    decodeDevice,
  );
  const out = new ByteWriter();
  encodePayloadHeader(out, 2 ** 52);
  assert.equal(out.take().toHex(), "1000000000001000c9ffdcd6931d9e8b");
});

Deno.test("isPortableOwnerName() is casync's rule", () => {
  const good = ["daemon", "_x", "A-9_z", "a".repeat(255)];
  const bad = ["", "root", "9a", "-a", "first.last", "a b", "ä", "a".repeat(256), "a\n"];
  for (const name of good) assert.equal(isPortableOwnerName(ascii(name)), true, name);
  for (const name of bad) assert.equal(isPortableOwnerName(ascii(name)), false, name);
});

Deno.test("ByteReader refuses to read past its window, and numbers that are not exact", () => {
  const reader = new ByteReader(u64(1, 2n ** 53n));
  reader.window(0, 12);
  reader.context("DEVICE", 100);
  assert.equal(reader.u64("major"), 1);
  assert.throws(() => reader.u64("minor"), {
    name: "FormatError",
    message: "Cannot read archive: DEVICE at offset 100: it ends inside minor",
  });
  reader.window(8, 8);
  assert.throws(() => reader.u64("minor"), /minor is 0x20000000000000/);
  assert.throws(() => reader.window(9, 8), RangeError);
});

Deno.test("ByteWriter writes into the caller's buffer until that is full", () => {
  const buffer = new Uint8Array(new SharedArrayBuffer(16));
  const out = new ByteWriter(buffer);
  out.u64(2 ** 53 - 1);
  out.big(2n ** 64n - 1n);
  assert.equal(out.written.buffer, buffer.buffer);
  assert.equal(Uint8Array.from(buffer).toHex(), "ffffffffffff1f00ffffffffffffffff");
  out.u32(1);
  assert.equal(out.size, 20);
  assert.equal(out.take().toHex(), "ffffffffffff1f00ffffffffffffffff01000000");
  assert.equal(out.size, 0);
});
