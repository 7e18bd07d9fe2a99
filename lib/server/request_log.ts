/**
 * Lines of the request log.
 *
 * @module
 */

/** A request that was answered. */
export interface RequestEntry {
  /** When the answer was complete, in milliseconds since 1970. */
  readonly time: number;
  /** Address and port of the client. */
  readonly remote: string;
  /** As the client wrote it. */
  readonly method: string;
  /** As the client wrote it. */
  readonly target: string;
  /** Of the answer. */
  readonly status: number;
  /** Bytes of the body that was received, as far as it was read. */
  readonly received: number;
  /** Bytes of the body that was sent. */
  readonly sent: number;
  /** From the end of the request's header to the end of the answer. */
  readonly durationMs: number;
}

/** Text as the reference program writes it, or an object of JSON a line. */
export type LogFormat = "text" | "json";

/** Formats one line, without its end. Nothing is decoded, and control characters are escaped. */
export function formatLogLine(entry: RequestEntry, format: LogFormat): string {
  const { time, remote, method, target, status } = entry;
  if (format === "text") {
    const line = `Client: ${remote}, Request: ${method} ${target}, Response: ${status}`;
    return `${formatLogTime(new Date(time))} ${escapeLog(line)}`;
  }
  return escapeLog(JSON.stringify({
    time: new Date(time).toISOString(),
    client: remote,
    method,
    target,
    status,
    received: entry.received,
    sent: entry.sent,
    duration_ms: Math.round(entry.durationMs * 1000) / 1000,
  }));
}

/** Local time as `YYYY/MM/DD HH:MM:SS`. */
export function formatLogTime(time: Date): string {
  const [month, day, hour, minute, second] = [
    time.getMonth() + 1,
    time.getDate(),
    time.getHours(),
    time.getMinutes(),
    time.getSeconds(),
  ].map((part) => String(part).padStart(2, "0"));
  return `${time.getFullYear()}/${month}/${day} ${hour}:${minute}:${second}`;
}

/** What a client sent must not look like another line, or move the cursor of who reads it. */
function escapeLog(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
