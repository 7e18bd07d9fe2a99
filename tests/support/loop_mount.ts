/** File systems and block devices in files, for tests of what only they can do. They need root and a loop device. */

import { tempDir } from "./temp_dir.ts";

/** File systems that can be made. Files of the first two can share extents. */
export type FileSystem = "xfs" | "btrfs" | "ext4";

/** A mounted file system. Disposal unmounts it. */
export interface LoopMount extends AsyncDisposable {
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
export async function loopMount(kind: FileSystem): Promise<LoopMount> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const [path, image] = [dir.join("mount"), dir.join("image")];
  await Deno.mkdir(path);
  await makeImage(image, IMAGE_SIZE);
  await run([...MAKE[kind], image]);
  await run(["mount", "-o", "loop", image, path]);
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

/** Whether loop mounts of a kind, or loop devices, can be had; if not, a line on standard error says what is left out. */
export async function canLoop(kind: FileSystem | "device"): Promise<boolean> {
  try {
    await using _probe = kind === "device" ? await loopDevice(1 << 20) : await loopMount(kind);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    const text = `\n*** no loop ${kind} can be had here: its tests are LEFT OUT (${reason}) ***\n`;
    await Deno.stderr.write(new TextEncoder().encode(text));
    return false;
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
