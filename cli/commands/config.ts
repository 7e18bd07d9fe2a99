/**
 * `config`: show the configuration, or write it to its file.
 *
 * @module
 */

import { StoreError } from "../../lib/errors.ts";
import { publishFile, randomSuffix } from "../../lib/io/atomic_file.ts";
import { openPosix } from "../../lib/platform/posix.ts";
import { defineCommand } from "../command.ts";
import { loadConfig } from "../config.ts";
import { type Config, CONFIG_SECTIONS, type ConfigKind, STORE_DEFAULTS } from "../config_schema.ts";
import { escapeControls } from "../errors.ts";
import { formatJson } from "../output.ts";

/** What is shown instead of a secret. */
const MASK = "********";
const MAX_INT64 = 2n ** 63n - 1n;

export default defineCommand({
  usage: "config",
  summary: "Show the configuration, or write it to its file",
  description: [
    "Shows the configuration as JSON, with the defaults of store options filled in.",
    "Passwords, tokens and keys are masked unless --show-secrets is given.",
    "With --write, the configuration is written to its file, secrets included.",
    "A new file is for its owner only.",
  ].join("\n"),
  examples: ["desync config", "desync --config desync.json config --write"],
  args: { max: 0 },
  ownConfig: true,
  flags: {
    write: {
      kind: "boolean",
      short: "w",
      help: "write the configuration to its file, which may be a new one",
    },
    showSecrets: { kind: "boolean", help: "show passwords, tokens and keys" },
  },
  async run({ flags, globals, env, stdout, stderr }) {
    const config = await loadConfig({ path: globals.config, env, mayBeMissing: flags.write });
    for (const warning of config.warnings) stderr.writeLine(`Warning: ${escapeControls(warning)}`);
    const json = formatConfig(config, { secrets: flags.write || flags.showSecrets ? "shown" : "masked" });
    if (!flags.write) {
      await stdout.writeLine(json);
      return;
    }
    stderr.writeLine(`Writing config to ${escapeControls(config.path)}`);
    await writeConfig(config.path, new TextEncoder().encode(`${json}\n`));
  },
});

function formatConfig(config: Config, options: { readonly secrets: "shown" | "masked" }): string {
  const mask = options.secrets === "masked";
  const section = (
    name: keyof typeof CONFIG_SECTIONS,
    records: ReadonlyMap<string, object> | undefined,
  ): unknown => {
    if (records === undefined) return null;
    const defaults = name === "store-options" ? STORE_DEFAULTS : {};
    const entries = [...records].sort(([a], [b]) => compareBytes(a, b)).map(([pattern, record]) => [
      mask ? maskPassword(pattern) : pattern,
      printedRecord({ ...defaults, ...record }, { kinds: CONFIG_SECTIONS[name], defaults, mask }),
    ]);
    return Object.fromEntries(entries);
  };
  return formatJson({
    "s3-credentials": section("s3-credentials", config.s3Credentials),
    "oci-credentials": section("oci-credentials", config.ociCredentials),
    "store-options": section("store-options", config.storeOptions),
  });
}

interface PrintOptions {
  /** All keys, in order. */
  readonly kinds: Readonly<Record<string, ConfigKind>>;
  /** Of these keys, zero is not the same as nothing. */
  readonly defaults: object;
  readonly mask: boolean;
}

/** The record as it is shown: keys in order, and without values that are the same as nothing. */
function printedRecord(values: Readonly<Record<string, unknown>>, options: PrintOptions): object {
  const printed: Record<string, unknown> = {};
  for (const [key, kind] of Object.entries(options.kinds)) {
    const value = values[key];
    const isNothing = value === undefined || value === "" || value === 0 || value === false;
    if (isNothing && !Object.hasOwn(options.defaults, key)) continue;
    if (kind === "secret" && options.mask) printed[key] = MASK;
    else printed[key] = typeof value === "number" ? printedInteger(value) : value;
  }
  return printed;
}

/** JSON of a number this large would be rounded, perhaps to one that 64 bits cannot hold. */
function printedInteger(value: number): number | bigint {
  if (Number.isSafeInteger(value)) return value;
  const exact = BigInt(value);
  return exact < MAX_INT64 ? exact : MAX_INT64;
}

/** Hides the password of a URL, but keeps the rest, so that entries stay different. */
function maskPassword(pattern: string): string {
  return pattern.replace(/(?<=:\/\/[^/:]*:)[^/]*@/, `${MASK}@`);
}

/** The order of UTF-8, which differs from that of strings beyond 16 bits. */
function compareBytes(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Replaces the file in one step. Through a symbolic link, the file it points to is replaced; it keeps its mode. */
async function writeConfig(path: string, data: Uint8Array): Promise<void> {
  try {
    const info = await Deno.stat(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (info?.isFile === false) throw new StoreError(path, "write", { reason: "it is not a regular file" });
    const target = info === undefined ? path : await Deno.realPath(path);
    const name = target.replace(Deno.build.os === "windows" ? /^.*[\\/]/s : /^.*\//s, "");
    const directory = target.slice(0, target.length - name.length);
    if (info === undefined && directory !== "") {
      await Deno.mkdir(directory, { recursive: true, mode: 0o755 });
    }
    // Without FFI, which is not worth a permission or a library here.
    publishFile(await openPosix({ implementation: "deno" }), {
      path: target,
      temporary: `${directory}.${name}.${randomSuffix()}`,
      data,
      mode: (info?.mode ?? 0o600) & 0o777,
      sync: true,
    });
  } catch (cause) {
    throw cause instanceof StoreError ? cause : new StoreError(path, "write", { cause });
  }
}
