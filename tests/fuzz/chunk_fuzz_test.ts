/**
 * Stored chunks that somebody damaged: each gives a value or a FormatError, within bounds, in every
 * implementation. Runs a fixed share of cases; `FUZZ_SECONDS=600` goes on for that long.
 */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { libzstd } from "../../ffi/libzstd.ts";
import { openZstd, type ZstdCodec } from "../../lib/codec/zstd.ts";
import { FormatError } from "../../lib/errors.ts";
import { BOMB, CASYNC, COMPRESSED_BOMB, DESYNC } from "../conformance/zstd_data.ts";

const SECONDS = Number(Deno.env.get("FUZZ_SECONDS") ?? 0);
const CASES = 3000;
const MAX_SIZE = 2 ** 18;

const implementations = libzstd() === undefined
  ? ["node", "wasm"] as const
  : ["ffi", "node", "wasm"] as const;
const codecs: readonly ZstdCodec[] = await Promise.all(
  implementations.map((implementation) => openZstd({ implementation })),
);

/** Numbers that a seed decides, so that a failure can be repeated. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) % limit;
  };
}

/** Whole stored chunks to damage. */
function corpus(): readonly Uint8Array[] {
  const text = new Uint8Array(40_000).map((_, i) => 97 + (i * i >> 7) % 26);
  const mixed = text.map((byte, i) => i % 1000 < 300 ? (i * 2654435761 >>> 13) & 255 : byte);
  return [
    ...[...CASYNC, ...DESYNC].map((golden) => Uint8Array.fromHex(golden.stored)),
    ...codecs.flatMap((
      codec,
    ) => [codec.encode(text), codec.encode(mixed), codec.encode(mixed.subarray(0, 300))]),
    BOMB,
    COMPRESSED_BOMB,
  ];
}

function mutate(seeds: readonly Uint8Array[], random: (limit: number) => number): Uint8Array {
  const pick = () => seeds[random(seeds.length)]!;
  let data = Uint8Array.from(pick());
  for (let i = random(4); i >= 0; i--) {
    // Headers are where it matters, and are few of the bytes.
    const at = random(2) === 0 ? random(Math.min(24, data.length + 1)) : random(data.length + 1);
    switch (random(6)) {
      case 0:
        if (at < data.length) data[at]! ^= 1 << random(8);
        break;
      case 1:
        if (at < data.length) data[at] = [0, 0xff, 0x80, 0x7f, random(256)][random(5)]!;
        break;
      case 2:
        data = data.slice(0, at);
        break;
      case 3:
        data = join(data.subarray(0, at), data.subarray(at + 1 + random(8)));
        break;
      case 4:
        data = join(data.subarray(0, at), Uint8Array.of(random(256)), data.subarray(at));
        break;
      case 5:
        data = join(data, pick());
        break;
    }
  }
  return data;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function tryDecode(codec: ZstdCodec, stored: Uint8Array): void {
  try {
    assert.ok(codec.decode(stored, MAX_SIZE).length <= MAX_SIZE);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
}

Deno.test("decode() of a damaged chunk gives a value or a FormatError", () => {
  const seeds = corpus();
  const deadline = performance.now() + SECONDS * 1000;
  for (let seed = 1; seed <= CASES || performance.now() < deadline; seed++) {
    const stored = mutate(seeds, randomFrom(seed));
    const copy = stored.slice();
    // Without a checksum, versions of libzstd differ in which corrupt blocks they notice and what they make of
    // the others; only the digest tells. So the outcomes need not be equal.
    for (const codec of codecs) {
      try {
        tryDecode(codec, stored);
        assert.deepEqual(stored, copy);
      } catch (cause) {
        throw new Error(`Seed ${seed}, ${codec.implementation}: ${stored.subarray(0, 100).toHex()}`, {
          cause,
        });
      }
    }
  }
});

Deno.test("decode() gives back what encode() was given, for any bytes", () => {
  for (const codec of codecs) {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (plain) => {
      assert.deepEqual(codec.decode(codec.encode(plain), plain.length), Uint8Array.from(plain));
    }));
  }
});
