import assert from "node:assert/strict";
import type { ChunkSizes } from "../../lib/chunker/sizes.ts";
import { FileSource } from "../../lib/concurrency/blob_source.ts";
import type { Engine } from "../../lib/concurrency/worker_pool.ts";
import type { DigestName } from "../../lib/digest/digest.ts";
import { encodeIndex } from "../../lib/format/index_file.ts";
import { makeIndex } from "../../lib/ops/make.ts";
import { concat, writeSparse } from "../support/blobs.ts";
import { openTestEngine } from "../support/engine.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { xorshift } from "../support/xorshift.ts";
import { makeSystemTar, runPeer } from "./programs.ts";

const casync = peer("casync");
const { ignore } = casync;

const DIGESTS = ["sha512-256", "sha256"] as const;
const SIZES: readonly ChunkSizes[] = [
  { min: 16_384, avg: 65_536, max: 262_144 },
  { min: 1024, avg: 4096, max: 16_384 },
  // D is clamped to the minimum, a power of two: 2^32 - 1 is a boundary.
  { min: 16_384, avg: 16_384, max: 65_536 },
  // Of a fixed size.
  { min: 4096, avg: 4096, max: 4096 },
  // The window of the hash is larger than the minimum.
  { min: 47, avg: 100, max: 1000 },
  // No multiples of anything.
  { min: 3001, avg: 50_021, max: 200_003 },
];

function format({ min, avg, max }: ChunkSizes): string {
  return `${min}:${avg}:${max}`;
}

const NOISE = xorshift(600_000);

/** What is cut with all sizes. */
const INPUTS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  noise: NOISE,
  zeros: new Uint8Array(1_500_001),
  "one byte repeated": new Uint8Array(600_000).fill(0x61),
  "runs of every byte": new Uint8Array(256 * 3000).map((_, i) => i / 3000),
  "noise between zeros": concat(
    new Uint8Array(70_000),
    NOISE.subarray(0, 1),
    new Uint8Array(300_000),
    NOISE.subarray(0, 40_000),
    new Uint8Array(262_144),
  ),
  // Windows that end where it is easy to go wrong.
  "a hash of 2^32 - 1": withText(19_952, "casync+desync: buzhash equals 2^32-1 herey2vacKM", 20_000),
  "a boundary at the minimum": withText(16_336, "boundary exactly at the minimum size: 0000004335", 8192),
};

/** Text between zeros. */
function withText(before: number, text: string, after: number): Uint8Array<ArrayBuffer> {
  return concat(new Uint8Array(before), new TextEncoder().encode(text), new Uint8Array(after));
}

/** Sizes of holes and, between them, data. Some start or end inside a block. */
const HOLES = [20_000, 1, 280_000, 5000, 743_575, 4096, 7329, 70_000, 870_000, 4097, 1_000_003];

/** Both programs' indexes of files that are cut with the same sizes and digest. */
class Comparison implements AsyncDisposable {
  readonly #dir: TempDir;
  readonly #engine: Engine;
  readonly #sizes: ChunkSizes;

  private constructor(dir: TempDir, engine: Engine, sizes: ChunkSizes) {
    this.#dir = dir;
    this.#engine = engine;
    this.#sizes = sizes;
  }

  static async open(sizes: ChunkSizes, digest: DigestName): Promise<Comparison> {
    return new Comparison(await tempDir(), await openTestEngine({ digest, minWork: 8 << 20 }), sizes);
  }

  async data(bytes: Uint8Array, what: string): Promise<void> {
    const path = this.#dir.join("input");
    await Deno.writeFile(path, bytes);
    await this.file(path, what);
  }

  async file(path: string, what: string): Promise<void> {
    const theirs = this.#dir.join("theirs.caibx");
    await runPeer(casync.require(), [
      "make",
      `--store=${this.#dir.join("theirs.castr")}`,
      `--chunk-size=${format(this.#sizes)}`,
      `--digest=${this.#engine.digest}`,
      theirs,
      path,
    ]);
    using file = this.#engine.tools.posix.open(path);
    const { index } = await makeIndex(this.#engine, new FileSource(file), { sizes: this.#sizes });
    assert.deepEqual(encodeIndex(index), await Deno.readFile(theirs), what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine[Symbol.asyncDispose]();
    await this.#dir[Symbol.asyncDispose]();
  }
}

for (const digest of DIGESTS) {
  for (const sizes of SIZES) {
    const how = `${format(sizes)}, ${digest}`;

    Deno.test({
      name: `makeIndex() writes casync's index of noise, zeros and patterns (${how})`,
      ignore,
      async fn() {
        await using comparison = await Comparison.open(sizes, digest);
        for (const [name, bytes] of Object.entries(INPUTS)) {
          // casync writes a file for every chunk, which takes its time.
          const chunks = digest === "sha256" ? 20 : 200;
          await comparison.data(bytes.subarray(0, chunks * sizes.max), name);
        }
      },
    });

    Deno.test({
      name: `makeIndex() writes casync's index of blobs as large as the chunk sizes (${how})`,
      ignore,
      async fn() {
        await using comparison = await Comparison.open(sizes, digest);
        const { min, max } = sizes;
        for (const size of new Set([0, 1, 47, 48, 49, min - 1, min, min + 1, max - 1, max, max + 1])) {
          await comparison.data(NOISE.subarray(0, size), `${size} bytes`);
          await comparison.data(new Uint8Array(size), `${size} zeros`);
        }
      },
    });
  }
}

for (const sizes of SIZES) {
  Deno.test({
    name: `makeIndex() writes casync's index of a file with holes at odd places (${format(sizes)})`,
    ignore,
    async fn() {
      await using comparison = await Comparison.open(sizes, "sha512-256");
      await using dir = await tempDir();
      const path = dir.join("sparse");
      await writeSparse(
        path,
        HOLES.map((size, i) => i % 2 === 0 ? new Uint8Array(size) : NOISE.subarray(0, size)),
      );
      await comparison.file(path, "sparse file");
    },
  });
}

Deno.test({
  name: "makeIndex() writes casync's index if the average is so large that the discriminator overflows",
  ignore,
  async fn() {
    const sizes = { min: 3001, avg: 10_000_000, max: 10_000_019 };
    await using comparison = await Comparison.open(sizes, "sha512-256");
    for (const size of [600_000, sizes.max - 1, sizes.max + 1]) {
      await comparison.data(concat(NOISE, new Uint8Array(size - NOISE.length)), `${size} bytes`);
    }
  },
});

Deno.test({
  name: "makeIndex() with all threads writes casync's index of system files",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const path = await makeSystemTar(dir);
    await using comparison = await Comparison.open(SIZES[0]!, "sha512-256");
    await comparison.file(path, "system files");
  },
});
