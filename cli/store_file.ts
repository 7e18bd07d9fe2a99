/**
 * The file that names a server's stores: `{"stores": ["…", …], "cache": "…"}`.
 *
 * @module
 */

import { ConfigError } from "../lib/errors.ts";

/** What the file names. */
export interface StoreFile {
  /** Asked in order. */
  readonly stores: readonly string[];
  /** Asked first. */
  readonly cache: string | undefined;
}

/**
 * Reads the file.
 *
 * @throws {ConfigError} If it cannot be read, or is not as it should be.
 */
export async function readStoreFile(path: string): Promise<StoreFile> {
  let text;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new ConfigError(`failed to read store-file '${path}'`, { cause });
  }
  return parseStoreFile(text, path);
}

/**
 * Reads the text of such a file. Keys may be in any case; unknown ones, and what follows the first JSON value, are ignored.
 *
 * @param path The file, for messages.
 * @throws {ConfigError} If the text is not JSON, or a value is of the wrong type.
 */
export function parseStoreFile(text: string, path: string): StoreFile {
  const fail = (reason: string): never => {
    throw new ConfigError(`failed to read store-file '${path}': ${reason}`);
  };
  const json = parseJson(firstValue(text.replace(/^\ufeff/, "")), fail);
  if (typeof json !== "object" || json === null || Array.isArray(json)) return fail("it must be an object");
  const values = new Map(Object.entries(json).map(([key, value]) => [key.toLowerCase(), value]));
  const stores: unknown = values.get("stores") ?? [];
  const cache: unknown = values.get("cache") ?? "";
  if (!Array.isArray(stores) || !stores.every((store) => typeof store === "string")) {
    return fail("'stores' must be a list of strings");
  }
  if (typeof cache !== "string") return fail("'cache' must be a string");
  return { stores, cache: cache === "" ? undefined : cache };
}

function parseJson(text: string, fail: (reason: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Not V8's own text: it shows an excerpt, and locations may have passwords in them.
    return fail(text.trim() === "" ? "it is empty" : "it is not valid JSON");
  }
}

/** The text up to the end of its first object; all of it if there is no such thing. */
function firstValue(text: string): string {
  let depth = 0;
  // Strings, with what is escaped in them, and brackets.
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "{" || token === "[") depth++;
    else if ((token === "}" || token === "]") && --depth <= 0) return text.slice(0, index + 1);
  }
  return text;
}
