import assert from "node:assert/strict";
import { ServerMetrics } from "../../../lib/server/metrics.ts";

const memory = { rss: 1000, heapUsed: 500, heapTotal: 0, external: 0 };

Deno.test("ServerMetrics.format() renders what was counted", () => {
  const metrics = new ServerMetrics();
  metrics.add({ method: "GET", status: 200, received: 0, sent: 1000, durationMs: 0.7 });
  metrics.add({ method: "GET", status: 200, received: 0, sent: 500, durationMs: 20_000 });
  metrics.add({ method: "PUT", status: 500, received: 30, sent: 1, durationMs: 0.5 });
  metrics.add({ method: "BREW", status: 405, received: 0, sent: 0, durationMs: 0 });
  metrics.inFlight = 3;
  metrics.storeErrors = 1;
  metrics.reloads.failed++;
  const text = metrics.format({ version: 'a"\\b\n', memory });
  const samples = new Map(
    text.trimEnd().split("\n").filter((line) => !line.startsWith("#")).map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const expected: Readonly<Record<string, string>> = {
    'desync_build_info{version="a\\"\\\\b\\n"}': "1",
    'desync_requests_total{method="GET",status="200"}': "2",
    'desync_requests_total{method="PUT",status="500"}': "1",
    'desync_requests_total{method="other",status="405"}': "1",
    desync_requests_in_flight: "3",
    desync_received_bytes_total: "30",
    desync_sent_bytes_total: "1501",
    desync_store_errors_total: "1",
    'desync_reloads_total{result="failed"}': "1",
    'desync_request_duration_seconds_bucket{le="0.0005"}': "2",
    'desync_request_duration_seconds_bucket{le="0.001"}': "3",
    'desync_request_duration_seconds_bucket{le="10"}': "3",
    'desync_request_duration_seconds_bucket{le="+Inf"}': "4",
    desync_request_duration_seconds_count: "4",
    desync_resident_memory_bytes: "1000",
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(samples.get(name), value, name);
});

Deno.test("ServerMetrics.format() follows the text format", () => {
  const metrics = new ServerMetrics();
  metrics.add({ method: "GET", status: 200, received: 0, sent: 1, durationMs: 1 });
  const lines = metrics.format({ version: "1", memory }).split("\n");
  assert.equal(lines.pop(), "");
  for (const line of lines) {
    assert.match(
      line,
      /^(# HELP [a-z_]+ .+|# TYPE [a-z_]+ (counter|gauge|histogram)|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)$/,
    );
  }
});
