/** Commands that are killed, and what must be true of the files that they leave. */

import assert from "node:assert/strict";
import { concat, equal, noise } from "../support/blobs.ts";
import { runCli } from "../support/cli.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** What commands read. It is made once, by commands that nobody kills, and never changes. */
export interface Inputs {
  readonly dir: TempDir;
  /** What `make` is called with beside its arguments. */
  readonly makeFlags: readonly string[];
  readonly blob: Uint8Array<ArrayBuffer>;
  /** The blob's index file. */
  readonly index: Uint8Array<ArrayBuffer>;
  /** Another blob, which has half of the first one's chunks, and its index file. */
  readonly otherBlob: Uint8Array<ArrayBuffer>;
  readonly otherIndex: Uint8Array<ArrayBuffer>;
  /** Names of the blob's chunks in a store, sorted. */
  readonly chunks: readonly string[];
}

/** Makes a blob with noise, zeros and repetitions, its index and a store with its chunks. */
export async function makeInputs(
  options: { readonly size: number; readonly chunkSize: string },
): Promise<Inputs> {
  const quarter = options.size / 4;
  const common = concat(noise(quarter, 1), new Uint8Array(quarter));
  const repeated = noise(quarter / 2, 2);
  const blob = concat(common, repeated, noise(quarter, 3), repeated);
  const otherBlob = concat(noise(quarter, 4), common);
  const dir = await tempDir();
  const makeFlags = ["-m", options.chunkSize];
  await Deno.mkdir(dir.join("store"));
  const indexes = [];
  for (const [name, bytes] of [["blob", blob], ["other", otherBlob]] as const) {
    await Deno.writeFile(dir.join(name), bytes);
    const store = name === "blob" ? ["-s", dir.join("store")] : [];
    await runWell(["make", ...makeFlags, ...store, dir.join(`${name}.caibx`), dir.join(name)]);
    indexes.push(await Deno.readFile(dir.join(`${name}.caibx`)));
  }
  const [index, otherIndex] = indexes as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  const { chunks } = await listStore(dir.join("store"));
  return { dir, makeFlags, blob, index, otherBlob, otherIndex, chunks };
}

/** A command, and the files it is about. */
export interface Scenario {
  readonly name: string;
  /** The command line; `run` is the directory that it writes to. */
  argv(inputs: Inputs, run: TempDir): readonly string[];
  /** The file that it writes, `out/result`. */
  readonly result?: {
    expected(inputs: Inputs): Uint8Array;
    /** What is there before; undefined: nothing. */
    earlier?(inputs: Inputs): Uint8Array;
    /** The file is written under its own name, so it may have any content until the command ends. */
    readonly isInPlace?: boolean;
  };
  /** Whether all chunks are in a store, `store`, when it has ended. */
  readonly fillsStore?: boolean;
  /** Whether that store has the blob's chunks before. */
  readonly hasFullStore?: boolean;
}

const make: Pick<Scenario, "argv" | "fillsStore"> = {
  argv: ({ dir, makeFlags }, run) => [
    "make",
    ...makeFlags,
    "-s",
    run.join("store"),
    run.join("out", "result"),
    dir.join("blob"),
  ],
  fillsStore: true,
};

function extract(...flags: readonly string[]): Scenario["argv"] {
  return ({ dir }, run) => [
    "extract",
    ...flags,
    "-s",
    dir.join("store"),
    dir.join("blob.caibx"),
    run.join("out", "result"),
  ];
}

/** Every command that writes files. */
export const SCENARIOS: readonly Scenario[] = [
  { ...make, name: "make", result: { expected: ({ index }) => index } },
  {
    ...make,
    name: "make over an earlier index",
    result: { expected: ({ index }) => index, earlier: ({ otherIndex }) => otherIndex },
  },
  { name: "extract", argv: extract(), result: { expected: ({ blob }) => blob } },
  {
    name: "extract over an earlier output",
    argv: extract(),
    result: { expected: ({ blob }) => blob, earlier: ({ otherBlob }) => otherBlob },
  },
  {
    name: "extract with a seed",
    argv: (inputs, run) => extract("--seed", inputs.dir.join("other.caibx"))(inputs, run),
    result: { expected: ({ blob }) => blob },
  },
  {
    name: "extract in place",
    argv: extract("--in-place"),
    result: { expected: ({ blob }) => blob, earlier: ({ otherBlob }) => otherBlob, isInPlace: true },
  },
  {
    name: "cat to a file",
    argv: (
      { dir },
      run,
    ) => ["cat", "-s", dir.join("store"), dir.join("blob.caibx"), run.join("out", "result")],
    result: { expected: ({ blob }) => blob },
  },
  {
    name: "chop",
    argv: ({ dir }, run) => ["chop", "-s", run.join("store"), dir.join("blob.caibx"), dir.join("blob")],
    fillsStore: true,
  },
  {
    name: "cache",
    argv: (
      { dir },
      run,
    ) => ["cache", "-s", dir.join("store"), "-c", run.join("store"), dir.join("blob.caibx")],
    fillsStore: true,
  },
];

