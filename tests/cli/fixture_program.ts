/** The program with commands that wait, write without end, or fail. */

import { type CommandTable, defineCommand } from "../../cli/command.ts";
import { abortOnSignals, processIo } from "../../cli/process.ts";
import { main } from "../../cli/program.ts";

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** Keeps the process alive; a signal listener alone would not. */
function forever(): Disposable {
  const timer = setInterval(() => {}, 60_000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const waitCommand = defineCommand({
  usage: "wait",
  summary: "Wait for a signal, then clean up",
  args: { max: 0 },
  flags: {},
  async run({ stdout, stderr, signal }) {
    using _alive = forever();
    stdout.writeLine("waiting");
    await stdout.flush();
    try {
      await untilAborted(signal);
    } finally {
      await Promise.resolve();
      stderr.writeLine("cleaned up");
    }
  },
});

const stubborn = defineCommand({
  usage: "stubborn",
  summary: "Do not end after a signal",
  args: { max: 0 },
  flags: {},
  async run({ stdout, stderr, signal }) {
    using _alive = forever();
    signal.addEventListener("abort", () => stderr.writeLine("not yet"));
    stdout.writeLine("waiting");
    await stdout.flush();
    await new Promise(() => {});
  },
});

const endless = defineCommand({
  usage: "endless",
  summary: "Write lines until nobody reads them",
  args: { max: 0 },
  flags: {},
  async run({ stdout }) {
    for (let i = 0;; i++) {
      const full = stdout.writeLine(`line ${i}`);
      if (full !== undefined) await full;
    }
  },
});

const work = defineCommand({
  usage: "work [<error>]",
  summary: "Show progress, and fail if told to",
  args: { max: 1 },
  flags: {},
  async run({ args, stdout, progress }) {
    using bar = progress.start("Working", 4, { unit: "chunks" });
    bar.add(1);
    await stdout.writeLine("result");
    if (args[0] !== undefined) throw new Error(args[0]);
    bar.set(4);
  },
});

/** Copies the input, to find that binary data survive. */
const copy = defineCommand({
  usage: "copy",
  summary: "Copy standard input to standard output",
  args: { max: 0 },
  flags: {},
  async run({ stdin, stdout }) {
    for await (const piece of stdin) await stdout.write(piece);
  },
});

/** The commands of this program. */
export const FIXTURE_COMMANDS: CommandTable = {
  wait: { summary: waitCommand.summary, load: () => Promise.resolve({ default: waitCommand }) },
  stubborn: { summary: stubborn.summary, load: () => Promise.resolve({ default: stubborn }) },
  endless: { summary: endless.summary, load: () => Promise.resolve({ default: endless }) },
  work: { summary: work.summary, load: () => Promise.resolve({ default: work }) },
  copy: { summary: copy.summary, load: () => Promise.resolve({ default: copy }) },
};

if (import.meta.main) {
  const controller = new AbortController();
  abortOnSignals(controller, Deno.exit);
  Deno.exit(await main(Deno.args, processIo(controller.signal), { commands: FIXTURE_COMMANDS }));
}
