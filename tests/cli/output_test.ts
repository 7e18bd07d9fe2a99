import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { BrokenPipeError } from "../../cli/errors.ts";
import { BufferedOutput, DirectOutput, formatJson, type OutputSink } from "../../cli/output.ts";
import { MemorySink } from "../support/cli.ts";

/** Takes at most `limit` bytes at a time, and only when told to. */
class SlowSink implements OutputSink {
  readonly taken = new MemorySink();
  readonly #limit: number;
  #waiting: (() => void)[] = [];

  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve) =>
      this.#waiting.push(() => resolve(this.taken.writeSync(data.subarray(0, this.#limit))))
    );
  }

  writeSync(): number {
    throw new Deno.errors.WouldBlock("the pipe is full");
  }

  /** @returns Whether a write was waiting. */
  release(): boolean {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
    return waiting.length > 0;
  }
}

/** Lets the sink take all, until `done`. */
async function releaseUntil(sink: SlowSink, done: Promise<unknown>): Promise<void> {
  let ended = false;
  const end = done.finally(() => ended = true);
  while (!ended) {
    sink.release();
    await Promise.resolve();
  }
  await end;
}

function failingSink(error: Error): OutputSink {
  return {
    write: () => Promise.reject(error),
    writeSync() {
      throw error;
    },
  };
}

Deno.test("BufferedOutput keeps the order of text and bytes, however the sink takes them", async () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 20 }),
    fc.integer({ min: 16_000, max: 17_000 }).map((size) => new Uint8Array(size).fill(size)),
    fc.integer({ min: 65_000, max: 70_000 }).map((size) => "x".repeat(size)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 50_000 }), async (pieces, limit) => {
      const sink = new SlowSink(limit);
      const output = new BufferedOutput(sink, { isTerminal: false });
      for (const data of pieces) output.write(data);
      await releaseUntil(sink, output.flush());
      const expected = new Blob(pieces.map((data) => typeof data === "string" ? data : data.slice()));
      assert(indexOfDifference(sink.taken.bytes(), await expected.bytes()) === undefined);
    }),
    { numRuns: 50 },
  );
});

function indexOfDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  const index = a.findIndex((byte, i) => byte !== b[i]);
  return index < 0 ? undefined : index;
}

Deno.test("BufferedOutput writes 200,000 lines in a few pieces", async () => {
  const sink = new MemorySink();
  const output = new BufferedOutput(sink, { isTerminal: false });
  const line = "0123456789abcdef".repeat(4);
  for (let i = 0; i < 200_000; i++) {
    const full = output.writeLine(line);
    if (full !== undefined) await full;
  }
  await output.flush();
  assert.equal(sink.bytes().length, 200_000 * 65);
  assert(sink.pieces().length < 300, `${sink.pieces().length} pieces`);
});

Deno.test("BufferedOutput lets the writer wait if the reader is slow", async () => {
  const sink = new SlowSink();
  const output = new BufferedOutput(sink, { isTerminal: false });
  const half = "x".repeat(100_000);
  assert.equal(output.write(half), undefined);
  // Full: the write begins, and more may be prepared meanwhile, but not without limit.
  assert.equal(output.write(half), undefined);
  assert.equal(output.write(half), undefined);
  const wait = output.write(half);
  assert(wait instanceof Promise);
  await releaseUntil(sink, wait);
  assert.equal(sink.taken.bytes().length, 400_000);
});

Deno.test("BufferedOutput copies small pieces, and waits for large ones", async () => {
  const sink = new SlowSink();
  const output = new BufferedOutput(sink, { isTerminal: false });
  const small = new TextEncoder().encode("small");
  assert.equal(output.write(small), undefined);
  small.fill(0);
  const wait = output.write(new Uint8Array(20_000));
  assert(wait instanceof Promise);
  await releaseUntil(sink, wait);
  assert.equal(sink.taken.text().slice(0, 5), "small");
});

Deno.test("BufferedOutput.write() accepts nothing", async () => {
  const sink = new MemorySink();
  const output = new BufferedOutput(sink, { isTerminal: false });
  output.write("");
  output.write(new Uint8Array());
  await output.flush();
  assert.deepEqual(sink.pieces(), []);
});

