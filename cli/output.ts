/**
 * Standard output and standard error of a command, and the JSON that goes there.
 *
 * @module
 */

import { BrokenPipeError } from "./errors.ts";

/** Where a command writes to. */
export interface OutputStream {
  /** Whether a person sees it. */
  readonly isTerminal: boolean;
  /**
   * Writes text, or bytes, which must not change until the write is done.
   *
   * @returns `undefined` if the data are taken care of; else a promise to await before writing more, as the reader is
   * slower than the command. Nothing is lost or reordered if it is ignored, but then memory is the only limit.
   * @throws {BrokenPipeError} If an earlier write found that nobody reads any more; here, or from the promise.
   */
  write(data: string | Uint8Array): Promise<void> | undefined;
  /** Writes text and a line break; see {@linkcode write}. */
  writeLine(text: string): Promise<void> | undefined;
  /** Waits until all that was written has left the program. @throws {BrokenPipeError} If nobody reads it. */
  flush(): Promise<void>;
}

/** What a {@linkcode BufferedOutput} writes to, such as `Deno.stdout`. */
export interface OutputSink extends DirectSink {
  /** Writes bytes as soon as there is room. @returns How many were taken, at least one. */
  write(data: Uint8Array): Promise<number>;
}

/** What a {@linkcode DirectOutput} writes to, such as `Deno.stderr`. */
export interface DirectSink {
  /** Writes bytes, and blocks until there is room. @returns How many were taken, at least one. */
  writeSync(data: Uint8Array): number;
}

/** Bytes that are collected before they are written; 200,000 lines one by one would take 0.6 s. */
const BUFFER_SIZE = 131_072;
/** Time after which lines go out even if they are few, in milliseconds. */
const BUFFER_TIME = 50;
/** Bytes from which on it is cheaper to wait for the write than to copy. */
const COPY_SIZE = 16_384;
/** Bytes there is room for in a pipe that nothing was written to; 64 KiB on Linux, less elsewhere. */
const FIRST_SIZE = 8_192;

/** An output that collects what is written, and writes it in large pieces in the background. */
export class BufferedOutput implements OutputStream {
  readonly isTerminal: boolean;
  readonly #sink: OutputSink;
  readonly #signal: AbortSignal | undefined;
  #pieces: (string | Uint8Array)[] = [];
  /** Bytes and UTF-16 code units in the pieces. */
  #size = 0;
  #writes = 0;
  #lastWrite = Date.now();
  #untouched = true;
  /** Space for encoded text; a fresh array for each write would take longer than the encoding. */
  #scratch: Uint8Array<ArrayBuffer> | undefined;
  #running: Promise<void> | undefined;
  #failure: Error | undefined;

  /** Starts with nothing written. `signal` ends all waiting for a slow reader; what is not written by then is lost. */
  constructor(
    sink: OutputSink,
    { isTerminal, signal }: { readonly isTerminal: boolean; readonly signal?: AbortSignal | undefined },
  ) {
    this.#sink = sink;
    this.isTerminal = isTerminal;
    this.#signal = signal;
  }

