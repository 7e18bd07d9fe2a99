/**
 * Command-line flags: typed tables, and a parser with the rules of GNU long options as Go's pflag has them.
 *
 * The parser is our own: `node:util`'s `parseArgs` would add half of a bare start-up time, and knows neither values that
 * begin with a dash nor `-x=v`, so that every word would be tokenized a second time anyway.
 *
 * @module
 */

import { suggest, UsageError } from "./errors.ts";
import {
  formatDuration,
  parseBoolean,
  parseDuration,
  parseInteger,
  parseList,
  parseUnsigned,
} from "./flag_values.ts";

/** What all kinds of flags have. */
export interface FlagBase {
  /** One letter, for `-x`. */
  readonly short?: string;
  /** One line for the help text. */
  readonly help: string;
  /** Word for the value in the help text. @default a word for the kind, such as `string` */
  readonly metavar?: string;
  /** Default in the help text, where the value is left undefined if the flag is not given. */
  readonly defaultText?: string;
  /** Other long names that still work, with a notice, but are not shown. */
  readonly deprecatedNames?: readonly string[];
  /** Left out of help and completion. @default false */
  readonly hidden?: boolean;
}

/** Text. Where the flag is given more than once, the last value counts. */
export interface StringFlag extends FlagBase {
  /** Tells the kinds of flags apart. */
  readonly kind: "string";
  /** Value if the flag is not given. */
  readonly default?: string;
  /** The only values that are accepted; they become the type of the value. */
  readonly choices?: readonly string[];
  /** Values that completion offers. @default choices */
  readonly suggestions?: readonly string[];
}

/** Comma-separated values; the first occurrence replaces the default, later ones add to it. */
export interface ListFlag extends FlagBase {
  /** Tells the kinds of flags apart. */
  readonly kind: "list";
  /** Values if the flag is not given. @default [] */
  readonly default?: readonly string[];
}

/** A switch: `--flag`, or `--flag=false`. */
export interface BooleanFlag extends FlagBase {
  /** Tells the kinds of flags apart. */
  readonly kind: "boolean";
  /** Value if the flag is not given. @default false */
  readonly default?: boolean;
}

/** A signed or unsigned 64-bit integer, in the notations of Go. */
export interface IntegerFlag extends FlagBase {
  /** Tells the kinds of flags apart. */
  readonly kind: "int" | "uint";
  /** Value if the flag is not given. */
  readonly default?: number;
  /** Smallest value that is accepted. */
  readonly min?: number;
}

/** A duration such as `500ms`; the value is in milliseconds. */
export interface DurationFlag extends FlagBase {
  /** Tells the kinds of flags apart. */
  readonly kind: "duration";
  /** Value if the flag is not given, in milliseconds. */
  readonly default?: number;
  /** Smallest value that is accepted, in milliseconds. */
  readonly min?: number;
}

/** The description of one flag. */
export type Flag = StringFlag | ListFlag | BooleanFlag | IntegerFlag | DurationFlag;

/** Flags by the name they have in code: `printStats` is `--print-stats` on the command line. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** The type of a flag's value; `undefined` only where there is no default. */
export type FlagValue<F extends Flag> = F extends { readonly kind: "boolean" } ? boolean
  : F extends { readonly kind: "list" } ? readonly string[]
  : F extends { readonly kind: "string"; readonly choices: readonly (infer Choice)[] } ? Choice | Missing<F>
  : F extends { readonly kind: "string" } ? string | Missing<F>
  : number | Missing<F>;

/** `undefined` for a flag without a default. */
export type Missing<F> = F extends { readonly default: string | number } ? never : undefined;

/** Values by the names of a table. */
export type FlagValues<T extends FlagTable> = { readonly [Name in keyof T]: FlagValue<T[Name]> };

