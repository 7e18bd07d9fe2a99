/**
 * How far the work is: a bar for people, lines or JSON for programs. Loaded only if one of them is wanted.
 *
 * @module
 */

import { formatDuration } from "./flag_values.ts";
import type { OutputStream } from "./output.ts";

/** Ways to show progress. */
export type ProgressMode = "bar" | "lines" | "json" | "none";

/** What a piece of work counts. */
export interface ProgressOptions {
  /** What is counted. @default "bytes" */
  readonly unit?: "bytes" | "chunks";
}

/** One piece of work. Its last state is shown when it is disposed of, also if it ends early. */
export interface ProgressBar extends Disposable {
  /** Says how much is done altogether. */
  set(done: number): void;
  /** Says that this much more is done. */
  add(count: number): void;
  /** Shows the last state and ends the bar; more calls have no effect. */
  finish(): void;
}

/** Shows the progress of a command. */
export interface ProgressFactory {
  /**
   * Starts a piece of work, and shows that.
   *
   * @param label What is being done, such as `Chunking`; may be empty.
   * @param total How much there is to do; 0 if that is not known, or nothing.
   */
  start(label: string, total: number, options?: ProgressOptions): ProgressBar;
}

/** Where and when progress is drawn. */
export interface ProgressTarget {
  /** Where it is shown; a bar with amounts only if that is a terminal. */
  readonly stderr: OutputStream;
  /** Measures the terminal. @returns Its width in characters, or `undefined` if there is none. */
  columns(): number | undefined;
  /** Tells the time. @returns Milliseconds since any fixed time. @default performance.now() */
  readonly clock?: () => number;
  /** Calls `tick` every so many milliseconds until the function it returns is called. @default setInterval() */
  readonly every?: (milliseconds: number, tick: () => void) => () => void;
}

/** A factory, and the output for messages while its bars are drawn. */
export interface ProgressDisplay {
  /** For commands. */
  readonly progress: ProgressFactory;
  /** Like the target's, but what is written does not run into a bar. */
  readonly stderr: OutputStream;
}

/** Prepares to show progress; nothing is drawn before a piece of work starts. */
export function openProgress(mode: Exclude<ProgressMode, "none">, target: ProgressTarget): ProgressDisplay {
  if (mode === "bar") {
    const painter = new BarPainter(target);
    return { progress: { start: (...work) => new Meter(painter, target, work) }, stderr: painter };
  }
  const painter = new LinePainter(target.stderr, mode === "json" ? formatJsonLine : formatLine);
  return { progress: { start: (...work) => new Meter(painter, target, work) }, stderr: target.stderr };
}

/** All there is to draw. */
interface Progress {
  readonly label: string;
  readonly unit: "bytes" | "chunks";
  readonly total: number;
  readonly done: number;
  readonly elapsedMs: number;
  /** Undefined as long as it cannot be estimated. */
  readonly remainingMs: number | undefined;
  readonly finished: boolean;
}

interface Painter {
  readonly intervalMs: number;
  paint(progress: Progress): void;
}

/** Keeps count and asks for a drawing in regular intervals. */
class Meter implements ProgressBar {
  readonly #painter: Painter;
  readonly #clock: () => number;
  readonly #label: string;
  readonly #unit: "bytes" | "chunks";
  readonly #total: number;
  readonly #started: number;
  readonly #stop: () => void;
  #done = 0;
  #shownDone = 0;
  #changed: number;
  #finished = false;

  constructor(painter: Painter, target: ProgressTarget, work: Parameters<ProgressFactory["start"]>) {
    const [label, total, { unit = "bytes" } = {}] = work;
    this.#painter = painter;
    this.#clock = target.clock ?? (() => performance.now());
    this.#label = label.trimEnd();
    this.#unit = unit;
    this.#total = total;
    this.#started = this.#changed = this.#clock();
    this.#paint();
    this.#stop = (target.every ?? everyInterval)(painter.intervalMs, () => this.#paint());
  }

  set(done: number): void {
    this.#done = done;
  }

  add(count: number): void {
    this.#done += count;
  }

  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#stop();
    this.#paint();
  }

  [Symbol.dispose](): void {
    this.finish();
  }

  #paint(): void {
    const now = this.#clock();
    if (this.#done !== this.#shownDone) this.#changed = now;
    this.#shownDone = this.#done;
    // From the mean rate up to the last change, so that the estimate counts down while nothing happens.
    const remainingMs = this.#done > 0 && this.#total > 0
      ? (this.#total - this.#done) * (this.#changed - this.#started) / this.#done - (now - this.#changed)
      : undefined;
    this.#painter.paint({
      label: this.#label,
      unit: this.#unit,
      total: this.#total,
      done: this.#done,
      elapsedMs: now - this.#started,
      remainingMs: remainingMs === undefined ? undefined : Math.max(0, remainingMs),
      finished: this.#finished,
    });
  }
}

function everyInterval(milliseconds: number, tick: () => void): () => void {
  const timer = setInterval(tick, milliseconds);
  Deno.unrefTimer(timer);
  return () => clearInterval(timer);
}

/** One line for each state. */
class LinePainter implements Painter {
  readonly intervalMs = 500;
  readonly #stderr: OutputStream;
  readonly #format: (progress: Progress) => string;

