import assert from "node:assert/strict";
import { IndexMissingError, StoreError, UnsupportedError } from "../../../lib/errors.ts";
import { decodeIndex, encodeIndex, type Index } from "../../../lib/format/index_file.ts";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { indexHandler, type IndexHandlerOptions } from "../../../lib/server/index_handler.ts";
import type { ServerDetail } from "../../../lib/server/message.ts";
import { IndexObjects } from "../../../lib/store/index_objects.ts";
import type { WritableIndexStore } from "../../../lib/store/types.ts";
import { digest } from "../../support/chunks.ts";
import { fakeIndex } from "../../support/fake_indexes.ts";
import { requestOf, type RequestSpec, summaryOf } from "../../support/requests.ts";

const index = fakeIndex([{ id: 1, size: 50 }, { id: 2, size: 60 }]);
const bytes = encodeIndex(index);
/** As if it were made with SHA-256. */
const otherDigest: Index = { ...index, flags: index.flags & ~0x2000_0000_0000_0000n };

async function serverOver(options: Partial<IndexHandlerOptions> = {}) {
  const objects = new MemoryObjects();
  const store = new IndexObjects(objects);
  await store.put("x.caibx", index);
  const details: ServerDetail[] = [];
  const onDetail = (detail: ServerDetail) => void details.push(detail);
  const handler = indexHandler({ store, target: store, digest, onDetail, ...options });
  return { store, objects, details, ask: (spec: RequestSpec) => handler(requestOf(spec)) };
}

interface NameRow {
  readonly target: string;
  readonly status: number;
}

const NAMES: readonly NameRow[] = [
  { target: "/x.caibx", status: 200 },
  { target: "/x.caibx?", status: 200 },
  { target: "/x.caibx?y=/../z", status: 200 },
  { target: "/any/dir/x.caibx", status: 200 },
  { target: "/%78.caibx", status: 200 },
  { target: "/x%2ecaibx", status: 200 },
  { target: "/dir%2fx.caibx", status: 200 },
  { target: "/y.caibx", status: 404 },
  { target: "/X.caibx", status: 404 },
  { target: "/x.caibx%20", status: 404 },
  { target: "/etc/passwd", status: 404 },
  { target: "/...", status: 404 },
  { target: "/x.caibx#", status: 404 },
  { target: `/${"x".repeat(60_000)}`, status: 404 },
  { target: "", status: 400 },
  { target: "*", status: 400 },
  { target: "/", status: 400 },
  { target: "//", status: 400 },
  { target: "/?/x.caibx", status: 400 },
  { target: "//x.caibx", status: 400 },
  { target: "/dir//x.caibx", status: 400 },
  { target: "/x.caibx/", status: 400 },
  { target: "/.", status: 400 },
  { target: "/..", status: 400 },
  { target: "/./x.caibx", status: 400 },
  { target: "/../x.caibx", status: 400 },
  { target: "/dir/../x.caibx", status: 400 },
  { target: "/x.caibx/..", status: 400 },
  { target: "/%2e", status: 400 },
  { target: "/%2e%2e", status: 400 },
  { target: "/.%2E/x.caibx", status: 400 },
  { target: "/%2e%2e%2fx.caibx", status: 400 },
  { target: "/..%2f..%2fetc%2fpasswd", status: 400 },
  { target: "/%2fetc%2fpasswd", status: 400 },
  { target: "/%2f", status: 400 },
  { target: "/..%5c..%5cx.caibx", status: 400 },
  { target: "/dir%5cx.caibx", status: 400 },
  { target: "/dir\\x.caibx", status: 400 },
  { target: "/..\\x.caibx", status: 400 },
  { target: "\\x.caibx", status: 400 },
  { target: "/x.caibx%00", status: 400 },
  { target: "/x.caibx%00.txt", status: 400 },
  { target: "/x.caibx\0", status: 400 },
  { target: "/%", status: 400 },
  { target: "/%zz", status: 400 },
  { target: "/x.caibx%2", status: 400 },
  { target: "/%ff%fe", status: 400 },
  { target: "/%c0%ae%c0%ae/x.caibx", status: 400 },
  { target: "/%252e%252e", status: 404 },
  { target: "x.caibx", status: 400 },
  { target: "http://host/x.caibx", status: 400 },
  { target: "http://host/../x.caibx", status: 400 },
  { target: "file:///etc/passwd", status: 400 },
];

Deno.test.each(NAMES.map((row, number) => ({ ...row, number })))(
  "indexHandler() answers path $number of the corpus as it should",
  async ({ target, status }) => {
    const { ask, details, objects } = await serverOver();
    const reply = await ask({ target });
    assert.equal(reply.status, status, target);
    assert.equal((await ask({ target, method: "HEAD" })).status, status, target);
    if (status === 200) assert.deepEqual(reply.body, bytes);
    if (status === 404) assert.equal(summaryOf(reply), "404 index not found\n");
    if (status === 400) {
      assert.equal(summaryOf(reply), "400 invalid index name\n");
      assert.equal(summaryOf(await ask({ target, method: "PUT", body: bytes })), "400 invalid index name\n");
      assert.deepEqual(await Array.fromAsync(objects.list("")), ["x.caibx"]);
    }
    assert.deepEqual(details, []);
  },
);

