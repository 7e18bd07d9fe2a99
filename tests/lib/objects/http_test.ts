import assert from "node:assert/strict";
import { ConfigError, StoreError, UnsupportedError } from "../../../lib/errors.ts";
import { openHttpObjects } from "../../../lib/objects/http.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { testObjects } from "../../conformance/objects.ts";
import { openssl } from "../../support/certificates.ts";
import { rawAnswer, serveObjects, serveRaw } from "../../support/http_servers.ts";
import { certificates, NOW, stillClock, TRANSPORTS } from "../../support/http_transports.ts";

const NO_LIST = "HTTP servers do not tell what they have";
const text = (value: string) => new TextEncoder().encode(value);

for (const transport of TRANSPORTS) {
  const name = `HttpObjects (${transport.name})`;
  const test = (sentence: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}: ${sentence}`, ignore: transport.ignore, fn });

  testObjects({
    name,
    ignore: transport.ignore,
    open: async (scope) => await transport.open(`${scope.use(transport.serve()).url}/`),
    skip: {
      "list() yields every key with the prefix, once": NO_LIST,
      "list() of an empty store yields nothing": NO_LIST,
      "list() can be left early, and objects removed meanwhile": NO_LIST,
      "has a location and says what it can do": NO_LIST,
    },
  });

  test("keys are encoded, and requested below the path", async () => {
    const inner = new MemoryObjects();
    await using server = transport.serve(inner);
    await using objects = await transport.open(`${server.url}/a%20b/c?gone=1#gone`);
    const keys = ["a:b.caibx", "1:b", "%", "%41", "?x=1", "#x", "a&b+c;d=e", "ü", "x y", "\\", "x/y'(1)*!~"];
    for (const key of keys) {
      await objects.put(key, text(key));
      assert.deepEqual(await inner.get(`a b/c/${key}`), text(key), key);
      assert.deepEqual(await objects.get(key), text(key), key);
      assert.equal(await objects.has(key), true);
    }
    assert.equal(server.requests[0], "PUT /a%20b/c/a%3Ab.caibx");
    assert.ok(server.requests.includes("HEAD /a%20b/c/%3Fx%3D1"));
    await assert.rejects(objects.get("../x"), TypeError);
  });

  test("a query goes into every request", async () => {
    await using server = transport.serve();
    await using objects = await transport.open(`${server.url}/d`, { query: "sig=a%2Fb&x=#" });
    await objects.put("a", text("1"));
    assert.deepEqual(await objects.get("a"), text("1"));
    assert.deepEqual(server.requests, ["PUT /d/a?sig=a%2Fb&x=%23", "GET /d/a?sig=a%2Fb&x=%23"]);
  });

  test("requests one after the other use the same connection", async () => {
    await using server = transport.serveRaw(async (connection) => {
      for (let request; (request = await connection.request()) !== undefined;) {
        if (request.startsWith("HEAD")) {
          await connection.write(rawAnswer("404 No", "", "content-length: 9\r\n"));
        } else if (request.startsWith("GET /chunked")) {
          const body = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n";
          await connection.write(rawAnswer("200 OK", body, "Transfer-Encoding: chunked\r\n"));
        } else if (request.startsWith("GET /absent")) {
          await connection.write(rawAnswer("404 No", "not found"));
        } else if (request.startsWith("PUT")) await connection.write(rawAnswer("204 No Content", "", ""));
        else await connection.write(rawAnswer("200 OK", "body"));
      }
    });
    await using objects = await transport.open(server.url);
    assert.deepEqual(await objects.get("a"), text("body"));
    assert.equal(await objects.get("absent"), undefined);
    assert.equal(await objects.has("a"), false);
    await objects.put("a", text("x"));
    assert.deepEqual(await objects.get("chunked"), text("abcdefg"));
    assert.deepEqual(await objects.get("a"), text("body"));
    // What belongs to `fetch` may come back a moment later than it is wanted.
    assert.ok(server.connections <= (transport.name === "fetch" ? 3 : 1), `${server.connections}`);
  });

  test("requests have the headers that were asked for, and do not invite encodings", async () => {
    await using server = transport.serveRaw(async (connection) => {
      while (await connection.request()) await connection.write(rawAnswer("404 Not Found"));
    });
    const host = server.url.slice(server.url.indexOf("//") + 2);
    const url = server.url.replace("//", "//us%40er:p%C3%A4ss@");
    await using basic = await transport.open(url);
    await using given = await transport.open(url, { authorization: "Bearer ü t", cookie: "a=1; b=2" });
    assert.equal(basic.location, server.url);
    await basic.get("a");
    await given.get("a");
    const [first, second] = server.requests;
    assert.match(first!, /^GET \/a HTTP\/1\.1\r\n/);
    assert.match(first!, new RegExp(`^host: ${host}\r$`, "im"));
    assert.match(first!, new RegExp(`^authorization: Basic ${text("us@er:päss").toBase64()}\r$`, "im"));
    assert.match(first!, /^accept-encoding: identity\r$/im);
    assert.doesNotMatch(first!, /^cookie/im);
    assert.match(second!, /^authorization: Bearer Ã¼ t\r$/im);
    assert.match(second!, /^cookie: a=1; b=2\r$/im);
  });

  test("put() succeeds with 200, 201 and 204, and tells what the server says otherwise", async () => {
    const answers = ["200 OK", "201 Created", "204 No Content", "202 Accepted", "403 Forbidden"];
    const explanation = "no\u001b[31m\r\nquota\u009b" + "!".repeat(5000);
    await using server = transport.serveRaw(async (connection) => {
      for (let request; (request = await connection.request()) !== undefined;) {
        const status = answers.shift()!;
        assert.match(request, /^content-length: 4\r$/im);
        assert.ok(request.endsWith("\r\n\r\ndata"));
        await connection.write(rawAnswer(status, ...status.startsWith("204") ? ["", ""] : [explanation]));
      }
    });
    await using objects = await transport.open(server.url);
    for (let i = 0; i < 3; i++) await objects.put("a", text("data"));
    await assert.rejects(objects.put("a", text("data")), /Cannot write '.*\/a': unexpected status 202/);
    await assert.rejects(objects.put("a", text("data")), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.retryable, false);
      assert.match(error.message, /unexpected status 403: no\\u001b\[31m\\u000d\\u000aquota.*!!$/);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(error.message, /[\0-\x1f\x7f-\x9f]/);
      assert.ok(error.message.length < 1200);
      return true;
    });
    assert.deepEqual(answers, []);
  });

  test("contents that are encoded in spite of it arrive as they are", async () => {
    const zipped = await new Response(
      new Blob(["hello hello hello"]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
    await using server = transport.serveRaw(async (connection) => {
      await connection.request();
      const headers = `content-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n`;
      await connection.write(rawAnswer("200 OK", "", headers), zipped);
      await connection.untilClosed();
    });
    await using objects = await transport.open(server.url);
    assert.deepEqual(await objects.get("a"), zipped);
  });

  // The counts of the reference program, with five tries.
  for (
    const { statuses, count, result } of [
      { statuses: [200], count: 1, result: text("body") },
      { statuses: [404], count: 1, result: undefined },
      { statuses: [400], count: 1, result: /unexpected status 400/ },
      { statuses: [401], count: 1, result: /unexpected status 401/ },
      { statuses: [403], count: 1, result: /unexpected status 403/ },
      { statuses: [410], count: 1, result: /unexpected status 410/ },
      { statuses: [429], count: 1, result: /unexpected status 429/ },
      { statuses: [206], count: 1, result: /unexpected status 206/ },
      { statuses: [302], count: 1, result: /unexpected status 302/ },
      { statuses: [502, 502, 502, 502, 502, 502], count: 5, result: /unexpected status 502/ },
      { statuses: [502, 200], count: 2, result: text("body") },
      { statuses: [502, 502, 404], count: 3, result: undefined },
      { statuses: [500, 503, 599, 504, 200], count: 5, result: text("body") },
    ]
  ) {
    test(`get() makes ${count} requests for the statuses ${statuses}`, async () => {
      await using server = transport.serveRaw(async (connection) => {
        while (await connection.request()) {
          await connection.write(rawAnswer(`${statuses[server.requests.length - 1]} X`, "body"));
        }
      });
      const clock = stillClock();
      await using objects = await transport.open(server.url, { tries: 5, retryBaseIntervalMs: 100, clock });
      if (result instanceof RegExp) await assert.rejects(objects.get("a"), result);
      else assert.deepEqual(await objects.get("a"), result);
      assert.equal(server.requests.length, count);
      assert.deepEqual(clock.pauses, [100, 200, 300, 400].slice(0, count - 1));
    });
  }

  for (
    const { status, after, ms } of [
      { status: 429, after: "7", ms: 7000 },
      { status: 503, after: "7", ms: 7000 },
      { status: 503, after: "0", ms: 100 },
      { status: 503, after: "86400", ms: 60_000 },
      { status: 503, after: new Date(NOW + 9000).toUTCString(), ms: 9000 },
      { status: 503, after: new Date(NOW - 9000).toUTCString(), ms: 100 },
      { status: 503, after: "soon", ms: 100 },
      { status: 500, after: "7", ms: 100 },
    ]
  ) {
    test(`put() waits ${ms} ms after ${status} with Retry-After: ${after}`, async () => {
      await using server = transport.serveRaw(async (connection) => {
        while (await connection.request()) {
          const busy = rawAnswer(`${status} X`, "", `retry-after: ${after}\r\ncontent-length: 0\r\n`);
          await connection.write(server.requests.length === 1 ? busy : rawAnswer("200 OK"));
        }
      });
      const clock = stillClock();
      await using objects = await transport.open(server.url, { retryBaseIntervalMs: 100, clock });
      await objects.put("a", text("data"));
      assert.deepEqual(clock.pauses, [ms]);
      assert.equal(server.requests.length, 2);
    });
  }
}

Deno.test("HttpObjects says where it is and what it can do", async () => {
  await using objects = await openHttpObjects("HTTP://user:s3cret@Example.com:80/a/b?token=s3cret#x");
  assert.equal(objects.location, "http://example.com/a/b");
  assert.deepEqual(objects.supports, { write: true, list: false });
  await assert.rejects(Array.fromAsync(objects.list("")), UnsupportedError);
});

Deno.test("HttpObjects works with IPv6", async () => {
  await using server = serveObjects(undefined, { hostname: "::1" });
  assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
  for (const transport of ["plain", "fetch"] as const) {
    await using objects = await openHttpObjects(server.url, { transport });
    await objects.put(transport, text("6"));
    assert.deepEqual(await objects.get(transport), text("6"));
  }
});

Deno.test("openHttpObjects() refuses headers that would be more than one", async () => {
  for (const value of ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\x07"]) {
    const url = "http://localhost/";
    await assert.rejects(openHttpObjects(url, { authorization: value }), ConfigError);
    await assert.rejects(openHttpObjects(url, { cookie: value }), ConfigError);
  }
});

Deno.test("openHttpObjects() refuses certificates that are none", async () => {
  const url = "https://localhost/";
  for (const caCert of ["hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
    await assert.rejects(openHttpObjects(url, { caCert }), {
      name: "ConfigError",
      message: "no CA certificates found in ca-cert file",
    });
  }
  await assert.rejects(openHttpObjects(url, { clientCert: "x", clientKey: "y" }), ConfigError);
  await assert.rejects(openHttpObjects(url, { clientCert: "x" }), ConfigError);
  await assert.rejects(
    openHttpObjects(url, { caCert: certificates?.ca ?? "", clientCert: "x", clientKey: "y" }),
    {
      name: "ConfigError",
    },
  );
});

Deno.test({
  name: "HttpObjects trusts the given authorities alone, or anybody if told so",
  ignore: openssl.ignore,
  fn: async () => {
    const { server, ca, otherCa } = certificates!;
    await using served = serveRaw(async (connection) => {
      while (await connection.request()) await connection.write(rawAnswer("200 OK", "body"));
    }, { tls: server });
    const clock = stillClock();
    for (
      const options of [{ caCert: ca }, { trustInsecure: true }, { caCert: otherCa, trustInsecure: true }]
    ) {
      await using objects = await openHttpObjects(served.url, { ...options, clock });
      assert.deepEqual(await objects.get("a"), text("body"));
    }
    for (const options of [{}, { caCert: otherCa }]) {
      await using objects = await openHttpObjects(served.url, { ...options, clock });
      await assert.rejects(objects.get("a"), (error) => {
        assert.ok(error instanceof StoreError);
        assert.match(error.message, /certificate/);
        return !error.retryable;
      });
    }
    assert.deepEqual(clock.pauses, [], "a certificate does not get better");
    assert.equal(served.requests.length, 3);
  },
});

Deno.test({
  name: "HttpObjects shows its client certificate",
  ignore: openssl.ignore,
  fn: async () => {
    const { server, client, ca, otherCa } = certificates!;
    const https = await import("node:https");
    const authorized: boolean[] = [];
    const served = https.createServer(
      { ...server, ca, requestCert: true, rejectUnauthorized: false },
      (request, out) => {
        authorized.push((request.socket as import("node:tls").TLSSocket).authorized);
        out.end("body");
      },
    );
    await new Promise<void>((done) => served.listen(0, "127.0.0.1", done));
    const url = `https://127.0.0.1:${(served.address() as { port: number }).port}`;
    const certificate = { clientCert: client.cert, clientKey: client.key };
    {
      await using shown = await openHttpObjects(url, { caCert: ca, ...certificate });
      assert.deepEqual(await shown.get("a"), text("body"));
      await using hidden = await openHttpObjects(url, { trustInsecure: true, caCert: otherCa });
      assert.deepEqual(await hidden.get("a"), text("body"));
    }
    await new Promise((done) => served.close(done));
    assert.deepEqual(authorized, [true, false]);
  },
});