  constructor(stderr: OutputStream, format: (progress: Progress) => string) {
    this.#stderr = stderr;
    this.#format = format;
  }

  paint(progress: Progress): void {
    this.#stderr.writeLine(this.#format(progress));
  }
}

/** One line that is drawn over itself. It also carries messages, which then stand above it. */
class BarPainter implements Painter, OutputStream {
  readonly intervalMs = 200;
  readonly isTerminal: boolean;
  readonly #stderr: OutputStream;
  readonly #columns: () => number | undefined;
  #drawn = "";

  constructor({ stderr, columns }: ProgressTarget) {
    this.#stderr = stderr;
    this.#columns = columns;
    this.isTerminal = stderr.isTerminal;
  }

  paint(progress: Progress): void {
    const columns = this.#stderr.isTerminal ? this.#columns() : undefined;
    const line = columns === undefined ? formatLine(progress) : formatBar(progress, columns);
    // Blanks erase the end of a longer line before; escape sequences would need a terminal that knows them.
    this.#stderr.write(`\r${line.padEnd(this.#drawn.length)}${progress.finished ? "\n" : ""}`);
    this.#drawn = progress.finished ? "" : line;
  }

  write(data: string | Uint8Array): Promise<void> | undefined {
    if (this.#drawn === "") return this.#stderr.write(data);
    this.#stderr.write(`\r${" ".repeat(this.#drawn.length)}\r`);
    this.#drawn = "";
    return this.#stderr.write(data);
  }

  writeLine(text: string): Promise<void> | undefined {
    return this.write(`${text}\n`);
  }

  flush(): Promise<void> {
    return this.#stderr.flush();
  }
}

/** Label, percentage, and the time that is left or was needed: the line that scripts read. */
function formatLine(progress: Progress): string {
  return formatLabel(progress) + formatPercent(progress) + formatTime(progress);
}

/** Such a line with a bar, amounts and rate, as wide as the terminal. */
function formatBar(progress: Progress, columns: number): string {
  const label = formatLabel(progress);
  const rest = formatPercent(progress) + formatAmount(progress) + formatTime(progress);
  // The last column stays free, as some terminals begin a new line behind it.
  const room = columns - 1 - label.length - rest.length;
  if (progress.total <= 0 || room < 6) return `${label}${rest}`.slice(0, Math.max(0, columns - 1));
  const width = room - 2;
  const full = Math.floor(width * fraction(progress));
  const bar = "=".repeat(full) + (full < width ? ">" + "-".repeat(width - full - 1) : "");
  return `${label}[${bar}]${rest}`;
}

function formatJsonLine(progress: Progress): string {
  return JSON.stringify({
    "label": progress.label,
    "unit": progress.unit,
    "done": progress.done,
    "total": progress.total,
    "elapsed-ms": Math.round(progress.elapsedMs),
    "remaining-ms": progress.finished || progress.remainingMs === undefined
      ? null
      : Math.round(progress.remainingMs),
    "finished": progress.finished,
  });
}

function formatLabel({ label }: Progress): string {
  return label === "" ? "" : `${label} `;
}

function formatPercent(progress: Progress): string {
  return progress.total <= 0 ? "" : ` ${(100 * fraction(progress)).toFixed(2).padStart(6)}%`;
}

function fraction({ done, total }: Progress): number {
  return Math.min(1, Math.max(0, done / total));
}

function formatTime({ elapsedMs, remainingMs = 0, finished }: Progress): string {
  if (finished) return ` ${formatDuration(1000 * Math.floor(elapsedMs / 1000))}`;
  const seconds = Math.floor(remainingMs / 1000);
  if (!(seconds > 0 && seconds < Infinity)) return "";
  const days = seconds > 86_400 ? Math.floor(seconds / 86_400) : 0;
  let rest = seconds - 86_400 * days;
  const hours = rest > 3_600 ? Math.floor(rest / 3_600) : 0;
  rest -= 3_600 * hours;
  return ` ${days > 0 ? `${days}d` : ""}${hours > 0 ? `${hours}h` : ""}` +
    `${String(Math.floor(rest / 60)).padStart(2, "0")}m${String(rest % 60).padStart(2, "0")}s`;
}

function formatAmount({ unit, done, total, elapsedMs, finished }: Progress): string {
  const rate = elapsedMs > 0 ? 1000 * done / elapsedMs : 0;
  if (unit === "chunks") {
    return ` ${finished || total <= 0 ? done : `${done}/${total}`} chunks ${Math.round(rate)}/s`;
  }
  const [scale, name] = byteUnit(Math.max(done, total));
  const amount = (size: number) => scale === 1 ? String(size) : (size / scale).toFixed(1);
  const [rateScale, rateName] = byteUnit(rate);
  return ` ${finished || total <= 0 ? amount(done) : `${amount(done)}/${amount(total)}`} ${name}` +
    ` ${(rate / rateScale).toFixed(rateScale === 1 ? 0 : 1)} ${rateName}/s`;
}

/** The largest unit that gives at least one of it. */
function byteUnit(size: number): readonly [scale: number, name: string] {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  while (power < names.length - 1 && size >= 1024 ** (power + 1)) power++;
  return [1024 ** power, names[power]!];
}
