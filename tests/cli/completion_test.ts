import assert from "node:assert/strict";
import { type CommandTable, defineCommand } from "../../cli/command.ts";
import { COMMANDS } from "../../cli/commands.ts";
import { complete, formatCompletion } from "../../cli/completion.ts";
import { SHELLS } from "../../cli/completion_scripts.ts";
import { programArguments, runCli } from "../support/cli.ts";
import { peer } from "../support/peers.ts";

const make = defineCommand({
  usage: "make <index> <file>",
  summary: "Make an index",
  args: { min: 2, max: 2 },
  flags: {
    store: { kind: "list", short: "s", help: "target store" },
    stats: { kind: "boolean", help: "show statistics" },
    format: { kind: "string", short: "f", choices: ["json", "plain"], help: "how" },
    count: { kind: "int", short: "n", help: "how many" },
    secret: { kind: "boolean", hidden: true, help: "not shown" },
  },
  run: () => Promise.resolve(),
});
const TABLE: CommandTable = {
  make: { summary: make.summary, load: () => Promise.resolve({ default: make }) },
  version: COMMANDS.version!,
  help: COMMANDS.help!,
  completion: COMMANDS.completion!,
  __complete: COMMANDS.__complete!,
};

const FILES = ":0\n";
const NONE = ":4\n";

Deno.test.each<{ words: string[]; reply: string }>([
  { words: [""], reply: "completion\nhelp\nmake\nversion\n:4\n" },
  { words: [], reply: "completion\nhelp\nmake\nversion\n:4\n" },
  { words: ["ma"], reply: "make\n:4\n" },
  { words: ["x"], reply: NONE },
  { words: ["--ver"], reply: "--verbose\n--version\n:4\n" },
  { words: ["--verbose", "--ver"], reply: "--version\n:4\n" },
  { words: ["--progress", ""], reply: "auto\nbar\nlines\njson\nnone\n:4\n" },
  { words: ["--progress", "l"], reply: "lines\n:4\n" },
  { words: ["--progress=l"], reply: "--progress=lines\n:4\n" },
  { words: ["--digest", ""], reply: "sha512-256\nsha256\n:4\n" },
  { words: ["--config", ""], reply: FILES },
  { words: ["--config", "f", "ma"], reply: "make\n:4\n" },
  { words: ["nosuch", ""], reply: FILES },
  { words: ["help", ""], reply: "completion\nhelp\nmake\nversion\n:4\n" },
  { words: ["help", "make", ""], reply: NONE },
  { words: ["completion", ""], reply: "bash\nzsh\nfish\npowershell\n:4\n" },
  { words: ["completion", "bash", ""], reply: NONE },
  { words: ["make", ""], reply: FILES },
  { words: ["make", "i", ""], reply: FILES },
  { words: ["make", "i", "f", ""], reply: NONE },
  { words: ["make", "--", "-"], reply: FILES },
  { words: ["make", "--st"], reply: "--stats\n--store\n:4\n" },
  { words: ["make", "--stats", "--st"], reply: "--store\n:4\n" },
  { words: ["make", "-s", "a", "--st"], reply: "--stats\n--store\n:4\n" },
  { words: ["make", "--se"], reply: NONE },
  { words: ["make", "-s", ""], reply: FILES },
  { words: ["make", "--store", ""], reply: FILES },
  { words: ["make", "--store="], reply: FILES },
  { words: ["make", "--store=x", ""], reply: FILES },
  { words: ["make", "-n", ""], reply: NONE },
  { words: ["make", "--count="], reply: NONE },
  { words: ["make", "--nosuch="], reply: NONE },
  { words: ["make", "-f", "p"], reply: "plain\n:4\n" },
  { words: ["make", "-f", "plain", "i", "f", ""], reply: NONE },
  { words: ["make", "--stats="], reply: "--stats=true\n--stats=false\n:4\n" },
  { words: ["-n", "5", "make", "--format=j"], reply: "--format=json\n:4\n" },
])("complete() offers for $words what is possible", async ({ words, reply }) => {
  assert.equal(formatCompletion(await complete(words, TABLE), { descriptions: false }), reply);
});

Deno.test("__complete describes what it offers, and takes words that look like flags", async () => {
  const described = await runCli(["__complete", "make", "--fo"], { commands: TABLE });
  assert.deepEqual([described.code, described.stdout, described.stderr], [0, "--format\thow\n:4\n", ""]);
  const help = await runCli(["__complete", "make", "--help"], { commands: TABLE });
  assert.equal(help.stdout, "--help\tshow this help\n:4\n");
  const plain = await runCli(["__completeNoDesc", "version", "--js"]);
  assert.equal(plain.stdout, "--json\n:4\n");
});

