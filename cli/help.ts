/**
 * Help texts, made from the tables of commands and flags.
 *
 * @module
 */

import { type Command, type CommandTable, GLOBAL_FLAGS, HELP_FLAG, ROOT_FLAGS } from "./command.ts";
import { formatDuration } from "./flag_values.ts";
import { type Flag, flagName, type FlagTable } from "./flags.ts";

const DESCRIPTION = `\
desync distributes files and directory trees by content. It cuts them into
chunks, keeps each distinct chunk once in a store, and puts the original
together again from an index, any number of stores, and local data that is
similar. Indexes, archives and stores are those of casync.

A store, for options such as --store and --cache, is one of:
  /path/to/directory            a local directory
  http://host/path              a chunk server, or static files; https as well
  s3+https://host/bucket/path   S3 or compatible; s3+http as well
  gs://bucket/path              Google Cloud Storage
  sftp://user@host/path         SFTP
  ssh://user@host/path          casync's protocol over SSH, for reading

Options that take several stores ask them in the given order. Stores that are
joined by '|' stand in for each other: if one fails, the next takes over.
Values of options that can be repeated are also separated by commas; a value
which holds a comma itself needs double quotes, such as -s '"/mnt/a,b"'.`;

/** The program's own help: what it is, its commands, its flags. */
export function formatRootHelp(commands: CommandTable): string {
  return `${DESCRIPTION}\n\n${formatRootUsage(commands)}`;
}

/** The part of the program's help that also follows an error. */
export function formatRootUsage(commands: CommandTable): string {
  const names = Object.keys(commands).filter((name) => !commands[name]!.hidden).sort();
  const width = Math.max(0, ...names.map((name) => name.length));
  const list = names.map((name) => `  ${name.padEnd(width)} ${commands[name]!.summary}\n`).join("");
  return `Usage:\n  desync [command]\n\nAvailable Commands:\n${list}\n` +
    `Flags:\n${formatFlags({ ...ROOT_FLAGS, ...HELP_FLAG })}\n` +
    `Use "desync [command] --help" for more information about a command.\n`;
}

/** Help for one command: description, usage, examples, flags. */
export function formatCommandHelp(command: Command): string {
  const examples = command.examples?.map((example) => `  ${example}\n`).join("") ?? "";
  return `${wrap(command.description ?? command.summary)}\n\n` +
    `Usage:\n  desync ${command.usage}${command.rawArgs ? "" : " [flags]"}\n\n` +
    (examples === "" ? "" : `Examples:\n${examples}\n`) +
    `Flags:\n${formatFlags({ ...command.flags, ...HELP_FLAG })}\n` +
    `Global Flags:\n${formatFlags(GLOBAL_FLAGS)}`;
}

/** Fills paragraphs to the width of a terminal; indented lines stay as they are. */
function wrap(text: string): string {
  return text.replaceAll(/(?<=\S)\n(?=[^\s])/g, " ").replaceAll(
    /^(?! ).{81,}$/gm,
    // As many words as fit, or one that is too long itself.
    (line) => line.replaceAll(/(.{1,80}|\S{81,})(?: +|$)/g, "$1\n").trimEnd(),
  );
}

/** One line a flag, in the order of their names. */
function formatFlags(flags: FlagTable): string {
  const lines = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .map(([name, flag]) => ({ name: flagName(name), flag }))
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .map(({ name, flag }) => {
      const word = flag.metavar ?? TYPE_WORDS[flag.kind];
      return {
        left: `  ${flag.short === undefined ? "   " : `-${flag.short},`} --${name}${
          word === "" ? "" : ` ${word}`
        }`,
        right: flag.help + formatDefault(flag),
      };
    });
  const width = Math.max(0, ...lines.map(({ left }) => left.length));
  return lines.map(({ left, right }) => `${left.padEnd(width)}   ${right}\n`).join("");
}

const TYPE_WORDS: Readonly<Record<Flag["kind"], string>> = {
  string: "string",
  list: "strings",
  boolean: "",
  int: "int",
  uint: "uint",
  duration: "duration",
};

/** The default as it would be typed; nothing for a value that is as good as none. */
function formatDefault(flag: Flag): string {
  const text = flag.defaultText ?? valueText(flag);
  return text === undefined ? "" : ` (default ${text})`;
}

function valueText(flag: Flag): string | undefined {
  if (!flag.default) return undefined;
  switch (flag.kind) {
    case "string":
      return `"${flag.default}"`;
    case "list":
      return flag.default.length === 0 ? undefined : `[${flag.default.join(",")}]`;
    case "duration":
      return formatDuration(flag.default);
    default:
      return String(flag.default);
  }
}
