/** Signals to commands that wait for somebody at the other end of a pipe. */

import assert from "node:assert/strict";
import { noise } from "../support/blobs.ts";
import { spawnCli } from "../support/cli.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { runWell } from "./crash_scenarios.ts";

const ignore = Deno.build.os !== "linux";
/** More than any pipe and all buffers hold. */
const SIZE = 4 << 20;
/** After which a command that does not end is killed, so that the test fails instead of hanging. */
const WATCHDOG_MS = 60_000;

let inputs: TempDir;

Deno.test.beforeAll(async () => {
  if (ignore) return;
  inputs = await tempDir();
  await Deno.writeFile(inputs.join("blob"), noise(SIZE));
  await Deno.mkdir(inputs.join("store"));
  for (
    const [name, sizes] of [
      // So many rows that their listing does not fit into a pipe.
      ["blob", "1:1:1"],
      // One that is written at once, and does not fit either.
      ["single", "4096:4096:4096"],
    ] as const
  ) {
    const index = inputs.join(`${name}.caibx`);
    await runWell(["make", "-m", sizes, "-s", inputs.join("store"), index, inputs.join("blob")]);
  }
});
Deno.test.afterAll(async () => {
  if (!ignore) await inputs[Symbol.asyncDispose]();
});

/** A command whose pipes the test holds. */
class WaitingCommand implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly #watchdog: ReturnType<typeof setTimeout>;
  readonly #stderr: Promise<string>;

  constructor(argv: readonly string[], run: TempDir) {
    this.child = spawnCli(argv, { cwd: run.path });
    this.#stderr = new Response(this.child.stderr).text();
    this.#watchdog = setTimeout(() => this.#kill(), WATCHDOG_MS);
  }

  #kill(): void {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }

  /** Sends SIGINT, and asserts that the command ends with a line that says so. */
  async interrupt(): Promise<void> {
    this.child.kill("SIGINT");
    const { code, signal } = await this.child.status;
    const stderr = await this.#stderr;
    assert.deepEqual({ code, signal, stderr }, {
      code: 130,
      signal: null,
      stderr: "Error: interrupted by signal\n",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#watchdog);
    await this.#stderr;
    // What fails here is that the other end is closed already.
    if (!this.child.stdin.locked) await this.child.stdin.close().catch(() => {});
    if (!this.child.stdout.locked) await this.child.stdout.cancel().catch(() => {});
  }
}

/** The working directory of a command is empty before and after it. */
async function assertEmpty(dir: TempDir): Promise<void> {
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name), []);
}

for (
  const { name, argv } of [
    { name: "make", argv: () => ["make", "result.caibx", "-"] },
    { name: "chunk", argv: () => ["chunk", "-"] },
    { name: "chunk --start", argv: () => ["chunk", "-S", String(1 << 30), "-"] },
    { name: "extract", argv: () => ["extract", "-s", inputs.join("store"), "-", "result"] },
    { name: "cat", argv: () => ["cat", "-s", inputs.join("store"), "-"] },
    { name: "verify-index", argv: () => ["verify-index", "-", inputs.join("blob")] },
    { name: "list-chunks", argv: () => ["list-chunks", "-"] },
    { name: "inspect-chunks", argv: () => ["inspect-chunks", "-"] },
    { name: "info", argv: () => ["info", "-"] },
  ]
) {
  Deno.test({
    name: `${name} can be interrupted while it waits for its standard input`,
    ignore,
    async fn() {
      await using run = await tempDir();
      await using command = new WaitingCommand(argv(), run);
      const writer = command.child.stdin.getWriter();
      // Done only when all but a pipeful is read, so it waits for more.
      await writer.write(new Uint8Array(SIZE));
      await command.interrupt();
      writer.releaseLock();
      await assertEmpty(run);
    },
  });
}

for (
  const { name, argv } of [
    { name: "make", argv: (fifo: string) => ["make", "result.caibx", fifo] },
    { name: "chunk", argv: (fifo: string) => ["chunk", fifo] },
    { name: "list-chunks", argv: (fifo: string) => ["list-chunks", fifo] },
  ]
) {
  Deno.test({
    name: `${name} can be interrupted while it waits for what comes from a named pipe`,
    ignore,
    async fn() {
      await using fifo = await makeFifo();
      await using run = await tempDir();
      await using command = new WaitingCommand(argv(fifo.path), run);
      // Opens only when both ends are there.
      using _pipe = await Deno.open(fifo.path, { write: true });
      await command.interrupt();
      await assertEmpty(run);
    },
  });
}

Deno.test({
  name: "cat can be interrupted while it waits for a named pipe to be read",
  ignore,
  async fn() {
    await using fifo = await makeFifo();
    await using run = await tempDir();
    const argv = ["cat", "-s", inputs.join("store"), inputs.join("single.caibx"), fifo.path];
    await using command = new WaitingCommand(argv, run);
    using pipe = await Deno.open(fifo.path, { read: true });
    assert.equal(await pipe.read(new Uint8Array(1)), 1);
    await command.interrupt();
  },
});

for (
  const { name, argv } of [
    { name: "cat", argv: () => ["cat", "-s", inputs.join("store"), inputs.join("blob.caibx")] },
    { name: "chunk", argv: () => ["chunk", "-m", "1:1:1", inputs.join("blob")] },
    { name: "list-chunks", argv: () => ["list-chunks", inputs.join("blob.caibx")] },
    { name: "inspect-chunks", argv: () => ["inspect-chunks", inputs.join("blob.caibx")] },
    {
      name: "prune --dry-run",
      argv: (empty: string) => ["prune", "--dry-run", "-s", inputs.join("store"), empty],
    },
  ]
) {
  Deno.test({
    name: `${name} can be interrupted while its standard output waits to be read`,
    ignore,
    async fn() {
      await using extra = await tempDir();
      await Deno.writeFile(extra.join("empty"), new Uint8Array());
      await runWell(["make", extra.join("empty.caibx"), extra.join("empty")]);
      await using run = await tempDir();
      await using command = new WaitingCommand(argv(extra.join("empty.caibx")), run);
      const reader = command.child.stdout.getReader();
      assert((await reader.read()).value!.length > 0);
      await command.interrupt();
      await reader.cancel();
      await assertEmpty(run);
    },
  });
}

Deno.test({
  name: "make can be interrupted while it waits for a named pipe that is to take the index",
  ignore,
  async fn() {
    await using fifo = await makeFifo();
    await using run = await tempDir();
    await using command = new WaitingCommand(["make", "-m", "1:1:1", fifo.path, inputs.join("blob")], run);
    using pipe = await Deno.open(fifo.path, { read: true });
    assert.equal(await pipe.read(new Uint8Array(1)), 1);
    await command.interrupt();
  },
});

Deno.test({
  name: "prune can be interrupted while it waits for an answer",
  ignore,
  async fn() {
    await using run = await tempDir();
    const argv = ["prune", "-s", inputs.join("store"), inputs.join("blob.caibx")];
    await using command = new WaitingCommand(argv, run);
    const reader = command.child.stdout.getReader();
    const decoder = new TextDecoder();
    for (let text = ""; !text.includes("[y/N]");) text += decoder.decode((await reader.read()).value);
    await command.interrupt();
    await reader.cancel();
  },
});

async function makeFifo(): Promise<AsyncDisposable & { readonly path: string }> {
  const dir = await tempDir();
  const path = dir.join("pipe");
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success);
  return { path, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}
