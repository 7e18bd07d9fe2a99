import assert from "node:assert/strict";
import { FileSource, StreamSource } from "../../../lib/concurrency/blob_source.ts";
import { decodeIndex, encodeIndex, rowSize } from "../../../lib/format/index_file.ts";
import { archiveFlags, makeIndex } from "../../../lib/ops/make.ts";
import { noise, streamOf } from "../../support/blobs.ts";
import { openTestEngine } from "../../support/engine.ts";
import { directoryStore } from "../../support/stores.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { xorshift } from "../../support/xorshift.ts";

const golden = (name: string) => Deno.readFile(new URL(`../../golden/casync/${name}`, import.meta.url));
const text = (ascii: string) => new TextEncoder().encode(ascii);
const numbers = () => text(Array.from({ length: 4000 }, (_, i) => `${i + 1}\n`).join(""));

const DEFAULT = { min: 16_384, avg: 65_536, max: 262_144 };
const SMALL = { min: 1024, avg: 4096, max: 16_384 };

Deno.test.each([
  { name: "empty.caibx", bytes: () => new Uint8Array(0), sizes: DEFAULT },
  { name: "hello.caibx", bytes: () => text("hello world\n"), sizes: DEFAULT },
  {
    name: "hello-sha256.caibx",
    bytes: () => text("hello world\n"),
    sizes: DEFAULT,
    digest: "sha256" as const,
  },
  { name: "numbers.caibx", bytes: numbers, sizes: DEFAULT },
  { name: "zeros.caibx", bytes: () => new Uint8Array(600_000), sizes: DEFAULT },
  { name: "noise.caibx", bytes: () => xorshift(3 << 20), sizes: DEFAULT },
  { name: "noise-small-chunks.caibx", bytes: () => xorshift(1 << 20), sizes: SMALL },
])("makeIndex() makes casync's $name", async ({ name, bytes, sizes, digest }) => {
  const expected = await golden(name);
  await using dir = await tempDir();
  await Deno.writeFile(dir.join("blob"), bytes());
  for (const threads of [1, 2]) {
    await using engine = await openTestEngine({ threads, digest });
    const fromStream = await makeIndex(engine, new StreamSource(streamOf(bytes(), [7, 70_000])), { sizes });
    assert.deepEqual(encodeIndex(fromStream.index), expected);
    using file = engine.tools.posix.open(dir.join("blob"));
    assert.deepEqual(encodeIndex((await makeIndex(engine, new FileSource(file), { sizes })).index), expected);
  }
});

Deno.test("makeIndex() writes the flags that it is given", async () => {
  await using engine = await openTestEngine({ threads: 1 });
  const source = new StreamSource(streamOf(text("hello world\n")));
  const unix = decodeIndex(await golden("hello-unix.caibx")).flags;
  const { index } = await makeIndex(engine, source, { sizes: DEFAULT, flags: unix });
  assert.deepEqual(encodeIndex(index), await golden("hello-unix.caibx"));
});

Deno.test("makeIndex() stores what the store does not have", async () => {
  await using engine = await openTestEngine();
  await using dir = await tempDir();
  await using store = await directoryStore(dir.path, { form: "zstd", digest: engine.tools.digest });
  const make = (bytes: Uint8Array) =>
    makeIndex(engine, new StreamSource(streamOf(bytes)), { sizes: SMALL, store });
  const first = await make(noise(100_000));
  assert.equal(first.stored, first.index.ends.length);
  const second = await make(noise(110_000));
  assert.ok(second.stored >= 1 && second.stored <= 5);
  assert.equal((await make(noise(110_000))).stored, 0);
});

Deno.test("makeIndex() starts where the source starts", async () => {
  await using engine = await openTestEngine();
  await using dir = await tempDir();
  await Deno.writeFile(dir.join("blob"), xorshift(3 << 20));
  using file = engine.tools.posix.open(dir.join("blob"));
  const whole = decodeIndex(await golden("noise.caibx"));
  const { index } = await makeIndex(engine, new FileSource(file, rowSize(whole, 0)), { sizes: DEFAULT });
  assert.deepEqual(index.ids, whole.ids.slice(32), "cut at a boundary, the other chunks are the same");
});

Deno.test("archiveFlags() gives the flags of an archive, with the bit of the engine's digest", async () => {
  await using dir = await tempDir();
  const flags = decodeIndex(await golden("tree.caidx")).flags;
  const entry = new DataView(new ArrayBuffer(64));
  // caformat.h: ENTRY has 64 bytes; size, type and feature flags come first.
  entry.setBigUint64(0, 64n, true);
  entry.setBigUint64(8, 0x1396fabcea5bbb51n, true);
  entry.setBigUint64(16, flags, true);
  const sha512256 = 1n << 61n;
  for (const digest of ["sha512-256", "sha256"] as const) {
    await using engine = await openTestEngine({ threads: 1, digest });
    const read = async (bytes: Uint8Array) => {
      await Deno.writeFile(dir.join("archive"), bytes);
      using file = engine.tools.posix.open(dir.join("archive"));
      return archiveFlags(file, engine);
    };
    const archive = new Uint8Array(entry.buffer);
    assert.equal(await read(archive), digest === "sha256" ? flags & ~sha512256 : flags | sha512256);
    assert.equal(await read(archive.subarray(0, 63)), undefined, "too short");
    assert.equal(await read(archive.with(0, 65)), undefined, "another size");
    assert.equal(await read(archive.with(8, 0)), undefined, "another type");
    assert.equal(await read(archive.with(20, 0xff)), undefined, "flags that do not exist");
    assert.equal(await read(noise(100)), undefined);
  }
});
