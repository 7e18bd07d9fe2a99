/** The program, with something happening at one of its system calls; see crash_calls.ts. */

import { abortOnSignals, processIo } from "../../cli/process.ts";
import { main } from "../../cli/program.ts";
import { type CallPlan, type CallReport, PLAN_VARIABLE, REPORT_VARIABLE } from "./crash_calls.ts";

type ForeignCall = (...parameters: unknown[]) => unknown;

/** Counts calls, and does what the plan says. */
class Watch {
  readonly #plan: CallPlan;
  readonly #calls: string[] = [];
  #after = 0;
  #isOver = false;

  constructor(plan: CallPlan) {
    this.#plan = plan;
  }

  report(): CallReport {
    return { calls: this.#calls, after: this.#after };
  }

  wrap(name: string, call: ForeignCall): ForeignCall {
    return (...parameters) => {
      const flags = name === "open" ? parameters[1] : name === "openat" ? parameters[2] : 0;
      const label = (Number(flags) & 0o100) !== 0 ? "create" : name;
      return this.#plan.calls.includes(label) ? this.#run(label, call, parameters) : call(...parameters);
    };
  }

  #run(label: string, call: ForeignCall, parameters: unknown[]): unknown {
    const { at, when = "before", delayMs = 0 } = this.#plan;
    if (this.#isOver) {
      this.#after++;
      if (delayMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
    }
    const isHere = this.#calls.length === at;
    const paths = parameters.filter((parameter) => parameter instanceof Uint8Array).map(pathText);
    this.#calls.push(label === "pwrite" ? label : [label, ...paths].join(" "));
    if (!isHere) return call(...parameters);
    if (when === "before") this.#strike();
    if (when === "torn") call(...firstHalf(parameters));
    const result = when === "torn" ? undefined : call(...parameters);
    if (when !== "before") this.#strike();
    return result;
  }

  #strike(): void {
    this.#isOver = true;
    for (const signal of this.#plan.signals ?? ["SIGKILL"]) Deno.kill(Deno.pid, signal);
  }
}

/** Parameters of a `pwrite` of half as many bytes. */
function firstHalf([fd, data, size, offset]: readonly unknown[]): unknown[] {
  return [fd, data, BigInt(size as bigint) / 2n, offset];
}

function pathText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

const watch = new Watch(JSON.parse(Deno.env.get(PLAN_VARIABLE) ?? '{"calls":[]}'));
const { dlopen } = Deno;
Object.assign(Deno, {
  dlopen(path: string, table: Deno.ForeignLibraryInterface): unknown {
    const library = dlopen(path, table);
    // Calls on files, below directory handles, and about owners.
    if (!["pwrite", "renameat", "fchown"].some((name) => name in table)) return library;
    const symbols = Object.entries(library.symbols).map((
      [name, call],
    ) => [name, watch.wrap(name, call as ForeignCall)]);
    return { symbols: Object.fromEntries(symbols), close: () => library.close() };
  },
});

const controller = new AbortController();
abortOnSignals(controller, Deno.exit);
const code = await main(Deno.args, processIo(controller.signal));
await Deno.writeTextFile(Deno.env.get(REPORT_VARIABLE) ?? "/dev/null", JSON.stringify(watch.report()));
Deno.exit(code);
