import assert from "node:assert/strict";
import { type CallLimit, GrowingLimit } from "../../../lib/concurrency/call_limit.ts";

const SEEN = 5000;

/** Where a limit ends up with a server that answers after `latency` ms, and has `capacity` calls done in a millisecond. */
function settle(bounds: CallLimit, server: { readonly latency: number; readonly capacity: number }): number {
  let now = 0;
  const limits: number[] = [];
  const limit = new GrowingLimit(bounds, { now: () => now });
  for (let call = 0; call < 20_000; call++) {
    now += Math.max(server.latency / limit.current, 1 / server.capacity);
    limit.done();
    if (call >= 20_000 - SEEN) limits.push(limit.current);
  }
  // Now and then it tries whether more would be better.
  return limits.toSorted((a, b) => a - b)[SEEN / 2]!;
}

Deno.test("GrowingLimit grows while more calls at once get more done", () => {
  const bounds = { start: 10, max: 64 };
  assert.equal(settle(bounds, { latency: 20, capacity: 10 }), 64);
  assert.equal(settle(bounds, { latency: 3, capacity: 8 }), 20);
  assert.equal(settle({ start: 1, max: 100 }, { latency: 8, capacity: 1 }), 8);
});

Deno.test("GrowingLimit stays where it is with a server that is near", () => {
  assert.equal(settle({ start: 10, max: 64 }, { latency: 0.1, capacity: 3 }), 10);
});

Deno.test("GrowingLimit never exceeds its bounds, and stays where they are one", () => {
  assert.equal(settle({ start: 3, max: 3 }, { latency: 1000, capacity: 1000 }), 3);
  assert.equal(settle({ start: 3, max: 7 }, { latency: 1000, capacity: 1000 }), 7);
  assert.equal(new GrowingLimit({ start: 5, max: 9 }).current, 5);
});
