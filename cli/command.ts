/**
 * What a command is, and all it may touch.
 *
 * @module
 */

import type { DigestName } from "../lib/digest/digest.ts";
import type { Config } from "./config_schema.ts";
import type { BooleanFlag, FlagTable, FlagValues, StringFlag } from "./flags.ts";
import type { OutputStream } from "./output.ts";
import type { ProgressFactory } from "./progress.ts";

/** A command of the program. */
export interface Command<T extends FlagTable = FlagTable> {
  /** Name and arguments, such as `prune <index> [<index>...]`. */
  readonly usage: string;
  /** One line, without a full stop; the same as in the table of commands. */
  readonly summary: string;
  /** Paragraphs for the command's own help text. @default summary */
  readonly description?: string;
  /** Command lines for the help text. */
  readonly examples?: readonly string[];
  /** How many arguments are accepted, and what completion offers for them. */
  readonly args: ArgumentRules;
  /** The flags of this command, besides the global ones. */
  readonly flags: T;
  /** Loads the configuration file by itself; for all others, one that was asked for has to be there. @default false */
  readonly ownConfig?: boolean;
  /** Gives all words behind the command's name as arguments, those that look like flags too. @default false */
  readonly rawArgs?: boolean;
  /**
   * Does the work. The context is all a command may touch, besides what its arguments name.
   *
   * @returns The exit code. @default 0
   */
  run(context: CommandContext<T>): Promise<number | void>;
}

/** How many arguments a command takes. */
export interface ArgumentRules {
  /** The fewest. @default 0 */
  readonly min?: number;
  /** The most. @default any number */
  readonly max?: number;
  /** What completion offers: names of commands, or these words. @default files */
  readonly suggestions?: "commands" | readonly string[];
}

/** The flags of every command, in front of its name or behind it. */
export const GLOBAL_FLAGS: {
  /** A configuration file instead of the default one. */
  readonly config: Omit<StringFlag, "default" | "choices">;
  /** The digest of chunks. */
  readonly digest: Omit<StringFlag, "choices"> & { readonly default: string };
  /** More messages. */
  readonly verbose: BooleanFlag;
  /** How progress is shown. */
  readonly progress: StringFlag & {
    readonly default: string;
    readonly choices: readonly ("auto" | "bar" | "lines" | "json" | "none")[];
  };
} = {
  config: {
    kind: "string",
    metavar: "file",
    defaultText: "$HOME/.config/desync/config.json",
    help: "configuration file",
  },
  // Not `choices`, as an empty value stands for the default.
  digest: {
    kind: "string",
    default: "sha512-256",
    suggestions: ["sha512-256", "sha256"],
    help: "digest of chunks, sha512-256 or sha256",
  },
  verbose: { kind: "boolean", help: "tell on standard error what happens" },
  progress: {
    kind: "string",
    default: "auto",
    choices: ["auto", "bar", "lines", "json", "none"],
    help: "how to show progress: auto, bar, lines, json or none",
  },
};

/** The flags of the program without a command. */
export const ROOT_FLAGS: typeof GLOBAL_FLAGS & { readonly version: BooleanFlag } = {
  ...GLOBAL_FLAGS,
  version: { kind: "boolean", help: "show the version of the program" },
};

/** The flag that shows help, of the program and of every command. */
export const HELP_FLAG: { readonly help: BooleanFlag } = {
  help: { kind: "boolean", short: "h", help: "show this help" },
};

/** Values of the flags that every command has. */
export interface Globals {
  /** Configuration file that was asked for. */
  readonly config: string | undefined;
  /** The digest that chunk IDs are made with. */
  readonly digest: DigestName;
  /** Whether to tell what happens in detail. */
  readonly verbose: boolean;
}

/** What a command has to work with. */
export interface CommandContext<T extends FlagTable = FlagTable> {
  /** The arguments; their number is as the command wants it. */
  readonly args: readonly string[];
  /** Values of the flags in the command's table. */
  readonly flags: FlagValues<T>;
  /** Names of the flags that the command line has, even if with their default. */
  readonly given: ReadonlySet<string>;
  /** Values of the flags that every command has. */
  readonly globals: Globals;
  /** The commands of the program. */
  readonly commands: CommandTable;
  /** Loads the configuration file when it is first asked for; warnings about it go to standard error. */
  config(): Promise<Config>;
  /** Looks up an environment variable. @returns `undefined` if it is not set. */
  env(name: string): string | undefined;
  /** Standard input; opened when it is first asked for. */
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Whether a person types the input. */
  readonly stdinIsTerminal: boolean;
  /** For results. */
  readonly stdout: OutputStream;
  /** For all else. */
  readonly stderr: OutputStream;
  /** Aborts when the command has to end; it then cleans up and throws `signal.reason`. */
  readonly signal: AbortSignal;
  /** Shows how far the work is, if that is wanted. */
  readonly progress: ProgressFactory;
  /** Tells the time. @returns Milliseconds since 1970. */
  now(): number;
}

/** What is known of a command before it is loaded. */
export interface CommandEntry {
  /** The same as the command's own. */
  readonly summary: string;
  /** Left out of help and completion. @default false */
  readonly hidden?: boolean;
  /** Loads the command; not before it is needed, as each module costs start-up time. */
  load(): Promise<{ readonly default: Command }>;
}

/** Commands by name. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

/**
 * Describes a command. The types of the flags' values come from its table.
 *
 * @example
 * ```ts ignore
 * export default defineCommand({
 *   usage: "greet <name>",
 *   summary: "Say hello",
 *   args: { min: 1, max: 1 },
 *   flags: { loud: { kind: "boolean", short: "l", help: "say it in capitals" } },
 *   async run({ args: [name], flags, stdout }) {
 *     await stdout.writeLine(flags.loud ? `HELLO ${name}` : `Hello ${name}`);
 *   },
 * });
 * ```
 */
export function defineCommand<const T extends FlagTable>(command: Command<T>): Command<T> {
  return command;
}
