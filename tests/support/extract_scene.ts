/** A blob in a store, seeds beside it, and an output: what extractions are tested with. */

import type { ChunkSizes } from "../../lib/chunker/sizes.ts";
import type { Engine } from "../../lib/concurrency/worker_pool.ts";
import type { Index } from "../../lib/format/index_file.ts";
import { extractBlob, type ExtractOptions } from "../../lib/ops/extract.ts";
import type { AssembleStats } from "../../lib/assemble/stats.ts";
import { FileSeed } from "../../lib/seed/seed.ts";
import type { PrunableChunkStore } from "../../lib/store/types.ts";
import { indexOf } from "./blobs.ts";
import { SlowObjects } from "./slow_objects.ts";
import { directoryStore, fill, objectStore } from "./stores.ts";
import { tempDir } from "./temp_dir.ts";

/** How a store keeps its chunks: in a directory, or behind calls that answer late. */
export type StoreKind = "zstd" | "plain" | "slow";

/** How to set up a scene. */
export interface SceneOptions {
  readonly bytes: Uint8Array;
  /** @default 256:1024:4096 */
  readonly sizes?: ChunkSizes;
  /** @default "zstd" */
  readonly store?: StoreKind;
  /** Whether the store has the chunks of the blob. @default true */
  readonly filled?: boolean;
  /** Where everything is. @default a directory of its own */
  readonly path?: string;
}

/** A blob to be extracted. */
export interface Scene extends AsyncDisposable {
  readonly engine: Engine;
  readonly bytes: Uint8Array;
  readonly index: Index;
  readonly store: PrunableChunkStore;
  /** Behind a slow store. */
  readonly objects: SlowObjects;
  /** Where the output is to be; nothing else is in its directory. */
  readonly output: string;
  /** @returns The path of something that is not in the output's directory. */
  join(name: string): string;
  /** Writes a file and gives the index of `described`, which is what should be in it. */
  seed(name: string, data: Uint8Array, described?: Uint8Array): Promise<FileSeed>;
  /** Extracts the blob. */
  extract(options?: Partial<ExtractOptions>): Promise<AssembleStats>;
  /** Names in the output's directory. */
  left(): Promise<string[]>;
}

/** Sets up a scene. The engine stays the caller's. */
export async function openScene(engine: Engine, options: SceneOptions): Promise<Scene> {
  const { bytes, sizes = { min: 256, avg: 1024, max: 4096 }, filled = true } = options;
  await using stack = new AsyncDisposableStack();
  const root = options.path ?? stack.use(await tempDir()).path;
  const join = (name: string) => `${root}/${name}`;
  const { digest } = engine.tools;
  const objects = new SlowObjects();
  const kind = options.store ?? "zstd";
  const store = stack.use(
    kind === "slow"
      ? await objectStore(objects, digest)
      : await directoryStore(join("store"), { form: kind, digest }),
  );
  if (filled) {
    await fill(kind === "slow" ? await objectStore(objects.inner, digest) : store, bytes, { sizes, digest });
  }
  await Deno.mkdir(join("output"), { recursive: true });
  const index = await indexOf(bytes, { sizes, digest });
  const output = join("output/blob");
  const owned = stack.move();
  return {
    engine,
    bytes,
    index,
    store,
    objects,
    output,
    join,
    async seed(name, data, described = data) {
      await Deno.writeFile(join(name), data);
      return new FileSeed(join(name), await indexOf(described, { sizes, digest }));
    },
    extract: (options) => extractBlob(engine, output, { index, store, ...options }),
    async left() {
      return (await Array.fromAsync(Deno.readDir(join("output")))).map(({ name }) => name).sort();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