Deno.test("Without a shell, or with an unknown one, completion shows its help", async () => {
  for (const argv of [["completion"], ["completion", "tcsh"]]) {
    const { code, stdout, stderr } = await runCli(argv);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /\nUsage:\n {2}desync completion /);
  }
});

Deno.test("completion writes a script for each shell", async () => {
  for (const shell of SHELLS) {
    const described = (await runCli(["completion", shell])).stdout;
    assert.match(described, / __complete /);
    assert.doesNotMatch(described, /__complete_command__|\\\$\{|\\`/);
    const plain = (await runCli(["completion", shell, "--no-descriptions"])).stdout;
    assert.equal(plain, described.replaceAll(" __complete ", " __completeNoDesc "));
  }
});

const BASH = peer("bash");
const ZSH = peer("zsh");
const FISH = peer("fish");

interface Desk extends AsyncDisposable {
  readonly directory: string;
  /** Runs a script of a shell, in a directory with a few files, with the program in PATH. */
  run(shell: string, args: readonly string[]): Promise<string>;
}

async function openDesk(): Promise<Desk> {
  const directory = await Deno.makeTempDir();
  const main = new URL("../../cli/main.ts", import.meta.url).href;
  const words = [Deno.execPath(), ...programArguments([], main)].map((word) => `'${word}'`).join(" ");
  await Deno.mkdir(`${directory}/bin`);
  await Deno.writeTextFile(`${directory}/bin/desync`, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  await Deno.mkdir(`${directory}/files/sub`, { recursive: true });
  await Deno.writeTextFile(`${directory}/files/one.caibx`, "");
  await Deno.writeTextFile(`${directory}/files/two.caibx`, "");
  for (const shell of SHELLS) {
    await Deno.writeTextFile(`${directory}/${shell}`, (await runCli(["completion", shell])).stdout);
  }
  return {
    directory,
    async run(shell, args) {
      const { code, stdout, stderr } = await new Deno.Command(shell, {
        args: [...args],
        cwd: `${directory}/files`,
        env: { PATH: `${directory}/bin:${Deno.env.get("PATH")}`, TERM: "dumb" },
        stdin: "null",
      }).output();
      const errors = new TextDecoder().decode(stderr);
      assert.equal(errors, "");
      assert.equal(code, 0);
      return new TextDecoder().decode(stdout);
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test({
  name: "bash completes commands, flags and values",
  ignore: BASH.ignore,
  async fn() {
    await using desk = await openDesk();
    // Words as readline splits them: at blanks, and at the characters of COMP_WORDBREAKS.
    const script = `
      source '${desk.directory}/bash'
      complete -p desync
      try() {
        COMP_TYPE=$1 COMP_LINE=$2; shift 2
        COMP_POINT=\${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _desync
        printf '%s:' "$COMP_LINE"; printf ' <%s>' "\${COMPREPLY[@]}"; echo
      }
      try 9 'desync verif' desync verif
      try 63 'desync verif' desync verif
      try 9 'desync  version  --j' desync version --j
      try 9 'desync --progress=' desync --progress =
      try 9 'desync --progress=l' desync --progress = l
      try 9 'desync --progress l' desync --progress l
      try 9 'desync --progress ' desync --progress ''
      try 9 'desync nosuch x' desync nosuch x
      try 9 'desync --config a:b --digest=sha2' desync --config a : b --digest = sha2
      COMP_LINE='desync vers --verbose' COMP_POINT=9 COMP_WORDS=(desync vers --verbose) COMP_CWORD=1
      _desync; printf ' <%s>' "\${COMPREPLY[@]}"; echo
    `;
    const lines = (await desk.run(BASH.require(), ["--norc", "-c", script])).split("\n");
    assert.deepEqual(lines, [
      "complete -o default -F _desync desync",
      "desync verif: <verify> <verify-index>",
      `desync verif: <verify  (${COMMANDS.verify!.summary})> <verify-index  (${
        COMMANDS["verify-index"]!.summary
      })>`,
      "desync  version  --j: <--json>",
      "desync --progress=: <auto> <bar> <lines> <json> <none>",
      "desync --progress=l: <lines>",
      "desync --progress l: <lines>",
      "desync --progress : <auto> <bar> <lines> <json> <none>",
      "desync nosuch x: <>",
      "desync --config a:b --digest=sha2: <sha256>",
      " <verify> <verify-index> <version>",
      "",
    ]);
  },
});

Deno.test({
  name: "fish completes commands, flags, values and files",
  ignore: FISH.ignore,
  async fn() {
    await using desk = await openDesk();
    const tries = [
      "desync verif",
      "desync version --js",
      "desync --progress=l",
      "desync --progress ",
      "desync help vers",
      "desync version --json ",
      "desync list-chunks one",
      "desync list-chunks --ca-cert tw",
      "desync list-chunks --ca-cert=tw",
    ];
    const script = [
      `source '${desk.directory}/fish'`,
      ...tries.map((line) => `echo '> ${line}'; complete -C '${line}'`),
    ].join("\n");
    const text = await desk.run(FISH.require(), ["--no-config", "-c", script]);
    const replies = Object.fromEntries(
      text.split("> ").slice(1).map((part) => {
        const [line, ...candidates] = part.trimEnd().split("\n");
        return [line!.trim(), candidates];
      }),
    );
    assert.deepEqual(replies, {
      "desync verif": [
        `verify\t${COMMANDS.verify!.summary}`,
        `verify-index\t${COMMANDS["verify-index"]!.summary}`,
      ],
      "desync version --js": ["--json\twrite a JSON object"],
      "desync --progress=l": ["--progress=lines"],
      "desync --progress": ["auto", "bar", "json", "lines", "none"],
      "desync help vers": [`version\t${COMMANDS.version!.summary}`],
      "desync version --json": [],
      "desync list-chunks one": ["one.caibx"],
      "desync list-chunks --ca-cert tw": ["two.caibx"],
      "desync list-chunks --ca-cert=tw": ["--ca-cert=two.caibx"],
    });
  },
});

/** What is typed into a terminal, and the words that the command line then has. */
const TYPED: Readonly<Record<string, string>> = {
  "list-chunks on\t": "[list-chunks][one.caibx]",
  "--progress=l\t": "[--progress=lines]",
  "list-chunks --ca-cert=tw\t": "[list-chunks][--ca-cert=two.caibx]",
  "list-chunks --ca-cert tw\t": "[list-chunks][--ca-cert][two.caibx]",
  "version --j\t": "[version][--json]",
  "help versi\t": "[help][version]",
  "help on\t": "[help][on]",
  "completion zs\t": "[completion][zsh]",
};

/** Types into a shell that zsh runs in a pseudo-terminal. */
async function typeInto(shell: string, setup: string): Promise<void> {
  await using desk = await openDesk();
  // Completed like the program, but shows its words, as what stands on the screen is full of cursor movements.
  await Deno.writeTextFile(
    `${desk.directory}/bin/show`,
    `#!/bin/sh\ncase $1 in __complete*) exec desync "$@" ;; esac\nprintf '[%s]' "$@"\necho\n`,
    { mode: 0o755 },
  );
  const driver = `
    zmodload zsh/zpty
    zpty terminal ${shell}
    zpty -w terminal "PS1='> '; ${setup.replaceAll("DESK", desk.directory)}; echo RE''ADY"
    zpty -r terminal screen '*READY*> '
    try() {
      zpty -w terminal "show $1"
      zpty -r terminal screen '*\\]*> '
      print -r -- "$screen" | tr '\\r' '\\n' | grep -a '^\\[[a-z-]'
    }
    ${Object.keys(TYPED).map((keys) => `try '${keys}'`).join("\n")}
  `;
  const lines = (await desk.run(ZSH.require(), ["-f", "-c", driver])).trimEnd().split("\n");
  assert.deepEqual(Object.fromEntries(Object.keys(TYPED).map((keys, i) => [keys, lines[i]])), TYPED);
}

Deno.test({
  name: "zsh completes commands, flags, values and files in a terminal",
  ignore: ZSH.ignore,
  fn: () =>
    typeInto(
      `${ZSH.require()} -f -i`,
      "autoload -Uz compinit; compinit -u -D; source DESK/zsh; compdef _desync show",
    ),
});

Deno.test({
  name: "bash completes commands, flags, values and files in a terminal",
  ignore: ZSH.ignore || BASH.ignore,
  fn: () =>
    typeInto(
      `${BASH.require()} --norc --noprofile -i`,
      "source DESK/bash; complete -o default -F _desync show",
    ),
});
