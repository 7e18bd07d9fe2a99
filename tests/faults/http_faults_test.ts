/** HTTP servers that do not do what they should. */

import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ChunkInvalidError, StoreError } from "../../lib/errors.ts";
import { openHttpObjects } from "../../lib/objects/http.ts";
import { MemoryObjects } from "../../lib/objects/memory.ts";
import { SYSTEM_CLOCK } from "../../lib/objects/retry.ts";
import { noise } from "../support/blobs.ts";
import { openssl } from "../support/certificates.ts";
import { chunkOf } from "../support/chunks.ts";
import { rawAnswer, type RawConnection } from "../support/http_servers.ts";
import { stillClock, TRANSPORTS } from "../support/http_transports.ts";
import { chunkKey, chunkObjects } from "../support/object_stores.ts";

const text = (value: string) => new TextEncoder().encode(value);
const SECRET = "s3cret";

/** Matches an error of the store, and makes sure that it gives nothing away. */
function failure(state: RegExp, retryable: boolean): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, inspect(error));
    assert.match(error.message, state);
    assert.match(error.message, /^Cannot (read|write|look for|delete) 'https?:\/\/[^@']+\/d\/a': /);
    assert.equal(error.retryable, retryable, error.message);
    assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), new RegExp(SECRET));
    return true;
  };
}

/** Credentials wherever there can be some. */
function secretive(url: string): string {
  return `${url.replace("//", `//user:${SECRET}@`)}/d?${SECRET}`;
}
const secrets = { cookie: `id=${SECRET}`, query: `token=${SECRET}` };

/** Reads a request, then does `answer`, on every connection. */
function afterRequest(answer: (connection: RawConnection) => Promise<void>) {
  return async (connection: RawConnection) => {
    if (await connection.request() !== undefined) await answer(connection);
  };
}

const BROKEN: Readonly<Record<string, (connection: RawConnection) => Promise<void>>> = {
  "closes at once": (connection) => Promise.resolve(connection.close()),
  "resets at once": (connection) => connection.reset(),
  "closes without an answer": afterRequest((connection) => Promise.resolve(connection.close())),
  "answers with garbage": afterRequest((connection) => connection.write("\x16\x03\x01 garbage\r\n\r\n")),
  "answers with a wrong version": afterRequest((connection) => connection.write("HTTP/4.7 200 OK\r\n\r\n")),
  "closes within the status line": afterRequest((connection) => connection.write("HTTP/1.1 2")),
  "closes within the headers": afterRequest((c) => c.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX")),
  "closes before the body": afterRequest((connection) =>
    connection.write(rawAnswer("200 OK", "123").slice(0, -3))
  ),
  "closes within the body": afterRequest((connection) =>
    connection.write(rawAnswer("200 OK", "123").slice(0, -1))
  ),
  "has a malformed length": afterRequest((c) =>
    c.write(rawAnswer("200 OK", "123", "content-length: -3\r\n"))
  ),
  "has two lengths": afterRequest((c) =>
    c.write(rawAnswer("200 OK", "1234", "content-length: 3\r\ncontent-length: 4\r\n"))
  ),
  "closes within a piece": afterRequest((c) =>
    c.write(rawAnswer("200 OK", "5\r\n123", "transfer-encoding: chunked\r\n"))
  ),
  "closes before the last piece": afterRequest((c) =>
    c.write(rawAnswer("200 OK", "3\r\n123\r\n", "transfer-encoding: chunked\r\n"))
  ),
  "has a malformed piece": afterRequest((c) =>
    c.write(rawAnswer("200 OK", "xyz\r\n123\r\n0\r\n\r\n", "transfer-encoding: chunked\r\n"))
  ),
};

const STALLED: Readonly<Record<string, (connection: RawConnection) => Promise<void>>> = {
  "does not read": async (connection) => {
    await connection.untilClosed();
  },
  "does not answer": afterRequest((connection) => connection.untilClosed()),
  "stops within the headers": afterRequest(async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-");
    await connection.untilClosed();
  }),
  "stops before the body": afterRequest(async (connection) => {
    await connection.write(rawAnswer("200 OK", "", "content-length: 5\r\n"));
    await connection.untilClosed();
  }),
  "stops within the body": afterRequest(async (connection) => {
    await connection.write(rawAnswer("200 OK", "123", "content-length: 5\r\n"));
    await connection.untilClosed();
  }),
  "stops within a piece": afterRequest(async (connection) => {
    await connection.write(rawAnswer("200 OK", "5\r\n123", "transfer-encoding: chunked\r\n"));
    await connection.untilClosed();
  }),
};

