import assert from "node:assert/strict";
import type { ArchiveEvent, ArchiveNode } from "../../../lib/archive/entry.ts";
import { formatList, formatMode, formatStat } from "../../../lib/archive/list.ts";
import { readArchive } from "../../../lib/archive/reader.ts";
import { FLAG, parseFeatureFlags } from "../../../lib/format/feature_flags.ts";
import { ascii, DIRECTORY, NO_METADATA, parseSlices } from "../../support/archives.ts";

const GOLDEN = new URL("../../golden/catar/casync/", import.meta.url);

async function* readGolden(archive: string): AsyncGenerator<ArchiveEvent> {
  yield* readArchive(ReadableStream.from([await Deno.readFile(new URL(`${archive}.catar`, GOLDEN))]));
}

Deno.test.each(
  ["kinds", "odd", "odd-fat", "odd-none", "odd-privileged", "names-xattr"].map((archive) => ({ archive })),
)(
  "formatList() lists $archive as casync does",
  async ({ archive }) => {
    const lines = await Array.fromAsync(formatList(readGolden(archive)));
    assert.equal(lines.join(""), await Deno.readTextFile(new URL(`${archive}.list`, GOLDEN)));
  },
);

Deno.test.each(
  [
    { permissions: 0o7777, kind: "directory", text: "drwsrwsrwt" },
    { permissions: 0o7000, kind: "directory", text: "d--S--S--T" },
    { permissions: 0o7777, kind: "fifo", text: "prwsrwsrwx" },
    { permissions: 0o1644, kind: "socket", text: "srw-r--r--" },
  ] as const,
)("formatMode() of a $kind with $permissions is $text", ({ permissions, kind, text }) => {
  assert.equal(formatMode({ ...NO_METADATA, permissions, kind }), text);
});

// What casync printed for the same nodes.
Deno.test("formatStat() shows a file as casync does", async () => {
  const events = parseSlices([await Deno.readFile(new URL("one-file.catar", GOLDEN))]);
  const event = events[1];
  assert.ok(event?.type === "node");
  const digest = "a31a54719bc64d484e0352a21918dffb66d51a510a1a00325b3ae7e6835455bd";
  const hardLinkDigest = "2cdd874cfb4ff3fd4bedc0577b08725c49bf8ff5310774eaee17186086abc1b9";
  assert.equal(
    formatStat("a", event.node, { offset: 82, digest, hardLinkDigest, timeZone: "utc" }),
    `    File: a
    Mode: -rw-r--r--
FileAttr: ----------
 FATAttr: ---
  Offset: 82
    Time: 2017-07-14 02:40:01.000000001
    Size: 3
    User: root (0)
   Group: root (0)
  Digest: ${digest}
HLDigest: ${hardLinkDigest}
`,
  );
});

Deno.test("formatStat() shows owners, attributes, projects and extended attributes", () => {
  const node: ArchiveNode = {
    ...DIRECTORY,
    ...{ uid: 1, gid: 1234, user: ascii("daemon"), projectId: 7, mtime: -1n },
    attributes: FLAG.flagNoatime | FLAG.flagNocomp | FLAG.flagHidden | FLAG.flagProjinherit,
    xattrs: [{ name: ascii("user.a"), value: ascii("b c") }, { name: ascii("user.b"), value: ascii("") }],
  };
  assert.equal(
    formatStat("x", node, { timeZone: "utc" }),
    `    File: x
    Mode: drwxr-xr-x
FileAttr: -----A-N-P
 FATAttr: h--
  Offset: 0
    Time: 1969-12-31 23:59:59.999999999
    User: daemon (1)
   Group: 1234
  ProjID: 7
   XAttr: user.a → b\\040c
   XAttr: user.b →${" "}
`,
  );
});

Deno.test("formatStat() leaves out what is not recorded", () => {
  const link: ArchiveNode = { ...NO_METADATA, permissions: 0o777, kind: "symlink", target: ascii("to here") };
  assert.equal(
    formatStat("l", link, { flags: parseFeatureFlags({ with: ["symlinks"] }) }),
    "    File: l\n    Mode: lrwxrwxrwx\n  Offset: 0\n  Target: to\\040here\n",
  );
  const device: ArchiveNode = { ...NO_METADATA, kind: "block-device", major: 8, minor: 1 };
  const shown = formatStat("d", { ...device, uid: 9, user: ascii("u") }, { flags: FLAG.userNames });
  assert.equal(
    shown,
    "    File: d\n    Mode: brwxr-xr-x\n  Offset: 0\n    User: u\n   Group: root\n  Device: 8:1\n",
  );
});

Deno.test("formatStat() shows the local time unless told otherwise", () => {
  const shown = formatStat("x", { ...DIRECTORY, mtime: 1_500_000_000_000_000_000n });
  const local = new Date(1_500_000_000_000);
  const two = (value: number) => value.toString().padStart(2, "0");
  assert.ok(
    shown.includes(
      ` ${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}.000000000\n`,
    ),
  );
});
