import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import command from "../../cli/commands/config.ts";
import {
  indexStoreOptionsFor,
  loadConfig,
  ociCredentialsFor,
  s3CredentialsFor,
  storeOptionsFor,
} from "../../cli/config.ts";
import { parseConfig } from "../../cli/config_schema.ts";
import { ConfigError } from "../../lib/errors.ts";
import { runCli } from "../support/cli.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const isWindows = Deno.build.os === "windows";
const EMPTY = '{\n  "s3-credentials": null,\n  "oci-credentials": null,\n  "store-options": null\n}\n';

/** Creates a directory with a configuration file for its owner only. */
async function withConfig(json: string | object): Promise<TempDir> {
  const dir = await tempDir();
  const text = typeof json === "string" ? json : JSON.stringify(json);
  await Deno.writeTextFile(dir.join("c.json"), text, { mode: 0o600 });
  return dir;
}

function parse(json: string | object) {
  return parseConfig(typeof json === "string" ? json : JSON.stringify(json), "c.json").config;
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

Deno.test.each([
  { json: "", problem: "it is empty" },
  { json: " \n", problem: "it is empty" },
  { json: "{", problem: "Expected property name or '}' in JSON at position 1 (line 1 column 2)" },
  {
    json: "{} {}",
    problem: "Unexpected non-whitespace character after JSON at position 3 (line 1 column 4)",
  },
  { json: '{"a":\n  x}', problem: "unexpected character in JSON at line 2 column 3" },
  { json: "nul", problem: "Unexpected end of JSON input" },
  { json: "[]", problem: "the file must be an object, not an array" },
  { json: { "store-options": [] }, problem: "'store-options' must be an object, not an array" },
  {
    json: { "store-options": { "http://u:p@h/": 5 } },
    problem: "'store-options' entry 'http://h/' must be an object, not a number",
  },
  {
    json: { "s3-credentials": { a: { "secret-key": 12345 } } },
    problem: "'s3-credentials' entry 'a': 'secret-key' must be a string, not a number",
  },
  {
    json: { "store-options": { a: { uncompressed: "yes" } } },
    problem: "'store-options' entry 'a': 'uncompressed' must be true or false, not a string",
  },
  {
    json: { "store-options": { a: { TIMEOUT: "30s" } } },
    problem: "'store-options' entry 'a': 'timeout' must be a 64-bit integer, in nanoseconds, not a string",
  },
  {
    json: { "store-options": { a: { timeout: 1.5 } } },
    problem: "'store-options' entry 'a': 'timeout' must be a 64-bit integer, in nanoseconds, not 1.5",
  },
  {
    json: { "store-options": { a: { n: 1e20 } } },
    problem: "'store-options' entry 'a': 'n' must be a 64-bit integer, not 100000000000000000000",
  },
  {
    json: { "oci-credentials": { a: { username: {} } } },
    problem: "'oci-credentials' entry 'a': 'username' must be a string, not an object",
  },
])("parseConfig() refuses $json", ({ json, problem }) => {
  assert.throws(() => parse(json), configError(`cannot read config file 'c.json': ${problem}`));
});

Deno.test("parseConfig() never shows what a malformed file holds", () => {
  const secret = "Zq7Wk9Xv3Jy5";
  const text = `{"s3-credentials": {"http://h": {"access-key": "a", "secret-key": "${secret}"}}}`;
  fc.assert(fc.property(
    fc.nat(text.length),
    fc.nat(3),
    fc.constantFrom("", "'", '"', "x", "{", "]", ",", "\n", "\\", "5", "ü"),
    (at, removed, inserted) => {
      try {
        parse(text.slice(0, at) + inserted + text.slice(at + removed));
      } catch (error) {
        assert(error instanceof ConfigError);
        const shown = Deno.inspect(error);
        for (let i = 0; i + 4 <= secret.length; i++) assert(!shown.includes(secret.slice(i, i + 4)), shown);
      }
    },
  ));
});

Deno.test("parseConfig() takes null for nothing, and keys in any case", () => {
  const nothing = parse("null");
  assert.deepEqual([nothing.storeOptions, nothing.s3Credentials], [undefined, undefined]);
  const config = parse({
    "STORE-options": { A: { Timeout: 5, "error-retry": null }, b: null },
    "s3-credentials": null,
  });
  assert.deepEqual(config.storeOptions, new Map<string, object>([["A", { timeout: 5 }], ["b", {}]]));
  assert.deepEqual([config.s3Credentials, config.warnings], [undefined, []]);
});

Deno.test("parseConfig() warns of keys it does not know", () => {
  const { warnings } = parse(`{
    "http-timeout": 5, "constructor": 1, "__proto__": {"timeout": 1},
    "store-options": {"https://u:p@h": {"Uncompresed": true, "error-retry": 1}}
  }`);
  assert.deepEqual(warnings, [
    "config file 'c.json': unknown key 'http-timeout' is ignored (use 'timeout' in 'store-options')",
    "config file 'c.json': unknown key 'constructor' is ignored",
    "config file 'c.json': unknown key '__proto__' is ignored",
    "config file 'c.json': 'store-options' entry 'https://h': unknown key 'Uncompresed' is ignored",
  ]);
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
  assert.deepEqual(storeOptionsFor(parse("{}"), "/srv/a"), {});
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

Deno.test("config shows empty sections as null", async () => {
  const { code, stdout, stderr } = await runCli(["config"], { env: { HOME: "/nonexistent" } });
  assert.deepEqual([code, stdout, stderr], [0, EMPTY, ""]);
});

// From desync 1.0.4, but for the section `oci-credentials`, which it does not have.
const SHOWN = `{
  "s3-credentials": {
    "http://X": {},
    "http://x": {
      "access-key": "a\\u003cb",
      "secret-key": "s",
      "aws-credentials-file": "f",
      "aws-profile": "p",
      "aws-region": "r"
    }
  },
  "oci-credentials": {},
  "store-options": {
    "": {
      "error-retry": 3,
      "error-retry-base-interval": 500000000,
      "uncompressed": false
    },
    "z": {
      "n": 5,
      "client-cert": "cc",
      "client-key": "ck",
      "ca-cert": "ca",
      "trust-insecure": true,
      "http-auth": "h",
      "http-cookie": "c",
      "timeout": 9223372036854775807,
      "error-retry": 2,
      "error-retry-base-interval": 1,
      "skip-verify": true,
      "uncompressed": false,
      "encryption": true,
      "encryption-algorithm": "a",
      "encryption-key": "k"
    },
    "\uffee": {
      "timeout": -9223372036854775808,
      "error-retry": 3,
      "error-retry-base-interval": 500000000,
      "uncompressed": false
    },
    "😀": {
      "error-retry": 3,
      "error-retry-base-interval": 500000000,
      "uncompressed": true
    }
  }
}
`;
const GIVEN = `{"oci-credentials": {}, "s3-credentials": {"http://x": {"aws-region": "r", "aws-profile": "p",
  "aws-credentials-file": "f", "secret-key": "s", "access-key": "a<b"}, "http://X": {"aws-region": ""}},
  "store-options": {"z": {"encryption-key": "k", "encryption-algorithm": "a", "encryption": true,
  "uncompressed": false, "skip-verify": true, "error-retry-base-interval": 1, "error-retry": 2,
  "timeout": 9223372036854775807, "http-cookie": "c", "http-auth": "h", "trust-insecure": true, "ca-cert": "ca",
  "client-key": "ck", "client-cert": "cc", "n": 5}, "": {"n": 0}, "😀": {"uncompressed": true},
  "\uffee": {"timeout": -9223372036854775808}}}`;

Deno.test("config --show-secrets shows what desync shows", async () => {
  await using dir = await withConfig(GIVEN);
  const { stdout, stderr } = await runCli(["--config", dir.join("c.json"), "config", "--show-secrets"]);
  assert.equal(stdout, SHOWN);
  assert.equal(stderr, "");
});

Deno.test("config masks secrets, also in locations, and keeps zeros that are not the default", async () => {
  await using dir = await withConfig({
    "s3-credentials": { "http://h": { "access-key": "a", "secret-key": "hunter2" } },
    "oci-credentials": { "oci+https://h/r": { username: "u", secret: "hunter2" } },
    "store-options": {
      "https://u:hunter2@h/a": {
        "http-auth": "hunter2",
        "http-cookie": "hunter2",
        "encryption-key": "hunter2",
        "error-retry": 0,
        "error-retry-base-interval": 0,
        timeout: 0,
      },
    },
  });
  const { stdout } = await runCli(["config", "--config", dir.join("c.json")]);
  assert.deepEqual(JSON.parse(stdout), {
    "s3-credentials": { "http://h": { "access-key": "a", "secret-key": "********" } },
    "oci-credentials": { "oci+https://h/r": { username: "u", secret: "********" } },
    "store-options": {
      "https://u:********@h/a": {
        "http-auth": "********",
        "http-cookie": "********",
        "error-retry": 0,
        "error-retry-base-interval": 0,
        uncompressed: false,
        "encryption-key": "********",
      },
    },
  });
});

Deno.test("config shows warnings on standard error", async () => {
  await using dir = await withConfig('{"http-timeout": 5, "a\\u001b": 1}');
  const path = dir.join("c.json");
  const { code, stdout, stderr } = await runCli(["config", "--config", path]);
  assert.deepEqual([code, stdout], [0, EMPTY]);
  const first =
    `config file '${path}': unknown key 'http-timeout' is ignored (use 'timeout' in 'store-options')`;
  assert.equal(stderr, `${first}\nconfig file '${path}': unknown key 'a\\x1b' is ignored\n`);
});

Deno.test({
  name: "config -w creates the file and its directories, for the owner only",
  ignore: isWindows,
  async fn() {
    await using dir = await tempDir();
    const { code, stdout, stderr } = await runCli(["config", "-w"], { env: { HOME: dir.path } });
    const path = dir.join(".config", "desync", "config.json");
    assert.deepEqual([code, stdout, stderr], [0, "", `Writing config to ${path}\n`]);
    assert.equal(await Deno.readTextFile(path), EMPTY);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    const mode = (await Deno.stat(dir.join(".config"))).mode! & 0o777;
    assert.equal(mode, 0o755 & ~Deno.umask());
    assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.join(".config", "desync")), (e) => e.name), [
      "config.json",
    ]);
  },
});

