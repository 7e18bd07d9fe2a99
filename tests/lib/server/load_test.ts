/**
 * Many clients at once, while the store fails now and then and is replaced all the time. `SERVER_LOAD_SECONDS=60` runs
 * long, and watches the memory.
 */

import assert from "node:assert/strict";
import { Chunk } from "../../../lib/chunk.ts";
import type { ChunkId } from "../../../lib/chunk_id.ts";
import { StoreError } from "../../../lib/errors.ts";
import { parseListenAddress } from "../../../lib/server/address.ts";
import { chunkHandler } from "../../../lib/server/chunk_handler.ts";
import { openServer } from "../../../lib/server/serve.ts";
import { SingleFlightWritableStore } from "../../../lib/store/single_flight.ts";
import { SwapWritableStore } from "../../../lib/store/swap.ts";
import type { WritableChunkStore } from "../../../lib/store/types.ts";
import { noise } from "../../support/blobs.ts";
import { chunkOf, digest } from "../../support/chunks.ts";
import { chunkKey, CODECS } from "../../support/object_stores.ts";

const SECONDS = Number(Deno.env.get("SERVER_LOAD_SECONDS") ?? 0);
const CLIENTS = 64;
const CHUNKS = 200;
/** Requests of each client in a short run. */
const REQUESTS = 20;
/** Calls of a store out of a thousand that fail. */
const FAILURES = 50;

/** Numbers from 0 to `below`, without an end. */
function randomNumbers(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(x / 2 ** 32 * below);
  };
}

/** Shares its chunks with others; answers late, fails now and then, and is not to be used after it was closed. */
class UnreliableStore implements WritableChunkStore {
  readonly location = "unreliable:";
  readonly #chunks: Map<ChunkId, Uint8Array>;
  readonly #random: (below: number) => number;
  #isClosed = false;

  constructor(chunks: Map<ChunkId, Uint8Array>, random: (below: number) => number) {
    this.#chunks = chunks;
    this.#random = random;
  }

  async has(id: ChunkId): Promise<boolean> {
    await this.#wait();
    return this.#chunks.has(id);
  }

  async get(id: ChunkId): Promise<Chunk | undefined> {
    await this.#wait();
    const stored = this.#chunks.get(id);
    return stored && Chunk.fromStored(id, stored.slice(), { codecs: CODECS.zstd, maxSize: 1 << 20 });
  }

  async put(chunk: Chunk): Promise<void> {
    await this.#wait();
    this.#chunks.set(chunk.id, chunk.storedAs(CODECS.zstd).slice());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  async #wait(): Promise<void> {
    assert.ok(!this.#isClosed, "used after it was closed");
    const turns = this.#random(4);
    if (turns === 3) await new Promise((resolve) => setTimeout(resolve, 1));
    else for (let i = 0; i < turns; i++) await Promise.resolve();
    assert.ok(!this.#isClosed, "closed while in use");
    if (this.#random(1000) < FAILURES) throw new StoreError("unreliable:", "use", { reason: "bad luck" });
  }
}

Deno.test("a chunk server gives no wrong byte and loses no chunk, whatever happens to its stores", async () => {
  const random = randomNumbers(1);
  const chunks = Array.from({ length: CHUNKS }, (_, i) => chunkOf(noise(500 + 37 * i, i + 1)));
  const stored = new Map<ChunkId, Uint8Array>();
  for (const chunk of chunks.slice(0, CHUNKS / 2)) stored.set(chunk.id, chunk.storedAs(CODECS.zstd));
  /** Chunks that have to be there. */
  const acknowledged = new Set(stored.keys());
  const openStack = () => new SingleFlightWritableStore(new UnreliableStore(stored, random));
  await using store = new SwapWritableStore(openStack());
  let details = 0;
  await using server = await openServer({
    handler: chunkHandler({
      store,
      target: store,
      codecs: CODECS.plain,
      digest,
      verifyWrite: true,
      onDetail: ({ error }) => {
        details++;
        assert.match(String(error), /bad luck/);
      },
    }),
    addresses: [parseListenAddress("127.0.0.1:0")],
  });
  const base = `http://${server.addresses[0]}`;
  const end = performance.now() + SECONDS * 1000;
  const counts: Record<string, number> = {};
  let swaps = 0;
  let running = CLIENTS;

  const check = async (chunk: Chunk, method: string) => {
    const wasThere = acknowledged.has(chunk.id);
    const body = method === "PUT" ? chunk.plain() as Uint8Array<ArrayBuffer> : null;
    const response = await fetch(`${base}/${chunkKey(chunk.id, "plain")}`, { method, body });
    const bytes = await response.bytes();
    const outcome = `${method} ${response.status}`;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    if (response.status === 500) return;
    if (method === "PUT") {
      assert.equal(response.status, 200);
      acknowledged.add(chunk.id);
    } else if (response.status === 404) {
      assert.ok(!wasThere, "an acknowledged chunk is lost");
    } else {
      assert.equal(response.status, 200);
      if (method === "GET") assert.ok(equal(bytes, chunk.plain()), "wrong bytes");
    }
  };
  const client = async (seed: number) => {
    const own = randomNumbers(seed);
    for (let i = 0; SECONDS > 0 ? performance.now() < end : i < REQUESTS; i++) {
      const method = ["GET", "GET", "GET", "HEAD", "PUT"][own(5)]!;
      await check(chunks[own(CHUNKS)]!, method);
    }
    running--;
  };
  const swapper = async () => {
    const closing: Promise<void>[] = [];
    while (running > 0) {
      closing.push(store.swap(openStack()));
      swaps++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (closing.length > 100) await Promise.all(closing.splice(0));
    }
    await Promise.all(closing);
  };
  const memory: number[] = [];
  const watch = async () => {
    while (running > 0 && SECONDS > 0) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      memory.push(Math.round(Deno.memoryUsage().rss / 2 ** 20));
    }
  };
  await Promise.all([swapper(), watch(), ...Array.from({ length: CLIENTS }, (_, i) => client(i + 2))]);

  for (const id of acknowledged) assert.ok(stored.has(id));
  assert.ok(swaps > 1);
  if (SECONDS > 0) {
    const report = JSON.stringify({ counts, details, swaps, memory });
    Deno.stderr.writeSync(new TextEncoder().encode(`${report}\n`));
    const third = Math.ceil(memory.length / 3);
    assert.ok(Math.max(...memory.slice(-third)) < 1.3 * Math.max(...memory.slice(0, third)), report);
  }
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
