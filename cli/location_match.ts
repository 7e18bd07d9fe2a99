/**
 * Locations as text: which pattern of a configuration file matches one, and what may be shown of it.
 *
 * @module
 */

/** What the meaning of a path depends on. */
export interface MatchOptions {
  /** The current directory, absolute; relative paths and patterns begin there. */
  readonly directory: string;
  /** What separates the names of a path; `\` also means that a pattern cannot escape characters. @default "/" */
  readonly separator?: "/" | "\\";
}

/**
 * Whether a key of the configuration file matches a location. It does so as a whole: `*` stands for any run of
 * characters and `?` for one, but neither for a separator; `[a-z]` and `[^a-z]` stand for one character, and `\` takes
 * the meaning from the next one.
 *
 * A location with a scheme is compared as text, but for one slash at either end. Any other is a path: both are made
 * absolute and cleaned first. The location alone decides which. A malformed pattern matches nothing.
 */
export function matchesLocation(pattern: string, location: string, options: MatchOptions): boolean {
  // One letter is not a scheme, but a drive.
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(location)) {
    return matchesGlob(pattern.replace(/\/$/, ""), location.replace(/\/$/, ""), "/");
  }
  // What the reference program cannot parse as a URL, and therefore refuses, is a path like any other here.
  const { directory, separator = "/" } = options;
  // The directory is no pattern, even if its name looks like one.
  const escaped = separator === "/"
    ? directory.replace(/[*?[\\]/g, "\\$&")
    : directory.replaceAll("[", "[[]");
  return matchesGlob(
    absolutePath(pattern, { directory: escaped, separator }),
    absolutePath(location, { directory, separator }),
    separator,
  );
}

/** The location that the options of an index are looked up with: that of the store it is in; `""` for `-`. */
export function indexBase(location: string): string {
  const slash = location.lastIndexOf("/");
  // The reference program looks up the current directory for `/x`.
  if (slash === 0) return "/";
  return location.slice(0, Math.max(slash < 0 ? location.lastIndexOf("\\") : slash, 0));
}

/** The location, failover group or pattern without user names and passwords. */
export function redactLocation(location: string): string {
  return location.replace(/(?<=:\/\/)[^/|]*@/g, "");
}

/** Makes a path absolute, and resolves `.`, `..` and repeated separators without looking at the disk. */
function absolutePath(path: string, { directory, separator }: Required<MatchOptions>): string {
  const home = splitRoot(directory, separator);
  let { root, rest } = splitRoot(path, separator);
  if (!rest.startsWith(separator)) {
    const isRelative = root === "" || root.toLowerCase() === home.root.toLowerCase();
    rest = `${isRelative ? home.rest : ""}${separator}${rest}`;
  }
  if (root === "") root = home.root;
  const names: string[] = [];
  for (const name of rest.split(separator)) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `${root}${separator}${names.join(separator)}`;
}

/** Splits off what precedes the first name of an absolute path: a drive or a share, on Windows only. */
function splitRoot(path: string, separator: "/" | "\\"): { readonly root: string; readonly rest: string } {
  if (separator === "/") return { root: "", rest: path };
  const normal = path.replaceAll("/", "\\");
  const root = /^(?:[A-Za-z]:|\\\\[^\\]+\\[^\\]+)/.exec(normal)?.[0] ?? "";
  return { root, rest: normal.slice(root.length) };
}

/** A literal character, any run of characters, any character, or one of a set. */
type GlobToken = number | "*" | "?" | CharacterSet;

interface CharacterSet {
  readonly negated: boolean;
  /** First and last character of each range. */
  readonly ranges: readonly (readonly [number, number])[];
}

/**
 * Compares in the way of Go's `path.Match`: a star takes as little as possible, and only the last star is tried with
 * more. So the time is at most quadratic.
 */
function matchesGlob(pattern: string, text: string, separator: "/" | "\\"): boolean {
  const tokens = parseGlob(pattern, separator);
  if (tokens === undefined) return false;
  const characters = codePoints(text);
  const border = separator.charCodeAt(0);
  let at = 0;
  let next = 0;
  let star: { readonly next: number; end: number } | undefined;
  while (at < characters.length) {
    const token = tokens[next];
    const character = characters[at]!;
    if (token === "*") {
      star = { next: ++next, end: at };
    } else if (token !== undefined && matchesToken(token, character, border)) {
      next++;
      at++;
    } else if (star !== undefined && characters[star.end] !== border) {
      at = ++star.end;
      next = star.next;
    } else {
      return false;
    }
  }
  return tokens.slice(next).every((token) => token === "*");
}

function matchesToken(token: Exclude<GlobToken, "*">, character: number, border: number): boolean {
  if (typeof token === "number") return token === character;
  if (token === "?") return character !== border;
  // A set may hold the separator, as in Go.
  return token.ranges.some(([first, last]) => first <= character && character <= last) !== token.negated;
}

/** @returns `undefined` if the pattern is malformed. */
function parseGlob(pattern: string, separator: "/" | "\\"): readonly GlobToken[] | undefined {
  const characters = [...pattern];
  const tokens: GlobToken[] = [];
  let at = 0;
  const takeEscaped = (): number | undefined => {
    if (characters[at] === "\\" && separator === "/") at++;
    return characters[at++]?.codePointAt(0);
  };
  while (at < characters.length) {
    const character = characters[at]!;
    if (character === "*" || character === "?") {
      tokens.push(character);
      at++;
      continue;
    }
    if (character !== "[") {
      const literal = takeEscaped();
      if (literal === undefined) return undefined;
      tokens.push(literal);
      continue;
    }
    const negated = characters[++at] === "^";
    if (negated) at++;
    const ranges: [number, number][] = [];
    while (ranges.length === 0 || characters[at] !== "]") {
      if (isSetSyntax(characters[at])) return undefined;
      const first = takeEscaped();
      let last = first;
      if (characters[at] === "-") {
        if (isSetSyntax(characters[++at])) return undefined;
        last = takeEscaped();
      }
      if (first === undefined || last === undefined) return undefined;
      ranges.push([first, last]);
    }
    at++;
    tokens.push({ negated, ranges });
  }
  return tokens;
}

/** Whether a character cannot stand for itself within a set. */
function isSetSyntax(character: string | undefined): boolean {
  return character === undefined || character === "-" || character === "]";
}

function codePoints(text: string): readonly number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}
