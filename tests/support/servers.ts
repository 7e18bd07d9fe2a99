/** Servers in processes of their own. */

import assert from "node:assert/strict";
import { spawnCli, type SpawnOptions } from "./cli.ts";

/** A server that answers. */
export interface RunningServer extends AsyncDisposable {
  /** `host:port` of what it listens on. */
  readonly addresses: readonly string[];
  /** `host:port` of the first. */
  readonly address: string;
  /** What it has said on standard error so far. */
  readonly stderr: string;
  /** Waits for a line on standard error. */
  line(pattern: RegExp): Promise<string>;
  signal(name: Deno.Signal): void;
  /** Ends it. @returns Its exit code, and all it has said. */
  stop(
    signal?: Deno.Signal,
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

/** Starts a server of this program with `--verbose`, and waits until it listens on as many addresses. */
export async function startServer(
  argv: readonly string[],
  options: SpawnOptions & { readonly listeners?: number } = {},
): Promise<RunningServer> {
  const child = spawnCli([...argv, "--verbose"], {
    ...options,
    env: { HOME: "/nonexistent", ...options.env },
  });
  await child.stdin.close();
  const stdout = new Response(child.stdout).text();
  const output = new Lines(child.stderr);
  const addresses: string[] = [];
  for (let i = 0; i < (options.listeners ?? 1); i++) {
    addresses.push((await output.next(/^Listening on (\S+)/)).replace(/^Listening on (\S+).*/, "$1"));
  }
  let stopped: Promise<{ code: number; stdout: string; stderr: string }> | undefined;
  const stop = async (signal: Deno.Signal) => {
    child.kill(signal);
    const { code } = await child.status;
    await output.end;
    return { code, stdout: await stdout, stderr: output.text };
  };
  return {
    addresses,
    address: addresses[0]!,
    get stderr() {
      return output.text;
    },
    line: (pattern) => output.next(pattern),
    signal: (name) => child.kill(name),
    stop: (signal = "SIGTERM") => stopped ??= stop(signal),
    async [Symbol.asyncDispose]() {
      await (stopped ??= stop("SIGTERM"));
    },
  };
}

/** Lines of a stream, as they come. */
class Lines {
  text = "";
  readonly end: Promise<void>;
  #from = 0;
  #wake = Promise.withResolvers<void>();
  #isOver = false;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.end = this.#read(stream);
  }

  /** Waits for a line behind the one that was found before. */
  async next(pattern: RegExp): Promise<string> {
    for (;;) {
      for (
        let end = this.text.indexOf("\n", this.#from);
        end >= 0;
        end = this.text.indexOf("\n", this.#from)
      ) {
        const line = this.text.slice(this.#from, end);
        this.#from = end + 1;
        if (pattern.test(line)) return line;
      }
      assert.ok(!this.#isOver, `the server ended without a line like ${pattern}: ${this.text}`);
      await this.#wake.promise;
    }
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.text += text;
      this.#notify();
    }
    this.#isOver = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
