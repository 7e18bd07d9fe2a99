/** Servers that run as programs of their own. */

import assert from "node:assert/strict";

/** A program that serves until it is disposed of. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** What it has written to standard error so far. */
  log(): string;
}

/** How long a program may take until it listens; only a program that never will is affected. */
const MAX_START_MS = 20_000;

/** Ports below those that the system gives to outgoing connections, which come and go. */
const PORTS = { first: 20_000, count: 12_000 };

/** A port that nobody listens on just now. */
export function freePort(): number {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Starts a program and waits until it listens. @param argv Its arguments, for a port of 127.0.0.1. */
export async function startServer(
  program: string,
  argv: (port: number) => readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<ServerProcess> {
  const port = freePort();
  const child = new Deno.Command(program, {
    ...options,
    args: [...argv(port)],
    env: { HOME: "/nonexistent", ...options.env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  const server = {
    port,
    pid: child.pid,
    log: () => log,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // It has ended.
      }
      await Promise.all([child.status, reading]);
    },
  };
  let ended = false;
  child.status.then(() => ended = true);
  await using scope = new AsyncDisposableStack();
  scope.use(server);
  for (const start = Date.now();; await new Promise((resolve) => setTimeout(resolve, 10))) {
    assert.ok(!ended && Date.now() - start < MAX_START_MS, `${program} does not listen: ${log}`);
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      scope.move();
      return server;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
}