for (const transport of TRANSPORTS) {
  const test = (sentence: string, fn: () => Promise<void>) =>
    Deno.test({ name: `HttpObjects (${transport.name}): ${sentence}`, ignore: transport.ignore, fn });

  test("a server that is not there is tried again, then is an error", async () => {
    const server = transport.serveRaw(() => Promise.resolve());
    await server[Symbol.asyncDispose]();
    const clock = stillClock();
    await using objects = await transport.open(secretive(server.url), { ...secrets, tries: 3, clock });
    await assert.rejects(objects.has("a"), failure(/refused/i, true));
    assert.deepEqual(clock.pauses, [500, 1000]);
  });

  for (const [what, serve] of Object.entries(BROKEN)) {
    test(`a server that ${what} is tried again`, async () => {
      let broken = 2;
      await using server = transport.serveRaw(async (connection) => {
        if (broken-- > 0) return await serve(connection);
        while (await connection.request()) await connection.write(rawAnswer("200 OK", "123"));
      });
      const clock = stillClock();
      const options = { ...secrets, tries: 2, clock };
      await using objects = await transport.open(secretive(server.url), options);
      await assert.rejects(objects.get("a"), failure(/: ./, true));
      assert.deepEqual(clock.pauses, [500]);
      assert.deepEqual(await objects.get("a"), text("123"));
    });
  }

  for (const [what, serve] of Object.entries(STALLED)) {
    test(`a server that ${what} runs into the time limit`, async () => {
      await using server = transport.serveRaw(serve);
      const options = { ...secrets, timeoutMs: 100, tries: 2 };
      await using objects = await transport.open(secretive(server.url), options);
      await assert.rejects(objects.get("a"), failure(/no answer within 100 ms$/, true));
      assert.equal(server.connections, 2);
    });

    test(`a request to a server that ${what} ends with the signal`, async () => {
      const abort = new AbortController();
      const reason = new Error("interrupted");
      await using server = transport.serveRaw(async (connection) => {
        const serving = serve(connection);
        setTimeout(() => abort.abort(reason), 20);
        await serving;
      });
      for (const timeoutMs of [undefined, 60_000]) {
        await using objects = await transport.open(server.url, { timeoutMs });
        await assert.rejects(objects.get("a", { signal: abort.signal }), (error) => error === reason);
      }
    });
  }

  test("a server that does not take all of a body runs into the time limit", async () => {
    const blocked = Promise.withResolvers<void>();
    await using server = transport.serveRaw(() => blocked.promise);
    await using objects = await transport.open(`${server.url}/d`, { timeoutMs: 100, tries: 1 });
    await assert.rejects(objects.put("a", noise(20_000_000)), failure(/no answer within 100 ms$/, true));
    blocked.resolve();
  });

  test("an answer before all of the body was taken is an answer", async () => {
    await using server = transport.serveRaw(async (connection) => {
      await connection.write(rawAnswer("413 Too Large", "too much"));
      await connection.untilClosed();
    });
    await using objects = await transport.open(`${server.url}/d`, { tries: 1 });
    await assert.rejects(objects.put("a", noise(3_000_000)), failure(/status 413: too much$/, false));
  });

  test("a pause ends with the signal", async () => {
    await using server = transport.serveRaw(afterRequest((c) => c.write(rawAnswer("500 Oh"))));
    const abort = new AbortController();
    const reason = new Error("interrupted");
    const sleep = (ms: number, signal?: AbortSignal) => {
      queueMicrotask(() => abort.abort(reason));
      return SYSTEM_CLOCK.sleep(ms, signal);
    };
    const clock = { ...SYSTEM_CLOCK, sleep };
    await using objects = await transport.open(server.url, { retryBaseIntervalMs: 1e6, clock });
    await assert.rejects(objects.get("a", { signal: abort.signal }), (error) => error === reason);
  });

  for (const headers of ["", "transfer-encoding: chunked\r\n", "content-length: 9007199254740991\r\n"]) {
    test(`an endless body does not fill the memory: '${headers.trim()}'`, async () => {
      const piece = noise(65536);
      await using server = transport.serveRaw(async (connection) => {
        for (let request; (request = await connection.request()) !== undefined;) {
          const status = request.startsWith("GET /d/absent") ? "404 Not Found" : "200 OK";
          await connection.write(rawAnswer(request.startsWith("PUT") ? "403 No" : status, "", headers));
          for (;;) {
            if (headers.startsWith("transfer")) await connection.write("10000\r\n", piece, "\r\n");
            else await connection.write(piece);
          }
        }
      });
      await using objects = await transport.open(`${server.url}/d`, { tries: 1 });
      await assert.rejects(objects.get("a", { maxSize: 200_000 }), failure(/more than 200000/, false));
      assert.equal(await objects.get("absent"), undefined);
      await assert.rejects(objects.put("a", text("x")), failure(/status 403/, false));
    });
  }

  for (
    const [what, line] of [["endless headers", "X-Padding: 1234567890\r\n"], ["an endless header", "padding"]]
  ) {
    test(`${what} cannot be read`, async () => {
      await using server = transport.serveRaw(afterRequest(async (connection) => {
        await connection.write("HTTP/1.1 200 OK\r\nX-A: ");
        for (const lines = text(line!.repeat(3000));;) await connection.write(lines);
      }));
      await using objects = await transport.open(`${server.url}/d`, { tries: 1 });
      await assert.rejects(objects.get("a"), StoreError);
    });
  }

  test("redirects are followed, up to ten", async () => {
    await using server = transport.serveRaw(async (connection) => {
      for (let request; (request = await connection.request()) !== undefined;) {
        const left = Number(/^\w+ \/(?:d\/)?(\d+)/.exec(request)?.[1]);
        const status = [301, 302, 303, 307, 308][left % 5];
        if (left === 0) {
          await connection.write(rawAnswer("200 OK", request.startsWith("HEAD") ? "" : "there"));
        } else {await connection.write(
            rawAnswer(`${status} X`, "", `location: ../${left - 1}?x\r\ncontent-length: 0\r\n`),
          );}
      }
    });
    await using objects = await transport.open(`${server.url}/d`);
    assert.deepEqual(await objects.get("10"), text("there"));
    assert.equal(await objects.has("10"), true);
    assert.equal(server.requests.length, 22);
    await assert.rejects(objects.get("11"), /more than 10 redirects/);
  });

  test("redirects to another origin do not carry credentials, and never get them back", async () => {
    const authorized = (request: string) => /^(authorization|cookie): /im.test(request);
    await using other = transport.serveRaw(async (connection) => {
      while (await connection.request()) {
        const back = `location: ${server.url}/back\r\ncontent-length: 0\r\n`;
        await connection.write(rawAnswer("302 Found", "", back));
      }
    });
    await using server = transport.serveRaw(async (connection) => {
      for (let request; (request = await connection.request()) !== undefined;) {
        const [, path] = request.split(" ");
        const to = path === "/d/a" ? "/same" : `${other.url.replace("//", "//x:y@")}/other`;
        const redirect = rawAnswer("302 Found", "", `location: ${to}\r\ncontent-length: 0\r\n`);
        await connection.write(path === "/back" ? rawAnswer("200 OK", "got it") : redirect);
      }
    });
    await using objects = await transport.open(`${server.url}/d`, {
      authorization: `Bearer ${SECRET}`,
      cookie: SECRET,
    });
    assert.deepEqual(await objects.get("a"), text("got it"));
    assert.deepEqual(server.requests.map(authorized), [true, true, false]);
    assert.deepEqual(other.requests.map(authorized), [false]);
  });

  test("put() sends the body again after 307 and 308, and no other redirect", async () => {
    await using server = transport.serveRaw(async (connection) => {
      for (let request; (request = await connection.request()) !== undefined;) {
        const [, path] = request.split(" ");
        const status = /^\/d\/(\d+)$/.exec(path!)?.[1];
        const redirect = "location: /there\r\ncontent-length: 0\r\n";
        await connection.write(status ? rawAnswer(`${status} X`, "", redirect) : rawAnswer("201 Created"));
      }
    });
    await using objects = await transport.open(`${server.url}/d`);
    for (const status of [307, 308]) {
      await objects.put(`${status}`, text("data"));
      assert.match(server.requests.at(-1)!, /^PUT \/there /);
      assert.ok(server.requests.at(-1)!.endsWith("\r\n\r\ndata"));
    }
    for (const status of [301, 302, 303]) {
      await assert.rejects(objects.put(`${status}`, text("data")), new RegExp(`unexpected status ${status}`));
    }
    assert.equal(server.requests.length, 7);
  });

  test("redirects to what is not HTTP are an error that does not repeat it", async () => {
    for (const to of [`ftp://x/${SECRET}`, "file:///etc/passwd", "http://", `data:,${SECRET}`]) {
      await using server = transport.serveRaw(afterRequest((connection) => {
        return connection.write(rawAnswer("302 Found", "", `location: ${to}\r\ncontent-length: 0\r\n`));
      }));
      await using objects = await transport.open(`${server.url}/d`);
      await assert.rejects(objects.get("a"), failure(/not a URL of HTTP$/, false));
    }
  });

  test("interim answers are passed over", async () => {
    await using server = transport.serveRaw(async (connection) => {
      while (await connection.request()) {
        await connection.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        await connection.write(rawAnswer("200 OK", "body"));
      }
    });
    await using objects = await transport.open(server.url);
    for (let i = 0; i < 2; i++) assert.deepEqual(await objects.get("a"), text("body"));
  });

  test("a connection that the server closed in the meantime is replaced", async () => {
    await using server = transport.serveRaw(async (connection) => {
      if (await connection.request()) await connection.write(rawAnswer("200 OK", "body"));
    });
    // The others notice only if they are given a moment.
    await using objects = await transport.open(server.url, { tries: transport.name === "plain" ? 1 : 3 });
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await objects.get("a"), text("body"));
      await objects.put("a", noise(300_000));
    }
  });

  test("a body until the end of the connection is read", async () => {
    await using server = transport.serveRaw(afterRequest((c) => c.write("HTTP/1.0 200 OK\r\n\r\nall of it")));
    await using objects = await transport.open(server.url);
    for (let i = 0; i < 2; i++) assert.deepEqual(await objects.get("a"), text("all of it"));
  });

  test("a flipped bit makes a chunk invalid", async () => {
    const inner = new MemoryObjects();
    await using server = transport.serve(inner);
    const { store } = chunkObjects(await transport.open(server.url));
    await using _ = store;
    const chunk = chunkOf(noise(10_000));
    await store.put(chunk);
    assert.deepEqual((await store.get(chunk.id))?.plain, chunk.plain);
    const stored = (await inner.get(chunkKey(chunk.id)))!;
    stored[5000]! ^= 1;
    await inner.put(chunkKey(chunk.id), stored);
    await assert.rejects(store.get(chunk.id), ChunkInvalidError);
  });
}

