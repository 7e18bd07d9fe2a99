/**
 * Certificates and keys, which flags and the configuration name by their files.
 *
 * @module
 */

import { ConfigError } from "../lib/errors.ts";

/**
 * Reads a file in PEM.
 *
 * @returns Undefined if there is none to read.
 * @throws {ConfigError} If it cannot be read.
 */
export async function readPem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new ConfigError(`Cannot read certificate '${path}'`, { cause });
  }
}
