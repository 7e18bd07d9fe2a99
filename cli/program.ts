/**
 * The program without its process: finds the command, runs it, shows its error.
 *
 * @module
 */

import {
  type Command,
  type CommandTable,
  GLOBAL_FLAGS,
  type Globals,
  HELP_FLAG,
  ROOT_FLAGS,
} from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { Config } from "./config_schema.ts";
import {
  BrokenPipeError,
  escapeControls,
  InterruptedError,
  isCausedBy,
  renderError,
  suggest,
  UsageError,
} from "./errors.ts";
import { type FlagValues, parseFlags, splitCommand } from "./flags.ts";
import type { OutputStream } from "./output.ts";
import type { ProgressDisplay, ProgressFactory, ProgressMode } from "./progress.ts";

/** What the program has of its process. */
export interface ProgramIo {
  /** Looks up an environment variable. @returns `undefined` if it is not set. */
  env(name: string): string | undefined;
  /** Standard input; not asked for before a command does. */
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Whether a person types the input. */
  readonly stdinIsTerminal: boolean;
  /** For results. */
  readonly stdout: OutputStream;
  /** For all else. */
  readonly stderr: OutputStream;
  /** Aborts when the program has to end; the reason is an {@linkcode InterruptedError}. */
  readonly signal: AbortSignal;
  /** Tells the time. @returns Milliseconds since 1970. */
  now(): number;
  /** Measures the terminal. @returns Its width in characters, or `undefined` if there is none. */
  columns(): number | undefined;
}

/**
 * Runs one command line. Whatever goes wrong is shown on `io.stderr`.
 *
 * @returns The exit code: the command's own, 1 for an error, 130 or 143 after a signal, 141 if nobody reads the output.
 */
export async function main(
  argv: readonly string[],
  io: ProgramIo,
  { commands = COMMANDS }: { readonly commands?: CommandTable } = {},
): Promise<number> {
  try {
    const code = await runLine(argv, io, commands);
    await io.stdout.flush();
    return code;
  } catch (error) {
    return await showError(error, io, { verbose: argv.includes("--verbose") });
  }
}

async function runLine(argv: readonly string[], io: ProgramIo, commands: CommandTable): Promise<number> {
  const { name, rest } = splitCommand(argv, { ...ROOT_FLAGS, ...HELP_FLAG });
  if (name === undefined) return await runRoot(argv, io, commands);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw unknownCommand(name, commands);
  const { default: command } = await entry.load();
  return await runCommand(command, { name, words: rest, io, commands });
}

/** The program without a command: version or help. */
async function runRoot(argv: readonly string[], io: ProgramIo, commands: CommandTable): Promise<number> {
  const help = await import("./help.ts");
  try {
    const { flags } = parseFlags(argv, { table: { ...ROOT_FLAGS, ...HELP_FLAG } });
    if (flags.version && !flags.help) return await runLine(["version"], io, commands);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(renderError(error) + help.formatRootUsage(commands));
    return 1;
  }
  await io.stdout.write(help.formatRootHelp(commands));
  return 0;
}

interface CommandLine {
  readonly name: string;
  /** The words of the command line without the name. */
  readonly words: readonly string[];
  readonly io: ProgramIo;
  readonly commands: CommandTable;
}

async function runCommand(command: Command, { name, words, io, commands }: CommandLine): Promise<number> {
  const table = { ...command.flags, ...GLOBAL_FLAGS, ...HELP_FLAG };
  const parsed = parseFlags(command.rawArgs ? ["--", ...words] : words, { table, command: name });
  const { flags, given, args, notices } = parsed;
  if (flags.help) {
    await io.stdout.write((await import("./help.ts")).formatCommandHelp(command));
    return 0;
  }
  for (const notice of notices) io.stderr.writeLine(notice);
  const globals = readGlobals(flags);
  const config = lazyConfig(globals.config, io);
  if (globals.config !== undefined && !(command.ownConfig ?? false)) await config();
  checkArguments(command, name, args);
  io.signal.throwIfAborted();
  const { progress, stderr } = await openDisplay(flags.progress, io);
  const code = await command.run({
    args,
    flags: parsed.flags,
    given,
    globals,
    commands,
    config,
    env: (variable) => io.env(variable),
    get stdin() {
      return io.stdin;
    },
    stdinIsTerminal: io.stdinIsTerminal,
    stdout: io.stdout,
    stderr,
    signal: io.signal,
    progress,
    now: () => io.now(),
  });
  return code ?? 0;
}

