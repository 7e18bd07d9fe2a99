import assert from "node:assert/strict";
import { type CommandTable, defineCommand } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/commands.ts";
import { UsageError } from "../../cli/errors.ts";
import { interrupted, programArguments, runCli, runProcess, spawnCli } from "../support/cli.ts";
import { FIXTURE_COMMANDS } from "./fixture_program.ts";

const PROGRAM = new URL("./fixture_program.ts", import.meta.url);

const show = defineCommand({
  usage: "show <index> [<output>]",
  summary: "Show the context",
  args: { min: 1, max: 2 },
  flags: {
    store: { kind: "list", short: "s", help: "stores" },
    yes: { kind: "boolean", short: "y", help: "agree", deprecatedNames: ["agree"] },
    concurrency: { kind: "int", short: "n", min: 1, help: "limit" },
  },
  async run({ args, flags, given, globals, env, now, stdinIsTerminal, stdout }) {
    await stdout.writeLine(
      JSON.stringify({
        args,
        flags,
        given: [...given],
        globals,
        home: env("HOME"),
        now: now(),
        stdinIsTerminal,
      }),
    );
  },
});

/** Fails in the way its argument says. */
const fail = defineCommand({
  usage: "fail <how>",
  summary: "Fail",
  args: { min: 1 },
  flags: {},
  async run({ args: [how], stdout, signal }) {
    await stdout.writeLine("partial");
    switch (how) {
      case "usage":
        throw new UsageError("Cannot fail: not like this", { hint: "Try `error`." });
      case "error":
        throw new Error("outer", { cause: new Error("inner\nlines") });
      case "code":
        return 3;
      case "abort":
        signal.throwIfAborted();
    }
    return 0;
  },
});

const nothing = defineCommand({
  usage: "nothing",
  summary: "Do nothing",
  args: { max: 0 },
  flags: {},
  run: () => Promise.resolve(),
});

const COMMANDS_HERE: CommandTable = {
  show: { summary: show.summary, load: () => Promise.resolve({ default: show }) },
  fail: { summary: fail.summary, load: () => Promise.resolve({ default: fail }) },
  nothing: { summary: nothing.summary, load: () => Promise.resolve({ default: nothing }) },
  secret: { summary: "", hidden: true, load: () => Promise.reject(new Error("not loaded")) },
  help: COMMANDS.help!,
  version: COMMANDS.version!,
};

function run(argv: readonly string[], options: Omit<Parameters<typeof runCli>[1], "commands"> = {}) {
  return runCli(argv, { commands: COMMANDS_HERE, ...options });
}

Deno.test("A command gets its arguments, flags and the global flags, wherever they stand", async () => {
  const result = await run(
    ["--digest=sha256", "show", "-y", "--store", "a,b", "i", "--verbose", "-n", "0x10", "--", "-o"],
    { env: { HOME: "/home/user" }, now: () => 123 },
  );
  assert.equal(result.stderr, "");
  assert.equal(result.code, 0);
  assert.deepEqual(JSON.parse(result.stdout), {
    args: ["i", "-o"],
    flags: {
      store: ["a", "b"],
      yes: true,
      concurrency: 16,
      digest: "sha256",
      verbose: true,
      progress: "auto",
      help: false,
    },
    given: ["digest", "yes", "store", "verbose", "concurrency"],
    globals: { digest: "sha256", verbose: true },
    home: "/home/user",
    now: 123,
    stdinIsTerminal: false,
  });
});

Deno.test("An empty digest and an empty configuration file stand for the defaults", async () => {
  const { code, stdout } = await run(["--digest", "", "--config=", "show", "i"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout).globals, { digest: "sha512-256", verbose: false });
});

