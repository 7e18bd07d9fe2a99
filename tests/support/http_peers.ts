/** HTTP servers that are programs of others. */

import { peer } from "./peers.ts";
import { tempDir } from "./temp_dir.ts";

/** A web server. */
export const nginx = peer("nginx");
/** The reference program. */
export const desync = peer("desync");

/** A server in a process of its own, with the directory that it serves. */
export interface ServerProcess extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly directory: string;
}

/** Starts nginx, which takes objects by PUT below `/dav` and hands out all files. */
export async function startNginx(): Promise<ServerProcess> {
  const dir = await tempDir();
  const root = dir.join("root");
  await Deno.mkdir(`${root}/dav`, { recursive: true });
  return await start(nginx.require(), { dir, directory: root }, async (port) => {
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${dir.join(name)};`
    );
    await Deno.writeTextFile(
      dir.join("nginx.conf"),
      `daemon off; master_process off; pid ${dir.join("pid")}; error_log stderr;
       events {}
       http {
         access_log off; ${temporary.join(" ")} client_max_body_size 64m; keepalive_requests 1000000;
         server {
           listen 127.0.0.1:${port};
           root ${root};
           location /dav/ { dav_methods PUT DELETE; create_full_put_path on; }
         }
       }`,
    );
    return ["-p", dir.path, "-c", dir.join("nginx.conf"), "-e", "stderr"];
  });
}

/** Starts the chunk server of the reference program. */
export async function startDesyncServer(): Promise<ServerProcess> {
  const dir = await tempDir();
  const store = dir.join("store");
  await Deno.mkdir(store);
  return await start(desync.require(), { dir, directory: store }, (port) => {
    return Promise.resolve(["chunk-server", "-w", "-s", store, "-l", `127.0.0.1:${port}`]);
  });
}

async function start(
  program: string,
  { dir, directory }: { readonly dir: AsyncDisposable; readonly directory: string },
  prepare: (port: number) => Promise<readonly string[]>,
): Promise<ServerProcess> {
  await using scope = new AsyncDisposableStack();
  scope.use(dir);
  // Neither program can say which port it was given.
  for (let attempt = 1;; attempt++) {
    const port = freePort();
    const args = await prepare(port);
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let running = true;
    const ended = child.status.then(() => void (running = false));
    while (running && !await accepts(port)) await new Promise((done) => setTimeout(done, 5));
    if (running) {
      scope.defer(async () => {
        child.kill("SIGTERM");
        await ended;
      });
      const rest = scope.move();
      return {
        url: `http://127.0.0.1:${port}`,
        directory,
        [Symbol.asyncDispose]: () => rest.disposeAsync(),
      };
    }
    if (attempt === 3) throw new Error(`Cannot start ${program}`);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
