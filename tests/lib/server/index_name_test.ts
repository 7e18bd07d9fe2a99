import assert from "node:assert/strict";
import { parseIndexName } from "../../../lib/server/index_name.ts";

Deno.test("parseIndexName() refuses devices, drives and streams on Windows alone", () => {
  for (const name of ["con", "NUL.caibx", "com1", "LPT9.x", "c:x", "x:stream", "x.", "x ", "a*b"]) {
    const target = `/${encodeURIComponent(name)}`;
    assert.equal(parseIndexName(target, { os: "windows" }), undefined, name);
    assert.equal(parseIndexName(target, { os: "linux" }), name);
  }
  assert.equal(parseIndexName("/console.caibx", { os: "windows" }), "console.caibx");
});
