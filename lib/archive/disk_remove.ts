/**
 * Removal of what is in the way, or not in an archive.
 *
 * @module
 */

import { FS_FLAG } from "../../ffi/inode_flags.ts";
import { hasErrorCode } from "../platform/posix.ts";
import type { InodeKind, OpenTreeNode, TreeDirectory } from "../platform/tree.ts";

/** How to remove. */
export interface RemoveOptions {
  /** Whether to clear the attributes that forbid it. */
  readonly undoImmutable: boolean;
  /** Is told what was left because something is mounted on it. */
  readonly onMountPoint: (path: string) => void;
}

/**
 * Removes whatever has that name, with all that is in it, but nothing of other mounts.
 *
 * @returns False if something is left, because it is a mount point or has one inside.
 */
export function removeTree(directory: TreeDirectory, name: Uint8Array, options: RemoveOptions): boolean {
  try {
    withoutImmutable(directory, name, { ...options, run: () => directory.remove(name) });
    return true;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return true;
    if (hasErrorCode(error, "EBUSY")) return leaveMountPoint(directory, name, options);
    // What POSIX gives for a directory, and what Linux gives.
    if (!hasErrorCode(error, "EISDIR", "EPERM") || kindOf(directory, name) !== "directory") throw error;
  }
  {
    using child = directory.openDirectory(name);
    if (child.stat().mount !== directory.stat().mount) return leaveMountPoint(directory, name, options);
    let isEmpty = true;
    if (options.undoImmutable) clearImmutable(child);
    for (const item of child.list()) isEmpty = removeTree(child, item.name, options) && isEmpty;
    if (!isEmpty) return false;
  }
  directory.removeDirectory(name);
  return true;
}

/** Does something to a name; if that is not permitted, once more without the attributes that may forbid it. */
export function withoutImmutable(
  directory: TreeDirectory,
  name: Uint8Array,
  action: { readonly undoImmutable: boolean; readonly run: () => void },
): void {
  try {
    action.run();
  } catch (error) {
    if (!action.undoImmutable || !hasErrorCode(error, "EPERM")) throw error;
    const kind = kindOf(directory, name);
    if (kind !== "file" && kind !== "directory") throw error;
    {
      using open = kind === "file" ? directory.openFile(name) : directory.openDirectory(name);
      if (!clearImmutable(open)) throw error;
    }
    action.run();
  }
}

/** Clears the attributes that forbid changes. @returns Whether there was one. */
export function clearImmutable(open: OpenTreeNode): boolean {
  const flags = open.inodeFlags() ?? 0;
  const cleared = flags & ~(FS_FLAG.immutable | FS_FLAG.append);
  if (flags !== cleared) open.setInodeFlags(cleared);
  return flags !== cleared;
}

/** @returns Undefined if there is nothing of that name. */
function kindOf(directory: TreeDirectory, name: Uint8Array): InodeKind | undefined {
  try {
    return directory.node(name).stat().kind;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function leaveMountPoint(directory: TreeDirectory, name: Uint8Array, options: RemoveOptions): false {
  options.onMountPoint(directory.node(name).path);
  return false;
}
