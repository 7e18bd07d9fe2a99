/**
 * `list`: list a tree as casync does.
 *
 * @module
 */

import { formatListLine } from "../../lib/archive/list.ts";
import { ARCHIVE_INPUT_FLAGS, openArchiveInput, walkTree, withoutContents } from "../archive_input.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  usage: "list <catar|index|dir> [<path>]",
  summary: "List what is in an archive or a directory",
  description:
    `Prints mode and path of every inode, or of those from a path on. The input is an archive, with -i the
index of one, or a directory, which is listed as casync would archive it; - is standard input.`,
  examples: [
    "desync list docs.catar",
    "desync list -i -s /path/to/store docs.caidx pictures",
    "desync list --recursive=false /path/to/docs",
  ],
  args: { min: 1, max: 2 },
  flags: {
    ...ARCHIVE_INPUT_FLAGS,
    recursive: { kind: "boolean", default: true, help: "list more than a directory and its entries" },
  },
  async run(context) {
    const [location, top] = context.args as [string, string?];
    const { stdout, flags } = context;
    const maxDepth = flags.recursive ? Infinity : 1;
    await using input = await openArchiveInput(location, context);
    for await (const { event, path, depth } of walkTree(withoutContents(input), top)) {
      if (event.type !== "node" || path === undefined || depth > maxDepth) continue;
      const written = stdout.write(formatListLine(path, event.node));
      if (written !== undefined) {
        await written;
        context.signal.throwIfAborted();
      }
    }
  },
});
