import assert from "node:assert/strict";
import { readTree } from "../../lib/archive/disk_source.ts";
import { writeTar } from "../../lib/archive/tar_sink.ts";
import { readTar } from "../../lib/archive/tar_source.ts";
import { CASYNC_FLAGS } from "../../lib/format/feature_flags.ts";
import { openTreePosix } from "../../lib/platform/tree.ts";
// Opens the libraries that are needed; see there.
import "../support/engine.ts";
import { type Peer, peer } from "../support/peers.ts";
import { type TarView, viewTree } from "../support/tars.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { runPeer } from "./programs.ts";

const gnuTar = peer("tar");
const bsdtar = peer("bsdtar");
const posix = await openTreePosix();
const isRoot = Deno.uid() === 0;

/** A tree with all that this file system and user can have, and tar too. */
const MAKE_TREE = String.raw`
umask 022
mkdir -p tree/sub/deeper 'tree/odd # \ names' tree/empty && cd tree
printf one >bar && : >nothing && head -c 300000 /dev/zero >zeros && ln -s bar link && ln -s /nowhere dangling
ln bar hard && ln bar sub/hard && ln -s "$(printf %0150d 1)" long-link && ln nothing A-nothing
printf s >suid && chmod 4755 suid && mkdir -m 3777 sticky && printf r >read-only && chmod 444 read-only
printf x >"$(printf 'odd # \\ names/line\nfeed')" && : >"$(printf '\377\200')" && printf e >"$(printf '\303\251')"
: >"$(printf %0255d 7)" && d="$(printf %0120d 8)" && mkdir -p "$d/$d" && printf deep >"$d/$d/$(printf '\351-%0200d' 9)"
truncate -s 3000000 sparse && printf data | dd of=sparse bs=1 seek=1500000 conv=notrunc status=none
truncate -s 1000000 holes && i=0 && while [ $i -lt 30 ]; do
  printf %s $i | dd of=holes bs=1 seek=$((i * 32768)) conv=notrunc status=none; i=$((i + 1)); done
touch -d @1 read-only && touch -h -d @1500000000.123456789 link && touch -d @1500000000.5 sub/deeper
touch -d "@$1" nothing && touch -d @8000000000 suid
mkfifo -m 600 pipe
try() { "$@" 2>/dev/null || :; }
try setfattr -n user.z -v 0x00ff00 bar && try setfattr -n 'user.b%c' -v 'x y' bar && try setfattr -n user.d -v d sub
try setfacl -m u:0:r,u:1000:rwx,u:daemon:x,g:bin:rw,g:77:- read-only
try setfacl -d -m u::rwx,u:daemon:rx,g::rx,o::- sub
if [ "$(id -u)" = 0 ]; then
  mknod -m 666 null c 1 3 && try mknod sda b 8 1 && try mknod big b 259 200000 && chown daemon:bin suid && chmod 4755 suid
  chown -h 123456789:65534 dangling && try setcap cap_net_raw+ep nothing
fi
touch -d @1600000000 .
`;

/** @param past The time of one file, in seconds. */
async function makeTree(dir: TempDir, past: string): Promise<string> {
  await runPeer("sh", ["-ec", MAKE_TREE, "sh", past], { cwd: dir.path });
  return dir.join("tree");
}

/** Before 1970, bsdtar counts a fraction forward, which POSIX does not; and in other formats than PAX it writes 0. */
function pastOf(program: Peer, keeps: "all" | "some"): string {
  return program === gnuTar ? "-1000000000.25" : keeps === "all" ? "-1000000000" : "1000000000";
}

/** bsdtar does not restore the time of a root that is not empty. */
function withoutRootTime(views: readonly TarView[], program: Peer): readonly TarView[] {
  const [root, ...rest] = views;
  return program === gnuTar || root === undefined
    ? views
    : [{ ...root, node: { ...root.node, mtime: 0 } }, ...rest];
}

function viewDisk(path: string): Promise<TarView[]> {
  return viewTree(readTree(posix, path, { flags: CASYNC_FLAGS }));
}

