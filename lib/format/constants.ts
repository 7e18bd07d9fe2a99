/**
 * Record types and markers of casync's formats, and how to tell an archive by its first bytes.
 *
 * @module
 */

/** INDEX record: 48 bytes at the start of an index file. */
export const TYPE_INDEX = 0x96824d9c7b129ff9n;
/** TABLE record: the rows of an index file. */
export const TYPE_TABLE = 0xe75b9e112f17417dn;
/** Last eight bytes of an index file. */
export const TABLE_TAIL_MARKER = 0x4b4f050e5549ecd1n;
/** ENTRY record: 64 bytes, the first of every archive. */
export const TYPE_ENTRY = 0x1396fabcea5bbb51n;
/** Size of an ENTRY record in bytes. */
export const ENTRY_SIZE = 64;
/** Size of a TABLE record, which is not known when its header is written. */
export const SIZE_UNKNOWN = 0xffff_ffff_ffff_ffffn;
/** USER record: name of the owner. */
export const TYPE_USER = 0xf453131aaeeaccb3n;
/** GROUP record: name of the group. */
export const TYPE_GROUP = 0x25eb6ac969396a52n;
/** XATTR record: one extended attribute. */
export const TYPE_XATTR = 0xb8157091f80bc486n;
/** ACL_USER record: a named user of the access ACL. */
export const TYPE_ACL_USER = 0x297dc88b2ef12fafn;
/** ACL_GROUP record: a named group of the access ACL. */
export const TYPE_ACL_GROUP = 0x36f2acb56cb3dd0bn;
/** ACL_GROUP_OBJ record: permissions of the owning group, if the mode holds the mask. */
export const TYPE_ACL_GROUP_OBJ = 0x23047110441f38f3n;
/** ACL_DEFAULT record: the entries of the default ACL that have no name. */
export const TYPE_ACL_DEFAULT = 0xfe3eeda6823c8cd0n;
/** ACL_DEFAULT_USER record: a named user of the default ACL. */
export const TYPE_ACL_DEFAULT_USER = 0xbdf03df9bd010a91n;
/** ACL_DEFAULT_GROUP record: a named group of the default ACL. */
export const TYPE_ACL_DEFAULT_GROUP = 0xa0cb1168782d1f51n;
/** SELINUX record: the label. */
export const TYPE_SELINUX = 0x46faf0602fd26c59n;
/** FCAPS record: the value of `security.capability`. */
export const TYPE_FCAPS = 0xf7267db0afed0629n;
/** QUOTA_PROJID record: the project for quotas. */
export const TYPE_QUOTA_PROJID = 0x161baf2d8772a72bn;
/** SYMLINK record: the target. */
export const TYPE_SYMLINK = 0x664a6fb6830e0d6cn;
/** DEVICE record: major and minor number. */
export const TYPE_DEVICE = 0xac3dace369dfe643n;
/** PAYLOAD record: the content of a file. */
export const TYPE_PAYLOAD = 0x8b9e1d93d6dcffc9n;
/** FILENAME record: the name of the node that follows. */
export const TYPE_FILENAME = 0x6dbb6ebcb3161f0bn;
/** GOODBYE record: the end of a directory, and its search table. */
export const TYPE_GOODBYE = 0xdfd35c5e8327c403n;
/** Last eight bytes of a GOODBYE record. */
export const GOODBYE_TAIL_MARKER = 0x57446fa533702943n;