/** Commands that write no files. */
export const READING_SCENARIOS: readonly Scenario[] = [
  { name: "cat", argv: ({ dir }) => ["cat", "-s", dir.join("store"), dir.join("blob.caibx")] },
  { name: "verify-index", argv: ({ dir }) => ["verify-index", dir.join("blob.caibx"), dir.join("blob")] },
  { name: "verify", argv: ({ dir }) => ["verify", "-s", dir.join("store")] },
  { name: "chunk", argv: ({ dir, makeFlags }) => ["chunk", ...makeFlags, dir.join("blob")] },
  { name: "info", argv: ({ dir }) => ["info", "-s", dir.join("store"), dir.join("blob.caibx")] },
  {
    name: "prune",
    argv: ({ dir }, run) => ["prune", "-y", "-s", run.join("store"), dir.join("other.caibx")],
    hasFullStore: true,
  },
];

/** Commands that go through the store interface, chunk by chunk. */
export const STORE_SCENARIOS: readonly Scenario[] = [
  {
    name: "extract through a cache",
    argv: (inputs, run) => extract("-c", run.join("store"))(inputs, run),
    result: { expected: ({ blob }) => blob },
  },
  {
    name: "cat through a cache to a file",
    argv: ({ dir }, run) => [
      "cat",
      "-s",
      dir.join("store"),
      "-c",
      run.join("store"),
      dir.join("blob.caibx"),
      run.join("out", "result"),
    ],
    result: { expected: ({ blob }) => blob },
  },
  {
    name: "cache from a failover group",
    argv: ({ dir }, run) => [
      "cache",
      "-s",
      `${dir.join("store")}|${dir.join("store")}`,
      "-c",
      run.join("store"),
      dir.join("blob.caibx"),
    ],
    fillsStore: true,
  },
];

/** What a process left. */
export interface Leftovers {
  /** Files under temporary names. */
  readonly temporaries: number;
  /** Whether the result was complete, or else what was there before; always false of one that is in place. */
  readonly isComplete: boolean;
}

/** Puts into `run` what is there before a command. */
export async function prepare(scenario: Scenario, inputs: Inputs, run: TempDir): Promise<void> {
  await Deno.mkdir(run.join("out"), { recursive: true });
  await Deno.mkdir(run.join("store"), { recursive: true });
  const earlier = scenario.result?.earlier?.(inputs);
  if (earlier !== undefined) await Deno.writeFile(run.join("out", "result"), earlier);
  if (scenario.hasFullStore ?? false) {
    await runWell([
      "cache",
      "-s",
      inputs.dir.join("store"),
      "-c",
      run.join("store"),
      inputs.dir.join("blob.caibx"),
    ]);
  }
}

/** Asserts that nothing which is not complete and right has the name of a result. */
export async function checkLeft(scenario: Scenario, inputs: Inputs, run: TempDir): Promise<Leftovers> {
  const { result } = scenario;
  const { chunks, temporaries } = await listStore(run.join("store"));
  for (const chunk of chunks) assert(inputs.chunks.includes(chunk), `${chunk} is none of the blob's chunks`);
  await checkStore(run.join("store"));
  let isComplete = false;
  let count = temporaries;
  for await (const { name } of Deno.readDir(run.join("out"))) {
    if (name !== "result") {
      assert.match(name, /^(\.result\.\d{11}|\.tmp-index\.\d+)$/);
      count++;
    } else if (!(result?.isInPlace ?? false)) {
      const bytes = await Deno.readFile(run.join("out", name));
      isComplete = equal(bytes, result!.expected(inputs));
      const earlier = result?.earlier?.(inputs);
      assert(
        isComplete || (earlier !== undefined && equal(bytes, earlier)),
        "the result is neither new nor old",
      );
    }
  }
  // An index has its name only after the chunks have theirs.
  if (isComplete && (scenario.fillsStore ?? false)) assert.deepEqual(chunks, inputs.chunks);
  return { temporaries: count, isComplete };
}

/** Asserts that the result is what it should be. */
export async function checkComplete(scenario: Scenario, inputs: Inputs, run: TempDir): Promise<void> {
  if (scenario.result !== undefined) {
    const bytes = await Deno.readFile(run.join("out", "result"));
    assert(equal(bytes, scenario.result.expected(inputs)), "the result is wrong");
  }
  if (scenario.fillsStore ?? false) {
    assert.deepEqual((await listStore(run.join("store"))).chunks, inputs.chunks);
    await checkStore(run.join("store"));
  }
}

/** Asserts that the command line succeeds, and says nothing of a problem. */
export async function runWell(argv: readonly string[]): Promise<void> {
  const { code, stderr } = await runCli(argv);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, argv.join(" "));
}

/** Asserts that every chunk decodes, and hashes to its name. */
function checkStore(store: string): Promise<void> {
  return runWell(["verify", "-s", store]);
}

/** Names of chunks, and the number of temporary files. Asserts that there is nothing else. */
async function listStore(
  store: string,
): Promise<{ readonly chunks: readonly string[]; readonly temporaries: number }> {
  const chunks: string[] = [];
  let temporaries = 0;
  for await (const { name: prefix } of Deno.readDir(store)) {
    assert.match(prefix, /^[0-9a-f]{4}$/);
    for await (const { name } of Deno.readDir(`${store}/${prefix}`)) {
      if (/^\.tmp-cacnk\.\d+$/.test(name)) temporaries++;
      else {
        assert.match(name, new RegExp(`^${prefix}[0-9a-f]{60}\\.cacnk$`));
        chunks.push(name);
      }
    }
  }
  return { chunks: chunks.sort(), temporaries };
}
