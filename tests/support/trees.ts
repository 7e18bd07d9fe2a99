/** Directory trees for tests of archives. */

import { type TempDir, tempDir } from "./temp_dir.ts";
import type { ArchiveEvent, ArchiveNode } from "../../lib/archive/entry.ts";
import { openTreeFfi } from "../../lib/platform/tree_ffi.ts";
import { peer } from "./peers.ts";

const setfattr = peer("setfattr");
const setfacl = peer("setfacl");
const setcap = peer("setcap");

// Opened here, because a library stays open for the life of the thread, which counts as a leak in a test.
/** Whether trees can be read and written by system calls. */
export const hasTreeFfi: boolean = openTreeFfi() !== undefined;
/** Whether tests run as root, who may do everything with trees. */
export const isRoot: boolean = Deno.build.os !== "windows" && Deno.uid() === 0;

/** An inode and its content. */
export interface CollectedNode {
  /** Path below the root, one character for each byte; empty for the root. */
  readonly path: string;
  readonly node: ArchiveNode;
  readonly content: Uint8Array;
}

/** Copies all events into a list of nodes. @throws {Error} If directories are entered and left out of step. */
export function collect(events: Iterable<ArchiveEvent>): CollectedNode[] {
  const nodes: { path: string; node: ArchiveNode; content: Uint8Array }[] = [];
  const directories: string[] = [];
  for (const event of events) {
    if (event.type === "leave") {
      if (directories.pop() === undefined) throw new Error("leave without a directory");
    } else if (event.type === "data") {
      const last = nodes.at(-1)!;
      last.content = Uint8Array.of(...last.content, ...event.data);
    } else {
      const name = event.name === undefined ? "" : latin1(event.name);
      const path = [...directories, name].join("/").replace(/^\//, "");
      nodes.push({ path, node: event.node, content: new Uint8Array() });
      if (event.node.kind === "directory") directories.push(name);
    }
  }
  if (directories.length > 0) throw new Error("a directory is not left");
  return nodes;
}

/** Bytes of a text, one for each character. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Text of bytes, one character for each. */
export function latin1(data: Uint8Array): string {
  return String.fromCharCode(...data);
}

/** A node with metadata of no interest. */
export function plainNode<Kind extends Pick<ArchiveNode, "kind">>(
  kind: Kind,
  metadata: Partial<ArchiveNode> = {},
): ArchiveNode {
  return {
    permissions: kind.kind === "directory" ? 0o755 : 0o644,
    attributes: 0n,
    uid: 0,
    gid: 0,
    mtime: 1_000_000_000_123_456_789n,
    xattrs: [],
    ...kind,
    ...metadata,
  } as unknown as ArchiveNode;
}

/** Runs a program. @returns What it printed. @throws {Error} If it fails. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" })
    .output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

/** Whether {@linkcode makeSample} cannot be used here. */
export const ignoreSample: boolean = setfattr.ignore || setfacl.ignore || setcap.ignore || !isRoot;

/** Makes one of everything, in a directory that exists. */
export async function makeSample(path: string): Promise<void> {
  await Deno.mkdir(`${path}/sub/deep`, { recursive: true });
  await Deno.mkdir(`${path}/read-only`);
  await Deno.writeTextFile(`${path}/file`, "content");
  await Deno.writeTextFile(`${path}/read-only/file`, "content");
  await Deno.writeFile(`${path}/large`, crypto.getRandomValues(new Uint8Array(60_000)));
  await Deno.writeTextFile(`${path}/empty`, "");
  await Deno.writeTextFile(`${path}/set-id`, "");
  await Deno.symlink("../nowhere", `${path}/sub/link`);
  await run("mkfifo", `${path}/sub/fifo`);
  await run("mknod", `${path}/sub/char`, "c", "1000", "70000");
  await run("mknod", `${path}/sub/block`, "b", "7", "300");
  {
    using root = openTreeFfi()!.openRoot(path);
    root.makeSpecial(bytes("socket"), { kind: "socket", major: 0, minor: 0 });
    root.createFile(bytes("\xff\n" + "x".repeat(250)), 0o604)[Symbol.dispose]();
  }
  await Deno.chown(`${path}/file`, 1, 2);
  await Deno.chown(`${path}/set-id`, 54321, 54322);
  await run("chown", "-h", "7:8", `${path}/sub/link`);
  await run("chown", "3:4", `${path}/sub/fifo`, `${path}/sub/char`);
  await Deno.chmod(`${path}/set-id`, 0o6755);
  await Deno.chmod(`${path}/sub/fifo`, 0o646);
  await run("chattr", "+A", `${path}/file`);
  await run(setfattr.require(), "-n", "user.b", "-v", "0x00ff", `${path}/file`);
  await run(setfattr.require(), "-n", "user.empty", `${path}/sub`);
  await run(setfattr.require(), "-n", "trusted.t", "-v", "value", `${path}/sub`);
  await run(setfattr.require(), "-h", "-n", "security.selinux", "-v", "a:b:c\\000", `${path}/sub/link`);
  await run(setcap.require(), "cap_net_raw+ep", `${path}/set-id`);
  await run(setfacl.require(), "-m", "u:54321:rw,u:daemon:r,g:bin:rx,m::rwx,d:u:2:w", `${path}/sub/deep`);
  await run(setfacl.require(), "-m", "u:5:rw", `${path}/large`, `${path}/sub/fifo`);
  await Deno.chmod(`${path}/read-only`, 0o555);
  await run("touch", "-d", "2001-09-09 01:46:40.123456789 UTC", `${path}/file`, `${path}/sub/deep`);
  await run("touch", "-h", "-d", "2002-09-09 01:46:40.987654321 UTC", `${path}/sub/link`, `${path}/sub/char`);
  await run("touch", "-d", "2003-01-01", `${path}/sub`, `${path}/read-only`, path);
}

/** Makes tests over an empty directory, of what `subject` does with trees by FFI. */
export function treeTests(subject: string) {
  return (
    sentence: string,
    options: { readonly ignore?: boolean; readonly fn: (dir: TempDir) => void | Promise<void> },
  ): void =>
    Deno.test({
      name: `${subject} ${sentence}`,
      ignore: !hasTreeFfi || (options.ignore ?? false),
      fn: async () => {
        await using dir = await tempDir();
        await options.fn(dir);
      },
    });
}
