/**
 * Waiting for what cannot be cancelled, such as the other end of a named pipe.
 *
 * @module
 */

/**
 * Waits for `promise`, or for `signal`, whichever is first.
 *
 * @param discard Releases what the promise gives when nobody waits for it any more.
 * @throws `signal.reason`
 */
export function untilAborted<T>(
  promise: Promise<T>,
  options: { readonly signal: AbortSignal; readonly discard?: (late: T) => void },
): Promise<T> {
  const { signal, discard = () => {} } = options;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      promise.then(discard, () => {}); // Nobody is interested in its failure either.
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
