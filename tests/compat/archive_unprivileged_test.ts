/** What archives become in the hands of a user who may do little. */

import assert from "node:assert/strict";
import { runCli } from "../support/cli.ts";
// Opens the libraries that commands need; see there.
import "../support/engine.ts";
import { peer } from "../support/peers.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { isRoot, run } from "../support/trees.ts";

const setpriv = peer("setpriv");
const ROOT = new URL("../../", import.meta.url).pathname;
const NOBODY = 65_534;

/** A user without rights can read neither the sources of others nor their cache, so this one gets a copy. */
async function shareProgram(dir: TempDir): Promise<string> {
  await Deno.chmod(dir.path, 0o755);
  const program = dir.join("program");
  await Deno.mkdir(program);
  for (const name of ["cli", "lib", "ffi", "deno.json"]) await run("cp", "-R", `${ROOT}${name}`, program);
  await run("cp", "-L", Deno.execPath(), dir.join("deno"));
  await run("chmod", "-R", "a+rX", program);
  return program;
}

async function asNobody(dir: TempDir, ...argv: readonly string[]): Promise<{ code: number; stderr: string }> {
  const identity = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--bounding-set=-all"];
  const deno = [dir.join("deno"), "run", "--quiet", "--no-lock", "--allow-all"];
  const { code, stderr } = await new Deno.Command(setpriv.require(), {
    args: [
      ...identity,
      "sh",
      "-c",
      'umask 027 && exec "$@"',
      "sh",
      ...deno,
      dir.join("program/cli/main.ts"),
      ...argv,
    ],
    env: { HOME: dir.join("home"), DENO_DIR: dir.join("home/cache"), DENO_NO_UPDATE_CHECK: "1" },
    cwd: dir.join("home"),
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** Permissions, owner and name of everything. */
async function show(path: string): Promise<string[]> {
  return (await run("find", path, "-printf", "%m %U:%G %y %P\\n")).trimEnd().split("\n").sort();
}

Deno.test({
  name: "untar by a user without rights keeps to what that user may do, and says so",
  ignore: !isRoot || setpriv.ignore,
  async fn() {
    await using dir = await tempDir();
    await shareProgram(dir);
    const home = dir.join("home");
    await Deno.mkdir(home);
    await Deno.chown(home, NOBODY, NOBODY);
    const tree = dir.join("tree");
    await Deno.mkdir(tree);
    await Deno.mkdir(`${tree}/sub`);
    await Deno.writeTextFile(`${tree}/sub/file`, "content");
    await Deno.chmod(`${tree}/sub/file`, 0o4777);
    await Deno.symlink("file", `${tree}/sub/link`);
    await run("mkfifo", `${tree}/pipe`);
    await run("chown", "-R", "1:2", `${tree}/sub`);
    const make = async (name: string, ...argv: readonly string[]) => {
      assert.equal((await runCli(["tar", ...argv, dir.join(name), tree])).code, 0);
      await Deno.chmod(dir.join(name), 0o644);
    };
    await Deno.chmod(`${tree}/sub/file`, 0o4777);
    await make("tree.catar");

    const refused = await asNobody(dir, "untar", dir.join("tree.catar"), `${home}/refused`);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^Error: .*(EPERM|not permitted)/im);
    assert.match(refused.stderr, /--no-same-owner/);

    const mine = await asNobody(dir, "untar", "--no-same-owner", dir.join("tree.catar"), `${home}/mine`);
    assert.deepEqual([mine.code, mine.stderr], [0, ""]);
    const me = `${NOBODY}:${NOBODY}`;
    assert.deepEqual(await show(`${home}/mine`), [
      `4777 ${me} f sub/file`,
      `644 ${me} p pipe`,
      `755 ${me} d `,
      `755 ${me} d sub`,
      `777 ${me} l sub/link`,
    ]);

    const plain = await asNobody(
      dir,
      ...["untar", "--no-same-owner", "--no-same-permissions", dir.join("tree.catar"), `${home}/plain`],
    );
    assert.deepEqual([plain.code, plain.stderr], [0, ""]);
    assert.deepEqual(await show(`${home}/plain`), [
      `640 ${me} f sub/file`,
      `640 ${me} p pipe`,
      `750 ${me} d `,
      `750 ${me} d sub`,
      `777 ${me} l sub/link`,
    ]);

    await run("mknod", `${tree}/null`, "c", "1", "3");
    await make("device.catar");
    const device = await asNobody(
      dir,
      "untar",
      "--no-same-owner",
      dir.join("device.catar"),
      `${home}/device`,
    );
    assert.equal(device.code, 1);
    assert.match(device.stderr, /^Error: Cannot .*\/null: /m);
    assert.match(device.stderr, /EPERM|not permitted/i);
    await Deno.writeTextFile(dir.join("outside"), "mine");
    const written = await asNobody(
      dir,
      "untar",
      "--no-same-owner",
      dir.join("tree.catar"),
      dir.join("elsewhere"),
    );
    assert.equal(written.code, 1);
    assert.match(written.stderr, /EACCES|denied/i);
  },
});
