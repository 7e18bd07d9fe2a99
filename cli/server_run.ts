/**
 * What the commands for servers have in common: files, addresses, signals and the log.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };
import { ConfigError } from "../lib/errors.ts";
import { parseListenAddress } from "../lib/server/address.ts";
import { adminHandler } from "../lib/server/admin_handler.ts";
import type { ServerDetail, ServerHandler } from "../lib/server/message.ts";
import { ServerMetrics } from "../lib/server/metrics.ts";
import { formatLogLine, type LogFormat, type RequestEntry } from "../lib/server/request_log.ts";
import { type HttpServer, openServer } from "../lib/server/serve.ts";
import type { ServerTls } from "../lib/server/tls.ts";
import { readPem } from "./certificates.ts";
import type { CommandContext } from "./command.ts";
import { escapeControls, renderError, UsageError } from "./errors.ts";
import type { OutputStream } from "./output.ts";
import { listenAddresses, type ServerFlagValues } from "./server_flags.ts";

/** What a server needs of the context of its command. */
export type ServerContext = Pick<CommandContext, "globals" | "env" | "signal" | "stderr"> & {
  readonly flags: ServerFlagValues;
};

/** What a server does. */
export interface ServerWork {
  /** Makes the handler. @param options What the command line says for handlers of all kinds. */
  readonly handler: (options: {
    readonly authorization: string | undefined;
    readonly onDetail: (detail: ServerDetail) => void;
  }) => ServerHandler;
  /** Finds out whether the store can be used. @throws If it cannot. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  /** Loads the configuration again, on SIGHUP. @default nothing, the signal is ignored */
  readonly reload?: (() => Promise<void>) | undefined;
}

/** Time for a store to say that it is well, in milliseconds. */
const PROBE_TIME = 5000;

/**
 * Serves until a signal ends it.
 *
 * @throws {StoreError} If it is not possible to listen on an address.
 * @throws {ConfigError} If an address is malformed, or a file cannot be read.
 */
export async function runServer(context: ServerContext, work: ServerWork): Promise<void> {
  const { flags, stderr, signal, globals } = context;
  const addresses = await listenAddresses(flags.listen);
  const adminAddress = flags.adminListen ? [parseListenAddress(flags.adminListen)] : [];
  const tls = await readTls(flags);
  using log = await openLog(flags, stderr);
  const metrics = new ServerMetrics();
  const onDetail = ({ text, error }: ServerDetail) => {
    metrics.storeErrors++;
    writeDetail(stderr, { text, error });
  };
  const reload = coalesce(async () => {
    try {
      await work.reload?.();
      metrics.reloads.ok++;
    } catch (error) {
      metrics.reloads.failed++;
      writeDetail(stderr, { text: "failed to reload configuration", error });
    }
  });
  await using _hangup = onHangup(work.reload === undefined ? () => Promise.resolve() : reload);
  const serving: { server?: HttpServer } = {};
  const isReady = async () => {
    if (serving.server?.isClosing ?? true) return false;
    return await work.probe(AbortSignal.timeout(PROBE_TIME)).then(() => true, () => false);
  };
  const process = () => ({ version: project.version, memory: Deno.memoryUsage() });
  // Opened first and closed last, to say meanwhile that the server is not ready.
  await using admin = await openServer({
    handler: adminHandler({ isReady, metrics: () => metrics.format(process()) }),
    addresses: adminAddress,
  });
  await using opened = await openServer({
    handler: work.handler({ authorization: authorizationOf(context), onDetail }),
    addresses,
    tls,
    onStart: () => void metrics.inFlight++,
    onRequest: (entry) => {
      metrics.inFlight--;
      metrics.add(entry);
      log?.write(entry);
    },
    onDetail: (detail) => writeDetail(stderr, detail),
  });
  serving.server = opened;
  if (globals.verbose) {
    for (const address of opened.addresses) stderr.writeLine(`Listening on ${address}`);
    for (const address of admin.addresses) stderr.writeLine(`Listening on ${address} for administration`);
  }
  await aborted(signal);
}

