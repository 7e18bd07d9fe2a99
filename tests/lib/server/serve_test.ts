import assert from "node:assert/strict";
import { ConfigError, StoreError } from "../../../lib/errors.ts";
import { parseListenAddress } from "../../../lib/server/address.ts";
import {
  BodyTooLargeError,
  type ServerDetail,
  type ServerHandler,
  textReply,
} from "../../../lib/server/message.ts";
import type { RequestEntry } from "../../../lib/server/request_log.ts";
import { type HttpServer, openServer, type ServeOptions } from "../../../lib/server/serve.ts";
import { certificateFiles, makeCertificates, openssl } from "../../support/certificates.ts";
import { RawConnection } from "../../support/sockets.ts";
import { tempDir } from "../../support/temp_dir.ts";

interface TestServer extends HttpServer {
  readonly entries: RequestEntry[];
  readonly details: ServerDetail[];
  /** The first address. */
  readonly address: string;
}

/** Serves on a free port. */
async function serve(
  handler: ServerHandler,
  options: Partial<ServeOptions> & { readonly listen?: readonly string[] } = {},
): Promise<TestServer> {
  const { listen = ["127.0.0.1:0"], ...more } = options;
  const entries: RequestEntry[] = [];
  const details: ServerDetail[] = [];
  const server = await openServer({
    handler,
    addresses: listen.map((text) => parseListenAddress(text)),
    onRequest: (entry) => void entries.push(entry),
    onDetail: (detail) => void details.push(detail),
    ...more,
  });
  return Object.assign(server, { entries, details, address: server.addresses[0]! });
}

const hello: ServerHandler = () => Promise.resolve(textReply(200, "hello\n"));

/** Reads the body, and answers with its size. */
const sizes: ServerHandler = async (request) => {
  try {
    return textReply(200, String((await request.readBody(100_000)).length));
  } catch (error) {
    if (error instanceof BodyTooLargeError) return textReply(413, "too large");
    throw error;
  }
};