Deno.test("BufferedOutput does not wait for what an empty pipe can take", async () => {
  const sink = new MemorySink();
  sink.write = () => Promise.reject(new Error("asynchronous"));
  const output = new BufferedOutput(sink, { isTerminal: false });
  output.writeLine("result");
  await output.flush();
  assert.equal(sink.text(), "result\n");
});

Deno.test("BufferedOutput tries again if the pipe is non-blocking", async () => {
  const sink = new MemorySink();
  let refusals = 3;
  const full = new Deno.errors.WouldBlock("full");
  const output = new BufferedOutput({
    writeSync() {
      throw full;
    },
    write: (data) => refusals-- > 0 ? Promise.reject(full) : sink.write(data.subarray(0, 3)),
  }, { isTerminal: false });
  output.writeLine("result");
  await output.flush();
  assert.equal(sink.text(), "result\n");
  assert(refusals < 0);
});

Deno.test("BufferedOutput fails for good when nobody reads any more", async () => {
  for (const size of [10, 10_000]) {
    const output = new BufferedOutput(failingSink(new Deno.errors.BrokenPipe("Broken pipe")), {
      isTerminal: false,
    });
    output.write("x".repeat(size));
    await assert.rejects(output.flush(), BrokenPipeError);
    await assert.rejects(output.flush(), BrokenPipeError);
    assert.throws(() => output.write("more"), BrokenPipeError);
  }
});

Deno.test("BufferedOutput tells why it cannot write", async () => {
  const cause = new Error("No space left on device (os error 28)");
  const output = new BufferedOutput(failingSink(cause), { isTerminal: false });
  output.writeLine("x");
  await assert.rejects(output.flush(), { message: "cannot write to standard output", cause });
});

Deno.test("BufferedOutput stops waiting when the signal aborts", async () => {
  const controller = new AbortController();
  const reason = new Error("stop");
  const output = new BufferedOutput(new SlowSink(), { isTerminal: false, signal: controller.signal });
  output.writeLine("x");
  const flushed = output.flush();
  controller.abort(reason);
  await assert.rejects(flushed, reason);
  await assert.rejects(output.flush(), reason);
});

Deno.test("DirectOutput writes at once and completely", () => {
  const sink = new MemorySink();
  let calls = 0;
  const output = new DirectOutput({
    writeSync(data) {
      if (calls++ === 1) throw new Deno.errors.WouldBlock("full");
      return sink.writeSync(data.subarray(0, 2));
    },
  }, { isTerminal: true });
  assert.equal(output.writeLine("h\u00e9llo"), undefined);
  output.write(Uint8Array.of(33));
  assert.equal(sink.text(), "h\u00e9llo\n!");
  assert(output.isTerminal);
});

Deno.test("DirectOutput forgets what it cannot write", async () => {
  const output = new DirectOutput(failingSink(new Deno.errors.BrokenPipe("")), { isTerminal: false });
  output.writeLine("x");
  await output.flush();
});

Deno.test("formatJson() indents, and writes integers of any size", () => {
  assert.equal(
    formatJson({
      "in-store": 0,
      list: [{ size: 2n ** 64n - 1n }, []],
      none: null,
      left: undefined,
      empty: {},
    }),
    `{
  "in-store": 0,
  "list": [
    {
      "size": 18446744073709551615
    },
    []
  ],
  "none": null,
  "empty": {}
}`,
  );
  assert.equal(formatJson(null), "null");
  assert.equal(formatJson([]), "[]");
});

Deno.test("formatJson() escapes what matters to HTML", () => {
  // As `desync config` of desync 1.0.4 prints a configuration with such a key.
  assert.equal(
    formatJson({ 'a\b\f\x7f<>&\u2028\u2029"\\\n\t\x01': 1 }),
    '{\n  "a\\b\\f\x7f\\u003c\\u003e\\u0026\\u2028\\u2029\\"\\\\\\n\\t\\u0001": 1\n}',
  );
});

Deno.test("formatJson() writes what JSON.parse() reads", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.deepEqual(JSON.parse(formatJson(value)), JSON.parse(JSON.stringify(value)));
  }));
});
