import assert from "node:assert/strict";
import {
  indexStoreOptionsFor,
  loadConfig,
  ociCredentialsFor,
  s3CredentialsFor,
  storeOptionsFor,
} from "../../cli/config.ts";
import { parseConfig } from "../../cli/config_schema.ts";
import { ConfigError } from "../../lib/errors.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const isWindows = Deno.build.os === "windows";

/** Creates a directory with a configuration file for its owner only. */
async function withConfig(json: string | object): Promise<TempDir> {
  const dir = await tempDir();
  const text = typeof json === "string" ? json : JSON.stringify(json);
  await Deno.writeTextFile(dir.join("c.json"), text, { mode: 0o600 });
  return dir;
}

function parse(json: object) {
  return parseConfig(JSON.stringify(json), "c.json").config;
}

function configError(message: string) {
  return (error: unknown) => {
    assert(error instanceof ConfigError);
    assert.equal(error.message, message);
    return true;
  };
}

Deno.test("loadConfig() reads all sections", async () => {
  await using dir = await withConfig({
    "s3-credentials": { "http://h": { "access-key": "a", "secret-key": "s" } },
    "oci-credentials": { "oci+https://h/r": { username: "u", secret: "p" } },
    "store-options": { "/a": { timeout: -1, "error-retry": 0, uncompressed: true }, "/b": null },
  });
  assert.deepEqual(await loadConfig({ path: dir.join("c.json"), env: () => undefined }), {
    path: dir.join("c.json"),
    s3Credentials: new Map([["http://h", { "access-key": "a", "secret-key": "s" }]]),
    ociCredentials: new Map([["oci+https://h/r", { username: "u", secret: "p" }]]),
    storeOptions: new Map([["/a", { timeout: -1, "error-retry": 0, uncompressed: true }], ["/b", {}]]),
    warnings: [],
  });
});

Deno.test({
  name: "loadConfig() finds the file in the home directory, where it may be missing",
  ignore: isWindows,
  async fn() {
    await using dir = await tempDir();
    const env = (name: string) => name === "HOME" ? dir.path : undefined;
    const path = dir.join(".config", "desync", "config.json");
    const nothing = { s3Credentials: undefined, ociCredentials: undefined, storeOptions: undefined };
    assert.deepEqual(await loadConfig({ path: undefined, env }), { path, ...nothing, warnings: [] });
    await Deno.mkdir(dir.join(".config", "desync"), { recursive: true });
    await Deno.writeTextFile(path, '{"store-options": {}}');
    const config = await loadConfig({ path: undefined, env });
    assert.deepEqual([config.path, config.storeOptions], [path, new Map()]);
    assert.equal((await loadConfig({ path: undefined, env: () => "/dev/null" })).storeOptions, undefined);
  },
});

Deno.test("loadConfig() fails if the file that was asked for is missing, unless it may be", async () => {
  await using dir = await tempDir();
  const path = dir.join("c.json");
  const env = () => undefined;
  await assert.rejects(loadConfig({ path, env }), configError(`config file '${path}' does not exist`));
  assert.equal((await loadConfig({ path, env, mayBeMissing: true })).path, path);
});

Deno.test("loadConfig() fails if the file cannot be read", async () => {
  await using dir = await tempDir();
  const problem = loadConfig({ path: dir.path, env: () => undefined });
  await assert.rejects(problem, configError(`cannot read config file '${dir.path}'`));
});

Deno.test("loadConfig() accepts a byte order mark", async () => {
  await using dir = await withConfig('\ufeff{"store-options": {}}');
  const config = await loadConfig({ path: dir.join("c.json"), env: () => undefined });
  assert.equal(config.storeOptions?.size, 0);
});

Deno.test({
  name: "loadConfig() warns of secrets that others can read",
  ignore: isWindows,
  async fn() {
    const secrets: object[] = [
      { "store-options": { a: { "http-auth": "x" } } },
      { "store-options": { a: { "http-cookie": "x" } } },
      { "store-options": { a: { "encryption-key": "x" } } },
      { "s3-credentials": { a: { "secret-key": "x" } } },
      { "oci-credentials": { a: { secret: "x" } } },
    ];
    const harmless = { "store-options": { a: { "ca-cert": "x", "http-auth": "" } } };
    for (const json of [...secrets, harmless]) {
      await using dir = await withConfig(json);
      const path = dir.join("c.json");
      for (const mode of [0o600, 0o640, 0o604]) {
        await Deno.chmod(path, mode);
        const { warnings } = await loadConfig({ path, env: () => undefined });
        const expected = json === harmless || mode === 0o600 ? [] : [
          `config file '${path}' holds secrets that other users can read ('chmod 600' prevents that)`,
        ];
        assert.deepEqual(warnings, expected);
      }
    }
  },
});

