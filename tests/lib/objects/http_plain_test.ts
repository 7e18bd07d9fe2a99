import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { type ByteConnection, HttpConnection } from "../../../lib/objects/http_connection.ts";
import { openFetchTransport } from "../../../lib/objects/http_fetch.ts";
import { framingOf, MAX_HEAD_SIZE, parseChunkSize, parseHead } from "../../../lib/objects/http_head.ts";
import { openPlainBody } from "../../../lib/objects/http_plain_body.ts";
import { openPlainTransport } from "../../../lib/objects/http_plain.ts";
import { HttpFailure, type HttpTransport } from "../../../lib/objects/http_transport.ts";
import { serveRaw } from "../../support/http_servers.ts";

/** What arrived of an answer. */
interface Received {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const toText = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** A connection over which `pieces` arrive. */
function arriving(pieces: readonly Uint8Array[]): ByteConnection {
  const left = pieces.filter((piece) => piece.length > 0);
  return {
    read(into) {
      const piece = left.shift();
      if (piece === undefined) return Promise.resolve(null);
      const part = piece.subarray(0, into.length);
      into.set(part);
      if (part.length < piece.length) left.unshift(piece.subarray(part.length));
      return Promise.resolve(part.length);
    },
    write: (data) => Promise.resolve(data.length),
    close() {},
  };
}

/** Parses an answer to GET that arrives in pieces. @returns `undefined` if it is refused. */
async function parse(pieces: readonly Uint8Array[]): Promise<Received | undefined> {
  const connection = new HttpConnection(arriving(pieces));
  try {
    const text = await connection.readHead(MAX_HEAD_SIZE);
    if (text === undefined) return undefined;
    const head = parseHead(text);
    const body = await openPlainBody(connection, framingOf(head, "GET")).readAll(1e6);
    return { status: head.status, type: head.headers.get("content-type"), body: toText(body) };
  } catch (error) {
    assert.ok(error instanceof HttpFailure, `${error}`);
    return undefined;
  }
}

/** Sends GET by a transport. @returns `undefined` if the answer is refused. */
async function request(transport: HttpTransport, origin: string): Promise<Received | undefined> {
  try {
    const response = await transport.send({ method: "GET", origin, target: "/", headers: [] });
    const type = response.header("content-type");
    return { status: response.status, type, body: toText(await response.bytes(1e6)) };
  } catch (error) {
    assert.ok(error instanceof HttpFailure, `${error}`);
    return undefined;
  }
}

function split(bytes: Uint8Array, at: readonly number[]): readonly Uint8Array[] {
  const cuts = [0, ...at.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((cut, i) => bytes.subarray(cuts[i], cut));
}

const byteText = fc.uint8Array({ maxLength: 40 }).map(toText);
const body = fc.oneof(byteText, fc.integer({ min: 0, max: 20_000 }).map((size) => "x".repeat(size)));
const status = fc.constantFrom("200 OK", "200", "200 ", "404 Not Found", "500 Ä", "299 a\tb", "999 X");
const extra = fc.constantFrom(
  "",
  "Content-Type: a/b\r\n",
  "content-type:a/b \t\r\n",
  "X-Empty:\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive, X\r\n",
  "X: \xe4\r\nX: b\r\n",
);
const chunked = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 30 }).map(toText), fc.boolean()))
  .map(
    (pieces) => {
      const lines = pieces.map(([piece, upper]) => {
        const size = piece.length.toString(16);
        return `${upper ? `0${size.toUpperCase()};x=y` : size}\r\n${piece}\r\n`;
      });
      return `Transfer-Encoding: chunked\r\n\r\n${lines.join("")}0\r\n\r\n`;
    },
  );
const framed = fc.oneof(body.map((text) => `Content-Length: ${text.length}\r\n\r\n${text}`), chunked);
/** Answers that nobody can misunderstand. */
const answer = fc.tuple(fc.constantFrom("", "HTTP/1.1 100 Continue\r\n\r\n"), status, extra, framed).map(
  ([interim, line, header, rest]) => ({ interim, text: `HTTP/1.1 ${line}\r\n${header}${rest}` }),
);

Deno.test("an answer is the same in whatever pieces it arrives", async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.array(fc.nat()), async ({ text }, at) => {
      const bytes = latin1(text);
      const whole = await parse([bytes]);
      assert.ok(whole !== undefined, text);
      assert.deepEqual(await parse(split(bytes, at)), whole);
      assert.deepEqual(await parse(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), whole);
    }),
    { numRuns: 200 },
  );
});

