import assert from "node:assert/strict";
import {
  BrokenPipeError,
  escapeControls,
  InterruptedError,
  isCausedBy,
  renderError,
  suggest,
  UsageError,
} from "../../cli/errors.ts";
import { StoreError } from "../../lib/errors.ts";

Deno.test.each<{ what: string; error: unknown; text: string }>([
  { what: "a message", error: new Error("no"), text: "no" },
  { what: "its cause", error: new Error("a", { cause: new Error("b") }), text: "a: b" },
  {
    what: "causes of causes",
    error: new Error("a", { cause: new Error("b", { cause: new TypeError("c") }) }),
    text: "a: b: c",
  },
  {
    what: "a cause that the message repeats only once",
    error: new StoreError("/x", "open", { cause: new Error("No such file or directory (os error 2)") }),
    text: "Cannot open '/x': No such file or directory",
  },
  {
    what: "no numbers of system errors",
    error: new Deno.errors.NotFound("No such file or directory (os error 2): open 'x'"),
    text: "No such file or directory: open 'x'",
  },
  { what: "the class where there is no message", error: new RangeError(), text: "RangeError" },
  { what: "what is not an error", error: "text", text: "text" },
  { what: "nothing", error: undefined, text: "unknown error" },
  { what: "null", error: null, text: "unknown error" },
  {
    what: "several errors",
    error: new AggregateError([new Error("x"), new Error("y"), new Error("x")], "all failed"),
    text: "all failed: x; y",
  },
  {
    what: "some of many errors",
    error: new AggregateError([1, 2, 3, 4, 5].map((n) => new Error(`e${n}`))),
    text: "e1; e2; e3; and 2 more",
  },
  {
    what: "the first error before that of cleaning up",
    error: new SuppressedError(new Error("close"), new Error("read")),
    text: "read; close",
  },
  {
    what: "control characters as escapes",
    error: new Error("a\nb\x1b[2J\u202e\x00"),
    text: "a\\nb\\x1b[2J\\u202e\\x00",
  },
])("renderError() shows $what", ({ error, text }) => {
  assert.equal(renderError(error), `Error: ${text}\n`);
});

Deno.test("renderError() ends with causes that go in a circle", () => {
  const error = new Error("a");
  error.cause = new Error("b", { cause: error });
  assert.equal(renderError(error), "Error: a: b\n");
});

Deno.test("renderError() shows the hint below, also that of a cause", () => {
  const error = new UsageError("bad", { hint: "Do it better.\nOr not." });
  assert.equal(renderError(error), "Error: bad\nDo it better.\nOr not.\n");
  assert.equal(renderError(new Error("x", { cause: error })), "Error: x: bad\nDo it better.\nOr not.\n");
});

Deno.test("renderError() shows the stack only if asked for", () => {
  const error = new Error("a");
  assert.doesNotMatch(renderError(error), / at /);
  assert.match(renderError(error, { verbose: true }), /^Error: a\n[^]* at [^]*\n$/);
});

Deno.test("isCausedBy() looks at causes, groups and suppressed errors", () => {
  const wanted = new BrokenPipeError();
  const isWanted = (error: unknown) => error === wanted;
  assert(isCausedBy(wanted, isWanted));
  assert(
    isCausedBy(new Error("x", { cause: new AggregateError([new Error("y", { cause: wanted })]) }), isWanted),
  );
  assert(isCausedBy(new SuppressedError(new Error("x"), wanted), isWanted));
  assert(!isCausedBy(new Error("x"), isWanted));
  assert(!isCausedBy(undefined, isWanted));
});

Deno.test("InterruptedError has the exit code of its signal", () => {
  assert.equal(new InterruptedError("SIGINT").exitCode, 130);
  assert.equal(new InterruptedError("SIGTERM").exitCode, 143);
});

Deno.test("escapeControls() leaves other characters alone", () => {
  assert.equal(escapeControls("a b'\u00e4\u{1f600}\\"), "a b'\u00e4\u{1f600}\\");
  assert.equal(escapeControls("\r\t\x7f\x85\u2028\u2066"), "\\r\\t\\x7f\\x85\\u2028\\u2066");
});

Deno.test("suggest() finds what was meant", () => {
  const names = ["cat", "cache", "chunk", "make", "tar", "verify", "verify-index", "list-chunks"];
  assert.deepEqual(suggest("mak", names), ["make", "cat", "tar"]);
  assert.deepEqual(suggest("LIST-CHUNKS", names), ["list-chunks"]);
  assert.deepEqual(suggest("verif", names), ["verify", "verify-index"]);
  assert.deepEqual(suggest("nonsense", names), []);
});
