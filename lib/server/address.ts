/**
 * Addresses that servers listen on.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** Where to listen. */
export type ListenAddress =
  | {
    readonly kind: "tcp";
    /** Undefined for all interfaces. */
    readonly host: string | undefined;
    /** 0 for any that is free. */
    readonly port: number;
  }
  | { readonly kind: "unix"; readonly path: string };

/** Ports that have a name even where the system knows of none. */
const SERVICES: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  "http-alt": 8080,
};

/**
 * Reads `host:port`, `:port`, `[address]:port`, or `unix:/path`. Ports are numbers or names.
 *
 * @param options `services`: the system's names for ports, as in `/etc/services`.
 * @throws {ConfigError} If it is none of these.
 */
export function parseListenAddress(
  text: string,
  { services = "" }: { readonly services?: string } = {},
): ListenAddress {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (path === "" || path.includes("\0")) throw invalid(text, "the path is missing");
    return { kind: "unix", path };
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[^\]]+)?)\]|([^[\]:]*)):([^:]*)$/.exec(text);
  if (match === null) throw invalid(text, "expected host:port, [address]:port or unix:path");
  const host = match[1] ?? match[2]!;
  return {
    kind: "tcp",
    host: host === "" ? undefined : host,
    port: parsePort(match[3]!, { text, services }),
  };
}

function parsePort(name: string, context: { readonly text: string; readonly services: string }): number {
  if (/^\d{1,5}$/.test(name) && Number(name) <= 65_535) return Number(name);
  if (!/^[A-Za-z][\w.+-]*$/.test(name)) throw invalid(context.text, `'${name}' is not a port`);
  const lower = name.toLowerCase();
  const known = Object.hasOwn(SERVICES, lower) ? SERVICES[lower] : undefined;
  const port = known ?? serviceNumber(lower, context.services);
  if (port === undefined) throw invalid(context.text, `unknown port name '${name}'`);
  return port;
}

/** Looks for a name, or an alias, in lines such as `http-alt  8080/tcp  webcache # comment`. */
function serviceNumber(name: string, services: string): number | undefined {
  for (const line of services.split("\n")) {
    const [first, port = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const number = /^(\d+)\/tcp$/.exec(port)?.[1];
    if (number !== undefined && [first, ...aliases].includes(name)) return Number(number);
  }
  return undefined;
}

/** The address as text, in the form that it is read from. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return formatHostPort(address.host ?? "", address.port);
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function invalid(text: string, reason: string): ConfigError {
  return new ConfigError(`Cannot listen on '${text}': ${reason}`);
}