Deno.test("an answer that ends too soon is refused wherever it ends", async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.nat(), async ({ text }, at) => {
      const bytes = latin1(text);
      assert.equal(await parse([bytes.subarray(0, at % bytes.length)]), undefined);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a changed answer is understood as a value or an error, in whatever pieces it arrives", async () => {
  const change = fc.tuple(fc.nat(), fc.constantFrom(..."\0\r\n\t :;,-0159aFxH/.\x7f\xff"), fc.boolean());
  await fc.assert(
    fc.asyncProperty(answer, fc.array(change, { minLength: 1, maxLength: 3 }), fc.array(fc.nat()), async (
      { text },
      changes,
      at,
    ) => {
      let changed = text;
      for (const [where, character, inserts] of changes) {
        const i = where % Math.min(changed.length, 120);
        changed = changed.slice(0, i) + character + changed.slice(inserts ? i : i + 1);
      }
      const bytes = latin1(changed);
      assert.deepEqual(await parse(split(bytes, at)), await parse([bytes]));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("the plain transport and fetch understand answers alike", async () => {
  let pieces: readonly Uint8Array[] = [];
  await using server = serveRaw(async (connection) => {
    if (await connection.request() !== undefined) await connection.write(...pieces);
  });
  await using plain = openPlainTransport({ concurrency: 1 });
  await using fetching = openFetchTransport({ concurrency: 1 });
  await fc.assert(
    fc.asyncProperty(answer, fc.array(fc.nat(), { maxLength: 8 }), fc.option(fc.nat()), async (
      { interim, text },
      at,
      cut,
    ) => {
      const all = latin1(interim + text);
      pieces = split(cut === null ? all : all.subarray(0, cut % all.length), at);
      const received = await request(plain, server.url);
      assert.deepEqual(received, await request(fetching, server.url));
      assert.equal(received === undefined, cut !== null);
    }),
    { numRuns: 150 },
  );
});

Deno.test.each([
  "",
  "HTTP/1.1",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1 099 OK",
  "HTTP/2.0 200 OK",
  "http/1.1 200 OK",
  " HTTP/1.1 200 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1 200 OK\nX: 1",
  "HTTP/1.1 200 O\0K",
  "HTTP/1.1 200 OK\r\nX",
  "HTTP/1.1 200 OK\r\n: 1",
  "HTTP/1.1 200 OK\r\nX : 1",
  "HTTP/1.1 200 OK\r\nX: 1\r\n folded",
  "HTTP/1.1 200 OK\r\nX: 1\rY: 2",
  "HTTP/1.1 200 OK\r\nX: \x7f",
])("parseHead() refuses %j", (text) => {
  assert.throws(() => parseHead(text), HttpFailure);
});

Deno.test.each([
  { head: "HTTP/1.1 200 OK", keepsAlive: true },
  { head: "HTTP/1.1 200 OK\r\nConnection: Close", keepsAlive: false },
  { head: "HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: y, close", keepsAlive: false },
  { head: "HTTP/1.0 200 OK", keepsAlive: false },
  { head: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive", keepsAlive: true },
])("parseHead() tells whether the connection stays: $head", ({ head, keepsAlive }) => {
  assert.equal(parseHead(head).keepsAlive, keepsAlive);
});

Deno.test.each([
  { lines: "content-length: 5", framing: { kind: "size", size: 5 } },
  { lines: "content-length: 5\r\ncontent-length: 5", framing: { kind: "size", size: 5 } },
  { lines: "transfer-encoding: Chunked", framing: { kind: "chunked" } },
  { lines: "x: y", framing: { kind: "close" } },
  { lines: "content-length: 5\r\ncontent-length: 6", framing: undefined },
  { lines: "content-length: 5, 6", framing: undefined },
  { lines: "content-length: +5", framing: undefined },
  { lines: "content-length: 0x5", framing: undefined },
  { lines: "content-length: ", framing: undefined },
  { lines: "content-length: 9007199254740992", framing: undefined },
  { lines: "transfer-encoding: gzip, chunked", framing: undefined },
  { lines: "transfer-encoding: chunked\r\ntransfer-encoding: chunked", framing: undefined },
  { lines: "transfer-encoding: chunked\r\ncontent-length: 5", framing: undefined },
])("framingOf() a head with $lines", ({ lines, framing }) => {
  const head = parseHead(`HTTP/1.1 200 OK\r\n${lines}`);
  if (framing === undefined) assert.throws(() => framingOf(head, "GET"), HttpFailure);
  else assert.deepEqual(framingOf(head, "GET"), framing);
});

Deno.test("framingOf() expects no body after HEAD, 204 and 304", () => {
  const head = (status: number) => parseHead(`HTTP/1.1 ${status} X\r\ncontent-length: 5`);
  assert.deepEqual(framingOf(head(200), "HEAD"), { kind: "size", size: 0 });
  assert.deepEqual(framingOf(head(204), "GET"), { kind: "size", size: 0 });
  assert.deepEqual(framingOf(head(304), "GET"), { kind: "size", size: 0 });
});

Deno.test("parseChunkSize() reads hexadecimal digits and passes over extensions", () => {
  assert.deepEqual(["0", "00a", "FF", "1f ;x", "fffffffffffff"].map(parseChunkSize), [
    0,
    10,
    255,
    31,
    2 ** 52 - 1,
  ]);
  for (const line of ["", " 1", "-1", "0x1", "1 2", "g", "1;\0", "10000000000000"]) {
    assert.throws(() => parseChunkSize(line), HttpFailure, line);
  }
});

Deno.test("HttpConnection limits heads and lines", async () => {
  const connect = (text: string) => new HttpConnection(arriving([latin1(text)]));
  assert.equal((await connect("a".repeat(96) + "\r\n\r\n").readHead(100))?.length, 96);
  await assert.rejects(connect("a".repeat(97) + "\r\n\r\n").readHead(100), HttpFailure);
  await assert.rejects(connect("a".repeat(100_000)).readHead(MAX_HEAD_SIZE), HttpFailure);
  assert.equal(await connect("a".repeat(99) + "\r\nb").readLine(100), "a".repeat(99));
  await assert.rejects(connect("a".repeat(100_000) + "\r\n").readLine(100), HttpFailure);
  await assert.rejects(connect("a\nb\r\n").readLine(100), HttpFailure);
});
