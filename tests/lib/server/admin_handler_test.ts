import assert from "node:assert/strict";
import { adminHandler } from "../../../lib/server/admin_handler.ts";
import { requestOf, summaryOf } from "../../support/requests.ts";

Deno.test("adminHandler() tells health, readiness and metrics", async () => {
  let ready = false;
  const handler = adminHandler({ isReady: () => Promise.resolve(ready), metrics: () => "x 1\n" });
  const ask = async (target: string, method = "GET") =>
    summaryOf(await handler(requestOf({ target, method })));
  assert.equal(await ask("/healthz"), "200 ok\n");
  assert.equal(await ask("/readyz"), "503 not ready\n");
  ready = true;
  assert.equal(await ask("/readyz?verbose"), "200 ok\n");
  assert.equal(await ask("/metrics"), "200 x 1\n");
  assert.equal(await ask("/"), "404 not found\n");
  assert.equal(await ask("/metrics", "PUT"), "405 only GET and HEAD are supported\n");
});