async function viewTar(path: string): Promise<TarView[]> {
  return await viewTree(readTar((await Deno.open(path)).readable));
}

/** What formats that are older than PAX keep. */
function reduced(views: readonly TarView[]): unknown[] {
  return views.map(({ path, node, content }) => {
    const { mtime, xattrs: _, acl: __, defaultAcl: ___, fcaps: ____, ...rest } = node;
    const time = BigInt(String(mtime));
    return {
      path,
      content,
      ...rest,
      mtime: String((time - (time % 10n ** 9n + 10n ** 9n) % 10n ** 9n) / 10n ** 9n),
    };
  });
}

/** Compares node by node, for a short message. */
function assertSameViews(found: readonly unknown[], expected: readonly unknown[]): void {
  for (const [i, view] of expected.entries()) assert.deepEqual(found[i], view);
  assert.equal(found.length, expected.length);
}

const ATTRIBUTES = ["--xattrs", "--xattrs-include=*", "--acls"];

for (
  const { program, argv, keeps } of [
    { program: gnuTar, argv: ["--format=posix", ...ATTRIBUTES], keeps: "all" },
    { program: gnuTar, argv: ["--format=posix", "--sparse", ...ATTRIBUTES], keeps: "all" },
    {
      program: gnuTar,
      argv: ["--format=posix", "--sparse", "--sparse-version=0.0", ...ATTRIBUTES],
      keeps: "all",
    },
    {
      program: gnuTar,
      argv: ["--format=posix", "--sparse", "--sparse-version=0.1", ...ATTRIBUTES],
      keeps: "all",
    },
    { program: gnuTar, argv: ["--format=gnu"], keeps: "some" },
    { program: gnuTar, argv: ["--format=gnu", "--sparse"], keeps: "some" },
    { program: bsdtar, argv: ["--format=pax", "--xattrs", "--acls"], keeps: "all" },
    { program: bsdtar, argv: ["--format=gnutar", "--no-acls"], keeps: "some" },
  ] as const
) {
  const name = program === gnuTar ? "GNU tar" : "bsdtar";
  Deno.test({
    name: `readTar() reads what ${name} writes with [${argv.join(" ")}]`,
    ignore: program.ignore,
    async fn() {
      await using dir = await tempDir();
      const tree = await makeTree(dir, pastOf(program, keeps));
      await runPeer(program.require(), ["-cf", dir.join("x.tar"), ...argv, "-C", tree, "."]);
      const [found, expected] = [await viewTar(dir.join("x.tar")), await viewDisk(tree)];
      if (keeps === "all") assertSameViews(found, expected);
      else assertSameViews(reduced(found), reduced(expected));
    },
  });
}

for (
  const { program, argv } of [
    { program: gnuTar, argv: ["-xpf", "x.tar", ...ATTRIBUTES, "--numeric-owner", "-C", "out"] },
    { program: bsdtar, argv: ["-xpf", "x.tar", "--xattrs", "--acls", "--numeric-owner", "-C", "out"] },
  ]
) {
  Deno.test({
    name: `${program === gnuTar ? "GNU tar" : "bsdtar"} extracts what writeTar() writes`,
    ignore: program.ignore || !isRoot,
    async fn() {
      await using dir = await tempDir();
      const tree = await makeTree(dir, pastOf(program, "all"));
      await using file = await openAsync(dir.join("x.tar"));
      for await (const part of writeTar(readTree(posix, tree, { flags: CASYNC_FLAGS }))) {
        await file.write(part);
      }
      await Deno.mkdir(dir.join("out"));
      await runPeer(program.require(), argv, { cwd: dir.path });
      const [found, expected] = [await viewDisk(dir.join("out")), await viewDisk(tree)];
      assertSameViews(withoutRootTime(found, program), withoutRootTime(expected, program));
    },
  });
}

async function openAsync(
  path: string,
): Promise<AsyncDisposable & { write(part: Uint8Array): Promise<void> }> {
  const file = await Deno.create(path);
  return {
    async write(part) {
      for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(file.close()),
  };
}
