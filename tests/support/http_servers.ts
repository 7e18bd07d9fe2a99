/** HTTP servers within the process of the tests: one that works, and one that does what it is told. */

import { MemoryObjects } from "../../lib/objects/memory.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import type { Certificate } from "./certificates.ts";

/** A server; disposal ends it. */
export interface TestServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
}

/** A server of objects. */
export interface ObjectServer extends TestServer {
  /** What it was asked, such as `GET /a`. */
  readonly requests: string[];
}

/** Serves objects below `/`, as a web server with WebDAV does. */
export function serveObjects(
  objects: ObjectStore = new MemoryObjects(),
  options: { readonly tls?: Certificate; readonly hostname?: string } = {},
): ObjectServer {
  const requests: string[] = [];
  const { tls, hostname = "127.0.0.1" } = options;
  const listen = { hostname, port: 0, onListen() {} };
  const handler = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    requests.push(`${request.method} ${pathname}${search}`);
    return await answer(request, { objects, key: decodeURIComponent(pathname.slice(1)) });
  };
  const server = tls === undefined ? Deno.serve(listen, handler) : Deno.serve({ ...listen, ...tls }, handler);
  return {
    url: urlOf(server.addr, tls),
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function answer(
  request: Request,
  { objects, key }: { readonly objects: ObjectStore; readonly key: string },
): Promise<Response> {
  switch (request.method) {
    case "GET":
    case "HEAD": {
      const bytes = await objects.get(key);
      if (bytes === undefined) return new Response("no such object", { status: 404 });
      return new Response(bytes, { headers: { "content-type": "application/octet-stream" } });
    }
    case "PUT": {
      const isNew = !await objects.has(key);
      await objects.put(key, await request.bytes());
      return new Response(null, { status: isNew ? 201 : 204 });
    }
    case "DELETE":
      return new Response(null, { status: await objects.remove(key) ? 204 : 404 });
    default:
      return new Response(null, { status: 405 });
  }
}

/** One connection to a server that does what it is told. */
export interface RawConnection {
  /** Which connection it is, from 0 on. */
  readonly number: number;
  /** Reads a request with its body. @returns It, or `undefined` at the end of the connection. */
  request(): Promise<string | undefined>;
  /** Sends something, also if the other side does not want it. */
  write(...parts: readonly (string | Uint8Array)[]): Promise<void>;
  /** Closes the connection with something unread, which resets it. */
  reset(): Promise<void>;
  /** Resolves when the other side, or the test, has ended the connection. */
  untilClosed(): Promise<void>;
  close(): void;
}

/** A server that does what it is told. */
export interface RawServer extends TestServer {
  /** All requests that were read. */
  readonly requests: string[];
  /** Connections that were accepted. */
  readonly connections: number;
}

/** Starts a server. @param serve Treats one connection; it is closed afterwards. */
export function serveRaw(
  serve: (connection: RawConnection) => Promise<void>,
  options: { readonly tls?: Certificate } = {},
): RawServer {
  const { tls } = options;
  const listen = { hostname: "127.0.0.1", port: 0 };
  const listener = tls === undefined ? Deno.listen(listen) : Deno.listenTls({ ...listen, ...tls });
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const running: Promise<void>[] = [];
  const failures: unknown[] = [];
  const accept = async () => {
    for await (const conn of listener) {
      open.add(conn);
      const connection = new Connection(conn, { number: running.length, requests });
      const run = async () => {
        try {
          await serve(connection);
        } catch (error) {
          if (!isGone(error)) failures.push(error);
        } finally {
          open.delete(conn);
          connection.close();
        }
      };
      running.push(run());
    }
  };
  const accepting = accept();
  return {
    url: urlOf(listener.addr, tls),
    requests,
    get connections() {
      return running.length;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const conn of open) tryClose(conn);
      await Promise.all(running);
      if (failures.length > 0) throw failures[0];
    },
  };
}

class Connection implements RawConnection {
  readonly number: number;
  readonly #conn: Deno.Conn;
  readonly #requests: string[];
  #buffer = "";

  constructor(conn: Deno.Conn, about: { readonly number: number; readonly requests: string[] }) {
    this.#conn = conn;
    this.number = about.number;
    this.#requests = about.requests;
  }

  async request(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf("\r\n\r\n");
      if (end >= 0) {
        const size = Number(/^content-length: *(\d+)/im.exec(this.#buffer.slice(0, end))?.[1] ?? 0);
        if (this.#buffer.length >= end + 4 + size) {
          const request = this.#buffer.slice(0, end + 4 + size);
          this.#buffer = this.#buffer.slice(request.length);
          this.#requests.push(request);
          return request;
        }
      }
      if (!await this.#read()) return undefined;
    }
  }

  async write(...parts: readonly (string | Uint8Array)[]): Promise<void> {
    for (const part of parts) {
      const bytes = typeof part === "string" ? Uint8Array.from(part, (c) => c.charCodeAt(0)) : part;
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
  }

  async reset(): Promise<void> {
    await this.#conn.read(new Uint8Array(1));
    this.close();
  }

  async untilClosed(): Promise<void> {
    while (await this.#read());
  }

  close(): void {
    tryClose(this.#conn);
  }

  async #read(): Promise<boolean> {
    const bytes = new Uint8Array(65536);
    const size = await this.#conn.read(bytes);
    if (size === null) return false;
    for (let at = 0; at < size; at += 4096) {
      this.#buffer += String.fromCharCode(...bytes.subarray(at, Math.min(at + 4096, size)));
    }
    return true;
  }
}

/** An answer as text; it has a length unless the headers have something about it. */
export function rawAnswer(status: string, body = "", headers = `content-length: ${body.length}\r\n`): string {
  return `HTTP/1.1 ${status}\r\n${headers}\r\n${body}`;
}

function urlOf(address: Deno.Addr, tls: Certificate | undefined): string {
  const { hostname, port } = address as Deno.NetAddr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${tls === undefined ? "http" : "https"}://${host}:${port}`;
}

function tryClose(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Whether an error says no more than that one of the sides has left. */
function isGone(error: unknown): boolean {
  const { BadResource, BrokenPipe, ConnectionReset, ConnectionAborted, Interrupted, UnexpectedEof } =
    Deno.errors;
  return [BadResource, BrokenPipe, ConnectionReset, ConnectionAborted, Interrupted, UnexpectedEof].some((
    type,
  ) => error instanceof type) || error instanceof Deno.errors.InvalidData; // A TLS client that does not like the certificate.
}
