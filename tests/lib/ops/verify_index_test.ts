import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { ChunkInvalidError, StoreError } from "../../../lib/errors.ts";
import { verifyIndex } from "../../../lib/ops/verify_index.ts";
import { buildBlob, concat, indexOf, noise, pieces } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { tempDir } from "../../support/temp_dir.ts";

const SIZES = { min: 256, avg: 1024, max: 4096 };

Deno.test("verifyIndex() accepts the blob, and nothing that differs in one byte", async () => {
  await using dir = await tempDir();
  await using one = await openTestEngine({ threads: 1 });
  await using three = await openTestEngine({ threads: 3 });
  const path = dir.join("blob");
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      pieces({ maxSize: 20_000 }),
      place,
      fc.integer({ min: 1, max: 255 }),
      async (parts, at, flip) => {
        const bytes = buildBlob(parts);
        const index = await indexOf(bytes, { sizes: SIZES, digest: one.tools.digest });
        const offset = Math.floor(at * bytes.length);
        for (const engine of [one, three]) {
          await Deno.writeFile(path, bytes);
          const progress: number[] = [];
          await verifyIndex(engine, { index, path }, { onProgress: (rows) => progress.push(rows) });
          assert.equal(progress.at(-1), index.ends.length);
          if (bytes.length === 0) continue;
          await Deno.writeFile(path, bytes.with(offset, bytes[offset]! ^ flip));
          await assert.rejects(verifyIndex(engine, { index, path }), (error) => {
            assert.ok(error instanceof ChunkInvalidError);
            const [, start] = /differs at offset (\d+)/.exec(error.message)!;
            assert.ok(Number(start) <= offset && offset < Number(start) + SIZES.max);
            return true;
          });
        }
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("verifyIndex() refuses a file of another size, and one that is not there", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine();
  const bytes = noise(20_000);
  const path = dir.join("blob");
  const index = await indexOf(bytes, { sizes: SIZES, digest: engine.tools.digest });
  const fails = (message: RegExp) =>
    assert.rejects(verifyIndex(engine, { index, path }), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.location, path);
      assert.match(error.message, message);
      return true;
    });
  await fails(/No such file/);
  for (const wrong of [bytes.subarray(1), concat(bytes, Uint8Array.of(0)), new Uint8Array(0)]) {
    await Deno.writeFile(path, wrong);
    await fails(new RegExp(`it has ${wrong.length} bytes, the index describes 20000`));
  }
});

Deno.test("verifyIndex() throws the reason of its signal", async () => {
  await using dir = await tempDir();
  await using engine = await openTestEngine();
  const bytes = noise(20_000);
  const path = dir.join("blob");
  await Deno.writeFile(path, bytes);
  const index = await indexOf(bytes, { sizes: SIZES, digest: engine.tools.digest });
  const reason = new Error("enough");
  const verifying = verifyIndex(engine, { index, path }, { signal: AbortSignal.abort(reason) });
  await assert.rejects(verifying, (error) => error === reason);
});
