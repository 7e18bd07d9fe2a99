import assert from "node:assert/strict";
import { type Command, type CommandTable, defineCommand } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/commands.ts";
import { formatCommandHelp, formatRootHelp, formatRootUsage } from "../../cli/help.ts";
import { STORE_FLAGS } from "../../cli/store_flags.ts";
import { runCli } from "../support/cli.ts";

const prune = defineCommand({
  usage: "prune <index> [<index>...]",
  summary: "Remove unreferenced chunks from a store",
  description: "Deletes every chunk\nthat is in none of the indexes.",
  examples: ["desync prune -s /store a.caibx", "desync prune -y -s /store *.caibx"],
  args: { min: 1 },
  flags: {
    ...STORE_FLAGS,
    store: { kind: "string", short: "s", help: "store to prune" },
    format: { kind: "string", default: "json", choices: ["json", "plain"], help: "how to write it" },
    listen: { kind: "list", default: [":http", ":81"], metavar: "addresses", help: "where to listen" },
    seed: { kind: "list", help: "seeds" },
    start: { kind: "uint", default: 0, help: "first byte" },
    writable: { kind: "boolean", help: "allow writing", deprecatedNames: ["writeable"] },
    secret: { kind: "boolean", hidden: true, help: "not shown" },
  },
  run: () => Promise.resolve(),
});

Deno.test("formatCommandHelp() shows description, usage, examples and all flags", () => {
  assert.equal(
    formatCommandHelp(prune as Command),
    `\
Deletes every chunk that is in none of the indexes.

Usage:
  desync prune <index> [<index>...] [flags]

Examples:
  desync prune -s /store a.caibx
  desync prune -y -s /store *.caibx

Flags:
      --ca-cert file                         trust the authorities in this file only
  -r, --cache-repair                         replace invalid chunks that are found in the cache (default true)
      --client-cert file                     client certificate for TLS, needs --client-key
      --client-key file                      key of the client certificate
  -n, --concurrency int                      number of concurrent operations (default 10)
  -e, --error-retry int                      retries after a network error (default 3)
  -b, --error-retry-base-interval duration   pause before the first retry; the next ones are multiples of it (default 500ms)
      --format string                        how to write it (default "json")
  -h, --help                                 show this help
      --listen addresses                     where to listen (default [:http,:81])
      --seed strings                         seeds
      --start uint                           first byte
  -s, --store string                         store to prune
  -t, --trust-insecure                       accept any server certificate
      --writable                             allow writing

Global Flags:
      --config file       configuration file (default $HOME/.config/desync/config.json)
      --digest string     digest of chunks, sha512-256 or sha256 (default "sha512-256")
      --progress string   how to show progress: auto, bar, lines, json or none (default "auto")
      --verbose           tell on standard error what happens
`,
  );
});

Deno.test("formatCommandHelp() breaks long lines between words, but not those that are indented", () => {
  const words = "word ".repeat(40).trimEnd();
  const long = "x".repeat(100);
  const text = formatCommandHelp({ ...prune as Command, description: `${words}\n  ${words}\n\na ${long} b` });
  const [description] = text.split("\n\nUsage:\n");
  const line = "word ".repeat(16).trimEnd();
  assert.equal(description, `${line}\n${line}\n${"word ".repeat(8).trimEnd()}\n  ${words}\n\na\n${long}\nb`);
});

Deno.test("formatRootHelp() lists commands in order, without those that are hidden", () => {
  const load = () => Promise.resolve({ default: prune as Command });
  const commands: CommandTable = {
    "verify-index": { summary: "V", load },
    prune: { summary: "P", load },
    __complete: { summary: "C", hidden: true, load },
  };
  const help = formatRootHelp(commands);
  assert(help.includes("\nAvailable Commands:\n  prune        P\n  verify-index V\n\nFlags:\n"), help);
  assert(help.includes("\n      --version           show the version of the program\n"));
  assert(help.endsWith(formatRootUsage(commands)));
});

Deno.test("Help of a command is the same whichever way it is asked for", async () => {
  const direct = await runCli(["version", "--help"]);
  assert.deepEqual([direct.code, direct.stderr], [0, ""]);
  assert.match(direct.stdout, /^Shows the version[^]*\nUsage:\n {2}desync version \[flags\]\n/);
  for (
    const argv of [["help", "version"], ["-h", "version"], ["version", "x", "-h"], ["help", "version", "x"]]
  ) {
    assert.deepEqual(await runCli(argv), direct);
  }
});

Deno.test("Help for what is no command is a note with the usage, and no failure", async () => {
  const { code, stdout, stderr } = await runCli(["help", "nosuch", "version"]);
  assert.equal(code, 0);
  assert.equal(stdout, "");
  assert.equal(stderr, `unknown help topic 'nosuch'\n${formatRootUsage(COMMANDS)}`);
});

Deno.test("Every command has help that fits a terminal", async () => {
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const { default: command } = await entry.load();
    const help = formatCommandHelp(command);
    assert(help.includes(`\nUsage:\n  desync ${name}`), name);
    const [description] = help.split("\n\nUsage:\n");
    for (const line of description!.split("\n")) assert(line.length <= 100, `${name}: ${line}`);
    for (const example of command.examples ?? []) assert.match(example, /(^|\s|\()desync /, name);
  }
});
