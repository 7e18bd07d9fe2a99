/**
 * What can come next on a command line.
 *
 * @module
 */

import { type CommandTable, GLOBAL_FLAGS, HELP_FLAG, ROOT_FLAGS } from "./command.ts";
import { type Flag, flagName, type FlagTable, splitCommand } from "./flags.ts";

/** One possible word. */
export interface Candidate {
  /** The whole word, also if a part of it is there already. */
  readonly value: string;
  /** What it means; may be empty. */
  readonly description: string;
}

/** All possible words, and whether it may be the name of a file instead. */
export interface Completion {
  /** Words that start with what is there already. */
  readonly candidates: readonly Candidate[];
  /** Whether the shell may offer names of files. */
  readonly files: boolean;
}

const NOTHING: Completion = { candidates: [], files: false };
const FILES: Completion = { candidates: [], files: true };
/** Bits that tell the scripts what to do; the numbers are those of the reference program. */
const NO_FILES = 4;

/**
 * Completes the last one of `words`, which may be empty.
 *
 * @param words The command line without the program.
 */
export async function complete(words: readonly string[], commands: CommandTable): Promise<Completion> {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? "";
  const { name, rest } = splitCommand(before, { ...ROOT_FLAGS, ...HELP_FLAG });
  if (name === undefined) {
    return completeWord(word, {
      words: before,
      table: { ...ROOT_FLAGS, ...HELP_FLAG },
      argument: () => candidates(word, commandCandidates(commands)),
    });
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) return FILES;
  const command = (await entry.load()).default;
  const { suggestions, max = Infinity } = command.args;
  return completeWord(word, {
    words: rest,
    table: { ...command.flags, ...GLOBAL_FLAGS, ...HELP_FLAG },
    argument(position) {
      if (position >= max) return NOTHING;
      if (suggestions === undefined) return FILES;
      if (position > 0) return NOTHING;
      return candidates(word, suggestions === "commands" ? commandCandidates(commands) : named(suggestions));
    },
  });
}

/** Writes a completion for the scripts: a line for each candidate, then `:` and a number. */
export function formatCompletion(
  { candidates, files }: Completion,
  { descriptions }: { readonly descriptions: boolean },
): string {
  const lines = candidates.map(({ value, description }) =>
    descriptions && description !== "" ? `${value}\t${description}\n` : `${value}\n`
  );
  return `${lines.join("")}:${files ? 0 : NO_FILES}\n`;
}

interface Place {
  /** The words before, without the command. */
  readonly words: readonly string[];
  readonly table: FlagTable;
  /** Completes a word that is neither a flag nor the value of one. */
  argument(position: number): Completion;
}

function completeWord(word: string, { words, table, argument }: Place): Completion {
  const { pending, given, position, ended } = readWords(words, table);
  if (pending !== undefined) return completeValue(pending, { word, prefix: "" });
  if (ended || !word.startsWith("-")) return argument(position);
  const equals = word.indexOf("=");
  if (equals >= 0) {
    const flag = findFlag(word.slice(0, equals), table)?.flag;
    if (flag === undefined) return NOTHING;
    return completeValue(flag, { word, prefix: word.slice(0, equals + 1) });
  }
  const flags = Object.entries(table)
    .filter(([name, flag]) => !flag.hidden && (flag.kind === "list" || !given.has(name)))
    .map(([name, flag]) => ({ value: `--${flagName(name)}`, description: flag.help }))
    .sort((a, b) => a.value < b.value ? -1 : 1);
  return candidates(word, flags);
}

/** What the words before mean for the next one; words that make no sense are passed over. */
function readWords(words: readonly string[], table: FlagTable) {
  const given = new Set<string>();
  let position = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") return { given, position: position + words.length - i - 1, ended: true };
    if (word === "-" || !word.startsWith("-")) {
      position++;
      continue;
    }
    const { name, flag, attached } = findFlag(word, table) ?? {};
    if (name === undefined || flag === undefined) continue;
    given.add(name);
    if (flag.kind === "boolean" || attached) continue;
    if (i === words.length - 1) return { pending: flag, given, position, ended: false };
    i++;
  }
  return { given, position, ended: false };
}

interface FoundFlag {
  readonly name: string;
  readonly flag: Flag;
  /** Whether its value stands in the same word. */
  readonly attached: boolean;
}

/** The flag that `word` gives a value to, or the last of several short ones. */
function findFlag(word: string, table: FlagTable): FoundFlag | undefined {
  const entries = Object.entries(table);
  if (word.startsWith("--")) {
    const [long] = word.slice(2).split("=");
    const [name, flag] = entries.find(([name, { deprecatedNames = [] }]) =>
      flagName(name) === long || deprecatedNames.includes(long!)
    ) ?? [];
    if (name === undefined || flag === undefined) {
      return undefined;
    }
    return { name, flag, attached: word.includes("=") };
  }
  let found: FoundFlag | undefined;
  for (let i = 1; i < word.length; i++) {
    const [name, flag] = entries.find(([, { short }]) => short === word[i]) ?? [];
    if (name === undefined || flag === undefined) return found;
    found = { name, flag, attached: i + 1 < word.length };
    if (flag.kind !== "boolean") break;
  }
  return found;
}

function completeValue(
  flag: Flag,
  { word, prefix }: { readonly word: string; readonly prefix: string },
): Completion {
  switch (flag.kind) {
    case "boolean":
      return candidates(word, named(["true", "false"], prefix));
    case "string": {
      const suggestions = flag.suggestions ?? flag.choices;
      return suggestions === undefined ? FILES : candidates(word, named(suggestions, prefix));
    }
    case "list":
      return FILES;
    default:
      return NOTHING;
  }
}

function commandCandidates(commands: CommandTable): readonly Candidate[] {
  return Object.entries(commands)
    .filter(([, { hidden }]) => !hidden)
    .map(([value, { summary }]) => ({ value, description: summary }))
    .sort((a, b) => a.value < b.value ? -1 : 1);
}

function named(values: readonly string[], prefix = ""): readonly Candidate[] {
  return values.map((value) => ({ value: prefix + value, description: "" }));
}

function candidates(word: string, all: readonly Candidate[]): Completion {
  return { candidates: all.filter(({ value }) => value.startsWith(word)), files: false };
}
