/**
 * Requests of `ioctl` about attributes of inodes beyond their mode. Linux.
 *
 * @module
 */

/** Requests, as the kernel's headers define them for 64-bit processors. */
export const INODE_IOCTL = {
  // linux/fs.h: FS_IOC_GETFLAGS = _IOR('f', 1, long); it fills 32 bits
  getFlags: 0x80086601n,
  // linux/fs.h: FS_IOC_SETFLAGS = _IOW('f', 2, long)
  setFlags: 0x40086602n,
  // linux/fs.h: FS_IOC_FSGETXATTR = _IOR('X', 31, struct fsxattr)
  getExtended: 0x801c581fn,
  // linux/fs.h: FS_IOC_FSSETXATTR = _IOW('X', 32, struct fsxattr)
  setExtended: 0x401c5820n,
  // linux/msdos_fs.h: FAT_IOCTL_GET_ATTRIBUTES = _IOR('r', 0x10, __u32)
  getFat: 0x80047210n,
  // linux/msdos_fs.h: FAT_IOCTL_SET_ATTRIBUTES = _IOW('r', 0x11, __u32)
  setFat: 0x40047211n,
  // linux/btrfs.h: BTRFS_IOC_SUBVOL_CREATE = _IOW(0x94, 14, struct btrfs_ioctl_vol_args)
  createSubvolume: 0x5000940en,
  // linux/btrfs.h: BTRFS_IOC_SUBVOL_GETFLAGS = _IOR(0x94, 25, __u64)
  getSubvolumeFlags: 0x80089419n,
  // linux/btrfs.h: BTRFS_IOC_SUBVOL_SETFLAGS = _IOW(0x94, 26, __u64)
  setSubvolumeFlags: 0x4008941an,
} as const;

/** Size of `struct fsxattr`, and where it has the project. */
export const FSXATTR = { size: 28, project: 12 } as const;

/** Size of `struct btrfs_ioctl_vol_args`, and where it has the name. */
export const VOLUME_ARGUMENTS = { size: 4096, name: 8 } as const;

/** BTRFS_SUBVOL_RDONLY. */
export const SUBVOLUME_READ_ONLY = 2n;

/** Attributes as FS_IOC_GETFLAGS gives them, by the letters of chattr(1). */
export const FS_FLAG = {
  append: 0x20,
  noatime: 0x80,
  compress: 0x4,
  noCow: 0x800000,
  nodump: 0x40,
  dirsync: 0x10000,
  immutable: 0x10,
  sync: 0x8,
  noCompress: 0x400,
  projectInherit: 0x20000000,
} as const;

/** Attributes as FAT_IOCTL_GET_ATTRIBUTES gives them. */
export const FAT_FLAG = { hidden: 0x02, system: 0x04, archive: 0x20 } as const;
