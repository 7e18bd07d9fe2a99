import { libzstd } from "../../ffi/libzstd.ts";
import { openZstd } from "../../lib/codec/zstd.ts";

/** 64 KiB that compress to about 40 %, as programs do: words in a random order, and noise between them. */
function makeChunk(): Uint8Array {
  let state = 1;
  const random = (limit: number) => (state = Math.imul(state, 1103515245) + 12345 >>> 0) % limit;
  const words = Array.from({ length: 600 }, () => Array.from({ length: 3 + random(9) }, () => random(256)));
  const bytes: number[] = [];
  while (bytes.length < 65_536) {
    bytes.push(...words[random(random(600) + 1)]!);
    if (random(4) === 0) bytes.push(random(256), random(256));
  }
  return Uint8Array.from(bytes.slice(0, 65_536));
}

const chunk = makeChunk();

for (const implementation of ["ffi", "node", "wasm"] as const) {
  if (implementation === "ffi" && libzstd() === undefined) continue;
  const codec = await openZstd({ implementation });
  const target = new Uint8Array(codec.encodeBound(chunk.length));
  const stored = codec.encode(chunk);
  const plain = new Uint8Array(chunk.length);
  Deno.bench({
    name: `${implementation} encode, 64 KiB`,
    group: "encode",
    fn: () => void codec.encodeInto(chunk, target),
  });
  Deno.bench({
    name: `${implementation} decode, 64 KiB`,
    group: "decode",
    fn: () => void codec.decodeInto(stored, plain),
  });
}
