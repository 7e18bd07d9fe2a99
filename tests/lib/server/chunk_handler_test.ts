import assert from "node:assert/strict";
import type { Chunk } from "../../../lib/chunk.ts";
import { StoreError, UnsupportedError } from "../../../lib/errors.ts";
import { chunkHandler, type ChunkHandlerOptions } from "../../../lib/server/chunk_handler.ts";
import type { ServerDetail } from "../../../lib/server/message.ts";
import { noise } from "../../support/blobs.ts";
import { absentId, chunkOf, digest } from "../../support/chunks.ts";
import { chunkKey, chunkObjects, CODECS, type StoredForm } from "../../support/object_stores.ts";
import { requestOf, type RequestSpec, summaryOf } from "../../support/requests.ts";

const chunk = chunkOf("some data");
const id = chunk.id;
const dir = id.slice(0, 4);
const path = `/${chunkKey(id)}`;
const missing = absentId();

/** A server over a store in memory which has the chunk. */
async function serverOver(
  options: Partial<ChunkHandlerOptions> & { readonly stored?: StoredForm; readonly wire?: StoredForm } = {},
) {
  const { stored = "zstd", wire = "zstd", ...more } = options;
  const { store, add, plant } = chunkObjects(undefined, { form: stored, verify: false });
  await add(chunk);
  const details: ServerDetail[] = [];
  const handler = chunkHandler({
    store,
    target: store,
    codecs: CODECS[wire],
    digest,
    onDetail: (detail) => void details.push(detail),
    ...more,
  });
  return { store, plant, details, ask: (spec: RequestSpec) => handler(requestOf(spec)) };
}

const FORMAT = "400 expected format '/<prefix>/<chunkid>.cacnk\n";
const EXTENSION = "400 invalid chunk extension, verify compression and encryption settings\n";
const DOTS =
  "400 requested chunk with an unexpected file extension, this server expects '<chunkid>.cacnk', " +
  "verify compression and encryption settings\n";
const NOT_AN_ID = "400 invalid chunk id: expected 64 hexadecimal digits\n";

interface PathRow {
  readonly target: string;
  /** Status and body. */
  readonly answer: string;
}

const PATHS: readonly PathRow[] = [
  { target: "/", answer: EXTENSION },
  { target: "", answer: EXTENSION },
  { target: "*", answer: EXTENSION },
  { target: "/etc/passwd", answer: EXTENSION },
  { target: `/${dir}/${id}`, answer: EXTENSION },
  { target: `${path}/`, answer: EXTENSION },
  { target: `${path}%00`, answer: EXTENSION },
  { target: `${path}.`, answer: EXTENSION },
  { target: path.toUpperCase(), answer: EXTENSION },
  { target: `/${dir}/${id}%2ecacnk`, answer: EXTENSION },
  { target: `/${dir}/${id}.cacnk.xchacha20-poly1305-630dcd29`, answer: EXTENSION },
  { target: `/${dir}/${id}#.cacnk`, answer: NOT_AN_ID },
  { target: `${path}.cacnk`, answer: DOTS },
  { target: `/${dir}/.${id}.cacnk`, answer: DOTS },
  { target: "/../../x.y.cacnk", answer: DOTS },
  { target: "/.cacnk", answer: FORMAT },
  { target: ".cacnk", answer: FORMAT },
  { target: "/x.cacnk", answer: FORMAT },
  { target: "/abc/abc.cacnk", answer: FORMAT },
  { target: `/${id}.cacnk`, answer: FORMAT },
  { target: `/${id}/${id}.cacnk`, answer: FORMAT },
  { target: `${dir}/${id}.cacnk`, answer: FORMAT },
  { target: `//${dir}/${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}//${id}.cacnk`, answer: FORMAT },
  { target: `/./${dir}/${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}/./${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}/../${dir}/${id}.cacnk`, answer: FORMAT },
  { target: `/..${path}`, answer: FORMAT },
  { target: `/../../../../etc/passwd.cacnk`, answer: FORMAT },
  { target: `/%2e%2e${path}`, answer: FORMAT },
  { target: `/..%2f..%2f${dir}%2f${id}.cacnk`, answer: DOTS },
  { target: `/%2e%2e%2f%2e%2e%2fetc%2fpasswd.cacnk`, answer: FORMAT },
  { target: `/${dir}%2f${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}%5c${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}\\${id}.cacnk`, answer: FORMAT },
  { target: `\\${dir}\\${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}/..\\..\\${id}.cacnk`, answer: DOTS },
  { target: `/${dir}/${id}%00.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id}\0.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id.slice(0, 63)}%.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id.slice(0, 63)}g.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id.slice(0, 63)}.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id}0.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id} .cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/${id}\n.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir}/ ${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}/%${id}.cacnk`, answer: FORMAT },
  { target: `/${dir}/${"0".repeat(60_000)}.cacnk`, answer: FORMAT },
  { target: `/0000/${"0".repeat(60_000)}.cacnk`, answer: NOT_AN_ID },
  { target: `/${dir.toUpperCase()}/${id}.cacnk`, answer: FORMAT },
  { target: `/0000/${id}.cacnk`, answer: FORMAT },
  { target: `http://host${path}`, answer: FORMAT },
  { target: `https://user:secret@host${path}`, answer: FORMAT },
  { target: `http://host/../..${path}`, answer: FORMAT },
  { target: `file://${path}`, answer: FORMAT },
  { target: `ｘ${path}`, answer: FORMAT },
  { target: `/${dir}/${id.replace(/^./, "０")}.cacnk`, answer: FORMAT },
  { target: `/CON/${id}.cacnk`, answer: FORMAT },
  { target: `/?${path}`, answer: EXTENSION },
  { target: `/0000/${missing}.cacnk`, answer: FORMAT },
  { target: `/${chunkKey(missing)}`, answer: `404 chunk ${missing} not found` },
  { target: `/${chunkKey(missing)}?..`, answer: `404 chunk ${missing} not found` },
];

