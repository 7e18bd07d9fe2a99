/**
 * What a server counts, in the text format of Prometheus.
 *
 * The format: for each metric lines `# HELP name text` and `# TYPE name counter|gauge|histogram`, then a line
 * `name{label="value",…} number` for each of its series. A histogram has a series `name_bucket` for each upper bound,
 * cumulative and with the label `le`, the last of which is `+Inf`; and `name_sum` and `name_count`.
 *
 * @module
 */

import type { RequestEntry } from "./request_log.ts";

/** Upper bounds of the buckets for durations, in seconds. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Methods with series of their own; a client must not be able to make up more. */
const METHODS = ["GET", "HEAD", "PUT"];

/** Counters of one server. */
export class ServerMetrics {
  /** Requests that are being answered. */
  inFlight = 0;
  /** Failures of stores. */
  storeErrors = 0;
  /** Configurations that were loaded again, and that could not be. */
  readonly reloads = { ok: 0, failed: 0 };
  readonly #requests = new Map<string, number>();
  readonly #buckets = new Float64Array(BOUNDS.length + 1);
  #duration = 0;
  #count = 0;
  #received = 0;
  #sent = 0;

  /** Counts an answered request. */
  add(entry: Pick<RequestEntry, "method" | "status" | "received" | "sent" | "durationMs">): void {
    const method = METHODS.includes(entry.method) ? entry.method : "other";
    const key = `method="${method}",status="${entry.status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    const seconds = entry.durationMs / 1000;
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > BOUNDS[bucket]!) bucket++;
    this.#buckets[bucket]!++;
    this.#duration += seconds;
    this.#count++;
    this.#received += entry.received;
    this.#sent += entry.sent;
  }

  /** Renders all metrics. @param process What is known of the process. */
  format(process: { readonly version: string; readonly memory: Deno.MemoryUsage }): string {
    const lines: string[] = [];
    const metric = (name: string, type: string, help: string) => {
      lines.push(`# HELP desync_${name} ${help}`, `# TYPE desync_${name} ${type}`);
      return (labels: string, value: number, suffix = "") => {
        lines.push(`desync_${name}${suffix}${labels === "" ? "" : `{${labels}}`} ${value}`);
      };
    };
    metric("build_info", "gauge", "Version of the program.")(`version="${escapeLabel(process.version)}"`, 1);
    const requests = metric("requests_total", "counter", "Requests that were answered.");
    for (const [labels, count] of [...this.#requests].sort()) requests(labels, count);
    metric("requests_in_flight", "gauge", "Requests that are being answered.")("", this.inFlight);
    metric("received_bytes_total", "counter", "Bytes of bodies received.")("", this.#received);
    metric("sent_bytes_total", "counter", "Bytes of bodies sent.")("", this.#sent);
    metric("store_errors_total", "counter", "Failures of stores.")("", this.storeErrors);
    const reloads = metric("reloads_total", "counter", "Configurations loaded again.");
    for (const [result, count] of Object.entries(this.reloads)) reloads(`result="${result}"`, count);
    this.#formatDurations(metric("request_duration_seconds", "histogram", "Time to answer a request."));
    metric("resident_memory_bytes", "gauge", "Memory of the process.")("", process.memory.rss);
    metric("heap_used_bytes", "gauge", "Memory of the JavaScript heap in use.")("", process.memory.heapUsed);
    return `${lines.join("\n")}\n`;
  }

  #formatDurations(sample: (labels: string, value: number, suffix?: string) => void): void {
    let count = 0;
    for (const [i, bucket] of this.#buckets.entries()) {
      count += bucket;
      sample(`le="${BOUNDS[i] ?? "+Inf"}"`, count, "_bucket");
    }
    sample("", this.#duration, "_sum");
    sample("", this.#count, "_count");
  }
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`);
}
