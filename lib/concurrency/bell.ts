/**
 * Waking what waits in the same thread.
 *
 * `Atomics.notify` reaches waiters of other threads at once, but those of its own thread only when its event loop has
 * something else to do; so whoever waits with the event loop running waits for both.
 *
 * @module
 */

/** Wakes waiters of this thread. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  /** Wakes all who wait. */
  ring(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Waits for the bell, or for another thread to notify `word`, which was `seen`. */
  async wait(control: Int32Array<SharedArrayBuffer>, word: number, seen: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const notified = Atomics.waitAsync(control, word, seen);
    if (notified.async) notified.value.then(() => resolve());
    else resolve();
    await promise;
    this.#waiting.delete(resolve);
  }
}