Deno.test.each<{ argv: string[]; error: string }>([
  { argv: ["nosuch"], error: "unknown command 'nosuch'\nRun 'desync --help' for usage." },
  {
    argv: ["shaw", "x"],
    error: "unknown command 'shaw'\n\nDid you mean this?\n\tshow\n\nRun 'desync --help' for usage.",
  },
  { argv: ["constructor"], error: "unknown command 'constructor'\nRun 'desync --help' for usage." },
  { argv: ["secre"], error: "unknown command 'secre'\nRun 'desync --help' for usage." },
  {
    argv: ["SHOW", "x"],
    error: "unknown command 'SHOW'\n\nDid you mean this?\n\tshow\n\nRun 'desync --help' for usage.",
  },
  { argv: ["--config", "show", "x"], error: "unknown command 'x'\nRun 'desync --help' for usage." },
  { argv: ["show", "--nosuch"], error: "unknown option '--nosuch' for 'show'" },
  { argv: ["show", "--help", "--nosuch"], error: "unknown option '--nosuch' for 'show'" },
  {
    argv: ["show", "-n", "0", "i"],
    error: "invalid value '0' for --concurrency: expected an integer of at least 1",
  },
  { argv: ["show"], error: "'show' takes 1 to 2 arguments, got 0 (usage: desync show <index> [<output>])" },
  {
    argv: ["show", "a", "b", "c"],
    error: "'show' takes 1 to 2 arguments, got 3 (usage: desync show <index> [<output>])",
  },
  { argv: ["fail"], error: "'fail' takes at least 1 argument, got 0 (usage: desync fail <how>)" },
  { argv: ["nothing", "x"], error: "'nothing' takes no arguments, got 'x' (usage: desync nothing)" },
  { argv: ["--digest", "md5", "show"], error: "unknown digest 'md5' (use sha512-256 or sha256)" },
  { argv: ["--config", "/nonexistent/c", "show"], error: "config file '/nonexistent/c' does not exist" },
  { argv: ["--config", "/nonexistent/c", "help"], error: "config file '/nonexistent/c' does not exist" },
  {
    argv: ["--progress=fast", "nothing"],
    error: "invalid value 'fast' for --progress: expected auto, bar, lines, json or none",
  },
])("$argv is refused with exit code 1 and nothing but the error", async ({ argv, error }) => {
  assert.deepEqual({ ...await run(argv), stdoutBytes: undefined }, {
    code: 1,
    stdout: "",
    stderr: `Error: ${error}\n`,
    stdoutBytes: undefined,
  });
});

Deno.test.each([{ argv: ["--nosuch"] }, { argv: ["---x"] }, { argv: ["--config"] }, {
  argv: ["-n", "show"],
}])(
  "$argv without a command is refused with the usage",
  async ({ argv }) => {
    const { code, stdout, stderr } = await run(argv);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^Error: [^\n]+\nUsage:\n {2}desync \[command\]\n\nAvailable Commands:\n/);
  },
);

Deno.test("The configuration file has to be JSON, and is looked at before the arguments are counted", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "{");
    const { code, stderr } = await run(["show", "--config", path]);
    assert.equal(code, 1);
    assert(stderr.startsWith(`Error: cannot read config file '${path}': `), stderr);
    assert.equal((await run(["show", "--config", path, "--help"])).code, 0);
    await Deno.writeTextFile(path, "{}");
    const { stdout } = await run(["show", "--config", path, "i"]);
    assert.equal(JSON.parse(stdout).globals.config, path);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("Deprecated names work, with a notice", async () => {
  const { code, stdout, stderr } = await run(["show", "--agree", "i"]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).flags.yes, true);
  assert.equal(stderr, "--agree is deprecated, use --yes\n");
});

Deno.test("A failing command leaves what it printed, and exit code 1", async () => {
  const { code, stdout, stderr } = await run(["fail", "error"]);
  assert.deepEqual({ code, stdout, stderr }, {
    code: 1,
    stdout: "partial\n",
    stderr: "Error: outer: inner\\nlines\n",
  });
  assert.match((await run(["--verbose", "fail", "error"])).stderr, /^Error: outer: inner\\nlines\n[^]* at /);
  assert.equal((await run(["fail", "usage"])).stderr, "Error: Cannot fail: not like this\nTry `error`.\n");
});

Deno.test("A command decides its exit code", async () => {
  assert.equal((await run(["fail", "code"])).code, 3);
  assert.equal((await run(["nothing"])).code, 0);
});

Deno.test("An interrupted command has the exit code of the signal", async () => {
  const controller = new AbortController();
  controller.abort(interrupted().reason);
  const { code, stderr } = await run(["nothing"], { signal: controller.signal });
  assert.deepEqual({ code, stderr }, { code: 130, stderr: "Error: interrupted by signal\n" });
});

Deno.test.each([["-h"], ["--help"], ["help"], [], ["--"], ["-"]].map((argv) => ({ argv })))(
  "$argv shows what the program is, on standard output",
  async ({ argv }) => {
    const { code, stdout, stderr } = await run(argv);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /^desync distributes [^]*\nUsage:\n {2}desync \[command\]\n/);
  },
);

