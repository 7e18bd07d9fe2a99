import assert from "node:assert/strict";
import type { ArchiveEvent } from "../../../lib/archive/entry.ts";
import type { RestoreWarning } from "../../../lib/archive/disk_restore.ts";
import { writeTree, type WriteTreeOptions } from "../../../lib/archive/disk_sink.ts";
import { readTree } from "../../../lib/archive/disk_source.ts";
import { CASYNC_FLAGS, FLAG, restoreFlags } from "../../../lib/format/feature_flags.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { canMount, mountTemporary } from "../../support/mount.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { collect, hasTreeFfi, isRoot, plainNode, run } from "../../support/trees.ts";

const posix = await openTreePosix();
const canTry = isRoot && hasTreeFfi;
const hasXfs = canTry && await canMount({ kind: "xfs" });
const hasBtrfs = canTry && await canMount({ kind: "btrfs" });
const hasTmpfs = canTry && await canMount({ kind: "tmpfs", sizeKib: 64 });
const FLAGS = CASYNC_FLAGS & ~(FLAG.subvolume | FLAG.subvolumeReadOnly);
const EMPTY_TREE: readonly ArchiveEvent[] = [
  { type: "node", name: undefined, node: plainNode({ kind: "directory" }) },
  { type: "leave" },
];

/** Runs a test beside an empty directory. */
function test(
  sentence: string,
  options: { readonly ignore: boolean; readonly fn: (dir: TempDir) => Promise<void> },
): void {
  Deno.test({
    name: `writeTree() ${sentence}`,
    ignore: options.ignore,
    fn: async () => {
      await using dir = await tempDir();
      await options.fn(dir);
    },
  });
}

function write(
  path: string,
  events: Iterable<ArchiveEvent>,
  options: Partial<WriteTreeOptions>,
): Promise<void> {
  return writeTree(posix, path, { flags: FLAGS, events, ...options });
}

test("does not remove what is mounted on something that is not in the archive", {
  ignore: !hasTmpfs,
  async fn(dir) {
    await using mount = await mountTemporary({ kind: "tmpfs", sizeKib: 64 });
    await Deno.writeTextFile(`${mount.path}/kept`, "kept");
    await Deno.mkdir(dir.join("to/mounted"), { recursive: true });
    await run("mount", "--bind", mount.path, dir.join("to/mounted"));
    try {
      const warnings: RestoreWarning[] = [];
      const onWarning = (warning: RestoreWarning) => warnings.push(warning);
      await write(dir.join("to"), EMPTY_TREE, { delete: true, onWarning });
      assert.deepEqual(warnings.map(({ path }) => path), [dir.join("to/mounted")]);
      assert.equal(await Deno.readTextFile(`${mount.path}/kept`), "kept");
      const names = collect(readTree(posix, dir.join("to"), { flags: FLAGS, oneFileSystem: true }));
      assert.deepEqual(names.map(({ path }) => path), [""]);
    } finally {
      await run("umount", dir.join("to/mounted"));
    }
  },
});

test("restores projects and attributes on xfs", {
  ignore: !hasXfs,
  async fn() {
    await using mount = await mountTemporary({ kind: "xfs" });
    const from = `${mount.path}/from`;
    await Deno.mkdir(`${from}/sub`, { recursive: true });
    await Deno.writeTextFile(`${from}/sub/file`, "content");
    await run("chattr", "+i", `${from}/sub/file`);
    await run("chattr", "+P", "-p", "77", `${from}/sub`);
    const read = (path: string) => collect(readTree(posix, path, { flags: FLAGS }));
    const before = read(from);
    assert.equal(before[1]!.node.projectId, 77);
    assert.equal(before[1]!.node.attributes, FLAG.flagProjinherit);
    assert.equal(before[2]!.node.attributes, FLAG.flagImmutable);
    await write(`${mount.path}/to`, readTree(posix, from, { flags: FLAGS }), { flags: FLAGS });
    assert.deepEqual(read(`${mount.path}/to`), before);
  },
});

test("restores subvolumes and attributes on btrfs, and nowhere else", {
  ignore: !hasBtrfs,
  async fn(dir) {
    await using mount = await mountTemporary({ kind: "btrfs" });
    const from = `${mount.path}/from`;
    await Deno.mkdir(from);
    for (const name of ["plain", "read-only"]) {
      await run("btrfs", "subvolume", "create", `${from}/${name}`);
      await Deno.writeTextFile(`${from}/${name}/file`, "content");
    }
    await Deno.writeTextFile(`${from}/no-cow`, "");
    await run("chattr", "+C", `${from}/no-cow`);
    await Deno.writeTextFile(`${from}/no-cow`, "content");
    await run("btrfs", "property", "set", `${from}/read-only`, "ro", "true");
    const flags = CASYNC_FLAGS;
    const read = (path: string) => readTree(posix, path, { flags });
    const before = collect(read(from));
    assert.deepEqual(before.map(({ path, node }) => [path, node.attributes]), [
      ...[["", 0n], ["no-cow", FLAG.flagNocow], ["plain", FLAG.subvolume], ["plain/file", 0n]],
      ...[["read-only", FLAG.subvolume | FLAG.subvolumeReadOnly], ["read-only/file", 0n]],
    ]);
    await write(`${mount.path}/to`, read(from), { flags });
    assert.deepEqual(collect(read(`${mount.path}/to`)), before);
    await assert.rejects(write(dir.join("to"), read(from), { flags }), { name: "StoreError" });
    await write(dir.join("other"), read(from), {
      flags: restoreFlags(flags, { without: ["subvolume", "subvolume-ro", "chattr"] }),
    });
    await Deno.mkdir(`${mount.path}/other/plain`, { recursive: true });
    const error = { name: "StoreError", message: /it exists and is not a subvolume/ };
    await assert.rejects(write(`${mount.path}/other`, read(from), { flags }), error);
  },
});
