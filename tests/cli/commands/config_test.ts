import assert from "node:assert/strict";
import { runCli } from "../../support/cli.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const isWindows = Deno.build.os === "windows";
const EMPTY = '{\n  "s3-credentials": null,\n  "oci-credentials": null,\n  "store-options": null\n}\n';

/** Creates a directory with a configuration file for its owner only. */
async function withConfig(json: string | object): Promise<TempDir> {
  const dir = await tempDir();
  const text = typeof json === "string" ? json : JSON.stringify(json);
  await Deno.writeTextFile(dir.join("c.json"), text, { mode: 0o600 });
  return dir;
}

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
    `Warning: config file '${path}': unknown key 'http-timeout' is ignored (use 'timeout' in 'store-options')`;
  assert.equal(stderr, `${first}\nWarning: config file '${path}': unknown key 'a\\x1b' is ignored\n`);
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
  const { code, stdout, stderr } = await runCli(["--config", path, "config", "-w"]);
  assert.deepEqual([code, stdout, stderr], [0, "", `Writing config to ${path}\n`]);
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