Deno.test({
  name: "config -w replaces the file that a link points to, with all secrets, and keeps its mode",
  ignore: isWindows,
  async fn() {
    await using dir = await withConfig(GIVEN);
    await Deno.mkdir(dir.join("links"));
    await Deno.symlink("../c.json", dir.join("links", "c.json"));
    await Deno.chmod(dir.join("c.json"), 0o400);
    const path = dir.join("links", "c.json");
    for (let round = 0; round < 2; round++) {
      const { code, stdout, stderr } = await runCli(["config", "--write", "--config", path]);
      assert.deepEqual([code, stdout, stderr], [0, "", `Writing config to ${path}\n`]);
      assert.equal(await Deno.readTextFile(path), SHOWN);
    }
    assert((await Deno.lstat(path)).isSymlink);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o400);
  },
});

Deno.test("config -w creates a file that was asked for", async () => {
  await using dir = await tempDir();
  const path = dir.join("new", "c.json");
  const output = { isTerminal: false, write: () => undefined, writeLine: () => undefined };
  const stream = { ...output, flush: () => Promise.resolve() };
  await command.run({
    args: [],
    flags: { write: true, showSecrets: false },
    given: new Set(["write", "config"]),
    globals: { config: path, digest: "sha512-256", verbose: false },
    commands: {},
    env: () => undefined,
    stdin: new ReadableStream(),
    stdinIsTerminal: false,
    stdout: stream,
    stderr: stream,
    signal: new AbortController().signal,
    progress: {
      start() {
        throw new Error("no progress is shown");
      },
    },
    now: () => 0,
  });
  assert.equal(await Deno.readTextFile(path), EMPTY);
});

Deno.test("config -w leaves nothing behind if it fails", async () => {
  await using dir = await withConfig("{}");
  const path = dir.join("c.json", "below");
  const { code, stderr } = await runCli(["config", "-w"], {
    env: isWindows ? { HOMEPATH: path } : { HOME: path },
  });
  assert.equal(code, 1);
  assert(stderr.includes(`Error: Cannot write '${path}`), stderr);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.path), (entry) => entry.name), ["c.json"]);
});
