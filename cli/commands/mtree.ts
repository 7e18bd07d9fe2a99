/**
 * `mtree`: list a tree with all that an mtree(5) listing has.
 *
 * @module
 */

import { formatMtree } from "../../lib/archive/mtree.ts";
import { ARCHIVE_INPUT_FLAGS, createHash, openArchiveInput } from "../archive_input.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  usage: "mtree <catar|index|dir>",
  summary: "List an archive or a directory in mtree format",
  description:
    `Prints a line for every inode, with its metadata and the digest of its content, in the format of
mtree(5). The input is an archive, with -i the index of one, or a directory; - is standard input.`,
  examples: [
    "desync mtree docs.catar",
    "desync mtree -i -s /path/to/store docs.caidx",
    "desync mtree /path/to/docs",
  ],
  args: { min: 1, max: 1 },
  flags: ARCHIVE_INPUT_FLAGS,
  async run(context) {
    const [location] = context.args as [string];
    const { stdout } = context;
    await using input = await openArchiveInput(location, context, { exclude: false });
    const { digest: name, flags } = input;
    const digest = { name, create: () => createHash(name) };
    for await (const line of formatMtree(input.events(), { style: "desync", flags, digest })) {
      const written = stdout.write(line);
      if (written !== undefined) {
        await written;
        context.signal.throwIfAborted();
      }
    }
  },
});
