/**
 * What every transport has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { StoreError } from "../../lib/errors.ts";
import type { ObjectStore } from "../../lib/objects/objects.ts";
import { noise } from "../support/blobs.ts";

/** An implementation to test. */
export interface ObjectsSuite {
  readonly name: string;
  /** Opens a fresh and empty one. Its disposal, or that of `scope`, ends all that was started for it. */
  readonly open: (scope: AsyncDisposableStack) => Promise<ObjectStore>;
  /** Sentences that do not hold here, and why. @default none */
  readonly skip?: Readonly<Record<string, string>>;
  /** @default false */
  readonly ignore?: boolean;
}

const text = (value: string) => new TextEncoder().encode(value);
const KEY = "bf73/bf73ee1fb7e8bf8f.cacnk";

/** Runs the suite over one implementation. */
export function testObjects(suite: ObjectsSuite): void {
  const unknown = new Set(Object.keys(suite.skip ?? {}));
  const test = (sentence: string, run: (objects: ObjectStore) => Promise<void>) => {
    unknown.delete(sentence);
    Deno.test({
      name: `${suite.name}: ${sentence}`,
      ignore: (suite.ignore ?? false) || suite.skip?.[sentence] !== undefined,
      fn: async () => {
        await using scope = new AsyncDisposableStack();
        await using objects = await suite.open(scope);
        await run(objects);
      },
    });
  };

  test("get() gives what put() was given", async (objects) => {
    const keys = [KEY, "bf73/other", "index.caibx", "üñí/ço de.bin", ".hidden", "a"];
    for (const [i, key] of keys.entries()) await objects.put(key, noise(100 + i, i));
    for (const [i, key] of keys.entries()) {
      assert.equal(await objects.has(key), true);
      assert.deepEqual(await objects.get(key), noise(100 + i, i));
    }
  });

  test("get() gives undefined for what is absent", async (objects) => {
    for (const key of [KEY, "a"]) {
      assert.equal(await objects.get(key), undefined);
      assert.equal(await objects.has(key), false);
      assert.equal(await objects.remove(key), false);
    }
    await objects.put(KEY, text("1"));
    assert.equal(await objects.get(`${KEY}.other`), undefined);
    assert.equal(await objects.get(KEY.slice(0, -1)), undefined);
    assert.equal(await objects.has("bf73/absent"), false);
  });

  test("objects may be empty, and large", async (objects) => {
    await objects.put("a/empty", new Uint8Array());
    await objects.put("a/large", noise(3_000_000));
    assert.equal(await objects.has("a/empty"), true);
    assert.deepEqual(await objects.get("a/empty"), new Uint8Array());
    const large = await objects.get("a/large");
    assert.ok(large?.every((byte, i) => byte === LARGE[i]) && large.length === LARGE.length);
  });

  test("get() gives fresh bytes", async (objects) => {
    await objects.put(KEY, text("shared?"));
    const first = await objects.get(KEY);
    first!.fill(0);
    assert.deepEqual(await objects.get(KEY), text("shared?"));
    assert.equal(first!.buffer.constructor, ArrayBuffer);
  });

  test("put() keeps a copy, also of shared memory and of part of a buffer", async (objects) => {
    const buffer = new Uint8Array(new SharedArrayBuffer(100)).fill(1);
    await objects.put(KEY, buffer.subarray(10, 20));
    buffer.fill(2);
    assert.deepEqual(await objects.get(KEY), new Uint8Array(10).fill(1));
  });

  test("put() replaces an object", async (objects) => {
    await objects.put(KEY, text("a longer one"));
    await objects.put(KEY, text("new"));
    assert.deepEqual(await objects.get(KEY), text("new"));
  });

  test("put() of the same key at the same time leaves one of the objects, whole", async (objects) => {
    const size = 200_000;
    const writers = Array.from({ length: 8 }, (_, i) => objects.put(KEY, new Uint8Array(size).fill(i)));
    const seen = await Promise.all(Array.from({ length: 8 }, () => objects.get(KEY)));
    await Promise.all(writers);
    for (const bytes of [...seen, await objects.get(KEY)]) {
      assert.ok(bytes === undefined || bytes.length === size && bytes.every((byte) => byte === bytes[0]));
    }
    assert.equal((await objects.get(KEY))?.length, size);
  });

  test("calls may run at the same time", async (objects) => {
    const keys = Array.from({ length: 50 }, (_, i) => `${i % 7}/${i}`);
    await Promise.all(keys.map((key) => objects.put(key, text(key))));
    const found = await Promise.all(keys.map((key) => objects.get(key)));
    assert.deepEqual(found, keys.map(text));
    assert.ok((await Promise.all(keys.map((key) => objects.remove(key)))).every((removed) => removed));
    assert.ok((await Promise.all(keys.map((key) => objects.has(key)))).every((there) => !there));
  });

  test("get() refuses objects of more than `maxSize` bytes", async (objects) => {
    await objects.put(KEY, text("12345"));
    assert.deepEqual(await objects.get(KEY, { maxSize: 5 }), text("12345"));
    assert.equal(await objects.get("absent", { maxSize: 1 }), undefined);
    await assert.rejects(objects.get(KEY, { maxSize: 4 }), (error) => {
      assert.ok(error instanceof StoreError);
      assert.match(error.message, /5 bytes/);
      return true;
    });
  });

  test("remove() deletes one object, and says whether it was there", async (objects) => {
    await objects.put("a/1", text("1"));
    await objects.put("a/2", text("2"));
    assert.equal(await objects.remove("a/1"), true);
    assert.equal(await objects.remove("a/1"), false);
    assert.equal(await objects.has("a/1"), false);
    assert.deepEqual(await objects.get("a/2"), text("2"));
    await objects.put("a/1", text("again"));
    assert.deepEqual(await objects.get("a/1"), text("again"));
  });

  test("list() yields every key with the prefix, once", async (objects) => {
    const keys = ["a/1", "a/2", "ab/1", "b", ".tmp"];
    for (const key of keys) await objects.put(key, text(key));
    const list = async (prefix: string) => (await Array.fromAsync(objects.list(prefix))).sort();
    assert.deepEqual(await list(""), [...keys].sort());
    assert.deepEqual(await list("a"), ["a/1", "a/2", "ab/1"]);
    assert.deepEqual(await list("a/"), ["a/1", "a/2"]);
    assert.deepEqual(await list("a/1"), ["a/1"]);
    assert.deepEqual(await list("c"), []);
  });

  test("list() of an empty store yields nothing", async (objects) => {
    assert.deepEqual(await Array.fromAsync(objects.list("")), []);
  });

  test("list() can be left early, and objects removed meanwhile", async (objects) => {
    for (let i = 0; i < 20; i++) await objects.put(`${i % 3}/${i}`, text("x"));
    for await (const _key of objects.list("")) break;
    for await (const key of objects.list("")) assert.equal(await objects.remove(key), true);
    assert.deepEqual(await Array.fromAsync(objects.list("")), []);
  });

  test("every call rejects with the reason of an aborted signal", async (objects) => {
    await objects.put(KEY, text("old"));
    const reason = new Error("interrupted");
    const options = { signal: AbortSignal.abort(reason) };
    const calls = {
      has: () => objects.has(KEY, options),
      get: () => objects.get(KEY, options),
      put: () => objects.put(KEY, text("new"), options),
      remove: () => objects.remove(KEY, options),
      list: () => Array.fromAsync(objects.list("", options)),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call(), (error) => error === reason, name);
    }
    assert.deepEqual(await objects.get(KEY), text("old"));
  });

  test("has a location and says what it can do", (objects) => {
    assert.ok(objects.location.length > 0);
    assert.deepEqual(objects.supports, { write: true, list: true });
    return Promise.resolve();
  });

  assert.deepEqual([...unknown], [], "sentences to skip that are not in the suite");
}

const LARGE = noise(3_000_000);
