/** File systems of their own, for tests of what only some of them do. They need root and the right to mount. */

import { tempDir } from "./temp_dir.ts";

/** A file system to mount. */
export type MountKind =
  /** In memory, of so many KiB. */
  | { readonly kind: "tmpfs"; readonly sizeKib: number }
  /** In a file, with extents that files can share. */
  | { readonly kind: "xfs" };

/** A mounted file system. Disposal unmounts it. */
export interface Mount extends AsyncDisposable {
  readonly path: string;
}

/** The least that mkfs.xfs accepts. */
const XFS_IMAGE_SIZE = 300 << 20;

/** Mounts an empty file system. @throws {Error} If that is not possible here. */
export async function mountTemporary(what: MountKind): Promise<Mount> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const path = dir.join("mount");
  await Deno.mkdir(path);
  if (what.kind === "tmpfs") {
    await run("mount", "-t", "tmpfs", "-o", `size=${what.sizeKib}k`, "tmpfs", path);
  } else {
    const image = dir.join("image");
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, XFS_IMAGE_SIZE);
    await run("mkfs.xfs", "-q", "-m", "reflink=1", image);
    await run("mount", "-o", "loop", image, path);
  }
  stack.defer(() => run("umount", path));
  const owned = stack.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Whether such a file system can be mounted; if not, a line on standard error says that tests are left out. */
export async function canMount(what: MountKind): Promise<boolean> {
  try {
    await using _mount = await mountTemporary(what);
    return true;
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split("\n");
    const text = `\n*** no ${what.kind} can be mounted here: its tests are LEFT OUT (${reason}) ***\n`;
    await Deno.stderr.write(new TextEncoder().encode(text));
    return false;
  }
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr).trim()}`);
}
