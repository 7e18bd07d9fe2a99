import assert from "node:assert/strict";
import {
  BodyTooLargeError,
  type ServerReply,
  type ServerRequest,
  toFetchHandler,
} from "../../../lib/server/message.ts";

/** Answers with what it was asked. */
async function echo(request: ServerRequest): Promise<ServerReply> {
  let body: Uint8Array<ArrayBuffer>;
  try {
    body = await request.readBody(5);
  } catch (error) {
    assert.ok(error instanceof BodyTooLargeError);
    return { status: 413, headers: {} };
  }
  const text = `${request.method} ${request.target} ${request.remote} ${
    request.header("x-test")
  } ${body.length}`;
  return { status: 200, headers: { "X-Test": "yes" }, body: new TextEncoder().encode(text) };
}

Deno.test("toFetchHandler() adapts a handler to the web's requests", async () => {
  const fetch = toFetchHandler(echo);
  const get = await fetch(new Request("http://h/a%20b?c", { headers: { "X-Test": "1" } }), { remote: "r:1" });
  assert.equal(await get.text(), "GET /a%20b?c r:1 1 0");
  assert.equal(get.headers.get("x-test"), "yes");
  const put = await fetch(new Request("http://h/x", { method: "PUT", body: "12345" }));
  assert.equal(await put.text(), "PUT /x  undefined 5");
  const head = await fetch(new Request("http://h/x", { method: "HEAD" }));
  assert.equal(head.headers.get("content-length"), "20");
  assert.equal(await head.text(), "");
});

Deno.test("toFetchHandler() bounds bodies, with and without a declared length", async () => {
  const fetch = toFetchHandler(echo);
  const bodies = ["123456", ReadableStream.from([new Uint8Array(3), new Uint8Array(3)])];
  for (const body of bodies) {
    const response = await fetch(new Request("http://h/x", { method: "PUT", body }));
    assert.equal(response.status, 413);
    await response.body?.cancel();
  }
});
