/**
 * A thread's share in work on the rows of an index: compare them with a file, fetch them into it, copy them to it.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId, sameChunkId } from "../chunk_id.ts";
import { ChunkInvalidError, ChunkMissingError } from "../errors.ts";
import type { PosixFile } from "../platform/posix.ts";
import type { ChunkDirectory } from "../store/types.ts";
import { copyRun } from "./copy_run.ts";
import { claimUnit, CONTROL, type Pace } from "./task.ts";
import { loadChunk, rowId, storeChunk } from "./thread_chunks.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** Work on runs of rows; each thread claims one run after another. */
export interface RowTask {
  readonly kind: "rows";
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly operation: RowOperation;
  /** The index's columns. */
  readonly ids: Uint8Array<SharedArrayBuffer>;
  readonly ends: Float64Array<SharedArrayBuffer>;
  /** What became of each row, an {@linkcode OUTCOME}. */
  readonly outcomes: Uint8Array<SharedArrayBuffer>;
  /** {@linkcode RUN_COLUMNS} numbers a run. */
  readonly runs: Float64Array<SharedArrayBuffer>;
  /** The file that the index describes, or is to describe. */
  readonly path: string;
}

/** What is to be done with the rows of a {@linkcode RowTask}. */
export type RowOperation =
  /** Compare with the file: mark what is right; or, strictly, fail at the first difference. */
  | { readonly kind: "check"; readonly strict: boolean }
  /** Read from the file, compare, store. */
  | { readonly kind: "chop"; readonly directory: ChunkDirectory }
  /** Read from the directories, write to the file. */
  | { readonly kind: "fetch"; readonly directories: readonly ChunkDirectory[] }
  /** Make the file read as zeros. */
  | { readonly kind: "zero" }
  /** Copy from other files, or from elsewhere in this one; share extents where that is possible. */
  | { readonly kind: "copy"; readonly sources: readonly CopySource[] };

/** A file to copy from. */
export interface CopySource {
  readonly path: string;
  /** Alignment in bytes for shared extents; 0: there are none between these files. */
  readonly cloneBlock: number;
  /** What {@linkcode OUTCOME} rows get that were copied from it. */
  readonly outcome: number;
}

/** What became of a row. */
export const OUTCOME = { open: 0, inPlace: 1, seed: 2, zero: 3, store: 4, self: 5 } as const;

/** Columns of a run: first row, rows, and for copies the source's number and offset in bytes. */
export const RUN_COLUMNS = 4;

/** One run of a {@linkcode RowTask}. */
export interface Run {
  readonly first: number;
  readonly count: number;
  readonly source: number;
  readonly sourceOffset: number;
}

/** Works on runs. @returns False if the pace ended it, true if there is nothing left to claim. */
export function runRowTask(task: RowTask, tools: ThreadTools, pace: Pace): boolean {
  for (;;) {
    const unit = claimUnit(task.control, task.runs.length / RUN_COLUMNS);
    if (unit < 0) return true;
    const at = unit * RUN_COLUMNS;
    const run = {
      first: task.runs[at]!,
      count: task.runs[at + 1]!,
      source: task.runs[at + 2]!,
      sourceOffset: task.runs[at + 3]!,
    };
    workOnRun(task, tools, run);
    Atomics.add(task.control, CONTROL.done, run.count);
    if (pace.expired()) return false;
  }
}

function workOnRun(task: RowTask, tools: ThreadTools, run: Run): void {
  const { operation } = task;
  switch (operation.kind) {
    case "copy":
      return copyRun({ task, operation }, tools, run);
    case "zero":
      return zeroRun(task, tools, run);
  }
  for (let row = run.first; row < run.first + run.count; row++) {
    if (operation.kind === "fetch") fetchRow(task, tools, { row, directories: operation.directories });
    else checkRow(task, tools, row);
  }
}

/** Offset of a row's first byte. */
export function startOf(task: RowTask, row: number): number {
  return row === 0 ? 0 : task.ends[row - 1]!;
}

/** Whether the file holds a row's bytes. They are in the buffer that is returned. */
export function readRow(
  task: RowTask,
  tools: ThreadTools,
  place: { readonly row: number; readonly file: PosixFile; readonly offset: number },
): { readonly plain: Uint8Array; readonly found: Uint8Array; readonly matches: boolean } {
  const target = tools.buffer("plain", task.ends[place.row]! - startOf(task, place.row));
  const plain = target.subarray(0, place.file.readAt(target, place.offset));
  const found = tools.digest.digest(plain);
  const matches = plain.length === target.length &&
    sameChunkId(found, 0, task.ids, place.row * CHUNK_ID_SIZE);
  return { plain, found, matches };
}

function checkRow(task: RowTask, tools: ThreadTools, row: number): void {
  const { operation } = task;
  const offset = startOf(task, row);
  const file = tools.file(task.path, "read");
  const { plain, found, matches } = readRow(task, tools, { row, file, offset });
  if (matches) {
    task.outcomes[row] = OUTCOME.inPlace;
    if (operation.kind === "chop") {
      const chunk = { id: rowId(task.ids, row), plain, directory: operation.directory };
      if (storeChunk(tools, chunk)) tools.count("stored", 1);
    }
  } else if (operation.kind === "chop" || (operation.kind === "check" && operation.strict)) {
    const size = task.ends[row]! - offset;
    const state = plain.length < size
      ? `'${task.path}' ends at offset ${file.size()}, before the chunk does`
      : `'${task.path}' differs at offset ${offset}, its content there hashes to ${formatChunkId(found)}`;
    throw new ChunkInvalidError(formatChunkId(task.ids, row * CHUNK_ID_SIZE), state);
  }
}

function fetchRow(
  task: RowTask,
  tools: ThreadTools,
  wanted: { readonly row: number; readonly directories: readonly ChunkDirectory[] },
): void {
  const { row, directories } = wanted;
  const offset = startOf(task, row);
  const size = task.ends[row]! - offset;
  const id = rowId(task.ids, row);
  const chunk = loadChunk(tools, { id, directories, size, maxSize: size });
  if (chunk === undefined) {
    throw new ChunkMissingError(
      formatChunkId(id.ids, id.offset),
      directories.map(({ root }) => root).join(", "),
    );
  }
  tools.file(task.path, "read-write").writeAt(chunk.plain, offset);
  task.outcomes[row] = OUTCOME.store;
}

function zeroRun(task: RowTask, tools: ThreadTools, run: Run): void {
  const last = run.first + run.count - 1;
  const start = startOf(task, run.first);
  const size = task.ends[last]! - start;
  const file = tools.file(task.path, "read-write");
  if (!file.punchHole(start, size)) {
    const zeros = tools.buffer("plain", Math.min(size, 1 << 20)).fill(0);
    for (let done = 0; done < size; done += zeros.length) {
      file.writeAt(zeros.subarray(0, Math.min(zeros.length, size - done)), start + done);
    }
  }
  tools.count("bytesCopied", size);
  task.outcomes.fill(OUTCOME.zero, run.first, last + 1);
}
