/** Runs command lines: in this process, or in one of their own. */

import { InterruptedError } from "../../cli/errors.ts";
import type { CommandTable } from "../../cli/command.ts";
import { main } from "../../cli/program.ts";
import { BufferedOutput, DirectOutput } from "../../cli/output.ts";

/** How to run a command line. */
export interface CliOptions {
  /** All environment variables that the command sees. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** @default empty */
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
}

/** How to run a command line in this process. */
export interface RunOptions extends CliOptions {
  /** @default the program's own */
  readonly commands?: CommandTable;
  /** @default never aborts */
  readonly signal?: AbortSignal;
  /** Width of a terminal that all streams are connected to. @default no terminal */
  readonly columns?: number;
  /** @default Date.now() */
  readonly now?: () => number;
}

/** What came of it. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stdoutBytes: Uint8Array<ArrayBuffer>;
  readonly stderr: string;
}

/** Runs a command line in this process, with streams and environment of its own. */
export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<CliResult> {
  const { env = {}, stdin = "", columns, signal = new AbortController().signal, now = Date.now } = options;
  const out = new MemorySink();
  const err = new MemorySink();
  const isTerminal = columns !== undefined;
  const code = await main(argv, {
    env: (name) => Object.hasOwn(env, name) ? env[name] : undefined,
    // Opened when asked for, as in a process; a body that nobody reads would be reported as a leak.
    get stdin() {
      return new Response(stdin).body ?? new Blob([]).stream();
    },
    stdinIsTerminal: isTerminal,
    stdout: new BufferedOutput(out, { isTerminal, signal }),
    stderr: new DirectOutput(err, { isTerminal }),
    signal,
    now,
    columns: () => columns,
  }, options.commands === undefined ? {} : { commands: options.commands });
  return { code, stdout: out.text(), stdoutBytes: out.bytes(), stderr: err.text() };
}

/** A signal that is aborted as by SIGINT. */
export function interrupted(): AbortSignal {
  return AbortSignal.abort(new InterruptedError("SIGINT"));
}

/** How to run a command line in a process of its own. */
export interface SpawnOptions extends CliOptions {
  /** Directory that relative names start from. @default that of this process */
  readonly cwd?: string;
  /** Module to run. @default the program's own */
  readonly program?: string | URL;
}

/** What Deno has to be called with to run a command line. @param program Module to run. */
export function programArguments(argv: readonly string[], program: string | URL): string[] {
  return ["run", "--quiet", "--allow-all", "--no-prompt", String(program), ...argv];
}

/** Starts a command line in a process of its own, with piped streams. */
export function spawnCli(argv: readonly string[], options: SpawnOptions = {}): Deno.ChildProcess {
  const { program = new URL("../../cli/main.ts", import.meta.url), cwd } = options;
  return new Deno.Command(Deno.execPath(), {
    args: programArguments(argv, program),
    // Variables of the caller must not decide whether progress is shown; PATH, HOME and the cache are needed.
    env: { DESYNC_ENABLE_PARSABLE_PROGRESS: "", DESYNC_PROGRESSBAR_ENABLED: "", ...options.env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command line in a process of its own until it ends. */
export async function runProcess(
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<CliResult> {
  const child = spawnCli(argv, options);
  const written = new Response(options.stdin ?? "").body?.pipeTo(child.stdin) ?? child.stdin.close();
  // A program that does not read its input is no failure of the test.
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), written.catch(() => {})]);
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stdoutBytes: stdout,
    stderr: new TextDecoder().decode(stderr),
  };
}

/** Keeps what is written to it. */
export class MemorySink {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];

  write(data: Uint8Array): Promise<number> {
    return Promise.resolve(this.writeSync(data));
  }

  writeSync(data: Uint8Array): number {
    this.#pieces.push(data.slice());
    return data.length;
  }

  /** @returns What each call wrote. */
  pieces(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#pieces;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }
}
