/**
 * Values of command-line flags, read the way Go programs read them.
 *
 * Every parser answers `undefined` for text that is not of its kind; the message is the caller's.
 *
 * @module
 */

const INTEGER =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Reads a signed 64-bit integer: decimal, `0x…`, `0o…`, `0…` (octal too) or `0b…`, with `_` between digits.
 *
 * @returns The number; beyond 2^53, the nearest one that a double can hold.
 */
export function parseInteger(text: string): number | undefined {
  const negative = text.startsWith("-");
  const magnitude = parseMagnitude(negative || text.startsWith("+") ? text.slice(1) : text);
  if (magnitude === undefined || magnitude > (negative ? MAX_INT64 + 1n : MAX_INT64)) return undefined;
  // Not `-Number(…)`, which would make -0 of "-0".
  return Number(negative ? -magnitude : magnitude);
}

/** Like {@linkcode parseInteger}, for unsigned 64-bit integers: any sign is an error. */
export function parseUnsigned(text: string): number | undefined {
  const magnitude = parseMagnitude(text);
  return magnitude === undefined || magnitude > MAX_UINT64 ? undefined : Number(magnitude);
}

function parseMagnitude(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const digits = text.replaceAll("_", "").toLowerCase();
  return BigInt(/^0[0-7]/.test(digits) ? `0o${digits}` : digits);
}

/** Reads a truth value, one of `1 t T true TRUE True 0 f F false FALSE False`. */
export function parseBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : undefined;
}

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  "\u00b5s": 1_000n,
  "\u03bcs": 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const DURATION_PART = /([0-9]*)(?:\.([0-9]*))?([^0-9.]+)/y;

/**
 * Reads a duration such as `500ms`, `1.5s` or `-1m30s`. A number without a unit is an error, except `0`.
 *
 * @returns Milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  const negative = text.startsWith("-");
  const parts = negative || text.startsWith("+") ? text.slice(1) : text;
  if (parts === "0") return 0;
  if (parts === "") return undefined;
  let total = 0n;
  DURATION_PART.lastIndex = 0;
  while (DURATION_PART.lastIndex < parts.length) {
    const [, whole, fraction = "", unit] = DURATION_PART.exec(parts) ?? [];
    const scale = unit !== undefined && Object.hasOwn(NANOSECONDS, unit) ? NANOSECONDS[unit] : undefined;
    if (whole === undefined || scale === undefined || whole + fraction === "") return undefined;
    // More than 9 decimals of an hour are below what is counted.
    const decimals = fraction.slice(0, 18);
    total += BigInt(whole || "0") * scale + BigInt(decimals || "0") * scale / 10n ** BigInt(decimals.length);
    if (total > (negative ? MAX_INT64 + 1n : MAX_INT64)) return undefined;
  }
  return Number(negative ? -total : total) / 1e6;
}

/** Writes a duration the way Go does: `500ms`, `1.5s`, `1m30s`, `1h0m0s`. */
export function formatDuration(milliseconds: number): string {
  const ns = Math.round(Math.abs(milliseconds) * 1e6);
  const sign = milliseconds < 0 && ns > 0 ? "-" : "";
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${ns / 1e3}\u00b5s`;
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 6e10);
  const seconds = `${(ns % 6e10) / 1e9}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  return `${sign}${hours === 0 ? "" : `${hours}h`}${minutes % 60}m${seconds}`;
}

/**
 * Reads comma-separated values. A value in double quotes may hold commas, and a doubled quote stands for one;
 * a line break is an ordinary character. Empty text has no values.
 */
export function parseList(text: string): readonly string[] | undefined {
  const values: string[] = [];
  if (text === "") return values;
  for (let at = 0; at <= text.length;) {
    let end: number;
    if (text[at] === '"') {
      end = at;
      do end = text.indexOf('"', end + 1) + 1; while (end > 0 && text[end] === '"');
      if (end === 0 || (end < text.length && text[end] !== ",")) return undefined;
      values.push(text.slice(at + 1, end - 1).replaceAll('""', '"'));
    } else {
      end = text.indexOf(",", at);
      if (end < 0) end = text.length;
      const value = text.slice(at, end);
      if (value.includes('"')) return undefined;
      values.push(value);
    }
    at = end + 1;
  }
  return values;
}