Deno.test("storeOptionsFor() gives the record of the pattern that matches, or an empty one", () => {
  const config = parse({
    "store-options": { "https://h/*": { timeout: 1 }, "/srv/*": { timeout: 2 }, here: { timeout: 3 } },
  });
  const options = { directory: "/home/me" };
  assert.deepEqual(storeOptionsFor(config, "https://h/a/", options), { timeout: 1 });
  assert.deepEqual(storeOptionsFor(config, "/srv/a", options), { timeout: 2 });
  assert.deepEqual(storeOptionsFor(config, "/home/me/here", options), { timeout: 3 });
  assert.deepEqual(storeOptionsFor(config, "/srv/a/b", options), {});
  assert.deepEqual(storeOptionsFor(parse({}), "/srv/a"), {});
  assert.deepEqual(storeOptionsFor(config, "here"), { timeout: 3 });
});

Deno.test("storeOptionsFor() refuses two patterns that match, and names them without passwords", () => {
  const config = parse({ "store-options": { "http*://u:p@h/a": {}, "https://u:p@h/a/": {}, "/a": {} } });
  assert.throws(
    () => storeOptionsFor(config, "https://u:p@h/a"),
    configError("more than one store-options entry matches 'https://h/a': 'http*://h/a', 'https://h/a/'"),
  );
});

Deno.test("indexStoreOptionsFor() looks up the place that the index is in", () => {
  const config = parse({
    "store-options": { "https://h/a": { timeout: 1 }, ".": { timeout: 2 }, "/": { timeout: 3 } },
  });
  assert.deepEqual(indexStoreOptionsFor(config, "https://h/a/x.caibx"), { timeout: 1 });
  assert.deepEqual(indexStoreOptionsFor(config, "https://h/x.caibx"), {});
  assert.deepEqual(indexStoreOptionsFor(config, "x.caibx"), { timeout: 2 });
  assert.deepEqual(indexStoreOptionsFor(config, "-"), { timeout: 2 });
  assert.deepEqual(indexStoreOptionsFor(config, "/x.caibx"), { timeout: 3 });
});

Deno.test.each([
  { record: { encryption: true } },
  { record: { "encryption-key": "00" } },
  { record: { "encryption-algorithm": "aes-256-gcm" } },
])("indexStoreOptionsFor() refuses $record", ({ record }) => {
  const config = parse({ "store-options": { "/a": record } });
  assert.throws(
    () => indexStoreOptionsFor(config, "/a/x.caibx"),
    configError("store options for '/a/x.caibx' enable encryption, but indexes are never encrypted"),
  );
  assert.deepEqual(indexStoreOptionsFor(config, "/b/x.caibx"), {});
});

Deno.test("ociCredentialsFor() finds credentials by pattern", () => {
  const config = parse({ "oci-credentials": { "oci+https://h/*": { username: "u" }, "oci+*://h/r": {} } });
  assert.deepEqual(ociCredentialsFor(config, "oci+https://h/s"), { username: "u" });
  assert.equal(ociCredentialsFor(config, "oci+https://other/s"), undefined);
  assert.throws(
    () => ociCredentialsFor(config, "oci+https://h/r"),
    configError(
      "more than one oci-credentials entry matches 'oci+https://h/r': 'oci+https://h/*', 'oci+*://h/r'",
    ),
  );
});

Deno.test("s3CredentialsFor() takes the endpoint itself before patterns", () => {
  const config = parse({
    "s3-credentials": {
      "https://*.com": { "access-key": "a" },
      "https://h.com": { "access-key": "b" },
      "https://h.*": {},
    },
  });
  assert.deepEqual(s3CredentialsFor(config, "https://h.com"), { "access-key": "b" });
  assert.deepEqual(s3CredentialsFor(config, "https://g.com"), { "access-key": "a" });
  assert.equal(s3CredentialsFor(config, "http://g.com"), undefined);
});
