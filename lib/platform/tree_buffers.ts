/**
 * What the kernel of Linux writes into buffers: `struct statx` and directory entries.
 *
 * @module
 */

import { DIRENT, S_IF, S_IFMT, STATX, STATX_MOUNT } from "../../ffi/libc_tree.ts";
import { type InodeKind, type InodeStat, PERMISSIONS, type TreeItem } from "./tree.ts";

const KINDS: Readonly<Record<number, InodeKind>> = {
  [S_IF.fifo]: "fifo",
  [S_IF.characterDevice]: "character-device",
  [S_IF.directory]: "directory",
  [S_IF.blockDevice]: "block-device",
  [S_IF.regular]: "file",
  [S_IF.symlink]: "symlink",
  [S_IF.socket]: "socket",
};

const TWO_32 = 2 ** 32;
const NANOSECONDS = 1_000_000_000n;

/** Decodes `struct statx`. */
export function decodeStat(view: DataView): InodeStat {
  const mode = view.getUint16(STATX.mode, true);
  const device = view.getUint32(STATX.devMajor, true) * TWO_32 + view.getUint32(STATX.devMinor, true);
  const hasMount = (view.getUint32(STATX.mask, true) & STATX_MOUNT) !== 0;
  return {
    kind: KINDS[mode & S_IFMT] ?? "file",
    permissions: mode & PERMISSIONS,
    uid: view.getUint32(STATX.uid, true),
    gid: view.getUint32(STATX.gid, true),
    size: u64(view, STATX.fileSize),
    mtime: view.getBigInt64(STATX.mtimeSeconds, true) * NANOSECONDS +
      BigInt(view.getUint32(STATX.mtimeNanoseconds, true)),
    major: view.getUint32(STATX.rdevMajor, true),
    minor: view.getUint32(STATX.rdevMinor, true),
    inode: u64(view, STATX.inode),
    device,
    mount: hasMount ? u64(view, STATX.mount) : device,
  };
}

function u64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * TWO_32 + view.getUint32(offset, true);
}

/** Adds the entries in the first `size` bytes of `data` to `items`, without `.` and `..`. */
export function decodeDirents(data: Uint8Array, size: number, items: TreeItem[]): void {
  for (let at = 0; at < size;) {
    const next = at + data[at + DIRENT.length]! + data[at + DIRENT.length + 1]! * 256;
    const start = at + DIRENT.name;
    let end = start;
    while (end < next && data[end] !== 0) end++;
    const isDots = data[start] === DOT && (end === start + 1 || end === start + 2 && data[start + 1] === DOT);
    // DT_REG and the like are the type bits of a mode, shifted.
    if (!isDots) items.push({ name: data.slice(start, end), kind: KINDS[data[at + DIRENT.type]! << 12] });
    at = next;
  }
}

const DOT = 0x2e;

/** Writes a time into the second half of `struct timespec[2]`. */
export function encodeMtime(mtime: bigint, times: BigInt64Array): void {
  const rest = mtime % NANOSECONDS;
  // Rounded down, as nanoseconds cannot be negative.
  const nanoseconds = rest < 0n ? rest + NANOSECONDS : rest;
  times[2] = (mtime - nanoseconds) / NANOSECONDS;
  times[3] = nanoseconds;
}
