/** Archives whose records do not make a tree. */

import * as type from "../../../lib/format/constants.ts";
import { DESYNC_FLAGS } from "../../../lib/format/feature_flags.ts";
import { ascii, entry, record, u64 } from "../../support/archives.ts";
import {
  device,
  EMPTY,
  FIFO,
  FILE,
  goodbye,
  inFile,
  LINK,
  name,
  PAYLOAD,
  ROOT,
  target,
  testHostile,
  xattr,
} from "../../support/archive_records.ts";

testHostile([
  { what: "nothing", records: [], message: /truncated before its end, at offset 0/ },
  {
    what: "half a header",
    records: [ROOT.subarray(0, 9)],
    message: /truncated inside a record, at offset 9/,
  },
  { what: "half a record", records: [ROOT.subarray(0, 40)], message: /truncated inside a record/ },
  { what: "a directory without end", records: [ROOT], message: /truncated before its end, at offset 64/ },
  {
    what: "half a payload",
    records: inFile().map((r, i) => i === 3 ? r.subarray(0, 16) : r),
    message: /inside/,
  },
  {
    what: "a record of 8 bytes",
    records: [ROOT, u64(8, type.TYPE_FILENAME)],
    message: /FILENAME at offset 64: its size/,
  },
  {
    what: "a name of nothing",
    records: [ROOT, u64(17, type.TYPE_FILENAME)],
    message: /its size 0x0+11 is not 18 to 272/,
  },
  { what: "a name of 2^50 bytes", records: [ROOT, u64(2n ** 50n, type.TYPE_FILENAME)], message: /its size/ },
  { what: "a name of 256 bytes", records: [ROOT, name("n".repeat(256))], message: /its size/ },
  {
    what: "a payload of 2^64 - 1 bytes",
    records: [ROOT, name("f"), FILE, u64(-1n, type.TYPE_PAYLOAD)],
    message: /PAYLOAD at offset 146: its size/,
  },
  {
    what: "a payload past 2^53",
    records: [ROOT, name("f"), FILE, u64(2n ** 53n - 1n, type.TYPE_PAYLOAD)],
    message: /past 2\^53/,
  },
  {
    what: "an unknown type",
    records: [u64(64, 0x123456789n)],
    message: /record at offset 0: type 0x0000000123456789/,
  },
  {
    what: "a type of which one half is right",
    records: [u64(64, type.TYPE_ENTRY ^ 1n)],
    message: /is not one of archives/,
  },
  { what: "an index", records: [u64(48, type.TYPE_INDEX, 0, 1, 1, 1)], message: /is not one of archives/ },
  {
    what: "an index inside",
    records: [ROOT, u64(48, type.TYPE_INDEX, 0, 1, 1, 1)],
    message: /offset 64: type/,
  },
  { what: "a name in front", records: [name("a"), ROOT], message: /it stands where ENTRY has to be/ },
  { what: "a file as root", records: [FILE, PAYLOAD], message: /the root is a file/ },
  { what: "two ENTRYs", records: [ROOT, ROOT], message: /ENTRY at offset 64: .* FILENAME or GOODBYE/ },
  {
    what: "a name without node",
    records: [ROOT, name("a"), name("b")],
    message: /FILENAME at offset 82: .* ENTRY/,
  },
  {
    what: "a name before the end",
    records: [ROOT, name("a"), goodbye(82, 40, type.GOODBYE_TAIL_MARKER)],
    message: /GOODBYE/,
  },
  {
    what: "a file without payload",
    records: [ROOT, name("f"), FILE, name("g")],
    message: /PAYLOAD of a file has to be/,
  },
  {
    what: "a link without target",
    records: [ROOT, name("f"), LINK, PAYLOAD],
    message: /SYMLINK of a symlink has to be/,
  },
  {
    what: "a device without numbers",
    records: [ROOT, name("f"), entry(0o020644), target],
    message: /DEVICE of a character-device/,
  },
  {
    what: "a pipe with a payload",
    records: [ROOT, name("f"), FIFO, PAYLOAD],
    message: /FILENAME or GOODBYE/,
  },
  {
    what: "a directory with a payload",
    records: [ROOT, PAYLOAD],
    message: /PAYLOAD at offset 64: .* FILENAME or GOODBYE/,
  },
  {
    what: "a target that is not terminated",
    records: [ROOT, name("l"), LINK, record(type.TYPE_SYMLINK, ascii("to"))],
    message: /target is not term/,
  },
  {
    what: "a device that cannot be",
    records: [ROOT, name("d"), entry(0o020644), device(4096, 0)],
    message: /no device 4096:0/,
  },
  {
    what: "a device whose minor number cannot be",
    records: [ROOT, name("d"), entry(0o060644), device(0, 2 ** 20)],
    message: /no device 0:1048576/,
  },
  { what: "an entry '.'", records: [ROOT, name(".")], message: /name is '\.'/ },
  { what: "an entry '..'", records: [ROOT, name("..")], message: /name is '\.\.'/ },
  { what: "an entry with a slash", records: [ROOT, name("../a")], message: /contains '\/'/ },
  { what: "an entry with NUL", records: [ROOT, name("a\0b")], message: /contains NUL/ },
  {
    what: "an entry that is not terminated",
    records: [ROOT, record(type.TYPE_FILENAME, ascii("ab"))],
    message: /not terminated/,
  },
  {
    what: "names out of order",
    records: [...inFile(), name("e")],
    message: /FILENAME at offset 163: names of the directory/,
  },
  { what: "a name twice", records: [...inFile(), name("f")], message: /ascending/ },
  {
    what: "a table that is too small",
    records: [...inFile(), goodbye(163, 40, type.GOODBYE_TAIL_MARKER)],
    message: /not 64 for a directory of 1/,
  },
  {
    what: "a table of 2^50 bytes",
    records: [ROOT, u64(2n ** 50n, type.TYPE_GOODBYE)],
    message: /GOODBYE at offset 64: its size/,
  },
  {
    what: "a table of an odd size",
    records: [ROOT, goodbye(64, 48, 1, type.GOODBYE_TAIL_MARKER)],
    message: /size is 48/,
    options: { verifyGoodbye: false },
  },
  { what: "a wrong marker", records: [ROOT, goodbye(64, 40, 1)], message: /tail marker is 0x1/ },
  {
    what: "a wrong repeated size",
    records: [ROOT, goodbye(64, 41, type.GOODBYE_TAIL_MARKER)],
    message: /the size as 41, not 40/,
  },
  {
    what: "a wrong distance",
    records: [ROOT, goodbye(65, 40, type.GOODBYE_TAIL_MARKER)],
    message: /not 65 bytes before/,
  },
  {
    what: "a wrong item",
    records: [...inFile(), goodbye(99, 99, 0, 163, 64, type.GOODBYE_TAIL_MARKER)],
    message: /item 0 of its table is wrong/,
  },
  {
    what: "other data behind",
    records: [EMPTY, ascii("x")],
    message: /other data follow its end at offset 104/,
  },
  { what: "two archives", records: [EMPTY, EMPTY], message: /other data follow/ },
  {
    what: "a tree that is too deep",
    records: [ROOT, name("a"), ROOT, name("a"), ROOT],
    message: /more than 2 levels/,
    options: { maxDepth: 2 },
  },
  {
    what: "desync's value without NUL",
    records: [entry(0o040755, { flags: DESYNC_FLAGS }), xattr("user.a\0\0"), xattr("user.b\0x")],
    message: /as desync writes it/,
  },
]);
