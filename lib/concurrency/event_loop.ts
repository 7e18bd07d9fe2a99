/**
 * Giving the event loop its turn in the middle of synchronous work.
 *
 * @module
 */

const NOTHING = new Uint8Array(0);

/**
 * Resolves after the event loop has had its turn: signals, timers and messages.
 *
 * Measured: a timer of 0 ms takes 2.2 ms. A message to oneself takes 0.03 ms, but the loop then never waits, and looks for
 * signals only after a hundred turns. For an operation of another thread it waits: 0.3 ms, and signals arrive at once.
 */
export async function nextTurn(): Promise<void> {
  await crypto.subtle.digest("SHA-256", NOTHING);
}
