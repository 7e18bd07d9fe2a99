/**
 * Giving the event loop its turn in the middle of synchronous work.
 *
 * @module
 */

/** Turns of the event loop. A message to oneself takes 0.05 ms; a timer of 0 ms takes 2.6 ms. */
export class EventLoopTurns implements Disposable {
  readonly #channel = new MessageChannel();

  /** Resolves after the event loop has had its turn: signals, timers and messages. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#channel.port1.onmessage = () => resolve();
      this.#channel.port2.postMessage(undefined);
    });
  }

  /** Closes the channel; a turn under way never resolves then. */
  [Symbol.dispose](): void {
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}
