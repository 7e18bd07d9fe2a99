import assert from "node:assert/strict";
import { MemoryObjects } from "../../../lib/objects/memory.ts";
import { testObjects } from "../../conformance/objects.ts";

testObjects({ name: "MemoryObjects", open: () => Promise.resolve(new MemoryObjects()) });

Deno.test("MemoryObjects is called what it is told to be called", () => {
  assert.equal(new MemoryObjects().location, "memory:");
  assert.equal(new MemoryObjects("test:").location, "test:");
});

Deno.test("MemoryObjects forgets its objects when it is disposed of", async () => {
  const objects = new MemoryObjects();
  await objects.put("a", new Uint8Array(1));
  await objects[Symbol.asyncDispose]();
  assert.equal(await objects.has("a"), false);
});
