/** Replaces a file again and again: `crash_stale_program.ts <path> <times> <byte>`. */

import { AtomicFile } from "../../lib/io/atomic_file.ts";
import { openPosix } from "../../lib/platform/posix.ts";

/** Bytes in the file. */
export const STALE_PROGRAM_SIZE = 10_000;

if (import.meta.main) {
  const [path, times, byte] = Deno.args as [string, string, string];
  const posix = await openPosix();
  const data = new Uint8Array(STALE_PROGRAM_SIZE).fill(Number(byte));
  for (let i = 0; i < Number(times); i++) {
    using file = new AtomicFile(posix, path);
    file.file.writeAt(data, 0);
    file.commit();
  }
}
