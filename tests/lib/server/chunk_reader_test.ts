import assert from "node:assert/strict";
import type { Chunk } from "../../../lib/chunk.ts";
import { openPosix } from "../../../lib/platform/posix.ts";
import { parseListenAddress } from "../../../lib/server/address.ts";
import { chunkHandler } from "../../../lib/server/chunk_handler.ts";
import { ChunkReader } from "../../../lib/server/chunk_reader.ts";
import { openServer } from "../../../lib/server/serve.ts";
import { openLocalChunkStore } from "../../../lib/store/local.ts";
import { noise } from "../../support/blobs.ts";
import { absentId, chunkOf, digest } from "../../support/chunks.ts";
import { chunkKey, CODECS } from "../../support/object_stores.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const posix = await openPosix();

/** A directory with plain chunks of many sizes. */
async function storeWith(dir: TempDir, chunks: readonly Chunk[]) {
  const store = await openLocalChunkStore(dir.path, { digest, uncompressed: true, verify: false });
  for (const chunk of chunks) await store.put(chunk);
  return { store, reader: new ChunkReader(posix, { root: dir.path, extension: "" }) };
}

Deno.test("ChunkReader.read() gives what is stored, and uses its buffers again", async () => {
  await using dir = await tempDir();
  const chunks = [1, 4095, 4096, 4097, 70_000, 262_144, 2_097_152].map((size) => chunkOf(noise(size, size)));
  const { reader } = await storeWith(dir, chunks);
  for (const chunk of chunks) {
    const first = reader.read(chunk.id)!;
    const second = reader.read(chunk.id)!;
    assert.notEqual(first.bytes.buffer, second.bytes.buffer);
    for (const { bytes } of [first, second]) assert.ok(equal(bytes, chunk.plain()));
    first.release();
    assert.equal(reader.read(chunk.id)!.bytes.buffer, first.bytes.buffer);
  }
});

Deno.test("ChunkReader.read() leaves to the store what is absent, empty, too large or no file", async () => {
  await using dir = await tempDir();
  const large = chunkOf(noise(2_097_153));
  const { reader } = await storeWith(dir, [large]);
  assert.equal(reader.read(large.id), undefined);
  assert.equal(reader.read(absentId()), undefined);
  const path = (id: Chunk["id"]) => `${dir.path}/${chunkKey(id, "plain")}`;
  for (const id of [absentId(1), absentId(2), absentId(3)]) await Deno.mkdir(path(id).slice(0, -65));
  await Deno.writeFile(path(absentId(1)), new Uint8Array());
  await Deno.mkdir(path(absentId(2)));
  await Deno.symlink("/etc/passwd", path(absentId(3)));
  for (const number of [1, 2, 3]) assert.equal(reader.read(absentId(number)), undefined);
});

Deno.test("a server never sends bytes of a buffer that is in use again", async () => {
  await using dir = await tempDir();
  const chunks = Array.from({ length: 50 }, (_, i) => chunkOf(noise(1000 + 9000 * i, i + 1)));
  const { store, reader } = await storeWith(dir, chunks);
  await using server = await openServer({
    handler: chunkHandler({ store, reader: () => reader, codecs: CODECS.plain, digest }),
    addresses: [parseListenAddress("127.0.0.1:0")],
  });
  const port = Number(server.addresses[0]!.split(":")[1]);
  const client = async (number: number) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const count = 12;
    const wanted = Array.from({ length: count }, (_, i) => chunks[(number * 7 + i * 13) % chunks.length]!);
    // All at once: the server fills the connection, and has to wait for who reads slowly.
    for (const { id } of wanted) {
      await connection.write(
        new TextEncoder().encode(`GET /${chunkKey(id, "plain")} HTTP/1.1\r\nHost: x\r\n\r\n`),
      );
    }
    if (number % 5 === 4) return; // Gone without reading.
    const input = new Input(connection, number % 3 === 0);
    for (const chunk of wanted) {
      const header = await input.header();
      assert.match(header, /^HTTP\/1\.1 200 /);
      const size = Number(/^content-length: (\d+)/im.exec(header)![1]);
      assert.ok(equal(await input.bytes(size), chunk.plain()), "wrong bytes");
    }
  };
  await Promise.all(Array.from({ length: 15 }, (_, i) => client(i)));
});

/** Reads responses, slowly if it is told to. */
class Input {
  readonly #connection: Deno.Conn;
  readonly #isSlow: boolean;
  #rest = new Uint8Array(0);

  constructor(connection: Deno.Conn, isSlow: boolean) {
    this.#connection = connection;
    this.#isSlow = isSlow;
  }

  async header(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#rest.subarray(0, 1000));
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#rest = this.#rest.slice(end + 4);
        return text.slice(0, end);
      }
      await this.#more();
    }
  }

  async bytes(size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    const known = Math.min(size, this.#rest.length);
    bytes.set(this.#rest.subarray(0, known));
    this.#rest = this.#rest.slice(known);
    for (let at = known; at < size;) at += await this.#read(bytes.subarray(at));
    return bytes;
  }

  async #more(): Promise<void> {
    const buffer = new Uint8Array(1000);
    const size = await this.#read(buffer);
    const all = new Uint8Array(this.#rest.length + size);
    all.set(this.#rest);
    all.set(buffer.subarray(0, size), this.#rest.length);
    this.#rest = all;
  }

  async #read(target: Uint8Array): Promise<number> {
    if (this.#isSlow) await new Promise((resolve) => setTimeout(resolve, 0));
    const size = await this.#connection.read(this.#isSlow ? target.subarray(0, 20_000) : target);
    assert.ok(size !== null, "the connection ended");
    return size;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