  write(data: string | Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const borrowed = typeof data !== "string" && data.length >= COPY_SIZE;
    this.#pieces.push(typeof data === "string" || borrowed ? data : data.slice());
    this.#size += data.length;
    if (!borrowed && this.#size < BUFFER_SIZE && !this.#isDue()) return undefined;
    return this.#writeOut(borrowed);
  }

  writeLine(text: string): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pieces.push(text, "\n");
    this.#size += text.length + 1;
    if (this.#size < BUFFER_SIZE && !this.#isDue()) return undefined;
    return this.#writeOut(false);
  }

  flush(): Promise<void> {
    this.#start();
    const done = this.#running === undefined ? Promise.resolve() : untilAborted(this.#running, this.#signal);
    const checked = done.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
    });
    // The failure is kept, and thrown by the next call; a caller who does not wait must not end the program.
    checked.catch(() => {});
    return checked;
  }

  /** Whether lines have been waiting too long; asks the clock only now and then, for that takes time itself. */
  #isDue(): boolean {
    if (!this.isTerminal && (++this.#writes & 15) !== 0) return false;
    return Date.now() - this.#lastWrite >= BUFFER_TIME;
  }

  #writeOut(borrowed: boolean): Promise<void> | undefined {
    const busy = this.#running !== undefined;
    this.#start();
    // The command may prepare the next piece while this one is being written, but not a third.
    return borrowed || (busy && this.#size >= BUFFER_SIZE) ? this.flush() : undefined;
  }

  #start(): void {
    if (this.#untouched && this.#size > 0) this.#writeStart();
    if (this.#running === undefined && this.#size > 0) {
      this.#running = this.#run().finally(() => this.#running = undefined);
    }
  }

  /**
   * Writes at once what surely needs no waiting for the reader. The rest is written asynchronously, as a program that
   * is blocked could not be interrupted; but that takes 1 ms to begin with, a tenth of what `--help` takes.
   */
  #writeStart(): void {
    this.#untouched = false;
    if (this.#size > FIRST_SIZE) return;
    const [piece = new Uint8Array(), ...more] = this.#encode(this.#take());
    let rest = piece;
    try {
      rest = piece.subarray(this.#sink.writeSync(piece));
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) return this.#fail(error);
    }
    this.#pieces = [rest, ...more].filter(({ length }) => length > 0);
    this.#size = this.#pieces.reduce((size, { length }) => size + length, 0);
  }

  /** Writes until nothing is left; never rejects. */
  async #run(): Promise<void> {
    try {
      while (this.#size > 0) {
        for (const piece of this.#encode(this.#take())) await writeAll(this.#sink, piece);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(): readonly (string | Uint8Array)[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#size = 0;
    this.#lastWrite = Date.now();
    return pieces;
  }

  /** Bytes of the pieces; each array is valid until the next one is asked for. */
  *#encode(pieces: readonly (string | Uint8Array)[]): Iterable<Uint8Array> {
    for (let at = 0; at < pieces.length;) {
      const piece = pieces[at]!;
      if (typeof piece !== "string") {
        yield piece;
        at++;
        continue;
      }
      const first = at;
      while (typeof pieces[at] === "string") at++;
      yield this.#encodeText(pieces.slice(first, at).join(""));
    }
  }

  #encodeText(text: string): Uint8Array {
    // Text may need up to three bytes for each code unit.
    if (text.length <= FIRST_SIZE || text.length > 2 * BUFFER_SIZE) return new TextEncoder().encode(text);
    this.#scratch ??= new Uint8Array(3 * 2 * BUFFER_SIZE);
    return this.#scratch.subarray(0, new TextEncoder().encodeInto(text, this.#scratch).written);
  }

  #fail(cause: unknown): void {
    this.#pieces = [];
    this.#size = 0;
    this.#failure = cause instanceof Deno.errors.BrokenPipe
      ? new BrokenPipeError({ cause })
      : new Error("cannot write to standard output", { cause });
  }
}

async function writeAll(sink: OutputSink, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) {
    try {
      at += await sink.write(at === 0 ? data : data.subarray(at));
    } catch (error) {
      // Whoever shares the pipe with us may have made it non-blocking.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Waits for `promise`, which must not reject, or for `signal`. */
function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

/** An output that writes at once, for messages. It forgets what it cannot write: there is nowhere to report it. */
export class DirectOutput implements OutputStream {
  readonly isTerminal: boolean;
  readonly #sink: DirectSink;

  /** Starts with nothing written. */
  constructor(sink: DirectSink, { isTerminal }: { readonly isTerminal: boolean }) {
    this.#sink = sink;
    this.isTerminal = isTerminal;
  }

  write(data: string | Uint8Array): undefined {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length;) {
      try {
        at += this.#sink.writeSync(bytes.subarray(at));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) return undefined;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
    return undefined;
  }

  writeLine(text: string): undefined {
    return this.write(`${text}\n`);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * JSON as Go's encoder indents it: two spaces, keys in the order of insertion, big integers as plain numbers, and the
 * characters that matter to HTML escaped.
 *
 * @returns Text without a line break at its end.
 */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, (_key, item) => typeof item === "bigint" ? rawJson(String(item)) : item, 2)
    // Only strings can have these characters.
    .replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A piece of JSON that `JSON.stringify` copies as it is; ES2026, and not yet in TypeScript's library. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}
