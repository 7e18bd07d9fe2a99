/**
 * What every implementation of a digest has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { nullChunkId, openDigest } from "../../lib/digest/open.ts";
import type { Digest, DigestName } from "../../lib/digest/digest.ts";

/** Messages and their digests. */
interface Vector {
  readonly source: string;
  readonly message: Uint8Array;
  readonly digest: string;
}

const text = (value: string) => new TextEncoder().encode(value);
const TWO_BLOCKS_64 = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
const TWO_BLOCKS_128 = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno" +
  "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
const NULL_CHUNK = new Uint8Array(262_144);

const VECTORS: Readonly<Record<DigestName, readonly Vector[]>> = {
  "sha512-256": [
    {
      source: "no bytes (NIST CAVP)",
      message: text(""),
      digest: "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a",
    },
    {
      source: "one block (NIST examples for FIPS 180-4)",
      message: text("abc"),
      digest: "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
    },
    {
      source: "two blocks (NIST examples for FIPS 180-4)",
      message: text(TWO_BLOCKS_128),
      digest: "3928e184fb8690f840da3988121d31be65cb9d3ef83ee6146feac861e19b563a",
    },
    {
      source: "a chunk of desync",
      message: text("some data"),
      digest: "760ba4275e849e0777507db58f0d74fc05b30e10ccc27a99d50465f5b6639026",
    },
    {
      source: "a chunk of casync",
      message: text("hello world\n"),
      digest: "bf73ee1fb7e8bf8fcdd5da06dd547052cd0f929a88f4aead68b218d3bde91134",
    },
    {
      source: "casync's null chunk",
      message: NULL_CHUNK,
      digest: "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
    },
  ],
  "sha256": [
    {
      source: "no bytes (NIST CAVP)",
      message: text(""),
      digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    {
      source: "one block (NIST examples for FIPS 180-4)",
      message: text("abc"),
      digest: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    },
    {
      source: "two blocks (NIST examples for FIPS 180-4)",
      message: text(TWO_BLOCKS_64),
      digest: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    },
    {
      source: "casync's null chunk",
      message: NULL_CHUNK,
      digest: "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90",
    },
  ],
};

/** Runs the suite over one implementation. */
export function testDigest(
  name: string,
  options: {
    readonly open: (name: DigestName) => Promise<Digest>;
    /** @default false */
    readonly ignore?: boolean;
  },
): void {
  const { open, ignore = false } = options;
  for (const digestName of Object.keys(VECTORS) as DigestName[]) {
    const test = (sentence: string, run: (digest: Digest) => void | Promise<void>) =>
      Deno.test({
        name: `${name}: ${digestName} ${sentence}`,
        ignore,
        fn: async () => await run(await open(digestName)),
      });

    for (const { source, message, digest: expected } of VECTORS[digestName]) {
      test(`hashes ${source}`, (digest) => {
        assert.equal(digest.name, digestName);
        assert.equal(digest.digest(message).toHex(), expected);
      });
    }

    test("equals the portable implementation for every size around a block", async (digest) => {
      const reference = await openDigest(digestName, { implementation: "portable" });
      const data = crypto.getRandomValues(new Uint8Array(300));
      for (let size = 0; size <= data.length; size++) {
        const part = data.subarray(0, size);
        assert.equal(digest.digest(part).toHex(), reference.digest(part).toHex(), `${size} bytes`);
      }
    });

    test("stream() hashes pieces as if they were one, several streams side by side", (digest) => {
      const data = new Uint8Array(new SharedArrayBuffer(3000)).map((_, i) => i % 251);
      const streams = [0, 1, 127, 128, 129, 3000].map((cut) => ({ cut, stream: digest.stream() }));
      for (const { cut, stream } of streams) stream.update(data.subarray(0, cut));
      for (const { cut, stream } of streams) stream.update(data.subarray(cut));
      const expected = digest.digest(data).toHex();
      for (const { stream } of streams) assert.equal(new Uint8Array(stream.digest()).toHex(), expected);
      assert.equal(new Uint8Array(digest.stream().digest()).toHex(), digest.digest(new Uint8Array()).toHex());
    });

    test("returns 32 fresh bytes", (digest) => {
      const first = digest.digest(text("first"));
      const copy = first.slice();
      const second = digest.digest(text("second"));
      assert.deepEqual(first, copy);
      assert.notDeepEqual(first, second);
      assert.equal(first.constructor, Uint8Array);
      assert.equal(first.buffer.byteLength, 32);
    });

    test("hashes part of a larger buffer, and of shared memory", (digest) => {
      const data = crypto.getRandomValues(new Uint8Array(5000));
      const expected = digest.digest(data.slice(7, 4007)).toHex();
      assert.equal(digest.digest(data.subarray(7, 4007)).toHex(), expected);
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      for (const buffer of [new SharedArrayBuffer(8192), memory.buffer]) {
        const shared = new Uint8Array(buffer, 13, 4000);
        shared.set(data.subarray(7, 4007));
        assert.equal(digest.digest(shared).toHex(), expected);
        assert.equal(
          digest.digest(new Uint8Array(buffer, 0, 0)).toHex(),
          digest.digest(new Uint8Array()).toHex(),
        );
      }
    });

    test("names the null chunk of any size", (digest) => {
      for (const max of [1, 65_536, 262_144, 1_000_003]) {
        assert.equal(nullChunkId(digest, max), digest.digest(new Uint8Array(max)).toHex(), `max ${max}`);
      }
    });
  }
}