Deno.test("HttpObjects (plain): bytes after a body are not taken for the next answer", async () => {
  const plain = TRANSPORTS[0]!;
  await using server = plain.serveRaw(async (connection) => {
    while (await connection.request()) {
      await connection.write(rawAnswer("200 OK", "body") + rawAnswer("200 OK", "evil"));
    }
  });
  await using objects = await plain.open(server.url);
  for (let i = 0; i < 3; i++) assert.deepEqual(await objects.get("a"), text("body"));
  assert.equal(server.connections, 3);
});

Deno.test("HttpObjects (plain): an answer with two kinds of length is refused", async () => {
  const plain = TRANSPORTS[0]!;
  await using server = plain.serveRaw(afterRequest((connection) => {
    const headers = "content-length: 3\r\ntransfer-encoding: chunked\r\n";
    return connection.write(rawAnswer("200 OK", "0\r\n\r\n", headers));
  }));
  await using objects = await plain.open(`${server.url}/d`);
  await assert.rejects(objects.get("a"), failure(/both Content-Length and Transfer-Encoding/, true));
});

for (const transport of ["plain", "fetch", "node"] as const) {
  const plain = TRANSPORTS[0]!;
  const secure = (url: string) => `${url.replace("http:", "https:")}/d`;
  const test = (sentence: string, fn: () => Promise<void>) =>
    Deno.test(`HttpObjects (${transport}) with TLS: ${sentence}`, fn);

  test("a server that does not shake hands runs into the time limit", async () => {
    await using server = plain.serveRaw((connection) => connection.untilClosed());
    await using objects = await openHttpObjects(secure(server.url), { transport, timeoutMs: 100, tries: 1 });
    await assert.rejects(objects.get("a"), failure(/no answer within 100 ms$/, true));
  });

  test("shaking hands ends with the signal", async () => {
    const abort = new AbortController();
    const reason = new Error("interrupted");
    await using server = plain.serveRaw(async (connection) => {
      setTimeout(() => abort.abort(reason), 20);
      await connection.untilClosed();
    });
    await using objects = await openHttpObjects(secure(server.url), { transport });
    await assert.rejects(objects.get("a", { signal: abort.signal }), (error) => error === reason);
  });

  test("a server that does not know it, or goes, is an error", async () => {
    for (const answer of ["HTTP/1.1 400 Bad Request\r\n\r\n", ""]) {
      await using server = plain.serveRaw(async (connection) => {
        await connection.write(answer);
        if (answer === "") await connection.reset();
      });
      const clock = stillClock();
      await using objects = await openHttpObjects(secure(server.url), { transport, clock, tries: 2 });
      await assert.rejects(objects.get("a"), failure(/: ./, true));
      assert.equal(clock.pauses.length, 1);
    }
  });

  Deno.test({
    name: `HttpObjects (${transport}) with TLS: a server that nobody vouches for is an error that stays`,
    ignore: openssl.ignore,
    fn: async () => {
      await using server = TRANSPORTS[2]!.serveRaw((connection) => connection.untilClosed());
      const clock = stillClock();
      await using objects = await openHttpObjects(`${server.url}/d`, { transport, clock });
      await assert.rejects(objects.get("a"), failure(/certificate/, false));
      assert.deepEqual(clock.pauses, []);
    },
  });
}

Deno.test("HttpObjects does not go to a server that cannot be", async () => {
  await using objects = await openHttpObjects("http://no.such.host.invalid/d", { clock: stillClock() });
  await assert.rejects(objects.get("a"), failure(/: ./, true));
});
