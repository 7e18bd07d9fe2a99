import assert from "node:assert/strict";
import { StoreError } from "../../../lib/errors.ts";
import { MAX_PAUSE_MS, retry, SYSTEM_CLOCK } from "../../../lib/objects/retry.ts";
import { stillClock } from "../../support/http_transports.ts";

const passing = () => new StoreError("there", "read", { retryable: true });

/** Fails so many times, then gives the number of calls. */
function failing(times: number, error: () => Error = passing): () => Promise<number> {
  let calls = 0;
  return () => ++calls <= times ? Promise.reject(error()) : Promise.resolve(calls);
}

Deno.test.each([
  { tries: 5, failures: 0, pauses: [] },
  { tries: 5, failures: 1, pauses: [100] },
  { tries: 5, failures: 4, pauses: [100, 200, 300, 400] },
])("retry() tries $tries times at most, and pauses longer each time: $failures failures", async (example) => {
  const clock = stillClock();
  const options = { tries: example.tries, baseIntervalMs: 100, clock };
  assert.equal(await retry(failing(example.failures), options), example.failures + 1);
  assert.deepEqual(clock.pauses, example.pauses);
});

Deno.test.each([-1, 0, 1, 2, 5])("retry() with %d tries reports the last failure as it is", async (tries) => {
  const clock = stillClock();
  const errors: Error[] = [];
  const operation = (attempt: number) => {
    const error = passing();
    assert.equal(errors.push(error), attempt);
    return Promise.reject(error);
  };
  await assert.rejects(retry(operation, { tries, baseIntervalMs: 1, clock }), (e) => e === errors.at(-1));
  assert.equal(errors.length, Math.max(1, tries));
  assert.equal(clock.pauses.length, errors.length - 1);
});

Deno.test("retry() does not try again what cannot help", async () => {
  for (const error of [new StoreError("there", "read"), new TypeError("misuse")]) {
    const clock = stillClock();
    const options = { tries: 5, baseIntervalMs: 1, clock };
    await assert.rejects(retry(failing(1, () => error), options), (e) => e === error);
    assert.deepEqual(clock.pauses, []);
  }
});

Deno.test("retry() lets chance shorten a pause by up to a quarter, and never lengthen it", async () => {
  for (const [random, ms] of [[0, 1000], [0.5, 875], [1, 750]] as const) {
    const clock = { ...stillClock(), random: () => random };
    await retry(failing(1), { tries: 2, baseIntervalMs: 1000, clock });
    assert.deepEqual(clock.pauses, [ms]);
  }
});

Deno.test("retry() does not pause at all with an interval of 0", async () => {
  const clock = stillClock();
  assert.equal(await retry(failing(3), { tries: 4, baseIntervalMs: 0, clock }), 4);
  assert.deepEqual(clock.pauses, []);
});

Deno.test.each([
  { asked: undefined, interval: 100, ms: 100 },
  { asked: 50, interval: 100, ms: 100 },
  { asked: 5000, interval: 100, ms: 5000 },
  { asked: 1e9, interval: 100, ms: MAX_PAUSE_MS },
  { asked: 1e9, interval: 90_000, ms: 90_000 },
])("retry() pauses $ms ms if asked for $asked, with an interval of $interval", async (example) => {
  const clock = stillClock();
  const shortestPauseMs = () => example.asked;
  await retry(failing(1), { tries: 2, baseIntervalMs: example.interval, shortestPauseMs, clock });
  assert.deepEqual(clock.pauses, [example.ms]);
});

Deno.test("retry() ends with the reason of the signal: before a try, after one, and within a pause", async () => {
  const reason = new Error("interrupted");
  const options = { tries: 5, baseIntervalMs: 1e6 };
  const isReason = (error: unknown) => error === reason;
  await assert.rejects(retry(failing(0), { ...options, signal: AbortSignal.abort(reason) }), isReason);

  const within = new AbortController();
  const operation = () => {
    within.abort(reason);
    return Promise.reject(passing());
  };
  await assert.rejects(retry(operation, { ...options, signal: within.signal }), isReason);

  const later = new AbortController();
  const sleep = (ms: number, signal?: AbortSignal) => {
    const slept = SYSTEM_CLOCK.sleep(ms, signal);
    later.abort(reason);
    return slept;
  };
  const clock = { ...SYSTEM_CLOCK, sleep };
  await assert.rejects(retry(failing(1), { ...options, signal: later.signal, clock }), isReason);
});
