/**
 * What the program has of its process, and how signals reach it.
 *
 * @module
 */

import { InterruptedError, type InterruptSignal } from "./errors.ts";
import { BufferedOutput, DirectOutput } from "./output.ts";
import type { ProgramIo } from "./program.ts";
import { untilAborted } from "./until_aborted.ts";

/** The first SIGINT or SIGTERM aborts `controller`; the second one calls `exit` with the code of the first. */
export function abortOnSignals(controller: AbortController, exit: (code: number) => void): void {
  const signals: readonly InterruptSignal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      const { aborted, reason } = controller.signal;
      if (aborted) exit(reason.exitCode);
      else controller.abort(new InterruptedError(signal));
    });
  }
}

/** Standard input, of which nothing is read before it is asked for. It fails when `signal` aborts. */
function readStdin(signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream({
    async pull(controller) {
      reader ??= Deno.stdin.readable.getReader();
      const { value, done } = await untilAborted(reader.read(), { signal });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader?.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Streams, environment and terminal of this process. */
export function processIo(signal: AbortSignal): ProgramIo {
  let stdin: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  return {
    env(name) {
      // Without the permission, get() would prompt or throw.
      const { state } = Deno.permissions.querySync({ name: "env", variable: name });
      return state === "granted" ? Deno.env.get(name) : undefined;
    },
    get stdin() {
      return stdin ??= readStdin(signal);
    },
    stdinIsTerminal: Deno.stdin.isTerminal(),
    stdout: new BufferedOutput(Deno.stdout, { isTerminal: Deno.stdout.isTerminal(), signal }),
    stderr: new DirectOutput(Deno.stderr, { isTerminal: Deno.stderr.isTerminal() }),
    signal,
    now: () => Date.now(),
    columns() {
      try {
        return Deno.consoleSize().columns || undefined;
      } catch {
        return undefined;
      }
    },
  };
}
