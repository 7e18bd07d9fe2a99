/**
 * Rules of `.caexclude`: what casync leaves out of an archive.
 *
 * @module
 */

import { FormatError } from "../errors.ts";
import { ShellPattern } from "./shell_pattern.ts";

/** Name of the file that has the rules for its directory, as bytes. */
export const EXCLUDE_FILE_NAME: Uint8Array = new TextEncoder().encode(".caexclude");

/** One rule, as it stands in some directory: those of its components that matched above are gone. */
interface Rule {
  readonly keeps: boolean;
  readonly directoriesOnly: boolean;
  /** Whether it is tried in all directories below as well. */
  readonly anywhere: boolean;
  readonly components: readonly ShellPattern[];
}

/** The rules that are in force in one directory. */
export class ExcludeRules {
  /** No rules. */
  static readonly NONE: ExcludeRules = new ExcludeRules([]);
  readonly #rules: readonly Rule[];

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /**
   * Adds the rules of a directory's own file.
   *
   * @param text Content of its `.caexclude`.
   * @throws {FormatError} If a rule has a component that is empty, `.` or `..`.
   */
  with(text: Uint8Array): ExcludeRules {
    const rules = [...this.#rules];
    for (const [index, line] of split(text, NEWLINE).map(trim).entries()) {
      if (line.length === 0 || line[0] === HASH) continue;
      const rule = parseRule(line);
      if (rule === undefined) {
        throw new FormatError(
          `line ${index + 1} has a component that is empty, '.' or '..'`,
        );
      }
      rules.push(rule);
    }
    return rules.length === this.#rules.length ? this : new ExcludeRules(rules);
  }

  /** The rules for the directory `name` in this one. */
  enter(name: Uint8Array): ExcludeRules {
    if (this.#rules.length === 0) return this;
    return new ExcludeRules(this.#rules.flatMap((rule) => {
      if (rule.anywhere) return [rule];
      const [first, ...rest] = rule.components;
      return rest.length > 0 && first!.matches(name) ? [{ ...rule, components: rest }] : [];
    }));
  }

  /** Whether an entry of this directory is left out. */
  excludes(name: Uint8Array, entry: { readonly isDirectory: boolean }): boolean {
    let isExcluded = false;
    for (const { keeps, directoriesOnly, components } of this.#rules) {
      if (components.length !== 1 || directoriesOnly && !entry.isDirectory) continue;
      if (!components[0]!.matches(name)) continue;
      if (keeps) return false; // Whatever the other rules say, in whatever order.
      isExcluded = true;
    }
    return isExcluded;
  }
}

const NEWLINE = 0x0a;
const HASH = 0x23;
const BANG = 0x21;
const SLASH = 0x2f;
const PERIOD = 0x2e;

/** @returns Undefined if a component is empty, `.` or `..`. */
function parseRule(line: Uint8Array): Rule | undefined {
  const keeps = line[0] === BANG;
  const pattern = keeps ? line.subarray(1) : line;
  let start = 0;
  while (pattern[start] === SLASH) start++;
  const directoriesOnly = pattern.length > start && pattern.at(-1) === SLASH;
  const components = split(pattern.subarray(start, directoriesOnly ? -1 : undefined), SLASH);
  if (components.some(isDots)) return undefined;
  return {
    keeps,
    directoriesOnly,
    anywhere: !pattern.includes(SLASH),
    components: components.map((component) => new ShellPattern(component)),
  };
}

function isDots(name: Uint8Array): boolean {
  return name.length <= 2 && name.every((byte) => byte === PERIOD);
}

function split(bytes: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0;;) {
    const end = bytes.indexOf(separator, start);
    parts.push(end < 0 ? bytes.subarray(start) : bytes.subarray(start, end));
    if (end < 0) return parts;
    start = end + 1;
  }
}

function trim(line: Uint8Array): Uint8Array {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line[start]!)) start++;
  while (end > start && isSpace(line[end - 1]!)) end--;
  return line.subarray(start, end);
}

/** Blanks, and what ends a line one way or another. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte >= 0x09 && byte <= 0x0d;
}