function authorizationOf({ flags, env }: ServerContext): string | undefined {
  const value = flags.authorization || env("DESYNC_HTTP_AUTH") || undefined;
  if (value !== undefined && /[\r\n\0]/.test(value)) {
    throw new UsageError("--authorization must not contain line breaks or NUL");
  }
  return value;
}

async function readTls(flags: ServerFlagValues): Promise<ServerTls | undefined> {
  if (!flags.cert || !flags.key) return undefined;
  const [cert, key, clientCa] = await Promise.all(
    [flags.cert, flags.key, flags.clientCa || undefined].map(readPem),
  );
  if (clientCa !== undefined && !clientCa.includes("-----BEGIN CERTIFICATE-----")) {
    throw new ConfigError("no client CA certificates found in client-ca file");
  }
  return { cert: cert!, key: key!, clientCa };
}

/** The log of requests. */
interface RequestLog extends Disposable {
  write(entry: RequestEntry): void;
}

async function openLog(
  { log, logFormat }: { readonly log?: string | undefined; readonly logFormat: LogFormat },
  stderr: OutputStream,
): Promise<RequestLog | undefined> {
  if (!log) return undefined;
  if (log === "-") {
    return {
      write: (entry) => void stderr.writeLine(formatLogLine(entry, logFormat)),
      [Symbol.dispose]() {},
    };
  }
  let file: Deno.FsFile;
  try {
    file = await Deno.open(log, { append: true, create: true, mode: 0o644 });
  } catch (cause) {
    throw new ConfigError(`Cannot open log '${log}'`, { cause });
  }
  return new FileLog(file, {
    format: logFormat,
    onFailure: (error) => writeDetail(stderr, { text: "failed to log", error }),
  });
}

/** A log in a file. A line is in it when its request is answered; that takes 2 µs. */
class FileLog implements RequestLog {
  readonly #file: Deno.FsFile;
  readonly #options: { readonly format: LogFormat; readonly onFailure: (error: unknown) => void };
  #hasFailed = false;

  constructor(
    file: Deno.FsFile,
    options: { readonly format: LogFormat; readonly onFailure: (error: unknown) => void },
  ) {
    this.#file = file;
    this.#options = options;
  }

  write(entry: RequestEntry): void {
    const line = new TextEncoder().encode(`${formatLogLine(entry, this.#options.format)}\n`);
    try {
      for (let at = 0; at < line.length;) at += this.#file.writeSync(line.subarray(at));
      this.#hasFailed = false;
    } catch (error) {
      // A full disk is no reason not to serve, nor to say so a thousand times a second.
      if (!this.#hasFailed) this.#options.onFailure(error);
      this.#hasFailed = true;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Tells whoever runs the server what went wrong. */
function writeDetail(stderr: OutputStream, { text, error }: ServerDetail): void {
  const reason = renderError(error).replace(/^Error: /, "").split("\n", 1)[0]!;
  stderr.writeLine(`${escapeControls(text)}: ${reason}`);
}

/** Calls that come while one is under way are made up for by one more after it. @returns A call that waits for all. */
function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let isWanted = false;
  const run = async () => {
    do {
      isWanted = false;
      await work();
    } while (isWanted);
    running = undefined;
  };
  return () => {
    isWanted = true;
    return running ??= run();
  };
}

/** Calls `listener` on SIGHUP, which does not end the program any more. Disposal waits for the calls. */
function onHangup(listener: () => Promise<void>): AsyncDisposable {
  let last: Promise<void> = Promise.resolve();
  const call = () => void (last = listener());
  const isPossible = Deno.build.os !== "windows";
  if (isPossible) Deno.addSignalListener("SIGHUP", call);
  return {
    async [Symbol.asyncDispose]() {
      if (isPossible) Deno.removeSignalListener("SIGHUP", call);
      await last;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
