import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ArchiveEvent } from "../../../lib/archive/entry.ts";
import { escapeBytes } from "../../../lib/archive/event_path.ts";
import { formatMtree, formatMtreeLine, formatTime, type MtreeOptions } from "../../../lib/archive/mtree.ts";
import { readArchive } from "../../../lib/archive/reader.ts";
import { CASYNC_FLAGS, restoreFlags } from "../../../lib/format/feature_flags.ts";
import { ascii, NO_METADATA } from "../../support/archives.ts";

const GOLDEN = new URL("../../golden/catar/", import.meta.url);

type Events = AsyncIterable<ArchiveEvent> | Iterable<ArchiveEvent>;

async function listing(events: Events, options: Omit<MtreeOptions, "digest">): Promise<string> {
  const create = () => createHash("sha512-256");
  const lines = formatMtree(events, { ...options, digest: { name: "sha512-256", create } });
  return (await Array.fromAsync(lines)).join("");
}

async function* readGolden(archive: string): AsyncGenerator<ArchiveEvent> {
  yield* readArchive(ReadableStream.from([await Deno.readFile(new URL(`${archive}.catar`, GOLDEN))]));
}

Deno.test.each(
  ["kinds", "odd", "odd-fat", "odd-none", "odd-nodump", "odd-privileged", "names-xattr"].map((archive) => ({
    archive,
  })),
)(
  "formatMtree() lists $archive as casync does",
  async ({ archive }) => {
    const expected = await Deno.readTextFile(new URL(`casync/${archive}.mtree`, GOLDEN));
    assert.equal(await listing(readGolden(`casync/${archive}`), { style: "casync" }), expected);
  },
);

// desync 1.0.4 prints the same lines with fractions padded by spaces, which are no mtree.
Deno.test("formatMtree() lists an archive in desync's form, with correct fractions", async () => {
  assert.equal(
    await listing(readGolden("desync/three-entries"), { style: "desync" }),
    `#mtree v1.0
. type=dir mode=0755 uid=0 gid=0 time=1500000000.000000000
a type=file mode=0644 uid=0 gid=0 size=1 time=1500000000.000000000 sha512256digest=65a992ad19967492b5780d76a4733af553f796f688b79102d01ec7fde5590cab
b type=dir mode=0755 uid=0 gid=0 time=1500000000.000000000
c type=link mode=0777 target=a uid=0 gid=0 time=1500000000.000000000
`,
  );
});

Deno.test("formatMtree() in desync's form tells kinds, numbers of devices and all permissions", async () => {
  const lines = await listing(readGolden("casync/kinds"), { style: "desync" });
  assert.match(lines, /^null type=char mode=0666 device=linux,1,3 uid=0 gid=0 time=1500000000\.000000000$/m);
  assert.match(lines, /^sda type=block mode=0644 device=linux,8,1 uid=0 gid=0 time=/m);
  assert.match(lines, /^pipe type=fifo mode=0600 uid=0 gid=0 time=/m);
  assert.match(lines, /^sock type=socket mode=0755 uid=0 gid=0 time=/m);
  assert.match(await listing(readGolden("desync/odd"), { style: "desync" }), /^suid type=file mode=4755 /m);
});

Deno.test("formatMtree() of no events says nothing, not even the first line", async () => {
  assert.equal(await listing([], { style: "desync" }), "");
});

Deno.test("formatMtree() shows what a mask lets through", async () => {
  const without = (...names: string[]) => restoreFlags(CASYNC_FLAGS, { without: names });
  const first = async (shown: bigint) => {
    const lines = await listing(readGolden("casync/names-xattr"), { style: "casync", shown });
    return lines.split("\n")[1]!.replace(/ sha512256digest=.*/, "");
  };
  const flags = "flags=nohidden,nosystem,noarchive,nosappend,nosimmutable";
  assert.equal(
    await first(without("user-names")),
    `f type=file mode=0644 size=1 uid=1 gid=2 ${flags} time=1500000000.000000000`,
  );
  assert.equal(
    await first(without("16bit-uids", "32bit-uids", "nsec-time", "usec-time", "sec-time", "2sec-time")),
    `f type=file mode=0644 size=1 uname=daemon gname=bin ${flags}`,
  );
});

Deno.test("formatMtreeLine() names the digest that it was given", () => {
  const node = { ...NO_METADATA, kind: "file", size: 0 } as const;
  const digest = { name: "sha256", bytes: Uint8Array.of(0, 255) } as const;
  assert.match(formatMtreeLine({ path: "a", node, digest }, { style: "casync" }), / sha256digest=00ff\n$/);
  assert.match(formatMtreeLine({ path: "a", node, digest }, { style: "desync" }), / sha256digest=00ff\n$/);
});

Deno.test("formatTime() counts fractions forward before 1970", () => {
  assert.equal(formatTime(-315_619_199_500_000_000n), "-315619200.500000000");
  assert.equal(formatTime(-1n), "-1.999999999");
  assert.equal(formatTime(0n), "0.000000000");
  assert.equal(formatTime(1_500_000_000_000_000_005n), "1500000000.000000005");
});

Deno.test("escapeBytes() escapes what is not plain ASCII, spaces, '#' and backslashes", () => {
  assert.equal(escapeBytes(ascii("a b#c\\d\né=*%~")), "a\\040b\\043c\\134d\\012\\303\\251=*%~");
  assert.equal(escapeBytes(Uint8Array.of(0x7f, 0xff, 0, 0x1f, 0x21)), "\\177\\377\\000\\037!");
});
