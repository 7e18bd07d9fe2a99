/**
 * Health and metrics of a server, on an address of their own.
 *
 * @module
 */

import { type ServerHandler, textReply } from "./message.ts";

/** What the handler tells about. */
export interface AdminHandlerOptions {
  /** Whether requests are answered now. */
  readonly isReady: () => Promise<boolean>;
  /** The text of `/metrics`. */
  readonly metrics: () => string;
}

/** Makes the handler of `/metrics`, `/healthz` and `/readyz`. */
export function adminHandler(options: AdminHandlerOptions): ServerHandler {
  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return textReply(405, "only GET and HEAD are supported\n", { Allow: "GET, HEAD" });
    }
    switch (request.target.replace(/\?.*$/s, "")) {
      case "/healthz":
        return textReply(200, "ok\n");
      case "/readyz":
        return await options.isReady() ? textReply(200, "ok\n") : textReply(503, "not ready\n");
      case "/metrics":
        return textReply(200, options.metrics(), { "Content-Type": METRICS_TYPE });
      default:
        return textReply(404, "not found\n");
    }
  };
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
