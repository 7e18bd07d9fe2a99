/**
 * Errors of the command line, and how any error is shown.
 *
 * @module
 */

/** The command line makes no sense. */
export class UsageError extends Error {
  /** What the user can do about it; shown below the error. */
  readonly hint: string | undefined;

  /** Says in one line what is wrong. */
  constructor(message: string, options: ErrorOptions & { readonly hint?: string } = {}) {
    super(message, options);
    this.name = "UsageError";
    this.hint = options.hint;
  }
}

/** Signals that end a command. */
export type InterruptSignal = "SIGINT" | "SIGTERM";

/** The user, or the system, wants the program to end. */
export class InterruptedError extends Error {
  /** What a shell reports for a program that the signal ended: 130 or 143. */
  readonly exitCode: number;

  /** The signal decides the exit code. */
  constructor(signal: InterruptSignal) {
    super("interrupted by signal");
    this.name = "InterruptedError";
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}

/** Nobody reads the standard output any more. */
export class BrokenPipeError extends Error {
  /** What a shell reports for a program that SIGPIPE ended. */
  readonly exitCode = 141;

  /** Keeps the system error as the cause. */
  constructor(options?: ErrorOptions) {
    super("cannot write to standard output: nobody reads it", options);
    this.name = "BrokenPipeError";
  }
}

/** Whether `error` is `wanted`, or was caused by it. */
export function isCausedBy(error: unknown, wanted: (error: unknown) => boolean): boolean {
  return causes(error).some((cause) =>
    wanted(cause) || parts(cause).some((part) => isCausedBy(part, wanted))
  );
}

/**
 * Renders an error for the terminal: `Error: `, the messages of the error and its causes on one line, then the hint if
 * there is one. Causes that the message before already contains are left out, and control characters are escaped.
 *
 * @returns Lines, each with its line break.
 */
export function renderError(
  error: unknown,
  { verbose = false }: { readonly verbose?: boolean } = {},
): string {
  let text = `Error: ${escapeControls(errorText(error))}\n`;
  for (const cause of causes(error)) {
    if (cause instanceof Object && "hint" in cause && typeof cause.hint === "string") {
      text += `${cause.hint}\n`;
      break;
    }
  }
  return verbose ? `${text}${Deno.inspect(error, { colors: false })}\n` : text;
}

/** Makes text safe for one line of a terminal: control and direction characters become escape sequences. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const short = ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" } as Record<string, string>)[character];
    const code = character.charCodeAt(0).toString(16);
    return short ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
  });
}

/**
 * The names that someone who typed `typed` may have meant: no more than two edits away, or starting with it.
 *
 * @returns Best first.
 */
export function suggest(typed: string, names: readonly string[]): readonly string[] {
  const wanted = typed.toLowerCase();
  return names
    .map((name) => ({ name, edits: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= 2 || name.toLowerCase().startsWith(wanted))
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** Levenshtein distance, row by row. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[to.length]!;
}

/** The error, its cause, the cause of that, … */
function causes(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let cause = error; cause !== undefined && cause !== null && !chain.includes(cause);) {
    chain.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return chain;
}

/** The errors that happened together; none if it is a single one. */
function parts(error: unknown): readonly unknown[] {
  if (error instanceof AggregateError) return error.errors;
  // What was thrown first, then what its cleaning up threw.
  return error instanceof SuppressedError ? [error.suppressed, error.error] : [];
}

function errorText(error: unknown): string {
  let text = "";
  for (const cause of causes(error)) {
    const own = ownText(cause);
    if (!text.includes(own)) text += text === "" ? own : `: ${own}`;
  }
  return text === "" ? "unknown error" : text;
}

/** What one error says without its causes. */
function ownText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Deno puts the number of a system error into its message.
  const message = error.message.replaceAll(/ \(os error \d+\)/g, "");
  const texts = [...new Set(parts(error).map(errorText))];
  if (texts.length === 0) return message === "" ? error.name : message;
  const shown = texts.slice(0, 3).join("; ") + (texts.length > 3 ? `; and ${texts.length - 3} more` : "");
  return message === "" || error instanceof SuppressedError ? shown : `${message}: ${shown}`;
}
