/** The portable core without what Deno and Node.js add to the platform; run in a process without any permission. */

const failed: string[] = [];
for (const name of ["Deno", "process", "Buffer", "global", "setImmediate", "clearImmediate"]) {
  if (!Reflect.deleteProperty(globalThis, name) || name in globalThis) failed.push(name);
}
if (failed.length > 0) throw new Error(`Cannot delete ${failed.join(", ")}`);

const core = await import("../../mod.ts");
const { xorshift } = await import("./xorshift.ts");
const text = new TextEncoder();
const answers: Record<string, unknown> = {};

for (const name of ["sha512-256", "sha256"] as const) {
  const digest = await core.openDigest(name);
  const codecs = new core.CodecStack([]);
  const store = new core.ChunkObjects(new core.MemoryObjects(), { codecs, digest });
  const make = async (blob: Uint8Array) => {
    const index = await core.indexStream([blob.subarray(0, 5), blob.subarray(5)], { digest, store });
    const parts = await Array.fromAsync(core.streamBlob({ index, store, digest }), (part) => part.toHex());
    if (parts.join("") !== blob.toHex()) throw new Error("Cannot read back what was stored");
    return core.encodeIndex(index);
  };
  const hello = await make(text.encode("hello world\n"));
  const noise = await make(xorshift(3 << 20));
  answers[name] = {
    implementation: digest.implementation,
    nullChunk: core.nullChunkId(digest, 262_144),
    computedNullChunk: core.formatChunkId(digest.digest(new Uint8Array(262_144))),
    empty: (await make(new Uint8Array(0))).toHex(),
    hello: hello.toHex(),
    hasHello: await store.has(core.formatChunkId(core.decodeIndex(hello).ids)),
    noiseRows: core.rowCount(core.decodeIndex(noise)),
    noise: new Uint8Array(await crypto.subtle.digest("SHA-256", noise)).toHex(),
    zerosTail: core.formatChunkId(core.decodeIndex(await make(new Uint8Array(600_000))).ids, 64),
  };
}
// Without Deno, this is all that is left for output.
// deno-lint-ignore no-console
console.log(JSON.stringify(answers));