Deno.test.each([["--version"], ["version"], ["--progress", "none", "--version"]].map((argv) => ({ argv })))(
  "$argv shows the version of deno.json",
  async ({ argv }) => {
    const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
    const { code, stdout } = await run(argv);
    assert.equal(code, 0);
    assert(stdout.startsWith(`desync ${version} (Deno ${Deno.version.deno}, `), stdout);
    assert.equal(JSON.parse((await run(["version", "--json"])).stdout).version, version);
  },
);

Deno.test("The program itself runs as a process", async () => {
  const { code, stdout, stderr } = await runProcess(["version"]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.match(stdout, /^desync \d+\.\d+\.\d+[^\n]*\n$/);
  const failed = await runProcess(["nosuch"]);
  assert.equal(failed.code, 1);
  assert.equal(failed.stdout, "");
  assert.match(failed.stderr, /^Error: unknown command 'nosuch'\n/);
});

Deno.test("Binary data go through a process unchanged, whatever their size", async () => {
  for (const size of [0, 1, 8_193, 3_000_000]) {
    const stdin = new Uint8Array(size);
    for (let i = 0; i < size; i++) stdin[i] = (i * 2_654_435_761) >>> 24;
    const { code, stdoutBytes, stderr } = await runProcess(["copy"], { program: PROGRAM, stdin });
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.equal(stdoutBytes.length, size);
    assert(stdoutBytes.every((byte, i) => byte === stdin[i]));
  }
});

/** Reads until the child has written a line. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text;
}

for (const { signal, code } of [{ signal: "SIGINT", code: 130 }, { signal: "SIGTERM", code: 143 }] as const) {
  Deno.test({
    name: `The first ${signal} lets the command clean up, and the exit code is ${code}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const child = spawnCli(["wait"], { program: PROGRAM });
      await child.stdin.close();
      assert.equal(await firstLine(child.stdout), "waiting\n");
      child.kill(signal);
      const [status, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
      assert.equal(stderr, "cleaned up\nError: interrupted by signal\n");
      assert.equal(status.code, code);
    },
  });
}

Deno.test({
  name: "The second signal ends the process at once",
  ignore: Deno.build.os === "windows",
  async fn() {
    const child = spawnCli(["stubborn"], { program: PROGRAM });
    await child.stdin.close();
    assert.equal(await firstLine(child.stdout), "waiting\n");
    child.kill("SIGTERM");
    assert.equal(await firstLine(child.stderr), "not yet\n");
    child.kill("SIGINT");
    assert.equal((await child.status).code, 143);
  },
});

Deno.test({
  name: "A command that waits for its reader can be interrupted",
  ignore: Deno.build.os === "windows",
  async fn() {
    const child = spawnCli(["endless"], { program: PROGRAM });
    await child.stdin.close();
    const reader = child.stdout.getReader();
    assert.match(new TextDecoder().decode((await reader.read()).value), /^line 0\n/);
    child.kill("SIGINT");
    const [status, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assert.equal(stderr, "Error: interrupted by signal\n");
    assert.equal(status.code, 130);
    await reader.cancel();
  },
});

Deno.test("A command that nobody listens to ends quietly", async () => {
  const child = spawnCli(["endless"], { program: PROGRAM });
  await child.stdin.close();
  assert.match(await firstLine(child.stdout), /^line 0\n/);
  const [status, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  assert.equal(stderr, "");
  assert.equal(status.code, 141);
});

Deno.test({
  name: "Output that cannot be written is an error",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'exec "$@" >/dev/full', "sh", Deno.execPath(), ...programArguments(["work"], PROGRAM)],
      env: { DESYNC_ENABLE_PARSABLE_PROGRESS: "", DESYNC_PROGRESSBAR_ENABLED: "" },
    }).output();
    assert.equal(
      new TextDecoder().decode(stderr),
      "Error: cannot write to standard output: No space left on device\n",
    );
    assert.equal(code, 1);
  },
});

Deno.test("Every command of the table describes itself as the table does", async () => {
  for (const [name, entry] of Object.entries({ ...COMMANDS, ...FIXTURE_COMMANDS })) {
    const { default: command } = await entry.load();
    assert.equal(command.usage.split(" ")[0], name);
    assert.equal(command.summary, entry.summary, name);
  }
});
