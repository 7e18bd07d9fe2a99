/**
 * A worker's share in unpacking an archive: make small files that lie in a ring of shared memory.
 *
 * The thread that reads the archive puts them there and makes the others itself. What fails here is done once more by
 * that thread, which then meets the same error with all that it knows of the file.
 *
 * @module
 */

import { type FileNode, NodeMaker } from "../archive/disk_file.ts";
import { MetadataWriter } from "../archive/disk_restore.ts";
import type { Xattr } from "../archive/entry.ts";
import type { TreeDirectory, TreePosix } from "../platform/tree.ts";
import { CONTROL, CONTROL_SIZE } from "./task.ts";

/** Files that are to be made. */
export interface FileTask {
  /** Which kind of task it is. */
  readonly kind: "files";
  /** See {@linkcode FILES}. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** {@linkcode FILE_JOB_WORDS} words a job, a power of two of jobs. */
  readonly jobs: Int32Array<SharedArrayBuffer>;
  /** Name and content of each job. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** What to restore. */
  readonly restore: FileRestore;
}

/** What to restore of files; owners by number alone. */
export interface FileRestore {
  /** Feature flags. */
  readonly flags: bigint;
  /** Leave times of exactly 1970-01-01 as they are. */
  readonly skipEpoch: boolean;
}

/** Further places in the control words. */
export const FILES = {
  /** Jobs published so far; wraps around. */
  head: CONTROL_SIZE,
  /** Threads that sleep until `head` moves. */
  sleeping: CONTROL_SIZE + 1,
  /** Counts jobs that were done. */
  progress: CONTROL_SIZE + 2,
} as const;

/** Control words beyond the common ones. */
export const FILES_CONTROL_WORDS = 3;

/** Words of a job. */
export const FILE_JOB = {
  /** One of {@linkcode FILE_STATE}. */
  state: 0,
  /** Handle of the directory. */
  directory: 1,
  /** Where name and content are, and their sizes. */
  offset: 2,
  nameSize: 3,
  contentSize: 4,
  permissions: 5,
  uid: 6,
  gid: 7,
  /** Nanoseconds since 1970, 64 bits. */
  mtimeLow: 8,
  mtimeHigh: 9,
  /** Number of the directory; handles are used again. */
  serial: 10,
} as const;
/** Words in a job. */
export const FILE_JOB_WORDS = 11;

/** What became of a job. */
export const FILE_STATE = { open: 0, done: 1, failed: 2 } as const;

/** How long a thread sleeps before it looks at the stop flag again. */
const NAP_MS = 200;

/** Makes files until the task is stopped. */
export async function runFileTask(task: FileTask): Promise<void> {
  const [{ openTreePosix }, { borrowDirectory }] = await Promise.all([
    import("../platform/tree.ts"),
    import("../platform/tree_ffi.ts"),
  ]);
  const files = new FileWorker(task, await openTreePosix({ implementation: "ffi" }), borrowDirectory);
  const { control } = task;
  while (Atomics.load(control, CONTROL.stop) === 0) {
    const head = Atomics.load(control, FILES.head);
    const number = Atomics.load(control, CONTROL.next);
    if (number !== head) {
      const next = (number + 1) | 0;
      if (Atomics.compareExchange(control, CONTROL.next, number, next) === number) files.run(number);
      continue;
    }
    Atomics.add(control, FILES.sleeping, 1);
    Atomics.wait(control, FILES.head, head, NAP_MS);
    Atomics.sub(control, FILES.sleeping, 1);
  }
}

class FileWorker {
  readonly #task: FileTask;
  readonly #maker: NodeMaker;
  readonly #borrow: (handle: number) => TreeDirectory;
  #directory: TreeDirectory | undefined;
  #serial = 0;

  constructor(task: FileTask, posix: TreePosix, borrow: (handle: number) => TreeDirectory) {
    this.#task = task;
    this.#borrow = borrow;
    // What is in the way, and warnings, are for the other thread.
    const remove = { undoImmutable: false, onMountPoint: () => {} };
    this.#maker = new NodeMaker(new MetadataWriter(posix, task.restore), { remove, onConflict: "fail" });
  }

  run(number: number): void {
    const { jobs, control } = this.#task;
    const at = (number & (jobs.length / FILE_JOB_WORDS - 1)) * FILE_JOB_WORDS;
    let state: number = FILE_STATE.done;
    try {
      this.#make(at);
    } catch {
      state = FILE_STATE.failed;
    }
    Atomics.store(jobs, at + FILE_JOB.state, state);
    Atomics.add(control, FILES.progress, 1);
    Atomics.notify(control, FILES.progress);
  }

  #make(at: number): void {
    const { jobs } = this.#task;
    const serial = jobs[at + FILE_JOB.serial]!;
    if (this.#directory === undefined || this.#serial !== serial) {
      this.#directory = this.#borrow(jobs[at + FILE_JOB.directory]!);
      this.#serial = serial;
    }
    const { name, node, content } = readFileJob(this.#task, at);
    using file = this.#maker.beginFile(this.#directory, name, node);
    file.write(content);
    file.finish();
  }
}

/** What a job says. */
export interface FileJob {
  /** Its name, borrowed. */
  readonly name: Uint8Array;
  /** Its metadata, with the owner by number. */
  readonly node: FileNode;
  /** Borrowed. */
  readonly content: Uint8Array;
}

/** Reads the job whose first word is at `at`. */
export function readFileJob({ jobs, bytes }: FileTask, at: number): FileJob {
  const word = (index: number) => jobs[at + index]!;
  const start = word(FILE_JOB.offset);
  const content = start + word(FILE_JOB.nameSize);
  const size = word(FILE_JOB.contentSize);
  return {
    name: bytes.subarray(start, content),
    content: bytes.subarray(content, content + size),
    node: {
      kind: "file",
      size,
      permissions: word(FILE_JOB.permissions),
      attributes: 0n,
      uid: word(FILE_JOB.uid) >>> 0,
      gid: word(FILE_JOB.gid) >>> 0,
      mtime: BigInt(word(FILE_JOB.mtimeHigh)) << 32n | BigInt(word(FILE_JOB.mtimeLow) >>> 0),
      xattrs: NO_XATTRS,
    },
  };
}

const NO_XATTRS: readonly Xattr[] = [];
