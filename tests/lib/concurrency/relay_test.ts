import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { FileSource, StreamSource } from "../../../lib/concurrency/blob_source.ts";
import { BLOCK_SIZE } from "../../../lib/concurrency/chunk_ring.ts";
import { relayBlob } from "../../../lib/concurrency/relay.ts";
import { StoreError } from "../../../lib/errors.ts";
import { noise, streamOf } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { tempDir } from "../../support/temp_dir.ts";

const SIZES = [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, 20 * BLOCK_SIZE + 7];
const THREADS = [1, 2, 3];
const cases = THREADS.flatMap((threads) => SIZES.map((size) => ({ threads, size })));

Deno.test.each(cases)(
  "relayBlob() writes $size bytes with $threads threads, and hashes as many",
  async ({ threads, size }) => {
    await using dir = await tempDir();
    await using engine = await openTestEngine({ threads });
    const data = noise(size, 1);
    const path = dir.join("out");
    await Deno.writeFile(path, new Uint8Array());
    await relayBlob(engine, new StreamSource(streamOf(data)), { target: { path, name: "out" } });
    assert(Buffer.from(data).equals(await Deno.readFile(path)));
    using file = engine.tools.posix.open(path);
    const digest = await relayBlob(engine, new FileSource(file), { target: undefined });
    assert.equal(digest.toHex(), engine.tools.digest.digest(data).toHex());
  },
);

Deno.test("relayBlob() names the file that it cannot write to", async () => {
  await using dir = await tempDir();
  for (const threads of THREADS) {
    await using engine = await openTestEngine({ threads });
    const target = { path: dir.join("nothing"), name: "final" };
    await assert.rejects(
      relayBlob(engine, new StreamSource(streamOf(noise(20 * BLOCK_SIZE, 1))), { target }),
      (error) => error instanceof StoreError && error.message.startsWith("Cannot write 'final'"),
    );
  }
});

Deno.test("relayBlob() ends with the error of the source, and with the reason of its signal", async () => {
  await using engine = await openTestEngine();
  const failure = new Error("no more");
  const source = { size: undefined, read: () => Promise.reject(failure), holeAhead: () => 0, skip: () => {} };
  await assert.rejects(relayBlob(engine, source, { target: undefined }), failure);
  const signal = AbortSignal.abort(new Error("enough"));
  const stream = new StreamSource(streamOf(noise(3 * BLOCK_SIZE, 1)));
  await assert.rejects(relayBlob(engine, stream, { target: undefined, signal }), { message: "enough" });
});
