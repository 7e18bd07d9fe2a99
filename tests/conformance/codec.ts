/**
 * What every implementation of zstd has to do, and in which they have to agree.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { BufferCodec } from "../../lib/codec/codec.ts";
import { outlineZstd } from "../../lib/codec/zstd_frame.ts";
import { FormatError } from "../../lib/errors.ts";
import {
  BOMB,
  CASYNC,
  COMPRESSED_BOMB,
  DESYNC,
  frame,
  type Golden,
  OTHER_FORMATS,
  rawBlock,
  rleBlock,
} from "./zstd_data.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const SKIPPABLE = bytes("5a2a4d1803000000aabbcc");
const EMPTY_FRAME = bytes("28b52ffd2000010000");

/** Plain data of several kinds. */
export function plainSamples(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const samples = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const size of [0, 1, 12, 65_536, 131_072, 131_073, 262_144, 1_000_003]) {
    samples.set(`${size} zeros`, new Uint8Array(size));
    const noise = new Uint8Array(size);
    for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
    samples.set(`${size} random bytes`, noise);
    samples.set(`${size} bytes of text`, new Uint8Array(size).map((_, i) => 97 + (i * i >> 7) % 26));
  }
  return samples;
}

/** Runs the suite over one implementation of zstd. */
export function testZstd(
  name: string,
  options: {
    readonly open: () => Promise<BufferCodec>;
    /** Another implementation, or several, whose frames this one has to read. */
    readonly others: () => Promise<readonly BufferCodec[]>;
    /** @default false */
    readonly ignore?: boolean;
  },
): void {
  const { open, others, ignore = false } = options;
  const test = (sentence: string, run: (codec: BufferCodec) => void | Promise<void>) =>
    Deno.test({ name: `${name}: ${sentence}`, ignore, fn: async () => await run(await open()) });
  const refuses = (codec: BufferCodec, stored: Uint8Array, maxSize: number, message = /./) => {
    const expected = (error: unknown) => error instanceof FormatError && message.test(error.message);
    assert.throws(() => codec.decode(stored, maxSize), expected);
    assert.throws(() => codec.decodeInto(stored, new Uint8Array(maxSize)), expected);
  };

  test("decode() gives back what encode() was given", (codec) => {
    for (const [sample, plain] of plainSamples()) {
      const copy = plain.slice();
      const stored = codec.encode(plain);
      assert.ok(stored.length <= codec.encodeBound(plain.length), sample);
      assert.equal(stored.buffer.byteLength, stored.length, sample);
      const decoded = codec.decode(stored, plain.length);
      assert.ok(equal(decoded, copy) && equal(plain, copy), sample);
      assert.ok(equal(codec.decode(stored, 2 ** 27), copy), sample);
      assert.equal(decoded.constructor, Uint8Array);
      assert.equal(decoded.buffer.byteLength, decoded.length, sample);
    }
  });

  test("decode() reads what every other implementation wrote", async (codec) => {
    for (const other of await others()) {
      for (const [sample, plain] of plainSamples()) {
        assert.ok(equal(codec.decode(other.encode(plain), plain.length), plain), sample);
      }
    }
  });

  test("encode() writes one frame with its size and without checksum", (codec) => {
    for (const [sample, plain] of plainSamples()) {
      const stored = codec.encode(plain);
      // casync refuses chunks of two frames, even if the second one is empty.
      const { frames } = outlineZstd(stored, plain.length);
      assert.deepEqual(
        frames,
        [{ start: 0, end: stored.length, size: plain.length, sizeBound: plain.length }],
        sample,
      );
      assert.equal(stored[4]! & 0x04, 0, "checksum flag");
    }
  });

  test("encodeInto() and decodeInto() write to the beginning of the target", (codec) => {
    for (const [sample, plain] of plainSamples()) {
      const target = new Uint8Array(codec.encodeBound(plain.length) + 10);
      const stored = target.subarray(5, 5 + codec.encodeInto(plain, target.subarray(5, target.length - 5)));
      assert.ok(equal(codec.decode(stored, plain.length), plain), sample);
      assert.deepEqual([...target.subarray(0, 5), ...target.subarray(-5)], Array(10).fill(0), sample);
      const output = new Uint8Array(plain.length + 10);
      assert.equal(codec.decodeInto(stored, output.subarray(5, output.length - 5)), plain.length, sample);
      assert.ok(equal(output.subarray(5, 5 + plain.length), plain), sample);
      assert.deepEqual([...output.subarray(0, 5), ...output.subarray(-5)], Array(10).fill(0), sample);
    }
  });

  test("encodeInto() throws RangeError if the target is too small", (codec) => {
    const plain = crypto.getRandomValues(new Uint8Array(1000));
    for (const size of [0, 1, 999]) {
      assert.throws(() => codec.encodeInto(plain, new Uint8Array(size)), RangeError);
    }
  });

  test("reads and writes shared memory", (codec) => {
    const plain = new TextEncoder().encode("shared ".repeat(2000));
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
    for (const buffer of [new SharedArrayBuffer(2 ** 18), memory.buffer]) {
      const source = new Uint8Array(buffer, 3, plain.length);
      source.set(plain);
      const fresh = codec.encode(source);
      assert.ok(equal(codec.decode(fresh, plain.length), plain));
      const target = new Uint8Array(buffer, 2 ** 17, 2 ** 16);
      const stored = target.subarray(0, codec.encodeInto(source, target));
      assert.ok(equal(codec.decode(stored, plain.length), plain));
      const output = new Uint8Array(buffer, 2 ** 17 + 2 ** 16 + 1, plain.length);
      assert.equal(codec.decodeInto(stored, output), plain.length);
      assert.ok(equal(output, plain));
    }
  });

  for (const golden of [...CASYNC, ...DESYNC] satisfies Golden[]) {
    test(`decode() reads ${golden.name}`, (codec) => {
      const stored = bytes(golden.stored);
      const decoded = codec.decode(stored, golden.plain.length);
      assert.ok(equal(decoded, golden.plain));
      assert.ok(equal(codec.decode(stored, 2 ** 27), golden.plain));
      refuses(codec, stored, golden.plain.length - 1, /more than/);
    });

    test(`decode() refuses every shortened form of ${golden.name}`, (codec) => {
      const stored = bytes(golden.stored);
      for (let size = 0; size < stored.length; size++) refuses(codec, stored.subarray(0, size), 2 ** 20);
    });

    test(`decode() refuses trailing bytes after ${golden.name}`, (codec) => {
      for (const junk of ["00", "28", "28b52ffd", "0000000000000000", "1f8b0800", "502a4d18ffffff7f00"]) {
        refuses(codec, join(bytes(golden.stored), bytes(junk)), 2 ** 20);
      }
    });
  }

  for (const golden of DESYNC) {
    test(`decode() refuses a wrong checksum in ${golden.name}`, (codec) => {
      const stored = bytes(golden.stored);
      stored[stored.length - 1]! ^= 1;
      refuses(codec, stored, 2 ** 20, /corrupt/);
    });
  }

  test("decode() reads several frames, skippable and empty ones among them", (codec) => {
    const parts = [...CASYNC, ...DESYNC];
    const stored = join(SKIPPABLE, ...parts.flatMap((part) => [bytes(part.stored), SKIPPABLE, EMPTY_FRAME]));
    const plain = join(...parts.map((part) => part.plain));
    assert.ok(equal(codec.decode(stored, plain.length), plain));
    const target = new Uint8Array(plain.length + 1);
    assert.equal(codec.decodeInto(stored, target), plain.length);
    assert.ok(equal(target.subarray(0, plain.length), plain));
    refuses(codec, stored, plain.length - 1, /more than/);
    assert.equal(codec.decode(SKIPPABLE, 10).length, 0);
    assert.equal(codec.decode(EMPTY_FRAME, 0).length, 0);
  });

  for (const { format, stored } of OTHER_FORMATS) {
    test(`decode() names ${format} when it refuses it`, (codec) => {
      refuses(codec, bytes(stored), 2 ** 20, new RegExp(`compressed with ${format}, which is not supported`));
    });
  }

  test("decode() refuses what is in no known format", (codec) => {
    for (
      const hex of ["", "00", "28", "28b52f", "28b52ffc00", "fd377a58", "1f", "22b52ffd", "50".repeat(40)]
    ) {
      refuses(codec, bytes(hex), 2 ** 20);
    }
  });

  test("decode() refuses bad frame headers and blocks", (codec) => {
    const block = rawBlock("00", "last");
    for (
      const [stored, message] of [
        [frame({ header: "28 01", blocks: block }), /reserved bit/],
        [frame({ header: "21 07 01", blocks: block }), /dictionary/],
        [frame({ header: "01 58 07", blocks: block }), /dictionary/],
        [frame({ header: "00 89", blocks: block }), /window of 144 MiB/],
        [frame({ header: "00 ff", blocks: block }), /window/],
        [frame({ header: "20 02", blocks: block }), /contradict/],
        [frame({ header: "20 00", blocks: block }), /contradict/],
        [frame({ header: "20 01", blocks: bytes("070000") }), /reserved type/],
        [frame({ header: "00 58", blocks: bytes("050010") }), /cut/],
        [frame({ header: "00 58", blocks: bytes("0b001000") }), /block of 131073 bytes/],
        [frame({ header: "20 01", blocks: bytes("0d0000") }), /cut/],
      ] as const
    ) refuses(codec, stored, 2 ** 20, message);
    assert.deepEqual(codec.decode(frame({ header: "20 01", blocks: block }), 1), bytes("00"));
    assert.deepEqual(codec.decode(frame({ header: "21 00 01", blocks: block }), 1), bytes("00"));
    assert.deepEqual(
      codec.decode(frame({ header: "00 88", blocks: block }), 1),
      bytes("00"),
      "window 128 MiB",
    );
  });

  test("decode() refuses more than maxSize, whatever it would take to find out", (codec) => {
    for (const bomb of [BOMB, COMPRESSED_BOMB]) {
      for (const maxSize of [0, 1, 262_144, 2 ** 20]) refuses(codec, bomb, maxSize, /more than/);
    }
    // 8 bytes of size: the outline must not believe them.
    refuses(codec, frame({ header: "e0 ffffffffffffffff", blocks: rawBlock("00", "last") }), 1000);
    refuses(codec, frame({ header: "e0 0000004000000000", blocks: rleBlock("last") }), 2 ** 20);
    const text = codec.encode(new Uint8Array(1_000_000).fill(65));
    refuses(codec, text, 999_999, /more than 999999/);
    assert.equal(codec.decode(text, 1_000_000).length, 1_000_000);
  });

  test("decode() allocates what maxSize allows, not what a bomb holds", (codec) => {
    const attempt = () => {
      for (const bomb of [BOMB, COMPRESSED_BOMB]) {
        assert.throws(() => codec.decode(bomb, 262_144), FormatError);
      }
    };
    attempt();
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 20; i++) attempt();
    const grown = Deno.memoryUsage().rss - before;
    assert.ok(grown < 64 * 2 ** 20, `resident memory grew by ${grown >> 20} MiB`);
  });

  test("a refusal leaves the codec in order", (codec) => {
    const [golden] = CASYNC;
    for (const stored of [BOMB, COMPRESSED_BOMB, bytes("00"), bytes(golden.stored).subarray(0, 15)]) {
      assert.throws(() => codec.decode(stored, 1000), FormatError);
      assert.ok(equal(codec.decode(bytes(golden.stored), 1000), golden.plain));
    }
  });
}

/** `assert.deepEqual` takes seconds for a MiB. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
