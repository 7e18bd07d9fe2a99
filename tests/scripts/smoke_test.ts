import assert from "node:assert/strict";
import { smoke } from "../../scripts/smoke.ts";

Deno.test({
  name: "smoke() accepts the program as the launcher starts it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await smoke(decodeURIComponent(new URL("../../scripts/desync", import.meta.url).pathname));
  },
});

Deno.test({
  name: "smoke() rejects a program which fails",
  ignore: Deno.build.os === "windows",
  async fn() {
    await assert.rejects(smoke("false"), /^Error: Cannot accept false: make ended with exit code 1/);
  },
});

Deno.test({
  name: "smoke() rejects a program which restores nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await assert.rejects(smoke("true"), Deno.errors.NotFound);
  },
});