Deno.test.each(PATHS.map((row, number) => ({ ...row, number })))(
  "chunkHandler() answers path $number of the corpus as it should",
  async ({ target, answer }) => {
    const { ask, details } = await serverOver();
    assert.equal(summaryOf(await ask({ target })), answer);
    assert.equal((await ask({ target, method: "HEAD" })).status, Number(answer.slice(0, 3)));
    const { status } = await ask({ target, method: "PUT", body: "anything" });
    if (answer.startsWith("400")) assert.equal(status, 400);
    assert.deepEqual(details, []);
  },
);

Deno.test("chunkHandler() accepts upper-case digits and a query", async () => {
  const { ask } = await serverOver();
  const upper = id.toUpperCase();
  for (const target of [`/${upper.slice(0, 4)}/${upper}.cacnk`, `${path}?`, `${path}?x=/../y.z`]) {
    const { status, body } = await ask({ target });
    assert.equal(status, 200, target);
    assert.deepEqual(CODECS.zstd.decode(body!, 100), chunk.plain());
  }
});

Deno.test.each(
  [
    { stored: "zstd", wire: "zstd" },
    { stored: "zstd", wire: "plain" },
    { stored: "plain", wire: "zstd" },
    { stored: "plain", wire: "plain" },
  ] as const,
)("chunkHandler() gives and takes $wire where $stored is stored", async ({ stored, wire }) => {
  const { ask, store } = await serverOver({ stored, wire, verifyWrite: true });
  const { status, headers, body } = await ask({ target: `/${chunkKey(id, wire)}` });
  assert.equal(status, 200);
  assert.deepEqual(CODECS[wire].decode(body!, 100), chunk.plain());
  assert.equal(headers["Content-Type"], "application/octet-stream");
  assert.equal(headers["X-Content-Type-Options"], "nosniff");
  assert.equal(headers["Cache-Control"], "public, max-age=31536000, immutable");
  assert.equal(headers["ETag"], `"${id}${CODECS[wire].extension}"`);
  const added = chunkOf(noise(5000));
  const form = added.storedAs(CODECS[wire]) as Uint8Array<ArrayBuffer>;
  assert.equal(
    (await ask({ method: "PUT", target: `/${chunkKey(added.id, wire)}`, body: form })).status,
    200,
  );
  assert.deepEqual((await store.get(added.id))?.plain(), added.plain());
});

Deno.test("chunkHandler() passes stored bytes on as they are, even if they are damaged", async () => {
  const { ask, plant } = await serverOver();
  const bytes = noise(1000);
  await plant(missing, bytes);
  assert.deepEqual((await ask({ target: `/${chunkKey(missing)}` })).body, bytes);
});

Deno.test("chunkHandler() answers 500 for a chunk that it cannot convert, and tells its owner why", async () => {
  const { ask, plant, details } = await serverOver({ wire: "plain" });
  await plant(missing, noise(1000));
  assert.equal(
    summaryOf(await ask({ target: `/${chunkKey(missing, "plain")}` })),
    "500 internal server error\n",
  );
  assert.deepEqual(details.map(({ text }) => text), [`failed to retrieve chunk ${missing}`]);
});

Deno.test("chunkHandler() of plain chunks refuses compressed ones", async () => {
  const { ask } = await serverOver({ wire: "plain" });
  assert.equal(
    summaryOf(await ask({ target: path })),
    "400 requested chunk with an unexpected file extension, this server expects '<chunkid>', " +
      "verify compression and encryption settings\n",
  );
  assert.equal(summaryOf(await ask({ target: "/abc" })), "400 expected format '/<prefix>/<chunkid>\n");
});

