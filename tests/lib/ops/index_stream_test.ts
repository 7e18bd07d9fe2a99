import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { openDigest } from "../../../lib/digest/open.ts";
import { encodeIndex } from "../../../lib/format/index_file.ts";
import { indexStream } from "../../../lib/ops/index_stream.ts";
import {
  assertSameRows,
  buildBlob,
  chunkSizes,
  indexOf,
  noise,
  pieces,
  streamOf,
} from "../../support/blobs.ts";
import "../../support/engine.ts";
import { SlowObjects } from "../../support/slow_objects.ts";
import { chunksIn, objectStore } from "../../support/stores.ts";
import { xorshift } from "../../support/xorshift.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };
const digest = await openDigest("sha512-256");

Deno.test("indexStream() makes casync's index", async () => {
  const golden = new URL("../../golden/casync/noise.caibx", import.meta.url);
  const index = await indexStream(streamOf(xorshift(3 << 20), [1, 100_000]), { digest });
  assert.deepEqual(encodeIndex(index), await Deno.readFile(golden));
});

Deno.test("indexStream() cuts as everything else does, and stores each chunk once", async () => {
  await fc.assert(
    fc.asyncProperty(
      pieces({ maxSize: 20_000 }),
      chunkSizes({ max: 5000 }),
      fc.array(fc.nat(9000)),
      async (parts, sizes, cuts) => {
        const bytes = buildBlob(parts);
        const objects = new SlowObjects({ delay: () => 0 });
        const store = await objectStore(objects, digest);
        const index = await indexStream(streamOf(bytes, cuts), { digest, sizes, store });
        assertSameRows(index, await indexOf(bytes, { sizes, digest }));
        const expected = await chunksIn(bytes, { sizes, digest });
        assert.equal(objects.calls.put, expected.size);
        assert.deepEqual((await Array.fromAsync(store.list())).sort(), [...expected.keys()]);
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("indexStream() stops when it is aborted, and cancels the stream", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (++pulled === 5) abort.abort(reason);
      controller.enqueue(noise(50_000, pulled));
    },
    cancel() {
      cancelled = true;
    },
  });
  const indexing = indexStream(endless, { digest, sizes: SIZES, signal: abort.signal });
  await assert.rejects(indexing, (error) => error === reason);
  assert.ok(cancelled);
});
