/**
 * Flags of the commands that work on archives, and what they mean.
 *
 * @module
 */

import type { FlagSelection } from "../lib/format/feature_flags.ts";
import type { CommandContext } from "./command.ts";
import { type BooleanFlag, flagName, type ListFlag } from "./flags.ts";

/** What is recorded, restored or shown. */
export const SELECTION_FLAGS: {
  readonly with: ListFlag;
  readonly without: ListFlag;
} = {
  with: { kind: "list", metavar: "names", help: "metadata to use, by casync's names; all if not given" },
  without: { kind: "list", metavar: "names", help: "metadata to leave out, by casync's names" },
};

/** What of a tree is left out. */
export const EXCLUDE_FLAGS: {
  readonly oneFileSystem: BooleanFlag;
  readonly excludeNodump: BooleanFlag;
  readonly excludeFile: BooleanFlag;
} = {
  oneFileSystem: { kind: "boolean", short: "x", help: "leave out what is on other file systems" },
  excludeNodump: {
    kind: "boolean",
    default: true,
    help: "leave out what has the no-dump attribute",
  },
  excludeFile: { kind: "boolean", default: true, help: "leave out what files named .caexclude say" },
};

/** Names that `--with` and `--without` select. */
export function flagSelection(flags: FlagSelection): FlagSelection {
  return { with: flags.with, without: flags.without };
}

/** Names that `--with` and `--without` select, or undefined if they select everything. */
export function givenSelection(flags: FlagSelection): FlagSelection | undefined {
  const count = (flags.with?.length ?? 0) + (flags.without?.length ?? 0);
  return count === 0 ? undefined : flagSelection(flags);
}

/** Tells the user about flags that were given in vain. */
export function warnOfFlags(
  context: Pick<CommandContext, "given" | "stderr">,
  vain: {
    /** As in the command's table. */
    readonly names: readonly string[];
    /** Why they have no effect, such as `without --index`. */
    readonly reason: string;
  },
): void {
  for (const name of vain.names) {
    if (!context.given.has(name)) continue;
    context.stderr.writeLine(`Warning: --${flagName(name)} has no effect ${vain.reason}`);
  }
}
