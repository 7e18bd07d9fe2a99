import assert from "node:assert/strict";
import { ArchiveParser } from "../../../lib/archive/parser.ts";
import { readArchive } from "../../../lib/archive/reader.ts";
import { FormatError } from "../../../lib/errors.ts";
import * as type from "../../../lib/format/constants.ts";
import { DESYNC_FLAGS, parseFeatureFlags } from "../../../lib/format/feature_flags.ts";
import { ascii, DIRECTORY, entry, parseSlices, slicesOf, u64, writeEvents } from "../../support/archives.ts";
import { EMPTY, FILE, goodbye, name, ROOT, xattr } from "../../support/archive_records.ts";
import { concat } from "../../support/blobs.ts";

const GOLDEN = new URL("../../golden/catar/", import.meta.url);

async function golden(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(new URL(`${name}.catar`, GOLDEN));
}

/** Names of the archives that one of the programs made. */
function goldenNames(program: "casync" | "desync"): string[] {
  const names = Array.from(Deno.readDirSync(new URL(`${program}/`, GOLDEN)), ({ name }) => name);
  return names.filter((name) => name.endsWith(".catar")).map((name) => `${program}/${name.slice(0, -6)}`)
    .sort();
}

const text = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

Deno.test.each([...goldenNames("casync"), ...goldenNames("desync")].map((archive) => ({ archive })))(
  "ArchiveParser reads $archive the same in slices of any size",
  async ({ archive }) => {
    const bytes = await golden(archive);
    const whole = parseSlices([bytes]);
    for (const size of [1, 3, 16, 61, 1000]) assert.deepEqual(parseSlices(slicesOf(bytes, size)), whole);
    assert.deepEqual(parseSlices([bytes], { verifyGoodbye: false }), whole);
  },
);

Deno.test("ArchiveParser finds a truncation of an archive at every offset", async () => {
  const bytes = await golden("casync/all-metadata");
  for (let size = 0; size < bytes.length; size++) {
    assert.throws(() => parseSlices([bytes.subarray(0, size)]), FormatError, `${size} bytes`);
  }
});

Deno.test("ArchiveParser delivers every kind of inode", async () => {
  const events = parseSlices([await golden("casync/kinds")]);
  const found = events.map((event) => {
    if (event.type !== "node") return event.type;
    const { node } = event;
    const detail = node.kind === "file" ? node.size : node.kind === "symlink" ? text(node.target) : "";
    return `${text(event.name)} ${node.kind} ${node.permissions.toString(8)} ${detail}`.trim();
  });
  assert.deepEqual(found, [
    "undefined directory 755",
    ...["bar file 644 3", "data", "empty file 644 0", "foo file 644 4", "data", "link symlink 777 bar"],
    ...["null character-device 666", "pipe fifo 600", "sda block-device 644", "sock socket 755"],
    ...["sub directory 755", "leave", "leave"],
  ]);
});

Deno.test("ArchiveParser delivers all metadata", async () => {
  const events = parseSlices([await golden("casync/all-metadata")]);
  const [, file, , link] = events.flatMap((event) => event.type === "leave" ? [] : [event]);
  assert.ok(file?.type === "node" && link?.type === "node");
  assert.deepEqual(file.node.xattrs, [{ name: ascii("user.u"), value: ascii("1") }]);
  assert.deepEqual(file.node.acl, {
    users: [{ id: 1, permissions: 4, name: ascii("daemon") }],
    groups: [],
    groupObject: 4,
  });
  assert.equal(text(file.node.selinux), "system_u:object_r:etc_t:s0");
  assert.equal(text(link.node.selinux), "system_u:object_r:lnk_t:s0");
  assert.equal(file.node.fcaps?.toHex(), "0100000200200000000000000000000000000000");
  assert.equal(file.node.mtime, 1_500_000_000_000_000_000n);
});

Deno.test("ArchiveParser tells where nodes are, and the flags of the archive", async () => {
  const parser = new ArchiveParser();
  parser.push(await golden("casync/one-file"));
  const places = [];
  for (let event = parser.next(); event !== undefined; event = parser.next()) {
    if (event.type === "node") places.push([event.offset, event.end, event.flags]);
    if (event.type === "leave") places.push([event.end]);
  }
  assert.deepEqual(places, [
    [0, undefined, 0xb000_0001_ffef_fe26n],
    [82, 165, 0xb000_0001_ffef_fe26n],
    [229],
  ]);
  assert.equal(parser.flags, 0xb000_0001_ffef_fe26n);
  assert.equal(parser.isComplete, true);
});

Deno.test("ArchiveParser passes contents on without copying them", () => {
  const head = concat(ROOT, name("f"), FILE, u64(16 + 1000, type.TYPE_PAYLOAD));
  const parser = new ArchiveParser();
  parser.push(head);
  while (parser.next() !== undefined);
  const content = new Uint8Array(1000);
  parser.push(content);
  const event = parser.next();
  assert.ok(event?.type === "data");
  assert.equal(event.data.buffer, content.buffer);
  assert.equal(parser.next(), undefined);
});

Deno.test("ArchiveParser.push() refuses bytes while there are events left", () => {
  const parser = new ArchiveParser();
  parser.push(EMPTY);
  assert.throws(() => parser.push(EMPTY), RangeError);
});

