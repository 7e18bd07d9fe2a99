/**
 * `list-chunks`: list the chunk IDs of an index.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../../lib/chunk_id.ts";
import { rowCount } from "../../lib/format/index_file.ts";
import { defineCommand } from "../command.ts";
import { readIndex } from "../index_locations.ts";
import { checkClientCertificate, checkDigest } from "../session.ts";
import { STORE_FLAGS } from "../store_flags.ts";

export default defineCommand({
  usage: "list-chunks <index>",
  summary: "List the chunk IDs of an index",
  description:
    "Prints the ID of every chunk, one a line, in the order of the index and as often as it occurs.",
  examples: ["desync list-chunks image.caibx"],
  args: { min: 1, max: 1 },
  flags: STORE_FLAGS,
  async run(context) {
    const [location] = context.args as [string];
    checkClientCertificate(context.flags);
    const index = await readIndex(location, context);
    checkDigest(context, index, location);
    for (let row = 0; row < rowCount(index); row++) {
      const written = context.stdout.writeLine(formatChunkId(index.ids, row * CHUNK_ID_SIZE));
      if (written !== undefined) {
        await written;
        context.signal.throwIfAborted();
      }
    }
  },
});
