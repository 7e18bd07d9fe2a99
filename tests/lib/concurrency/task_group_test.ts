import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { TaskGroup } from "../../../lib/concurrency/task_group.ts";

/** A call that ends when it is told to, or is cancelled. */
function manualCall() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let signal: AbortSignal | undefined;
  return {
    resolve,
    reject,
    get signal() {
      return signal;
    },
    run(given: AbortSignal): Promise<void> {
      signal = given;
      given.addEventListener("abort", () => reject(given.reason), { once: true });
      return promise;
    },
  };
}

Deno.test("TaskGroup starts calls at once, and settle() waits for them", async () => {
  const group = new TaskGroup({ limit: 2 });
  const calls = [manualCall(), manualCall()] as const;
  for (const call of calls) {
    await group.room();
    group.start((signal) => call.run(signal));
    assert.ok(call.signal);
  }
  assert.equal(group.hasRoom, false);
  let settled = false;
  const settling = group.settle().then(() => settled = true);
  calls[0].resolve();
  await calls[0].run(calls[0].signal!);
  assert.equal(settled, false);
  calls[1].resolve();
  await settling;
  assert.equal(group.hasRoom, true);
});

Deno.test("TaskGroup.room() waits until a call has ended", async () => {
  const group = new TaskGroup({ limit: 1 });
  const call = manualCall();
  group.start((signal) => call.run(signal));
  let hasRoom = false;
  const waiting = group.room().then(() => hasRoom = true);
  await Promise.resolve();
  assert.equal(hasRoom, false);
  call.resolve();
  await waiting;
  assert.equal(group.hasRoom, true);
  await group.settle();
});

Deno.test("TaskGroup cancels the other calls on the first failure, and throws that one", async () => {
  const group = new TaskGroup({ limit: 3 });
  const calls = [manualCall(), manualCall(), manualCall()] as const;
  for (const call of calls) group.start((signal) => call.run(signal));
  const failure = new Error("no space");
  calls[1].reject(failure);
  await assert.rejects(group.settle(), (error) => error === failure);
  assert.equal(calls[0].signal?.reason, failure);
  assert.equal(calls[2].signal?.reason, failure);
  await assert.rejects(group.room(), (error) => error === failure);
});

Deno.test("TaskGroup.room() throws the failure of a call it waits for", async () => {
  const group = new TaskGroup({ limit: 1 });
  const call = manualCall();
  group.start((signal) => call.run(signal));
  const failure = new Error("no space");
  const waiting = group.room();
  call.reject(failure);
  await assert.rejects(waiting, (error) => error === failure);
  await assert.rejects(group.settle(), (error) => error === failure);
});

Deno.test("TaskGroup catches what a call throws at once", async () => {
  const group = new TaskGroup({ limit: 1 });
  const failure = new TypeError("at once");
  group.start(() => {
    throw failure;
  });
  await assert.rejects(group.settle(), (error) => error === failure);
});

Deno.test("TaskGroup passes on its signal, and throws the reason unwrapped", async () => {
  const abort = new AbortController();
  const group = new TaskGroup({ limit: 1, signal: abort.signal });
  const call = manualCall();
  group.start((signal) => call.run(signal));
  const reason = new Error("interrupted");
  const waiting = group.room();
  abort.abort(reason);
  assert.equal(call.signal?.reason, reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(group.settle(), (error) => error === reason);
});

Deno.test("TaskGroup, disposed of, cancels all calls, waits for them, and drops their failures", async () => {
  const calls = [manualCall(), manualCall()] as const;
  const ended: string[] = [];
  const failure = new Error("somewhere else");
  const run = async () => {
    await using group = new TaskGroup({ limit: 2 });
    group.start((signal) => calls[0].run(signal).finally(() => ended.push("first")));
    group.start(async (signal) => {
      await calls[1].run(signal).catch(() => {});
      await Promise.resolve();
      ended.push("second");
      throw new Error("while cleaning up");
    });
    throw failure;
  };
  await assert.rejects(run(), (error) => error === failure);
  assert.deepEqual(ended.sort(), ["first", "second"]);
  assert.equal(calls[0].signal?.reason.name, "AbortError");
});

Deno.test("TaskGroup, disposed of after settle(), leaves finished calls alone", async () => {
  let ended = false;
  {
    await using group = new TaskGroup({ limit: 1 });
    group.start(() => {
      ended = true;
      return Promise.resolve();
    });
    await group.settle();
  }
  assert.ok(ended);
});

Deno.test("TaskGroup never runs more calls than its limit, in whatever order they end", async () => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.integer({ min: 1, max: 4 }),
    fc.array(fc.boolean(), { maxLength: 12 }),
    async (scheduler, limit, outcomes) => {
      let running = 0;
      let ended = 0;
      let most = 0;
      const run = async () => {
        await using group = new TaskGroup({ limit });
        for (const fails of outcomes) {
          await group.room();
          group.start(async () => {
            most = Math.max(most, ++running);
            try {
              await scheduler.schedule(Promise.resolve());
              if (fails) throw new Error("fails");
            } finally {
              running--;
              ended++;
            }
          });
        }
        await group.settle();
      };
      const failure = run().then(() => undefined, (error: unknown) => error);
      await scheduler.waitFor(failure);
      const failed = await failure;
      assert.equal(running, 0);
      assert.ok(most <= limit);
      assert.equal((failed as Error | undefined)?.message, outcomes.includes(true) ? "fails" : undefined);
      if (failed === undefined) assert.equal(ended, outcomes.length);
    },
  );
  await fc.assert(property);
});
