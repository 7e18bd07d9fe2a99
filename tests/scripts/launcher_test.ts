import assert from "node:assert/strict";
import { type Clone, openClone } from "./clone.ts";

const ignore = Deno.build.os === "windows";

/** Stand-ins which install this test's own Deno where npm would, and note each call. */
async function fakeNpm(clone: Clone): Promise<void> {
  await clone.script(
    "npm",
    `echo call >>"${clone.directory}/npm calls"
mkdir -p node_modules/deno
ln -s "${Deno.execPath()}" node_modules/deno/deno
echo "this is not for stdout"`,
  );
  await clone.script("node", `cd -P . && printf '%s\\n' "$PWD/node_modules/deno/deno"`);
}

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();
}

Deno.test({
  name: "scripts/desync passes on arguments as they are",
  ignore,
  async fn() {
    await using clone = await openClone();
    await clone.seed();
    const args = ["make", "--", "-s", "a b", "", "*", "--v8-flags=--help", "$HOME", "--version"];
    assert.deepEqual(await clone.launch(args), { code: 0, stdout: JSON.stringify(args), stderr: "" });
  },
});

Deno.test({
  name: "scripts/desync passes on the exit code",
  ignore,
  async fn() {
    await using clone = await openClone();
    await clone.seed();
    assert.equal((await clone.launch(["exit", "3"])).code, 3);
  },
});

Deno.test({
  name: "scripts/desync passes on standard input, also where Deno is installed first",
  ignore,
  async fn() {
    await using clone = await openClone();
    await fakeNpm(clone);
    await using child = clone.command(["input"], { stdin: "piped" }).spawn();
    const [output] = await Promise.all([
      child.output(),
      new Response("some input").body?.pipeTo(child.stdin),
    ]);
    assert.equal(new TextDecoder().decode(output.stdout), '["input"]some input');
  },
});

Deno.test({
  name: "scripts/desync passes on signals",
  ignore,
  async fn() {
    await using clone = await openClone();
    await clone.seed();
    await using child = clone.command(["wait"]).spawn();
    const reader = child.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "ready");
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 7);
    await reader.cancel();
    await child.stderr.cancel();
  },
});

Deno.test({
  name: "scripts/desync finds its clone through links, from any directory",
  ignore,
  async fn() {
    await using clone = await openClone();
    await clone.seed();
    await Deno.symlink(clone.launcher, `${clone.bin}/one`);
    await Deno.symlink("one", `${clone.bin}/two`);
    await Deno.symlink(`${clone.root}/scripts`, `${clone.directory}/linked scripts`);
    const launches = [
      { program: `${clone.bin}/two`, cwd: "/" },
      { program: "./two", cwd: clone.bin },
      { program: "../scripts/desync", cwd: `${clone.root}/cli` },
      { program: `${clone.directory}/linked scripts/desync` },
    ];
    for (const options of launches) assert.equal((await clone.launch([], options)).stdout, "[]");
    assert.equal(
      (await clone.launch(["desync"], { program: "/bin/sh", cwd: `${clone.root}/scripts` })).stdout,
      "[]",
    );
  },
});

Deno.test({
  name: "scripts/desync installs Deno once, and leaves nothing else behind",
  ignore,
  async fn() {
    await using clone = await openClone();
    await fakeNpm(clone);
    const first = await clone.launch([]);
    assert.equal(first.stdout, "[]");
    assert.match(first.stderr, /^Installing Deno 2\.\d+\.\d+ from npm into .*\nthis is not for stdout\n$/);
    assert.deepEqual(await clone.launch([]), { code: 0, stdout: "[]", stderr: "" });
    assert.equal(await Deno.readTextFile(`${clone.directory}/npm calls`), "call\n");
    const [link, directory, ...others] = await names(`${clone.root}/.deps`);
    assert.match(`${link} ${directory}`, /^deno-([0-9.]+) deno-\1\.\w+$/);
    assert.deepEqual(others, []);
  },
});

Deno.test({
  name: "scripts/desync may be started twice while Deno is not installed yet",
  ignore,
  async fn() {
    await using clone = await openClone();
    await fakeNpm(clone);
    const launches = await Promise.all([clone.launch(["a"]), clone.launch(["b"]), clone.launch(["c"])]);
    assert.deepEqual(launches.map(({ stdout }) => stdout), ['["a"]', '["b"]', '["c"]']);
    assert.equal((await names(`${clone.root}/.deps`)).length, 2);
  },
});

Deno.test({
  name: "scripts/desync says that Deno cannot be installed, and leaves nothing behind",
  ignore,
  async fn() {
    await using clone = await openClone();
    const launch = await clone.launch([]);
    assert.equal(launch.code, 1);
    assert.match(launch.stderr, /^Cannot start Deno: there is no Deno 2\.9 or newer on PATH, and no npm/);
    await clone.script("npm", "echo refused >&2; exit 1");
    const failed = await clone.launch([]);
    assert.equal(failed.code, 1);
    assert.equal(failed.stdout, "");
    assert.match(failed.stderr, /refused\nCannot start Deno: npm could not install it\n$/);
    assert.deepEqual(await names(`${clone.root}/.deps`), []);
  },
});

Deno.test({
  name: "scripts/desync uses the binary behind a Deno on PATH, asking it once",
  ignore,
  async fn() {
    await using clone = await openClone();
    const log = `${clone.directory}/calls`;
    await clone.script("deno", `echo "$1" >>"${log}"; exec "${Deno.execPath()}" "$@"`);
    assert.equal((await clone.launch(["a"])).stdout, '["a"]');
    assert.equal(await Deno.readTextFile(log), "--version\neval\n");
    assert.equal((await clone.launch(["b"])).stdout, '["b"]');
    assert.equal(await Deno.readTextFile(log), "--version\neval\n");
    assert.deepEqual(await names(`${clone.root}/.deps`), ["deno-on-path"]);
  },
});

Deno.test({
  name: "scripts/desync leaves alone a Deno on PATH that is too old, until it is replaced",
  ignore,
  async fn() {
    await using clone = await openClone();
    await clone.seed();
    const log = `${clone.directory}/calls`;
    await clone.script("deno", `echo "$1" >>"${log}"; echo "deno 2.8.3 (stable)"`);
    for (const name of ["a", "b"]) assert.equal((await clone.launch([name])).stdout, `["${name}"]`);
    assert.equal(await Deno.readTextFile(log), "--version\n");
    // An old date, as installers keep it: the directory shows that something changed.
    await Deno.remove(`${clone.bin}/deno`);
    await Deno.symlink(Deno.execPath(), `${clone.bin}/deno`);
    assert.equal((await clone.launch(["c"])).stdout, '["c"]');
    const answer = await Deno.readTextFile(`${clone.root}/.deps/deno-on-path`);
    assert.equal(answer, `${clone.bin}/deno\n${await Deno.realPath(Deno.execPath())}\n`);
  },
});

for (const version of ["1.46.3", "2.8.99", "2.x", "", "garbage"]) {
  Deno.test({
    name: `scripts/desync takes a Deno which calls itself "${version}" for unsuitable`,
    ignore,
    async fn() {
      await using clone = await openClone();
      await clone.script("deno", `echo "deno ${version} (stable)"`);
      assert.match((await clone.launch([])).stderr, /^Cannot start Deno/);
    },
  });
}
