/**
 * Asking before something is lost.
 *
 * @module
 */

import { UsageError } from "./errors.ts";
import type { OutputStream } from "./output.ts";

/** What a question needs. */
export interface PromptContext {
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stdout: OutputStream;
  readonly signal: AbortSignal;
}

/** An answer longer than this is none. */
const MAX_ANSWER = 1024;

/**
 * Asks until the answer is `y` or `n`, or empty, which is `n`.
 *
 * @throws {UsageError} If the input ends before.
 */
export async function confirm(question: string, context: PromptContext): Promise<boolean> {
  await context.stdout.write(question);
  const reader = context.stdin.pipeThrough(new TextDecoderStream()).getReader();
  const stop = () => void reader.cancel().catch(() => {});
  context.signal.addEventListener("abort", stop, { once: true });
  try {
    let text = "";
    let isEnd = false;
    for (;;) {
      await context.stdout.write("[y/N]: ");
      await context.stdout.flush();
      while (!text.includes("\n")) {
        const next: string | undefined = isEnd ? undefined : (await reader.read()).value;
        const done: boolean = next === undefined;
        context.signal.throwIfAborted();
        // The last line may lack its line break, as in `printf y | desync prune …`.
        if ((done && text === "") || text.length > MAX_ANSWER) {
          throw new UsageError("no confirmation given, nothing deleted");
        }
        isEnd = done;
        text += next ?? "\n";
      }
      const end = text.indexOf("\n");
      const answer = text.slice(0, end).trim().toLowerCase();
      text = text.slice(end + 1);
      if (answer === "y") return true;
      if (answer === "n" || answer === "") return false;
    }
  } finally {
    context.signal.removeEventListener("abort", stop);
    stop();
  }
}
