/**
 * A thread's share in passing a stream on: one thread fills blocks, another one writes or hashes them, in order.
 *
 * @module
 */

import type { DigestStream } from "../digest/digest.ts";
import { StoreError } from "../errors.ts";
import { CONTROL, CONTROL_SIZE, type Pace } from "./task.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** A file that blocks are written to. */
export interface RelayTarget {
  /** Where it is. */
  readonly path: string;
  /** What messages call it. */
  readonly name: string;
}

/** Blocks that are to be taken in order, by one thread. */
export interface RelayTask {
  readonly kind: "relay";
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Slots of `slotSize` bytes; block i is in slot i mod their number. */
  readonly slots: Uint8Array<SharedArrayBuffer>;
  readonly slotSize: number;
  /** Bytes of the block in each slot. */
  readonly sizes: Int32Array<SharedArrayBuffer>;
  /** The file that they are written to from its start; undefined: they are only hashed. */
  readonly target: RelayTarget | undefined;
  /** 32 bytes: the digest, if there is no target. */
  readonly result: Uint8Array<SharedArrayBuffer>;
}

/** Further places in the control words. */
export const RELAY = {
  /** Blocks filled so far. */
  filled: CONTROL_SIZE,
  /** Blocks taken so far. */
  taken: CONTROL_SIZE + 1,
  /** Not zero: no more blocks will come. */
  closed: CONTROL_SIZE + 2,
  /** Who takes the blocks: see {@linkcode OWNER}. */
  owner: CONTROL_SIZE + 3,
} as const;

/** Who takes the blocks. */
export const OWNER = {
  nobody: 0,
  /** A thread, to the end. */
  somebody: 1,
  /** The thread that fills them, but only the one it has in hand. */
  filler: 2,
} as const;

/** Control words beyond the common ones. */
export const RELAY_CONTROL_WORDS = 4;

const NAP_MS = 200;

/** Takes blocks to the end, unless another thread does. @returns True: a thread enters only once. */
export function runRelayTask(task: RelayTask, tools: ThreadTools, _pace: Pace): boolean {
  const { control } = task;
  if (!claimRelay(task)) return true;
  const taker = new BlockTaker(task, tools);
  while (Atomics.load(control, CONTROL.stop) === 0) {
    const filled = Atomics.load(control, RELAY.filled);
    if (taker.takeNext()) continue;
    // Looked at before the blocks, it would miss the last one.
    if (Atomics.load(control, RELAY.closed) === 0) Atomics.wait(control, RELAY.filled, filled, NAP_MS);
    else if (Atomics.load(control, RELAY.filled) === Atomics.load(control, RELAY.taken)) {
      taker.finish();
      return true;
    }
  }
  return true;
}

/** Becomes the one who takes the blocks. @returns False if another thread is it. */
export function claimRelay({ control }: RelayTask): boolean {
  for (;;) {
    const owner = Atomics.compareExchange(control, RELAY.owner, OWNER.nobody, OWNER.somebody);
    if (owner !== OWNER.filler) return owner === OWNER.nobody;
    Atomics.wait(control, RELAY.owner, OWNER.filler, NAP_MS);
  }
}

/** Takes one block, unless another thread takes them all. A digest cannot change hands, but a file can. */
export function takeOneBlock(task: RelayTask, tools: ThreadTools): boolean {
  const { control } = task;
  if (task.target === undefined) return false;
  if (Atomics.compareExchange(control, RELAY.owner, OWNER.nobody, OWNER.filler) !== OWNER.nobody) {
    return false;
  }
  try {
    return new BlockTaker(task, tools).takeNext();
  } finally {
    Atomics.store(control, RELAY.owner, OWNER.nobody);
    Atomics.notify(control, RELAY.owner);
  }
}

/** Takes blocks, for the thread that claimed to do so. */
export class BlockTaker {
  readonly #task: RelayTask;
  readonly #tools: ThreadTools;
  readonly #hash: DigestStream | undefined;
  /** Where the next block goes. */
  #offset: number;

  /** Goes on after the blocks that were taken; without a target, there must have been none. */
  constructor(task: RelayTask, tools: ThreadTools) {
    this.#task = task;
    this.#tools = tools;
    this.#hash = task.target === undefined ? tools.digest.stream() : undefined;
    // All blocks but the last one are full.
    this.#offset = Atomics.load(task.control, RELAY.taken) * task.slotSize;
  }

  /** @returns Whether there was a block. */
  takeNext(): boolean {
    const { control, slots, slotSize, sizes, target } = this.#task;
    const number = Atomics.load(control, RELAY.taken);
    if (number === Atomics.load(control, RELAY.filled)) return false;
    const slot = number % sizes.length;
    const block = slots.subarray(slot * slotSize, slot * slotSize + sizes[slot]!);
    if (target === undefined) this.#hash!.update(block);
    else {
      try {
        this.#tools.file(target.path, "read-write").writeAt(block, this.#offset);
      } catch (cause) {
        throw new StoreError(target.name, "write", { cause });
      }
    }
    this.#offset += block.length;
    Atomics.store(control, RELAY.taken, number + 1);
    Atomics.notify(control, RELAY.taken);
    return true;
  }

  /** Says that all blocks were taken. */
  finish(): void {
    if (this.#hash !== undefined) this.#task.result.set(this.#hash.digest());
    Atomics.store(this.#task.control, RELAY.closed, 2);
    Atomics.notify(this.#task.control, RELAY.taken);
  }
}
