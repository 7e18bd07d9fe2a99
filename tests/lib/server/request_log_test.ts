import assert from "node:assert/strict";
import { formatLogLine, type RequestEntry } from "../../../lib/server/request_log.ts";

const entry: RequestEntry = {
  time: new Date(2026, 7, 5, 13, 49, 7).getTime(),
  remote: "192.0.2.1:4711",
  method: "GET",
  target: "/760b/%0a%1b",
  status: 200,
  received: 0,
  sent: 1234,
  durationMs: 1.5,
};

Deno.test("formatLogLine() writes what the reference program writes", () => {
  assert.equal(
    formatLogLine(entry, "text"),
    "2026/08/05 13:49:07 Client: 192.0.2.1:4711, Request: GET /760b/%0a%1b, Response: 200",
  );
});

Deno.test("formatLogLine() writes JSON", () => {
  assert.deepEqual(JSON.parse(formatLogLine(entry, "json")), {
    time: new Date(entry.time).toISOString(),
    client: "192.0.2.1:4711",
    method: "GET",
    target: "/760b/%0a%1b",
    status: 200,
    received: 0,
    sent: 1234,
    duration_ms: 1.5,
  });
});

Deno.test("formatLogLine() keeps to one line, whatever a client sends", () => {
  const nasty = { ...entry, target: "/\n2026/08/05 00:00:00 Client: x\r\x1b[2J\u2028\u202e\x7f\x9b" };
  for (const format of ["text", "json"] as const) {
    assert.doesNotMatch(formatLogLine(nasty, format), /[\p{Cc}\u2028\u202e]/u);
  }
  assert.match(formatLogLine(nasty, "text"), /\/\\u000a2026.*\\u000d\\u001b\[2J\\u2028\\u202e\\u007f\\u009b/);
  assert.equal(JSON.parse(formatLogLine(nasty, "json")).target, nasty.target);
});
