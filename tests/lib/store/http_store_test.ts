/** Chunk stores behind chunk servers, ours and desync's, are chunk stores like any other. */

import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { parseListenAddress } from "../../../lib/server/address.ts";
import { chunkHandler } from "../../../lib/server/chunk_handler.ts";
import { openServer } from "../../../lib/server/serve.ts";
import { testChunkStore } from "../../conformance/chunk_store.ts";
import { digest } from "../../support/chunks.ts";
import { serverStore } from "../../support/object_server.ts";
import { chunkKey, chunkObjects, CODECS } from "../../support/object_stores.ts";
import { peer } from "../../support/peers.ts";
import { startServer } from "../../support/server_process.ts";
import { tempDir } from "../../support/temp_dir.ts";

testChunkStore({
  name: "a store on our chunk server",
  async open(scope) {
    // As with --skip-verify-read: what is stored is handed on as it is.
    const behind = chunkObjects(new MemoryObjects(), { verify: false });
    const server = scope.use(
      await openServer({
        handler: chunkHandler({ store: behind.store, target: behind.store, codecs: CODECS.zstd, digest }),
        addresses: [parseListenAddress("127.0.0.1:0")],
      }),
    );
    const store = await serverStore(`http://${server.addresses[0]}/`, digest);
    return { store, add: (chunk) => store.put(chunk), plant: behind.plant };
  },
});

const desync = peer("desync");

testChunkStore({
  name: "a store on desync's chunk server",
  ignore: desync.ignore,
  skip: {
    "get() throws ChunkInvalidError for what is not that chunk": "it answers 500 for a file without bytes",
  },
  async open(scope) {
    const dir = scope.use(await tempDir());
    const server = scope.use(
      await startServer(desync.require(), (port) => {
        return ["chunk-server", "-w", "-s", dir.path, "-l", `127.0.0.1:${port}`];
      }),
    );
    const store = await serverStore(`http://127.0.0.1:${server.port}/`, digest);
    return {
      store,
      add: (chunk) => store.put(chunk),
      async plant(id, stored) {
        await Deno.mkdir(dir.join(id.slice(0, 4)), { recursive: true });
        await Deno.writeFile(dir.join(chunkKey(id)), stored);
      },
    };
  },
});
