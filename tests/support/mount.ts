/** File systems and block devices of their own, for tests of what only some of them do. They need root. */

import { announceMissing } from "./peers.ts";
import { tempDir } from "./temp_dir.ts";

/** File systems that can be made in a file. Files of the first two can share extents. */
export type FileSystem = "xfs" | "btrfs" | "ext4";

/** A file system to mount. */
export type MountKind =
  /** In memory, of so many KiB. */
  | { readonly kind: "tmpfs"; readonly sizeKib: number }
  /** In a file, by a loop device. */
  | { readonly kind: FileSystem };

/** A mounted file system. Disposal unmounts it. */
export interface Mount extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** @returns Bytes in use, once all that was written is on the device. */
  used(): Promise<number>;
}

/** A block device. Disposal detaches it. */
export interface LoopDevice extends AsyncDisposable {
  /** Such as `/dev/loop3`. */
  readonly path: string;
}

/** The least that all of the tools accept; nothing is written to most of it. */
const IMAGE_SIZE = 320 << 20;

const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  xfs: ["mkfs.xfs", "-q", "-m", "reflink=1"],
  btrfs: ["mkfs.btrfs", "-q"],
  ext4: ["mkfs.ext4", "-q", "-F"],
};

/** Mounts an empty file system. @throws {Error} If that is not possible here. */
export async function mountTemporary(what: MountKind): Promise<Mount> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const path = dir.join("mount");
  await Deno.mkdir(path);
  if (what.kind === "tmpfs") {
    await run(["mount", "-t", "tmpfs", "-o", `size=${what.sizeKib}k`, "tmpfs", path]);
  } else {
    const image = dir.join("image");
    await makeImage(image, IMAGE_SIZE);
    await run([...MAKE[what.kind], image]);
    await run(["mount", "-o", "loop", image, path]);
  }
  stack.defer(async () => {
    await run(["umount", path]);
  });
  const owned = stack.move();
  return {
    path,
    async used() {
      await run(["sync", "-f", path]);
      return Number((await run(["df", "--block-size=1", "--output=used", path])).split("\n")[1]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Makes a block device of `size` bytes, all zero. @throws {Error} If that is not possible here. */
export async function loopDevice(size: number): Promise<LoopDevice> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  await makeImage(dir.join("image"), size);
  const path = (await run(["losetup", "--find", "--show", dir.join("image")])).trim();
  stack.defer(async () => {
    await run(["losetup", "--detach", path]);
  });
  const owned = stack.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * Whether tests of such a file system, or of block devices, are to run. If it cannot be had here, a line on standard
 * error says so, and they are left out; with `DESYNC_TEST_REQUIRE_PEERS=1` they run and fail instead.
 */
export async function canMount(what: MountKind | { readonly kind: "device" }): Promise<boolean> {
  try {
    await using _probe = what.kind === "device" ? await loopDevice(1 << 20) : await mountTemporary(what);
    return true;
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split("\n");
    const subject = what.kind === "device" ? "no loop device can be made" : `no ${what.kind} can be mounted`;
    return announceMissing(`${subject} here (${reason})`);
  }
}

/** An extent of a file, as the file system tells it; in bytes. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
  /** Whether other files, or other places of this one, have it too. */
  readonly isShared: boolean;
}

/** @returns The extents of a file, in order. */
export async function extentsOf(path: string): Promise<Extent[]> {
  const text = await run(["filefrag", "-s", "-b1", "-v", path]);
  //    0:        0..    4095:   12582912..  12587007:   4096:             last,shared,eof
  const row = /^\s*\d+:\s+(\d+)\.\.\s*\d+:\s+\d+\.\.\s*\d+:\s+(\d+):(.*)$/gm;
  return Array.from(text.matchAll(row), ([, offset, size, rest]) => ({
    offset: Number(offset),
    size: Number(size),
    isShared: /\bshared\b/.test(rest!),
  }));
}

/** @returns Bytes of a file that are in shared extents. */
export async function sharedSize(path: string): Promise<number> {
  return (await extentsOf(path)).reduce((sum, { size, isShared }) => isShared ? sum + size : sum, 0);
}

async function makeImage(path: string, size: number): Promise<void> {
  await Deno.writeFile(path, new Uint8Array());
  await Deno.truncate(path, size);
}

async function run([command, ...args]: readonly string[]): Promise<string> {
  const output = await new Deno.Command(command!, { args, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!output.success) throw new Error(`${command}: ${text(output.stderr).trim()}`);
  return text(output.stdout);
}
