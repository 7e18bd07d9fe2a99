/** Requests to servers, without sockets. */

import { joinBytes } from "../../lib/server/body.ts";
import { BodyTooLargeError, type ServerReply, type ServerRequest } from "../../lib/server/message.ts";

/** What a request consists of. */
export interface RequestSpec {
  /** @default "GET" */
  readonly method?: string;
  readonly target: string;
  /** By names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** What reading the body throws. */
  readonly bodyError?: Error;
  readonly signal?: AbortSignal;
}

/** Makes a request. */
export function requestOf(spec: RequestSpec): ServerRequest {
  const body = typeof spec.body === "string"
    ? new TextEncoder().encode(spec.body)
    : spec.body ?? new Uint8Array();
  return {
    method: spec.method ?? "GET",
    target: spec.target,
    remote: "192.0.2.1:1234",
    signal: spec.signal ?? new AbortController().signal,
    header: (name) => spec.headers?.[name],
    readBody(maxSize) {
      if (spec.bodyError !== undefined) return Promise.reject(spec.bodyError);
      if (body.length > maxSize) return Promise.reject(new BodyTooLargeError(maxSize));
      return Promise.resolve(joinBytes([body], body.length));
    },
  };
}

/** Status and text of a reply. */
export function summaryOf({ status, body }: ServerReply): string {
  return body === undefined ? String(status) : `${status} ${new TextDecoder().decode(body)}`;
}
