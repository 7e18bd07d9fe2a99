import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "npm:fast-check@4.10.2";
import type { ArchiveEvent } from "../../lib/archive/entry.ts";
import { formatList } from "../../lib/archive/list.ts";
import { formatMtree } from "../../lib/archive/mtree.ts";
import { ArchiveParser } from "../../lib/archive/parser.ts";
import { recordingRules } from "../../lib/format/elements_rules.ts";
import { CASYNC_FLAGS, type FlagOptions, parseFeatureFlags } from "../../lib/format/feature_flags.ts";
import { treeEvents, trees } from "../support/archive_trees.ts";
import { ascii, DIRECTORY, NO_METADATA, parseSlices, writeEvents } from "../support/archives.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { assertSameFile, runPeer } from "./programs.ts";

const casync = peer("casync");
const desync = peer("desync");

/** A tree with all that this system, file system and user can have. */
const MAKE_TREE = String.raw`
umask 022
mkdir -p tree/sub/deeper 'tree/odd # \ names' tree/empty && cd tree
printf one >bar && : >nothing && head -c 300000 /dev/zero >large && ln -s bar link && ln -s /nowhere dangling
printf s >suid && chmod 4755 suid && mkdir -m 3777 sticky && printf r >read-only && chmod 444 read-only
printf x >"$(printf 'odd # \\ names/line\nfeed')" && : >"$(printf '\377\200')" && : >.hidden && : >... && : >ABC
: >"$(printf %0255d 7)" && : >abc && : >abc-d && : >abc.d && : >abcd
for i in $(seq 40); do : >"sub/$i"; done
touch -d @1 abc && touch -h -d @1500000000.123456789 link && touch -d @1500000000.5 sub/deeper
mkfifo -m 600 pipe
try() { "$@" 2>/dev/null || :; }
try setfattr -n user.z -v 0x00ff00 bar && try setfattr -n user.empty bar && try setfattr -n user.d -v d sub
try setfacl -m u:0:r,u:1000:rwx,u:daemon:x,g:bin:rw,g:77:- abc-d
try setfacl -d -m u::rwx,u:daemon:rx,g::rx,o::- sub && try chattr +A abcd
if [ "$(id -u)" = 0 ]; then
  mknod -m 666 null c 1 3 && try mknod sda b 8 1 && chown daemon:bin suid && chown -h 1234:65534 dangling
  try setcap cap_net_raw+ep nothing && try setfattr -n trusted.t -v T bar
  try setfattr -n security.selinux -v system_u:object_r:etc_t:s0 bar
  try setfattr -h -n security.selinux -v system_u:object_r:lnk_t:s0 link
fi
`;

async function makeTree(dir: TempDir): Promise<string> {
  await runPeer("sh", ["-ec", MAKE_TREE], { cwd: dir.path });
  const path = dir.join("tree");
  // It stays there when it is closed.
  Deno.listen({ transport: "unix", path: `${path}/sock` }).close();
  return path;
}

/** Events of an archive, as they come. */
function* parse(bytes: Uint8Array): Generator<ArchiveEvent> {
  const parser = new ArchiveParser();
  parser.push(bytes);
  for (let event = parser.next(); event !== undefined; event = parser.next()) yield event;
  parser.end();
}

async function list(bytes: Uint8Array): Promise<string> {
  return (await Array.fromAsync(formatList(parse(bytes)))).join("");
}

async function mtree(bytes: Uint8Array, name: "sha256" | "sha512-256"): Promise<string> {
  const digest = { name, create: () => createHash(name) };
  return (await Array.fromAsync(formatMtree(parse(bytes), { style: "casync", digest }))).join("");
}

const OPTIONS: readonly { readonly argv: readonly string[]; readonly flags: FlagOptions }[] = [
  { argv: [], flags: {} },
  { argv: ["--digest=sha256"], flags: { digest: "sha256" } },
  { argv: ["--without=acl", "--exclude-nodump=no"], flags: { without: ["acl"], excludeNodump: false } },
  { argv: ["--without=xattrs", "--without=sockets"], flags: { without: ["xattrs", "sockets"] } },
  { argv: ["--with=unix"], flags: { with: ["unix"] } },
  { argv: ["--with=fat", "--with=symlinks"], flags: { with: ["fat", "symlinks"] } },
  { argv: ["--with=fuse", "--exclude-submounts=yes"], flags: { with: ["fuse"], excludeSubmounts: true } },
  { argv: ["--without=all", "--exclude-file=no"], flags: { without: ["all"], excludeFile: false } },
];

