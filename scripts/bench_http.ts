/**
 * Benchmarks of stores on web servers on this machine: nginx, and desync's own.
 *
 * @module
 */

import type { Bench, Row, RowGroup } from "./bench_workspace.ts";

/** How long a packet is on its way to a distant server, in each direction. */
const DELAY_MS = 10;

/** The rows. */
export function httpRows(bench: Bench): RowGroup {
  const ports = { nginx: freePort(), desync: freePort(), distant: freePort() };
  const opened = new AsyncDisposableStack();
  const url = (name: keyof typeof ports) => `http://127.0.0.1:${ports[name]}/`;
  const extract = (from: keyof typeof ports, name: string): Row => ({
    name,
    goal: "≥ 1.5 × desync",
    commands: bench.both(`extract -s ${url(from)} @index.caibx @out`),
    prepare: () => bench.discard("out"),
  });
  return {
    rows: [
      extract("nginx", "extract, nginx"),
      extract("desync", "extract, desync chunk-server"),
      { ...extract("distant", `extract, nginx ${2 * DELAY_MS} ms away`), runs: 3 },
      {
        name: "cache, nginx",
        goal: "–",
        commands: bench.both(`cache -s ${url("nginx")} -c @@new @index.caibx`),
        prepare: (program) => bench.empty(`${program}-new`),
        runs: 3,
      },
    ],
    async open() {
      await Deno.writeTextFile(
        bench.path("nginx.conf"),
        `daemon off; worker_processes 1; pid ${bench.path("nginx.pid")}; error_log stderr crit;
         events { worker_connections 512; }
         http { access_log off; sendfile on; keepalive_requests 1000000; default_type application/octet-stream;
           server { listen 127.0.0.1:${ports.nginx}; root ${bench.path("store")}; } }\n`,
      );
      start("nginx", "-c", bench.path("nginx.conf"), "-p", bench.directory);
      start("desync", "chunk-server", "-s", bench.path("store"), "-l", `127.0.0.1:${ports.desync}`);
      const proxy = new URL("./delaying_proxy.ts", import.meta.url).pathname;
      const args = [ports.distant, ports.nginx, DELAY_MS].map(String);
      start(Deno.execPath(), "run", "--quiet", "--allow-net", proxy, ...args);
      await Promise.all(Object.values(ports).map(untilListening));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };

  function start(program: string, ...args: readonly string[]): void {
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    })
      .spawn();
    opened.defer(async () => {
      child.kill("SIGTERM");
      await child.status;
    });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function untilListening(port: number): Promise<void> {
  for (const start = Date.now();; await new Promise((resolve) => setTimeout(resolve, 20))) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused) || Date.now() - start > 20_000) throw error;
    }
  }
}
