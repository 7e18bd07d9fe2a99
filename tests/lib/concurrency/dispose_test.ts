import assert from "node:assert/strict";
import { disposeAll } from "../../../lib/concurrency/dispose.ts";

/** Resources which note that they were disposed of; some fail. */
function resources(...failures: readonly (Error | undefined)[]) {
  const disposed: number[] = [];
  const list = failures.map((failure, i) => ({
    [Symbol.asyncDispose]() {
      disposed.push(i);
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
  }));
  return { disposed, list };
}

Deno.test("disposeAll() disposes of all", async () => {
  const { disposed, list } = resources(undefined, undefined, undefined);
  await disposeAll(list);
  assert.deepEqual(disposed, [0, 1, 2]);
  await disposeAll([]);
});

Deno.test("disposeAll() goes on after a failure, and throws it", async () => {
  const failure = new Error("stuck");
  const { disposed, list } = resources(undefined, failure, undefined);
  await assert.rejects(disposeAll(list), (error) => error === failure);
  assert.deepEqual(disposed, [0, 1, 2]);
});

Deno.test("disposeAll() throws an AggregateError of several failures", async () => {
  const failures = [new Error("one"), new Error("two")];
  const { disposed, list } = resources(failures[0], undefined, failures[1]);
  await assert.rejects(disposeAll(list), (error) => {
    assert.ok(error instanceof AggregateError);
    assert.deepEqual(error.errors, failures);
    return true;
  });
  assert.deepEqual(disposed, [0, 1, 2]);
});
