/**
 * Copying a run of rows from a seed, or from elsewhere in the output, with every row verified.
 *
 * @module
 */

import { SeedInvalidError } from "../errors.ts";
import { hasErrorCode, type PosixFile } from "../platform/posix.ts";
import { type CopySource, readRow, type RowOperation, type RowTask, type Run, startOf } from "./row_task.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** A copy that is to be made. */
interface Copy {
  readonly source: PosixFile;
  readonly target: PosixFile;
  readonly run: Run;
  /** Offset in the target, bytes. */
  readonly start: number;
  readonly size: number;
}

/**
 * Copies a run. Rows whose source holds something else stay open, and the source is reported as a finding whose
 * subject is its number.
 */
export function copyRun(
  work: { readonly task: RowTask; readonly operation: Extract<RowOperation, { readonly kind: "copy" }> },
  tools: ThreadTools,
  run: Run,
): void {
  const { task } = work;
  const source = work.operation.sources[run.source]!;
  try {
    const start = startOf(task, run.first);
    const copy: Copy = {
      // The output may be its own source; opened for writing, one handle does for both.
      source: tools.file(source.path, source.path === task.path ? "read-write" : "read"),
      target: tools.file(task.path, "read-write"),
      run,
      start,
      size: task.ends[run.first + run.count - 1]! - start,
    };
    const cloned = cloneBlocks(copy, source);
    if (cloned === 0) copyRows(task, tools, { ...copy, source: copy.source, outcome: source.outcome });
    else checkRows(task, tools, { copy, source });
    tools.count("bytesCloned", cloned);
    tools.count("bytesCopied", copy.size - cloned);
  } catch (error) {
    if (!(error instanceof SeedInvalidError) && !isMissingFile(error)) throw error;
    const text = error instanceof SeedInvalidError ? error.reason : error.message;
    tools.report({ subject: String(run.source), text });
  }
}

/** Whether an error says that there is no file which could be read. */
export function isMissingFile(error: unknown): error is Error {
  return hasErrorCode(error, "ENOENT", "EACCES", "EISDIR");
}

/** Reads, verifies and writes row by row. */
function copyRows(task: RowTask, tools: ThreadTools, copy: Copy & { readonly outcome: number }): void {
  for (let row = copy.run.first; row < copy.run.first + copy.run.count; row++) {
    const at = startOf(task, row);
    const offset = copy.run.sourceOffset + at - copy.start;
    const { plain, matches } = readRow(task, tools, { row, file: copy.source, offset });
    if (!matches) throw mismatch(copy.source.path, offset);
    copy.target.writeAt(plain, at);
    task.outcomes[row] = copy.outcome;
  }
}

/** Verifies rows after they were cloned: between a check and the clone, the source could have changed. */
function checkRows(
  task: RowTask,
  tools: ThreadTools,
  cloned: { readonly copy: Copy; readonly source: CopySource },
): void {
  const { copy, source } = cloned;
  for (let row = copy.run.first; row < copy.run.first + copy.run.count; row++) {
    const offset = startOf(task, row);
    if (!readRow(task, tools, { row, file: copy.target, offset }).matches) {
      throw mismatch(source.path, copy.run.sourceOffset + offset - copy.start);
    }
    task.outcomes[row] = source.outcome;
  }
}

function mismatch(path: string, offset: number): SeedInvalidError {
  return new SeedInvalidError(path, `its data at offset ${offset} do not match its index`);
}

/**
 * Shares the whole blocks of the run and copies its edges.
 *
 * @returns Bytes that are shared; 0: nothing was done.
 */
function cloneBlocks(copy: Copy, source: CopySource): number {
  const block = source.cloneBlock;
  const { start, size, run } = copy;
  if (block === 0 || start % block !== run.sourceOffset % block) return 0;
  const from = Math.ceil(start / block) * block;
  const to = Math.floor((start + size) / block) * block;
  if (to <= from) return 0;
  const toSource = run.sourceOffset - start;
  const range = { sourceOffset: from + toSource, size: to - from, offset: from };
  if (!copy.target.cloneFrom(copy.source, range)) return 0;
  copyBytes(copy, { from: start, to: from, toSource });
  copyBytes(copy, { from: to, to: start + size, toSource });
  return to - from;
}

/** Copies an edge, which is smaller than a block. */
function copyBytes(
  copy: Copy,
  edge: { readonly from: number; readonly to: number; readonly toSource: number },
): void {
  if (edge.to === edge.from) return;
  const bytes = new Uint8Array(edge.to - edge.from);
  const count = copy.source.readAt(bytes, edge.from + edge.toSource);
  copy.target.writeAt(bytes.subarray(0, count), edge.from);
}
