import assert from "node:assert/strict";
import { isProxied } from "../../../lib/objects/http_proxy.ts";

Deno.test.each([
  { env: {}, proxied: false },
  { env: { HTTP_PROXY: "" }, proxied: false },
  { env: { NO_PROXY: "x" }, proxied: false },
  { env: { HTTP_PROXY: "http://proxy" }, proxied: true },
  { env: { https_proxy: "http://proxy" }, proxied: true },
  { env: { ALL_PROXY: "http://proxy" }, proxied: true },
  { env: { HTTP_PROXY: "http://proxy", NO_PROXY: "*" }, proxied: false },
  { env: { HTTP_PROXY: "http://proxy", no_proxy: "other, Store.Example.com" }, proxied: false },
  { env: { HTTP_PROXY: "http://proxy", NO_PROXY: "example.com" }, proxied: false },
  { env: { HTTP_PROXY: "http://proxy", NO_PROXY: ".example.com" }, proxied: false },
  { env: { HTTP_PROXY: "http://proxy", NO_PROXY: "*.example.com" }, proxied: false },
  { env: { HTTP_PROXY: "http://proxy", NO_PROXY: "ample.com,,10.0.0.0/8" }, proxied: true },
])("isProxied() with $env is $proxied", ({ env, proxied }) => {
  const read = (name: string) => (env as Readonly<Record<string, string>>)[name];
  assert.equal(isProxied("https://store.example.com:81/d", read), proxied);
});

Deno.test("isProxied() knows hosts without a name", () => {
  const read = (name: string) => ({ HTTP_PROXY: "http://proxy", NO_PROXY: "::1,127.0.0.1" })[name];
  assert.equal(isProxied("http://[::1]:81/", read), false);
  assert.equal(isProxied("http://127.0.0.1/", read), false);
  assert.equal(isProxied("http://[::2]/", read), true);
  assert.equal(isProxied("no URL", read), true);
});