for (const { argv, flags } of OPTIONS) {
  Deno.test({
    name: `ArchiveParser reads and ArchiveWriter writes casync's archive made with [${argv.join(" ")}]`,
    ignore: casync.ignore,
    async fn() {
      await using dir = await tempDir();
      const path = await makeTree(dir);
      const archive = dir.join("x.catar");
      await runPeer(casync.require(), ["make", ...argv, archive, path]);
      const bytes = await Deno.readFile(archive);
      const expected = parseFeatureFlags(flags);
      const events = parseSlices([bytes], { expectFlags: expected });
      assert.ok(events.length > 60);
      const written = writeEvents(events, { flags: expected });
      await assertSameFile(archive, written);

      const digest = flags.digest ?? "sha512-256";
      assert.equal(await list(bytes), (await runPeer(casync.require(), ["list", archive])).stdout);
      const listing = await runPeer(casync.require(), ["mtree", `--digest=${digest}`, archive]);
      assert.equal(await mtree(bytes, digest), listing.stdout);
    },
  });
}

Deno.test({
  name: "casync reads what ArchiveWriter writes of any tree",
  ignore: casync.ignore,
  async fn() {
    await using dir = await tempDir();
    const archive = dir.join("x.catar");
    // Times in whole milliseconds are all that casync can read of microseconds; the sets here have none.
    const sets = [CASYNC_FLAGS, parseFeatureFlags({ with: ["unix"] }), parseFeatureFlags({ with: ["fuse"] })];
    await fc.assert(
      fc.asyncProperty(trees, fc.constantFrom(...sets), async (tree, flags) => {
        const bytes = writeEvents(treeEvents(tree, recordingRules(flags)), { flags });
        await Deno.writeFile(archive, bytes);
        assert.equal((await runPeer(casync.require(), ["list", archive])).stdout, await list(bytes));
      }),
      { numRuns: 40 },
    );
  },
});

Deno.test({
  name: "casync finds entries by the tables that ArchiveWriter writes",
  ignore: casync.ignore,
  async fn() {
    await using dir = await tempDir();
    const archive = dir.join("x.catar");
    const names = Array.from({ length: 37 }, (_, i) => `name-${i}`).sort();
    const files = names.flatMap((name): ArchiveEvent[] => {
      const data = ascii(`content of ${name}`);
      const node = { ...NO_METADATA, permissions: 0o644, kind: "file", size: data.length } as const;
      return [{ type: "node", name: ascii(name), node }, { type: "data", data }];
    });
    const root: ArchiveEvent = { type: "node", name: undefined, node: DIRECTORY };
    await Deno.writeFile(archive, writeEvents([root, ...files, { type: "leave" }]));
    for (const name of names.filter((_, i) => i % 4 === 0)) {
      const { stdout } = await runPeer(casync.require(), ["digest", archive, name]);
      assert.equal(stdout.trim(), createHash("sha512-256").update(`content of ${name}`).digest("hex"));
    }
  },
});

Deno.test({
  name: "ArchiveParser reads and ArchiveWriter writes desync's archive",
  ignore: desync.ignore,
  async fn() {
    await using dir = await tempDir();
    const path = await makeTree(dir);
    // What desync cannot read, or leaves names behind of.
    await Deno.remove(`${path}/odd # \\ names`, { recursive: true });
    for (const name of ["pipe", "sock"]) await Deno.remove(`${path}/${name}`).catch(() => {});
    const archive = dir.join("x.catar");
    await runPeer(desync.require(), ["tar", archive, path]);
    const bytes = await Deno.readFile(archive);
    const flags = new DataView(bytes.buffer).getBigUint64(16, true);
    await assertSameFile(archive, writeEvents(parseSlices([bytes]), { flags, xattrForm: "desync" }));
    const { stdout } = await runPeer(desync.require(), ["mtree", archive]);
    const digest = { name: "sha512-256", create: () => createHash("sha512-256") } as const;
    const ours = (await Array.fromAsync(formatMtree(parse(bytes), { style: "desync", digest }))).join("");
    assert.equal(withDesyncDefects(ours), stdout);
  },
});

/** The listing as desync 1.0.4 prints it. */
function withDesyncDefects(listing: string): string {
  return listing.split("\n").map((line) => {
    const plain = line.replace(/ mode=\d(\d{3}) /, " mode=0$1 ").replace("type=char", "type=block")
      .replace(/ device=\S+/, "");
    if (plain.includes(" type=file ")) return plain;
    return plain.replace(
      /\.(\d{9})$/,
      (_, fraction: string) => `.${fraction.replace(/^0+(?=.)/, "").padStart(9)}`,
    );
  }).join("\n");
}
