/** Single records, for archives that are put together by hand. */

import assert from "node:assert/strict";
import type { ReadArchiveOptions } from "../../lib/archive/parser.ts";
import { FormatError } from "../../lib/errors.ts";
import * as type from "../../lib/format/constants.ts";
import { ascii, DIRECTORY, entry, parseSlices, record, slicesOf, u64, writeEvents } from "./archives.ts";
import { concat } from "./blobs.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export const ROOT: Bytes = entry(0o040755);
export const FILE: Bytes = entry(0o100644);
export const LINK: Bytes = entry(0o120777);
export const FIFO: Bytes = entry(0o010644);
export const PAYLOAD: Bytes = record(type.TYPE_PAYLOAD, ascii("x"));
export const name = (value: string): Bytes => record(type.TYPE_FILENAME, ascii(`${value}\0`));
export const xattr = (body: string): Bytes => record(type.TYPE_XATTR, ascii(body));
export const aclUser = (...fields: number[]): Bytes => record(type.TYPE_ACL_USER, u64(...fields));
export const aclGroup = (...fields: number[]): Bytes => record(type.TYPE_ACL_GROUP, u64(...fields));
export const groupObject: Bytes = record(type.TYPE_ACL_GROUP_OBJ, u64(7));
export const aclDefault: Bytes = record(type.TYPE_ACL_DEFAULT, u64(7, 5, 0, 5));
export const defaultUser: Bytes = record(type.TYPE_ACL_DEFAULT_USER, u64(1, 5));
export const project: Bytes = record(type.TYPE_QUOTA_PROJID, u64(1));
export const label: Bytes = record(type.TYPE_SELINUX, ascii("label\0"));
export const fcaps: Bytes = record(type.TYPE_FCAPS, new Uint8Array(20));
export const user = (value: string): Bytes => record(type.TYPE_USER, ascii(`${value}\0`));
export const group = (value: string): Bytes => record(type.TYPE_GROUP, ascii(`${value}\0`));
export const target: Bytes = record(type.TYPE_SYMLINK, ascii("t\0"));
export const device = (major: number, minor: number): Bytes => record(type.TYPE_DEVICE, u64(major, minor));
/** A whole archive: a directory without entries. */
export const EMPTY: Bytes = writeEvents([{ type: "node", name: undefined, node: DIRECTORY }, {
  type: "leave",
}]);
/** Records of a file in the root, which are wrong somewhere. */
export const inFile = (
  ...metadata: Uint8Array[]
): Uint8Array[] => [ROOT, name("f"), FILE, ...metadata, PAYLOAD];
export const flagged = (flags: bigint, mode = 0o040777): Uint8Array[] => [entry(mode, { flags })];
export const goodbye = (...fields: (number | bigint)[]): Bytes => record(type.TYPE_GOODBYE, u64(...fields));

/** An archive that must not be read. */
export interface Hostile {
  /** Completes "refuses". */
  readonly what: string;
  /** Its bytes. */
  readonly records: readonly Uint8Array[];
  /** What the error says. */
  readonly message: RegExp;
  /** How it is read. */
  readonly options?: ReadArchiveOptions;
}

/** Tests that the archives are refused. */
export function testHostile(cases: readonly Hostile[]): void {
  for (const { what, records, message, options } of cases) {
    Deno.test(`ArchiveParser refuses ${what}, however its bytes are sliced`, () => {
      const bytes = concat(...records);
      for (const size of [bytes.length + 1, 1, 7, 64]) {
        assert.throws(() => parseSlices(slicesOf(bytes, size), options), (error) => {
          assert.ok(error instanceof FormatError);
          assert.match(error.message, message);
          return true;
        });
      }
    });
  }
}