/** A command line, taken apart. */
export interface ParsedFlags<T extends FlagTable> {
  /** A value for each flag of the table. */
  readonly flags: FlagValues<T>;
  /** Names, as in the table, of the flags that the command line has; also if with their default. */
  readonly given: ReadonlySet<string>;
  /** What is not a flag, in order. */
  readonly args: readonly string[];
  /** Lines for the user about flags that were accepted but are not as they should be. */
  readonly notices: readonly string[];
}

/** The name of a flag on the command line, without dashes: `print-stats` for `printStats`. */
export function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Reads the words of a command line.
 *
 * Long flags are `--name value` or `--name=value`; short ones `-x value`, `-xvalue` or `-x=value`, and switches can be
 * bundled before them. A flag takes the next word as its value whatever that looks like, a switch never does. Flags and
 * other words may be mixed; `--` ends the flags, and a lone `-` is not one.
 *
 * @param command Words that name the command in messages, such as `make`; empty for the program itself.
 * @throws {UsageError} If a flag is unknown, malformed, without its value, or the value is not of its kind.
 */
export function parseFlags<const T extends FlagTable>(
  argv: readonly string[],
  { table, command = "" }: { readonly table: T; readonly command?: string },
): ParsedFlags<T> {
  const reader = new FlagReader(table, command);
  const args: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--") return reader.finish<T>(args.concat(argv.slice(i + 1)));
    if (word === "-" || !word.startsWith("-")) args.push(word);
    else if (
      word.startsWith("--") ? reader.readLong(word, argv[i + 1]) : reader.readShort(word, argv[i + 1])
    ) i++;
  }
  return reader.finish<T>(args);
}

/** The first word of a command line that is neither a flag nor the value of one, and the words around it. */
export interface SplitCommand {
  /** The command, or `undefined` if there is none. */
  readonly name: string | undefined;
  /** All words but that one. */
  readonly rest: readonly string[];
}

/**
 * Finds the command among flags that come before it. Flags that are not in `table` belong to a command that is not
 * known yet; they are taken to have a value, so a switch of a command does not work there unless written `-x=true`.
 */
export function splitCommand(argv: readonly string[], table: FlagTable): SplitCommand {
  const switches = new Set<string>();
  for (const [name, flag] of Object.entries(table)) {
    if (flag.kind !== "boolean") continue;
    switches.add(`--${flagName(name)}`);
    if (flag.short !== undefined) switches.add(`-${flag.short}`);
  }
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--") break;
    if (word.startsWith("-")) {
      const whole = word.startsWith("--") || [...word].length === 2;
      if (whole && !word.includes("=") && !switches.has(word)) i++;
    } else if (word !== "") {
      return { name: word, rest: argv.toSpliced(i, 1) };
    }
  }
  return { name: undefined, rest: argv };
}

interface NamedFlag {
  readonly name: string;
  readonly flag: Flag;
}

class FlagReader {
  readonly #command: string;
  readonly #long = new Map<string, NamedFlag>();
  readonly #short = new Map<string, NamedFlag>();
  readonly #values: Record<string, unknown> = {};
  readonly #given = new Set<string>();
  readonly #notices = new Set<string>();

  constructor(table: FlagTable, command: string) {
    this.#command = command;
    for (const [name, flag] of Object.entries(table)) {
      const named = { name, flag };
      this.#long.set(flagName(name), named);
      for (const old of flag.deprecatedNames ?? []) this.#long.set(old, named);
      if (flag.short !== undefined) this.#short.set(flag.short, named);
      this.#values[name] = flag.default ??
        (flag.kind === "boolean" ? false : flag.kind === "list" ? [] : undefined);
    }
  }

