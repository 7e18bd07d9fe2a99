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