function readGlobals(flags: FlagValues<typeof GLOBAL_FLAGS>): Globals {
  const { config = "", digest, verbose } = flags;
  if (digest !== "" && digest !== "sha512-256" && digest !== "sha256") {
    throw new UsageError(`unknown digest '${digest}' (use sha512-256 or sha256)`);
  }
  return {
    config: config === "" ? undefined : config,
    digest: digest === "" ? "sha512-256" : digest,
    verbose,
  };
}

/** Loads the configuration once, and tells what is odd about it. */
function lazyConfig(path: string | undefined, io: ProgramIo): () => Promise<Config> {
  let loaded: Promise<Config> | undefined;
  const load = async () => {
    const { loadConfig } = await import("./config.ts");
    const config = await loadConfig({ path, env: (name) => io.env(name) });
    for (const warning of config.warnings) io.stderr.writeLine(`Warning: ${escapeControls(warning)}`);
    return config;
  };
  return () => loaded ??= load();
}

function checkArguments(command: Command, name: string, args: readonly string[]): void {
  const { min = 0, max = Infinity } = command.args;
  if (args.length >= min && args.length <= max) return;
  const usage = ` (usage: desync ${command.usage})`;
  if (max === 0) throw new UsageError(`'${name}' takes no arguments, got '${args[0]}'${usage}`);
  const count = min === max ? String(min) : max === Infinity ? `at least ${min}` : `${min} to ${max}`;
  const plural = (max === Infinity ? min : max) === 1 ? "argument" : "arguments";
  throw new UsageError(`'${name}' takes ${count} ${plural}, got ${args.length}${usage}`);
}

function unknownCommand(name: string, commands: CommandTable): UsageError {
  const names = suggest(name, Object.keys(commands).filter((known) => !commands[known]!.hidden));
  const list = names.length === 0
    ? ""
    : `\nDid you mean this?\n${names.map((near) => `\t${near}\n`).join("")}\n`;
  return new UsageError(`unknown command '${name}'`, { hint: `${list}Run 'desync --help' for usage.` });
}

/** Prepares to show progress as the flag, else the environment, else the terminal wants it. */
async function openDisplay(choice: "auto" | ProgressMode, io: ProgramIo): Promise<ProgressDisplay> {
  let mode = choice;
  if (mode === "auto") {
    if (io.env("DESYNC_ENABLE_PARSABLE_PROGRESS")) mode = "lines";
    else mode = io.stderr.isTerminal || io.env("DESYNC_PROGRESSBAR_ENABLED") ? "bar" : "none";
  }
  if (mode === "none") return { progress: NO_PROGRESS, stderr: io.stderr };
  return (await import("./progress.ts")).openProgress(mode, io);
}

/** Shows nothing, and does not cost the module that could. */
const NO_PROGRESS: ProgressFactory = {
  start: () => ({ set() {}, add() {}, finish() {}, [Symbol.dispose]() {} }),
};

/** @returns The exit code for the error. */
async function showError(
  error: unknown,
  io: ProgramIo,
  options: { readonly verbose: boolean },
): Promise<number> {
  if (io.signal.aborted) {
    const reason: unknown = io.signal.reason;
    const expected = isCausedBy(
      error,
      (cause) => cause === reason || (cause instanceof Error && cause.name === "AbortError"),
    );
    io.stderr.write(renderError(expected ? reason : error, options));
    return reason instanceof InterruptedError ? reason.exitCode : 130;
  }
  const broken = isCausedBy(error, (cause) => cause instanceof BrokenPipeError);
  if (broken) return new BrokenPipeError().exitCode;
  // What the command has found until then is worth having; that it cannot be written is no news any more.
  await io.stdout.flush().catch(() => {});
  io.stderr.write(renderError(error, options));
  return 1;
}