Deno.test("indexHandler() gives validators and ranges, and the same header to HEAD", async () => {
  const { ask, store } = await serverOver();
  const whole = await ask({ target: "/x.caibx" });
  const etag = whole.headers["ETag"]!;
  assert.match(etag, /^"[0-9a-f]{64}"$/);
  assert.equal(whole.headers["Cache-Control"], "no-cache");
  assert.equal(whole.headers["Content-Type"], "application/octet-stream");
  assert.deepEqual((await ask({ target: "/x.caibx", method: "HEAD" })).headers, whole.headers);
  const conditional = { target: "/x.caibx", headers: { "if-none-match": etag } };
  assert.equal((await ask(conditional)).status, 304);
  const part = await ask({ target: "/x.caibx", headers: { range: "bytes=48-63", "if-range": etag } });
  assert.equal(part.status, 206);
  assert.deepEqual(part.body, bytes.subarray(48, 64));
  await store.put("x.caibx", fakeIndex([{ id: 1, size: 50 }]));
  assert.equal((await ask(conditional)).status, 200);
});

Deno.test("indexHandler() gives nothing but indexes that were made with the digest", async () => {
  const { ask, objects, store, details } = await serverOver();
  await objects.put("text", new TextEncoder().encode("not an index"));
  await store.put("other", otherDigest);
  for (const name of ["text", "other"]) {
    assert.equal(summaryOf(await ask({ target: `/${name}` })), "400 failed to retrieve index\n");
    assert.equal((await ask({ target: `/${name}`, method: "HEAD" })).status, 400);
  }
  assert.deepEqual(
    details.map(({ text }) => text),
    ["text", "text", "other", "other"].map((name) => `failed to retrieve index ${name}`),
  );
});

Deno.test("indexHandler() stores an index, and nothing else", async () => {
  const { ask, store } = await serverOver();
  const reply = await ask({ method: "PUT", target: "/dir/new.caibx", body: bytes });
  assert.equal(summaryOf(reply), "200 ");
  assert.deepEqual(await store.get("new.caibx"), decodeIndex(bytes));
  const trailing = new Uint8Array([...bytes, 0]);
  for (const body of ["", "x", "x".repeat(200), bytes.slice(0, -1), trailing, encodeIndex(otherDigest)]) {
    const refused = await ask({ method: "PUT", target: "/bad.caibx", body });
    assert.match(summaryOf(refused), /^415 invalid index: .+\n$/);
  }
  assert.equal(await store.get("bad.caibx"), undefined);
});

Deno.test("indexHandler() refuses PUT unless it has a target, and what is too large", async () => {
  const closed = await serverOver({ target: undefined });
  assert.equal(
    summaryOf(await closed.ask({ method: "PUT", target: "/y", body: bytes })),
    "400 writing to upstream index store is not enabled\n",
  );
  const { ask } = await serverOver({ maxBodySize: bytes.length - 1 });
  assert.equal(
    summaryOf(await ask({ method: "PUT", target: "/y", body: bytes })),
    "413 index is too large\n",
  );
});

Deno.test("indexHandler() checks authorization, then the name, then the method", async () => {
  const { ask } = await serverOver({ authorization: "secret" });
  assert.equal(summaryOf(await ask({ target: "/.." })), "401 Unauthorized\n");
  const headers = { authorization: "secret" };
  assert.equal((await ask({ target: "/..", method: "DELETE", headers })).status, 400);
  assert.equal(
    summaryOf(await ask({ target: "/x", method: "DELETE", headers })),
    "405 only GET, PUT and HEAD are supported",
  );
  assert.equal((await ask({ target: "/x.caibx", headers })).status, 200);
});

Deno.test("indexHandler() maps what stores throw to statuses, and tells its owner alone", async () => {
  const failing = (error: Error): WritableIndexStore => ({
    location: "https://secret-host/",
    get: () => Promise.reject(error),
    put: () => Promise.reject(error),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const ask = async (error: Error, method: string) => {
    const store = failing(error);
    const server = await serverOver({ store, target: store });
    const reply = summaryOf(await server.ask({ method, target: "/x", body: bytes }));
    return [reply, ...server.details.map(({ text }) => text)];
  };
  const failure = new StoreError("https://secret-host/", "get", { reason: "disk failed" });
  assert.deepEqual(await ask(failure, "GET"), [
    "400 failed to retrieve index\n",
    "failed to retrieve index x",
  ]);
  assert.deepEqual(await ask(failure, "PUT"), ["500 internal server error\n", "failed to store index x"]);
  assert.deepEqual(await ask(new IndexMissingError("x"), "GET"), ["404 index not found\n"]);
  assert.deepEqual(await ask(new UnsupportedError("Cannot write"), "PUT"), [
    "400 upstream index store does not support writing\n",
    "upstream index store 'https://secret-host/' does not support writing",
  ]);
  const server = await serverOver();
  const reply = await server.ask({ method: "PUT", target: "/y", bodyError: new Error("reset") });
  assert.equal(summaryOf(reply), "500 failed to read request body\n");
});