Deno.test("ArchiveParser takes times from 2^63 on for times before 1970", () => {
  const mtime = -315_619_199_500_000_000n;
  const stored = concat(entry(0o040755, { mtime }), EMPTY.subarray(64));
  const [root] = parseSlices([stored]);
  assert.ok(root?.type === "node");
  assert.equal(root.node.mtime, mtime);
});

Deno.test("ArchiveParser takes times of whole microseconds", () => {
  const flags = parseFeatureFlags({ with: ["usec-time"] });
  const bytes = concat(entry(0o040777, { flags, mtime: 1_500_000_000_000_001_000n }), EMPTY.subarray(64));
  const [root] = parseSlices([bytes]);
  assert.ok(root?.type === "node");
  assert.equal(root.node.mtime, 1_500_000_000_000_001_000n);
});

Deno.test("ArchiveParser reads values of extended attributes in the dialect of their archive", async () => {
  const value = (bytes: Uint8Array, dialect?: "casync" | "desync" | "auto") => {
    const found = parseSlices([bytes], { dialect }).find((event) =>
      event.type === "node" && event.node.kind === "file"
    );
    assert.ok(found?.type === "node");
    return found.node.xattrs.map((attribute) => text(attribute.value));
  };
  const ours = await golden("casync/names-xattr");
  const theirs = await golden("desync/names-xattr");
  assert.deepEqual(value(ours), ["v"]);
  assert.deepEqual(value(theirs), ["v"]);
  assert.deepEqual(value(theirs, "desync"), ["v"]);
  assert.deepEqual(value(theirs, "casync"), ["v\0"]);
  assert.throws(() => value(ours, "desync"), /as desync writes it/);
});

Deno.test("ArchiveParser takes the first extended attribute for the form of all with desync's flags", () => {
  const root = entry(0o040755, { flags: DESYNC_FLAGS });
  const records = concat(root, xattr("user.a\0x"), xattr("user.b\0y\0"));
  const distance = records.length;
  const bytes = concat(records, goodbye(distance, 40, type.GOODBYE_TAIL_MARKER));
  const [found] = parseSlices([bytes]);
  assert.ok(found?.type === "node");
  assert.deepEqual(found.node.xattrs.map(({ value }) => text(value)), ["x", "y\0"]);
});

Deno.test("ArchiveParser passes over names that desync left behind, in its dialect alone", async () => {
  const bytes = await golden("desync/kinds");
  const names = parseSlices([bytes]).flatMap((event) => event.type === "node" ? [text(event.name)] : []);
  assert.deepEqual(names, [undefined, "bar", "empty", "foo", "link", "null", "sda", "sub"]);
  assert.throws(() => parseSlices([bytes], { dialect: "casync" }), /it stands where ENTRY has to be/);
});

Deno.test("ArchiveParser reads archives of a single file or link in desync's dialect alone", async () => {
  const [file, data] = parseSlices([await golden("desync/file")]);
  assert.ok(file?.type === "node" && file.node.kind === "file" && data?.type === "data");
  assert.equal(text(data.data), "hi\n");
  const [link] = parseSlices([await golden("desync/symlink")]);
  assert.ok(link?.type === "node" && link.node.kind === "symlink");
  for (const archive of ["desync/file", "desync/symlink"]) {
    const bytes = await golden(archive);
    assert.throws(() => parseSlices([bytes], { dialect: "casync" }), /the root is a/);
  }
});

Deno.test("ArchiveParser reads 64 levels unless told otherwise", () => {
  const nested = (depth: number) => {
    const events = Array.from({ length: depth }, (_, i) => ({
      type: "node" as const,
      name: i === 0 ? undefined : ascii("d"),
      node: DIRECTORY,
    }));
    return writeEvents([...events, ...events.map(() => ({ type: "leave" as const }))], { maxDepth: depth });
  };
  assert.equal(parseSlices([nested(64)]).length, 128);
  assert.throws(() => parseSlices([nested(65)]), /more than 64 levels/);
  assert.equal(parseSlices([nested(65)], { maxDepth: Infinity }).length, 130);
});

Deno.test("ArchiveParser accepts wrong tables only if it is not to verify them", async () => {
  const bytes = await golden("casync/three-entries");
  bytes[0x191]! ^= 1;
  assert.throws(() => parseSlices([bytes]), /GOODBYE at offset 385: item 0/);
  assert.equal(parseSlices([bytes], { verifyGoodbye: false }).length, 7);
});

Deno.test("ArchiveParser names the archive in messages", () => {
  assert.throws(() => parseSlices([ascii("0123456789abcdef")], { location: "x.catar" }), {
    message:
      /^Cannot read archive 'x\.catar': record at offset 0: type 0x6665646362613938 is not one of archives$/,
  });
});

Deno.test("readArchive() reads a stream, and cancels it where it stops", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(EMPTY),
    cancel: () => void (cancelled = true),
  });
  const events = await Array.fromAsync(readArchive(stream, { trailing: "ignore" }));
  assert.deepEqual(events.map(({ type }) => type), ["node", "leave"]);
  assert.equal(cancelled, true);
  await assert.rejects(
    Array.fromAsync(readArchive(ReadableStream.from([EMPTY, EMPTY]))),
    /other data follow/,
  );
  await assert.rejects(Array.fromAsync(readArchive(ReadableStream.from([ROOT]))), /truncated/);
});