  finish<T extends FlagTable>(args: readonly string[]): ParsedFlags<T> {
    return {
      flags: this.#values as FlagValues<T>,
      given: this.#given,
      args,
      notices: [...this.#notices],
    };
  }

  /** @returns Whether `next` was taken as the value. */
  readLong(word: string, next: string | undefined): boolean {
    if (word[2] === "-" || word[2] === "=") throw new UsageError(`malformed option '${word}'`);
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const named = this.#long.get(name);
    if (named === undefined) throw this.#unknown(`--${name}`);
    if (name !== flagName(named.name)) {
      this.#notices.add(`--${name} is deprecated, use --${flagName(named.name)}`);
    }
    if (equals >= 0) {
      this.#set(named, word.slice(equals + 1));
      return false;
    }
    return this.#setFromNext(named, next);
  }

  /** Reads a word such as `-x`, `-xvalue`, `-x=value` or `-xyz`. @returns Whether `next` was taken as a value. */
  readShort(word: string, next: string | undefined): boolean {
    let rest = word.slice(1);
    while (rest !== "") {
      const letter = String.fromCodePoint(rest.codePointAt(0)!);
      const named = this.#short.get(letter);
      if (named === undefined) throw this.#unknown(`-${letter}`);
      rest = rest.slice(letter.length);
      // A sign without anything behind it is not a separator: pflag takes the value of `-n=` to be `=`.
      if (rest.startsWith("=") && rest.length > 1) {
        this.#set(named, rest.slice(1));
        return false;
      }
      if (rest === "") return this.#setFromNext(named, next);
      if (named.flag.kind !== "boolean") {
        this.#set(named, rest);
        return false;
      }
      this.#set(named, "true");
    }
    return false;
  }

  #setFromNext(named: NamedFlag, next: string | undefined): boolean {
    if (named.flag.kind === "boolean") {
      this.#set(named, "true");
      return false;
    }
    if (next === undefined) throw new UsageError(`option --${flagName(named.name)} needs a value`);
    this.#set(named, next);
    return true;
  }

  #set({ name, flag }: NamedFlag, text: string): void {
    const value = readValue(flag, text);
    if (value === undefined) {
      throw new UsageError(`invalid value '${text}' for --${flagName(name)}: expected ${expectation(flag)}`);
    }
    const before = this.#values[name];
    if (!this.#given.has(name)) {
      this.#given.add(name);
      this.#values[name] = value;
    } else if (flag.kind === "list") {
      this.#values[name] = [...before as readonly string[], ...value as readonly string[]];
    } else {
      if (flag.kind === "string" && value !== before) {
        this.#notices.add(`--${flagName(name)} is given more than once, only the last value is used`);
      }
      this.#values[name] = value;
    }
  }

  #unknown(flag: string): UsageError {
    const names = [...this.#long.keys()].map((name) => `--${name}`);
    const near = flag.startsWith("--") ? suggest(flag, names)[0] : undefined;
    return new UsageError(
      `unknown option '${flag}'` + (this.#command === "" ? "" : ` for '${this.#command}'`) +
        (near === undefined ? "" : ` (did you mean '${near}'?)`),
    );
  }
}

function readValue(flag: Flag, text: string): unknown {
  switch (flag.kind) {
    case "boolean":
      return parseBoolean(text);
    case "list":
      return parseList(text);
    case "string":
      return flag.choices === undefined || flag.choices.includes(text) ? text : undefined;
    default: {
      const parse = { int: parseInteger, uint: parseUnsigned, duration: parseDuration }[flag.kind];
      const value = parse(text);
      return value === undefined || value < (flag.min ?? -Infinity) ? undefined : value;
    }
  }
}

/** What the message about a malformed value says would have been right. */
function expectation(flag: Flag): string {
  switch (flag.kind) {
    case "boolean":
      return "true or false";
    case "list":
      return "values separated by commas, each quoted whole or not at all";
    case "string":
      return (flag.choices ?? []).join(", ").replace(/, ([^,]*)$/, " or $1");
    case "duration":
      return "a duration such as 500ms or 1m30s" +
        (flag.min === undefined ? "" : `, at least ${formatDuration(flag.min)}`);
    default:
      if (flag.min !== undefined) return `an integer of at least ${flag.min}`;
      return flag.kind === "uint" ? "an integer of at least 0" : "an integer";
  }
}