Deno.test.each(["POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "", "GET "])(
  "chunkHandler() answers 405 for the method %s, after the path",
  async (method) => {
    const { ask } = await serverOver();
    const reply = await ask({ method, target: path });
    assert.equal(summaryOf(reply), "405 only GET, PUT and HEAD are supported");
    assert.equal(reply.headers["Allow"], "GET, HEAD, PUT");
    assert.equal((await ask({ method, target: "/x" })).status, 400);
  },
);

Deno.test("chunkHandler() checks authorization before all else", async () => {
  const { ask, store } = await serverOver({ authorization: "Bearer s€cret" });
  const bytes = String.fromCharCode(...new TextEncoder().encode("Bearer s€cret"));
  for (const wrong of [undefined, "", "Bearer s", "Bearer s€cret", `${bytes} `, bytes.toLowerCase()]) {
    const headers: Record<string, string> = wrong === undefined ? {} : { authorization: wrong };
    for (
      const [method, target] of [["GET", path], ["GET", "/x"], ["DELETE", path], [
        "PUT",
        `/${chunkKey(missing)}`,
      ]]
    ) {
      const reply = await ask({ method: method!, target: target!, headers, body: "x" });
      assert.equal(summaryOf(reply), "401 Unauthorized\n");
      assert.equal(reply.headers["WWW-Authenticate"], undefined);
    }
  }
  assert.equal(await store.has(missing), false);
  const reply = await ask({ target: path, headers: { authorization: bytes } });
  assert.equal(reply.status, 200);
  assert.match(reply.headers["Cache-Control"]!, /^private/);
});

Deno.test("chunkHandler() answers HEAD by asking whether the chunk is there", async () => {
  const { ask, plant } = await serverOver();
  await plant(missing, new Uint8Array());
  for (const target of [path, `/${chunkKey(missing)}`]) {
    const reply = await ask({ method: "HEAD", target });
    assert.deepEqual([reply.status, reply.body], [200, undefined]);
  }
  const reply = await ask({ method: "HEAD", target: `/${chunkKey(absentId(1))}` });
  assert.deepEqual([reply.status, reply.body], [404, undefined]);
});

interface ConditionRow {
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  readonly range?: readonly [number, number];
}

/** Of the plain form. */
const ETAG = `"${id}"`;

const CONDITIONS: readonly ConditionRow[] = [
  { headers: { "if-none-match": ETAG }, status: 304 },
  { headers: { "if-none-match": `"x", W/${ETAG}` }, status: 304 },
  { headers: { "if-none-match": "*" }, status: 304 },
  { headers: { "if-none-match": `"${id}.cacnk"` }, status: 200 },
  { headers: { "if-none-match": "" }, status: 200 },
  { headers: { range: "bytes=0-0" }, status: 206, range: [0, 1] },
  { headers: { range: "bytes=2-" }, status: 206, range: [2, 9] },
  { headers: { range: "bytes=-3" }, status: 206, range: [6, 9] },
  { headers: { range: "bytes=-100" }, status: 206, range: [0, 9] },
  { headers: { range: "bytes=3-1000000" }, status: 206, range: [3, 9] },
  { headers: { range: "bytes=9-" }, status: 416 },
  { headers: { range: "bytes=-0" }, status: 416 },
  { headers: { range: "bytes=5-3" }, status: 200 },
  { headers: { range: "bytes=-" }, status: 200 },
  { headers: { range: "bytes=0-1,4-5" }, status: 200 },
  { headers: { range: "bytes=a-b" }, status: 200 },
  { headers: { range: "items=0-1" }, status: 200 },
  { headers: { range: "bytes=0-99999999999999999999" }, status: 200 },
  { headers: { range: "bytes=1-2", "if-range": ETAG }, status: 206, range: [1, 3] },
  { headers: { range: "bytes=1-2", "if-range": `"other"` }, status: 200 },
  { headers: { range: "bytes=1-2", "if-range": `W/${ETAG}` }, status: 200 },
  { headers: { range: "bytes=1-2", "if-range": "Sat, 21 Nov 2026 05:16:03 GMT" }, status: 200 },
  { headers: { range: "bytes=1-2", "if-none-match": ETAG }, status: 304 },
];

Deno.test.each(CONDITIONS)("chunkHandler() answers GET with $headers", async ({ headers, status, range }) => {
  const { ask } = await serverOver({ wire: "plain" });
  const reply = await ask({ target: `/${chunkKey(id, "plain")}`, headers });
  assert.equal(reply.status, status);
  const size = chunk.plain().length;
  if (status === 200) assert.deepEqual(reply.body, chunk.plain());
  else if (range !== undefined) {
    assert.deepEqual(reply.body, chunk.plain().subarray(...range));
    assert.equal(reply.headers["Content-Range"], `bytes ${range[0]}-${range[1] - 1}/${size}`);
  } else if (status === 416) assert.equal(reply.headers["Content-Range"], `bytes */${size}`);
  else assert.equal(reply.body, undefined);
});

Deno.test("chunkHandler() does not say that an absent chunk has not changed", async () => {
  const { ask } = await serverOver();
  const headers = { "if-none-match": "*" };
  assert.equal((await ask({ target: `/${chunkKey(missing)}`, headers })).status, 404);
});

Deno.test("chunkHandler() refuses PUT unless it has a target", async () => {
  const { ask } = await serverOver({ target: undefined });
  const reply = await ask({ method: "PUT", target: path, body: "x" });
  assert.equal(summaryOf(reply), "400 writing to upstream chunk store is not enabled\n");
});

Deno.test("chunkHandler() verifies what is written if it is told to", async () => {
  const wrong = chunkOf("something else");
  const body = wrong.storedAs(CODECS.zstd) as Uint8Array<ArrayBuffer>;
  const target = `/${chunkKey(missing)}`;
  const strict = await serverOver({ verifyWrite: true });
  assert.equal(
    summaryOf(await strict.ask({ method: "PUT", target, body })),
    `400 chunk id ${missing} does not match its hash ${wrong.id}\n`,
  );
  const garbled = summaryOf(await strict.ask({ method: "PUT", target, body: "garbage" }));
  assert.match(garbled, new RegExp(`^400 invalid chunk ${missing}: cannot be decoded`));
  assert.equal(await strict.store.has(missing), false);
  assert.deepEqual(strict.details, []);
  const lenient = await serverOver();
  assert.equal((await lenient.ask({ method: "PUT", target, body: "garbage" })).status, 200);
  assert.equal(await lenient.store.has(missing), true);
});

Deno.test("chunkHandler() answers 500 for an empty chunk", async () => {
  for (const verifyWrite of [false, true]) {
    const { ask, store } = await serverOver({ verifyWrite });
    const reply = await ask({ method: "PUT", target: `/${chunkKey(missing)}`, body: "" });
    assert.equal(summaryOf(reply), "500 internal server error\n");
    assert.equal(await store.has(missing), false);
  }
});

Deno.test("chunkHandler() answers 413 for a body that is too large", async () => {
  const { ask, store } = await serverOver({ maxBodySize: 10 });
  const target = `/${chunkKey(missing)}`;
  assert.equal(
    summaryOf(await ask({ method: "PUT", target, body: "x".repeat(11) })),
    "413 chunk is too large\n",
  );
  assert.equal(await store.has(missing), false);
  assert.equal((await ask({ method: "PUT", target, body: "x".repeat(10) })).status, 200);
});

Deno.test("chunkHandler() tells failures to its owner alone", async () => {
  const failure = new StoreError("https://secret-host/", "read from", { reason: "disk failed" });
  const fail = () => Promise.reject(failure);
  const broken = {
    location: "broken:",
    has: fail,
    get: fail,
    put: fail,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const { ask, details } = await serverOver({ store: broken, target: broken });
  const rows = [
    { method: "GET", text: `failed to retrieve chunk ${id}` },
    { method: "HEAD", text: `failed to check chunk ${id}` },
    { method: "PUT", text: `failed to store chunk ${id}`, body: "x" },
  ];
  for (const { text, ...spec } of rows) {
    assert.equal(summaryOf(await ask({ ...spec, target: path })), "500 internal server error\n");
    assert.deepEqual(details.pop(), { text, error: failure });
  }
  const bodyError = new Error("connection reset");
  const reply = await ask({ method: "PUT", target: path, bodyError });
  assert.equal(summaryOf(reply), "500 failed to read request body\n");
  assert.deepEqual(details.pop(), { text: `failed to read chunk ${id} from client`, error: bodyError });
});

Deno.test("chunkHandler() is silent about failures that come of the client's going", async () => {
  const signal = AbortSignal.abort();
  const { ask, details } = await serverOver();
  await ask({ target: path, signal });
  assert.deepEqual(details, []);
});

Deno.test("chunkHandler() answers 400 if the store cannot be written to after all", async () => {
  const { ask, details } = await serverOver({
    target: {
      location: "ro:",
      has: () => Promise.resolve(false),
      get: () => Promise.resolve(undefined),
      put: (_chunk: Chunk) => Promise.reject(new UnsupportedError("Cannot write")),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  });
  const reply = await ask({ method: "PUT", target: path, body: "x" });
  assert.equal(summaryOf(reply), "400 upstream chunk store does not support writing\n");
  assert.equal(details[0]!.text, "upstream chunk store 'ro:' does not support writing");
});