/** Waits for something that happens on the other end of a connection. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("openServer() answers with the handler, and reports requests as they came", async () => {
  await using server = await serve(hello);
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET /a/../%2e%0d?x HTTP/1.1\r\nHost: x\r\n\r\n");
  const { status, header, body } = await connection.response();
  assert.deepEqual([status, body], [200, "hello\n"]);
  assert.match(header, /^Content-Length: 6$/m);
  await eventually(() => server.entries.length === 1);
  const { method, target, remote, sent } = server.entries[0]!;
  assert.deepEqual([method, target, sent], ["GET", "/a/../%2e%0d?x", 6]);
  assert.match(remote, /^127\.0\.0\.1:\d+$/);
});

Deno.test("openServer() keeps connections, also for requests that were sent at once", async () => {
  await using server = await serve((request) => Promise.resolve(textReply(200, request.target)));
  await using connection = await RawConnection.open(server.address);
  const request = (name: string) => `GET ${name} HTTP/1.1\r\nHost: x\r\n\r\n`;
  await connection.send(["/1", "/2", "/3"].map(request).join(""));
  for (const name of ["/1", "/2", "/3"]) assert.equal((await connection.response()).body, name);
  await connection.send(request("/4"));
  assert.equal((await connection.response()).body, "/4");
});

Deno.test("openServer() answers HEAD without a body, and HTTP/1.0 by closing", async () => {
  await using server = await serve(hello);
  await using connection = await RawConnection.open(server.address);
  await connection.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  const rest = await connection.rest();
  assert.equal(rest.match(/HTTP\/1.1 200 OK/g)!.length, 2);
  assert.equal(rest.match(/hello/g)!.length, 1);
});

Deno.test("openServer() answers 500 where the handler throws, and tells its owner", async () => {
  const failure = new Error("broken");
  await using server = await serve(() => Promise.reject(failure));
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal((await connection.response()).body, "internal server error\n");
  assert.equal(server.details[0]!.error, failure);
});

Deno.test.each([
  "GET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\0\x01\0",
  "nonsense\r\n\r\n",
])("openServer() answers 400 for malformed request %#, and closes", async (text) => {
  await using server = await serve(sizes);
  await using connection = await RawConnection.open(server.address);
  await connection.send(text);
  assert.match(await connection.rest(), /^HTTP\/1\.1 400 /);
});

Deno.test("openServer() answers 431 for a header that is too long", async () => {
  await using server = await serve(hello);
  await using connection = await RawConnection.open(server.address);
  await connection.send(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(100_000)}\r\n\r\n`).catch(() => {});
  assert.match(await connection.rest(), /^HTTP\/1\.1 431 |^$/);
});

Deno.test("openServer() closes connections that say nothing", async () => {
  await using server = await serve(hello, { limits: { headerMs: 50 } });
  await using connection = await RawConnection.open(server.address);
  assert.match(await connection.rest(), /^HTTP\/1\.1 408 /);
});

Deno.test("openServer() closes connections that send a header too slowly, and serves others meanwhile", async () => {
  await using server = await serve(hello, { limits: { headerMs: 200 } });
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 10));
  const slow = async () => {
    await using connection = await RawConnection.open(server.address);
    function* header() {
      yield "GET / HTTP/1.1\r\nHost: x\r\n";
      for (;;) yield "X-Slow: 1\r\n";
    }
    await connection.trickle(header(), pause);
  };
  const attack = Promise.all(Array.from({ length: 20 }, slow));
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal((await connection.response()).status, 200);
  await attack;
  assert.equal(server.entries.length, 1);
});

Deno.test("openServer() closes connections that are not used", async () => {
  await using server = await serve(hello, { limits: { idleMs: 50 } });
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal((await connection.response()).status, 200);
  assert.equal(await connection.rest(), "");
});

Deno.test("openServer() closes connections that send a body too slowly", async () => {
  await using server = await serve(sizes, { limits: { bodyMs: 200 } });
  await using connection = await RawConnection.open(server.address);
  function* body() {
    yield "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    for (;;) yield "x";
  }
  await connection.trickle(body(), () => new Promise((resolve) => setTimeout(resolve, 10)));
  await connection.rest();
  await eventually(() => server.entries.length === 1);
});

Deno.test("openServer() closes connections that do not take the reply", async () => {
  const body = new Uint8Array(50_000_000);
  const big: ServerHandler = () => Promise.resolve({ status: 200, headers: {}, body });
  await using server = await serve(big, { limits: { replyMs: 100 } });
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually(() => server.entries.length === 1);
  assert.ok((await connection.rest()).length < body.length);
});

Deno.test("openServer() lets a handler refuse a body that is too large, declared or not", async () => {
  await using server = await serve(sizes);
  {
    await using connection = await RawConnection.open(server.address);
    await connection.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n");
    const { status, header } = await connection.response();
    assert.equal(status, 413);
    assert.match(header, /^Connection: close$/m);
    await connection.rest();
  }
  await using connection = await RawConnection.open(server.address);
  function* body() {
    yield "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (let i = 0; i < 1000; i++) yield `2710\r\n${"x".repeat(10_000)}\r\n`;
  }
  await connection.trickle(body(), () => Promise.resolve());
  await connection.rest();
  await eventually(() => server.entries.length === 2);
  assert.deepEqual(server.entries.map(({ status }) => status), [413, 413]);
  assert.ok(server.entries[1]!.received < 1_000_000);
});

Deno.test("openServer() does not ask for a body that nobody wants", async () => {
  await using server = await serve((request) =>
    request.target === "/no" ? Promise.resolve(textReply(400, "no")) : sizes(request)
  );
  await using refused = await RawConnection.open(server.address);
  const header = "HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  await refused.send(`PUT /no ${header}`);
  assert.equal((await refused.response()).status, 400);
  await using accepted = await RawConnection.open(server.address);
  await accepted.send(`PUT /yes ${header}`);
  assert.equal((await accepted.response()).status, 100);
  await accepted.send("hello");
  assert.equal((await accepted.response()).body, "5");
});

Deno.test("openServer() aborts the signal of a request whose client has gone", async () => {
  const started = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using server = await serve(async (request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
    started.resolve();
    await gone.promise;
    return textReply(200, "too late");
  });
  {
    await using connection = await RawConnection.open(server.address);
    await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await started.promise;
  }
  await gone.promise;
  await eventually(() => server.entries.length === 1);
  assert.deepEqual(server.details, []);
});

Deno.test("openServer() finishes what is under way when it closes, and takes nothing new", async () => {
  const started = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const server = await serve(async () => {
    started.resolve();
    await gate.promise;
    return textReply(200, "done");
  });
  await using idle = await RawConnection.open(server.address);
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await started.promise;
  const closed = server[Symbol.asyncDispose]();
  assert.equal(server.isClosing, true);
  await assert.rejects(RawConnection.open(server.address), Deno.errors.ConnectionRefused);
  gate.resolve();
  const { header, body } = await connection.response();
  assert.equal(body, "done");
  assert.match(header, /^Connection: close$/m);
  await closed;
  await idle.rest();
});

Deno.test("openServer() does not wait for ever for what is under way", async () => {
  const started = Promise.withResolvers<void>();
  const server = await serve((request) => {
    started.resolve();
    return new Promise((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason))
    );
  }, { limits: { drainMs: 30 } });
  await using connection = await RawConnection.open(server.address);
  await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await started.promise;
  await server[Symbol.asyncDispose]();
  await connection.rest();
});

Deno.test("openServer() forgets requests that wait for others when their connection ends", async () => {
  const ready = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let released = 0;
  await using server = await serve(async (request) => {
    if (request.target === "/5") ready.resolve();
    if (request.target === "/0") await gate.promise;
    return { status: 200, headers: {}, body: new Uint8Array(100), release: () => released++ };
  });
  {
    await using connection = await RawConnection.open(server.address);
    for (let i = 0; i <= 5; i++) await connection.send(`GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await ready.promise;
  }
  await eventually(() => server.entries.length === 6);
  gate.resolve();
  await eventually(() => released === 6);
});

Deno.test("openServer() says if it cannot create a socket", async () => {
  await using dir = await tempDir();
  const path = dir.join("none", "socket");
  await assert.rejects(serve(hello, { listen: [`unix:${path}`] }), (error) => {
    return error instanceof StoreError && error.message.startsWith(`Cannot listen on 'unix:${path}': `);
  });
});

Deno.test({
  name: "openServer() refuses a certificate and a key that do not belong together, or are none",
  ignore: openssl.ignore,
  fn: async () => {
    const { server, client } = await makeCertificates();
    const { cert, key } = server;
    const other = client.key;
    for (
      const tls of [{ cert, key: other }, { cert, key: cert }, { cert: key, key }, { cert: "", key: "" }]
    ) {
      await assert.rejects(serve(hello, { tls }), ConfigError);
    }
  },
});

Deno.test("openServer() listens on all addresses or on none", async () => {
  await using dir = await tempDir();
  await using server = await serve(hello, { listen: ["127.0.0.1:0", ":0", `unix:${dir.join("socket")}`] });
  assert.equal(server.addresses.length, 3);
  for (const address of server.addresses.slice(0, 2)) {
    await using connection = await RawConnection.open(address);
    await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await connection.response()).status, 200);
  }
  const taken = server.address;
  await assert.rejects(
    serve(hello, { listen: [`unix:${dir.join("other")}`, taken] }),
    (error) => {
      assert.ok(error instanceof StoreError);
      assert.match(error.message, new RegExp(`^Cannot listen on '${taken}': .*in use`, "i"));
      return true;
    },
  );
  await assert.rejects(Deno.connect({ transport: "unix", path: dir.join("other") }));
});

Deno.test("openServer() replaces a socket that nobody listens on, and no other", async () => {
  await using dir = await tempDir();
  const path = dir.join("socket");
  const python = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])";
  const made = await new Deno.Command("python3", { args: ["-c", python, path] }).output().catch(() =>
    undefined
  );
  if (made?.success) assert.equal((await Deno.lstat(path)).isSocket, true);
  const listen = [`unix:${path}`];
  await using _server = await serve(hello, { listen });
  await assert.rejects(serve(hello, { listen }), StoreError);
  await Deno.writeTextFile(dir.join("file"), "precious");
  await assert.rejects(serve(hello, { listen: [`unix:${dir.join("file")}`] }), StoreError);
  assert.equal(await Deno.readTextFile(dir.join("file")), "precious");
});

Deno.test({
  name: "openServer() speaks TLS with HTTP/1.1 and HTTP/2",
  ignore: openssl.ignore,
  fn: async () => {
    await using dir = await tempDir();
    const { ca, server: files } = await certificateFiles(dir);
    const [cert, key, trusted] = await Promise.all(
      [files.cert, files.key, ca].map((path) => Deno.readTextFile(path)),
    );
    await using server = await serve(sizes, { tls: { cert: cert!, key: key! } });
    const url = `https://${server.address}/x`;
    for (const version of [1, 2]) {
      using client = Deno.createHttpClient({
        caCerts: [trusted!],
        http1: version === 1,
        http2: version === 2,
      });
      const response = await fetch(url, { client, method: "PUT", body: "x".repeat(50_000) });
      assert.deepEqual([response.status, await response.text()], [200, "50000"]);
      const refused = await fetch(url, { client, method: "PUT", body: "x".repeat(100_001) }).catch(() =>
        undefined
      );
      await refused?.body?.cancel();
      assert.ok(refused === undefined || refused.status === 413);
    }
    using stranger = Deno.createHttpClient({ caCerts: [] });
    await assert.rejects(fetch(url, { client: stranger }));
  },
});

Deno.test({
  name: "openServer() with an authority for clients turns away those without a certificate of it",
  ignore: openssl.ignore,
  fn: async () => {
    await using dir = await tempDir();
    const { ca, server: files, client: own } = await certificateFiles(dir);
    const read = (path: string) => Deno.readTextFile(path);
    const trusted = await read(ca);
    const tls = { cert: await read(files.cert), key: await read(files.key), clientCa: trusted };
    await using server = await serve(hello, { tls });
    const url = `https://${server.address}/x`;
    using client = Deno.createHttpClient({
      caCerts: [trusted],
      cert: await read(own.cert),
      key: await read(own.key),
    });
    assert.equal(await (await fetch(url, { client })).text(), "hello\n");
    using stranger = Deno.createHttpClient({ caCerts: [trusted] });
    await assert.rejects(fetch(url, { client: stranger }));
    await Deno.mkdir(dir.join("other"));
    const others = await certificateFiles({ ...dir, join: (...names) => dir.join("other", ...names) });
    using impostor = Deno.createHttpClient({
      caCerts: [trusted],
      cert: await read(others.client.cert),
      key: await read(others.client.key),
    });
    await assert.rejects(fetch(url, { client: impostor }));
    assert.equal(server.entries.length, 1);
  },
});
