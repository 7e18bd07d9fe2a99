/**
 * How many calls to a store are under way at once.
 *
 * @module
 */

/** Bounds for the number of calls under way. */
export interface CallLimit {
  /** Calls to begin with. */
  readonly start: number;
  /** Calls that are never exceeded. */
  readonly max: number;
}

/** Growth is tried after so many calls for each that may be under way: enough for an average. */
const ROUND = 4;
/** What one step of growth has to bring, to be followed by another. */
const GAIN = 1.15;

/**
 * A limit that grows for as long as more calls at once get more done.
 *
 * Where a server is near, ten calls keep it busy and more would only queue up; where each call waits for a distant one,
 * what is done in a second grows with their number.
 */
export class GrowingLimit {
  readonly #max: number;
  readonly #now: () => number;
  #current: number;
  #best = 0;
  #done = 0;
  #roundStart: number;

  constructor(limit: CallLimit, options: { readonly now?: () => number } = {}) {
    this.#max = limit.max;
    this.#current = limit.start;
    this.#now = options.now ?? (() => performance.now());
    this.#roundStart = this.#now();
  }

  /** Calls that may be under way now. */
  get current(): number {
    return this.#current;
  }

  /** Tells that a call has ended. */
  done(): void {
    if (this.#current >= this.#max || ++this.#done < ROUND * this.#current) return;
    const now = this.#now();
    const rate = this.#done / Math.max(now - this.#roundStart, 1e-3);
    this.#done = 0;
    this.#roundStart = now;
    if (rate < this.#best * GAIN) return; // The next round may tell otherwise: another client may have been busy.
    this.#best = rate;
    this.#current = Math.min(this.#max, 2 * this.#current);
  }
}
