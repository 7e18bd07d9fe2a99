/**
 * Shell patterns for one component of a path, as fnmatch(3) has them with FNM_PERIOD in the C locale: a `?` is a byte.
 *
 * @module
 */

/** Any number of bytes, or 256 entries, of which those are not 0 whose byte is matched. */
type Token = "star" | Uint8Array;

/** A pattern, ready to be compared with names. */
export class ShellPattern {
  readonly #tokens: readonly Token[];
  /** Whether it begins with a period as such: no wildcard matches a leading one. */
  readonly #hasPeriod: boolean;

  /** Compiles `pattern`. Every sequence of bytes is one: what is malformed stands for itself. */
  constructor(pattern: Uint8Array) {
    this.#tokens = compile(pattern);
    this.#hasPeriod = pattern[0] === PERIOD || pattern[0] === BACKSLASH && pattern[1] === PERIOD;
  }

  /** Whether the pattern matches all of `name`; takes time in proportion to the product of their lengths at most. */
  matches(name: Uint8Array): boolean {
    if (name[0] === PERIOD && !this.#hasPeriod) return false;
    const tokens = this.#tokens;
    let token = 0;
    let at = 0;
    // Only the last star has to be tried again: what an earlier one could take, this one can take as well.
    let star = -1;
    let starAt = 0;
    while (at < name.length) {
      const current = tokens[token];
      if (current === "star") {
        star = token++;
        starAt = at;
      } else if (current !== undefined && current[name[at]!] !== 0) {
        token++;
        at++;
      } else if (star >= 0) {
        token = star + 1;
        at = ++starAt;
      } else {
        return false;
      }
    }
    while (tokens[token] === "star") token++;
    return token === tokens.length;
  }
}

const PERIOD = 0x2e;
const BACKSLASH = 0x5c;
const STAR = 0x2a;
const QUESTION = 0x3f;
const BRACKET = 0x5b;
const CLOSING = 0x5d;
const DASH = 0x2d;
const COLON = 0x3a;
const BANG = 0x21;
const CARET = 0x5e;

function compile(pattern: Uint8Array): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length;) {
    const byte = pattern[at]!;
    const set = byte === BRACKET ? parseSet(pattern, at) : undefined;
    if (set !== undefined) {
      tokens.push(set.members);
      at = set.end;
    } else if (byte === STAR) {
      if (tokens.at(-1) !== "star") tokens.push("star");
      at++;
    } else if (byte === QUESTION) {
      tokens.push(new Uint8Array(256).fill(1));
      at++;
    } else {
      if (byte === BACKSLASH && at + 1 < pattern.length) at++;
      const members = new Uint8Array(256);
      members[pattern[at]!] = 1;
      tokens.push(members);
      at++;
    }
  }
  return tokens;
}

/** @returns Undefined if the bracket is not closed: then it stands for itself. */
function parseSet(
  pattern: Uint8Array,
  start: number,
): { readonly members: Uint8Array; readonly end: number } | undefined {
  const members = new Uint8Array(256);
  let at = start + 1;
  const negates = pattern[at] === BANG || pattern[at] === CARET;
  if (negates) at++;
  for (const first = at; at < pattern.length && (at === first || pattern[at] !== CLOSING);) {
    const named = parseClass(pattern, at);
    if (named !== undefined) {
      for (let byte = 0; byte < 128; byte++) if (named.test(byte)) members[byte] = 1;
      at = named.end;
      continue;
    }
    const from = parseMember(pattern, at);
    at = from.end;
    let to = from.byte;
    if (pattern[at] === DASH && at + 1 < pattern.length && pattern[at + 1] !== CLOSING) {
      ({ byte: to, end: at } = parseMember(pattern, at + 1));
    }
    if (from.byte <= to) members.fill(1, from.byte, to + 1);
  }
  if (at >= pattern.length) return undefined;
  if (negates) { for (let byte = 0; byte < 256; byte++) members[byte]! ^= 1; }
  return { members, end: at + 1 };
}

function parseMember(pattern: Uint8Array, at: number): { readonly byte: number; readonly end: number } {
  const escape = pattern[at] === BACKSLASH && at + 1 < pattern.length ? 1 : 0;
  return { byte: pattern[at + escape]!, end: at + escape + 1 };
}

/** Classes of characters, such as `[:alpha:]`, in ASCII. */
const CLASSES: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /[0-9A-Za-z]/],
  ["alpha", /[A-Za-z]/],
  ["blank", /[ \t]/],
  // deno-lint-ignore no-control-regex -- They are what the class consists of.
  ["cntrl", /[\x00-\x1f\x7f]/],
  ["digit", /[0-9]/],
  ["graph", /[!-~]/],
  ["lower", /[a-z]/],
  ["print", /[ -~]/],
  ["punct", /[!-/:-@[-`{-~]/],
  ["space", /[ \t-\r]/],
  ["upper", /[A-Z]/],
  ["xdigit", /[0-9A-Fa-f]/],
]);

function parseClass(
  pattern: Uint8Array,
  at: number,
): { readonly test: (byte: number) => boolean; readonly end: number } | undefined {
  if (pattern[at] !== BRACKET || pattern[at + 1] !== COLON) return undefined;
  const end = pattern.indexOf(COLON, at + 2);
  if (end < 0 || pattern[end + 1] !== CLOSING) return undefined;
  const expression = CLASSES.get(String.fromCharCode(...pattern.subarray(at + 2, end)));
  return expression && { test: (byte) => expression.test(String.fromCharCode(byte)), end: end + 2 };
}
