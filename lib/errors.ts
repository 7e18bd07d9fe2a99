/**
 * What can go wrong, one class for each condition that a caller may handle.
 *
 * Messages read "Cannot <action> <object>: <state>" and never hold credentials.
 *
 * @module
 */

import type { ChunkId } from "./chunk_id.ts";

/** Names of the conditions; part of the public interface. */
export type ErrorCode =
  | "CHUNK_MISSING"
  | "CHUNK_INVALID"
  | "INDEX_MISSING"
  | "FORMAT"
  | "SEED_INVALID"
  | "STORE"
  | "UNSUPPORTED"
  | "CONFIG";

/** Base of every error that this library throws on purpose. Misuse is a `TypeError` or a `RangeError`. */
export abstract class DesyncError extends Error {
  /** The condition; stable, unlike the message. */
  abstract readonly code: ErrorCode;

  /** Makes the error with its message. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A store answered, and does not have the chunk. */
export class ChunkMissingError extends DesyncError {
  /** Always `CHUNK_MISSING`. */
  override readonly code = "CHUNK_MISSING";
  /** The chunk that was asked for. */
  readonly id: ChunkId;
  /** The store that does not have it. */
  readonly location: string;

  /** Makes the error with its message. */
  constructor(id: ChunkId, location: string) {
    super(`Cannot read chunk ${id}: missing from ${location}`);
    this.id = id;
    this.location = location;
  }
}

/** A chunk is there, but what is stored does not decode to what its ID promises. */
export class ChunkInvalidError extends DesyncError {
  /** Always `CHUNK_INVALID`. */
  override readonly code = "CHUNK_INVALID";
  /** The chunk that was asked for. */
  readonly id: ChunkId;
  /** What is wrong with it. */
  readonly reason: string;

  /** Makes the error with its message. */
  constructor(id: ChunkId, reason: string, options?: ErrorOptions) {
    super(`Cannot use chunk ${id}: ${reason}`, options);
    this.id = id;
    this.reason = reason;
  }
}

/** An index store answered, and has no index of that name. */
export class IndexMissingError extends DesyncError {
  /** Always `INDEX_MISSING`. */
  override readonly code = "INDEX_MISSING";
  /** Where the index should have been. */
  readonly location: string;

  /** Makes the error with its message. */
  constructor(location: string) {
    super(`Cannot read index '${location}': it does not exist`);
    this.location = location;
  }
}

/** Bytes do not follow the format they should be in. */
export class FormatError extends DesyncError {
  /** Always `FORMAT`. */
  override readonly code = "FORMAT";
}

/** The data of a seed do not match the seed's index. */
export class SeedInvalidError extends DesyncError {
  /** Always `SEED_INVALID`. */
  override readonly code = "SEED_INVALID";
  /** The seed's data file. */
  readonly location: string;
  /** What is wrong with it. */
  readonly reason: string;

  /** Makes the error with its message. */
  constructor(location: string, reason: string, options?: ErrorOptions) {
    super(`Cannot use seed '${location}': ${reason}`, options);
    this.location = location;
    this.reason = reason;
  }
}

/** A store, or the file system, could not do what it was asked for. */
export class StoreError extends DesyncError {
  /** Always `STORE`. */
  override readonly code = "STORE";
  /** The store or file, credentials removed. */
  readonly location: string;
  /** What was tried: `open`, `get`, `put`, … */
  readonly operation: string;
  /** Whether trying again may help; the backend decides. */
  readonly retryable: boolean;

  /** Makes the error with its message. */
  constructor(
    location: string,
    operation: string,
    options: ErrorOptions & {
      /** @default false */
      readonly retryable?: boolean;
      /** What is known beyond the cause. */
      readonly reason?: string;
    } = {},
  ) {
    const reason = options.reason ?? causeText(options.cause);
    super(`Cannot ${operation} '${location}'${reason === "" ? "" : `: ${reason}`}`, options);
    this.location = location;
    this.operation = operation;
    this.retryable = options.retryable ?? false;
  }
}

/** What was asked for is well-formed, but not possible here. */
export class UnsupportedError extends DesyncError {
  /** Always `UNSUPPORTED`. */
  override readonly code = "UNSUPPORTED";
}

/** A location, an option or the configuration makes no sense. */
export class ConfigError extends DesyncError {
  /** Always `CONFIG`. */
  override readonly code = "CONFIG";
}

/** An error in a form which survives a structured clone; that drops class, name and fields. */
export interface PlainError {
  /** Name of its class. */
  readonly name: string;
  /** Its message. */
  readonly message: string;
  /** Where it was made. */
  readonly stack: string | undefined;
  /** Own fields such as `code`, `id` and `location`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What caused it. */
  readonly cause: PlainError | undefined;
}

const CLASSES: Readonly<Record<string, { readonly prototype: Error }>> = {
  ChunkMissingError,
  ChunkInvalidError,
  IndexMissingError,
  FormatError,
  SeedInvalidError,
  StoreError,
  UnsupportedError,
  ConfigError,
  RangeError,
  TypeError,
};

/** Turns `error` into a value that can be posted to another thread. */
export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, fields: {}, cause: undefined };
  }
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (key !== "name" && (typeof value !== "object" || value === null) && typeof value !== "function") {
      fields[key] = value;
    }
  }
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    fields,
    cause: error.cause === undefined ? undefined : toPlainError(error.cause),
  };
}

/** Rebuilds an error with the class, fields and cause it had before {@linkcode toPlainError}. */
export function fromPlainError(plain: PlainError): Error {
  const known = Object.hasOwn(CLASSES, plain.name) ? CLASSES[plain.name] : undefined;
  const error: Error = Object.create((known ?? Error).prototype);
  const hidden = { enumerable: false, writable: true, configurable: true };
  Object.defineProperties(error, {
    name: { value: plain.name, ...hidden },
    message: { value: plain.message, ...hidden },
    stack: { value: plain.stack, ...hidden },
  });
  if (plain.cause !== undefined) {
    Object.defineProperty(error, "cause", { value: fromPlainError(plain.cause), ...hidden });
  }
  return Object.assign(error, plain.fields);
}

/** @returns The message of `cause`, or an empty string if there is none. */
function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : cause === undefined ? "" : String(cause);
}
