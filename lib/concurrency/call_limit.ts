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

/** A round is so many calls for each that may be under way: enough for an average. */
const ROUND = 4;
/** The part of a step of growth by which more has to get done, for it to be kept. */
const GAIN = 0.25;
/** Rounds until growth is tried again after it has brought nothing: another client may have been busy. */
const PATIENCE = 32;

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
  /** The limit that is kept if what is being tried is no better, and what was done with it in a millisecond. */
  #kept: { readonly limit: number; readonly rate: number } | undefined;
  #done = 0;
  #roundStart: number | undefined;
  #patience = 0;

  constructor(limit: CallLimit, options: { readonly now?: () => number } = {}) {
    this.#max = limit.max;
    this.#current = limit.start;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Calls that may be under way now. */
  get current(): number {
    return this.#current;
  }

  /** Tells that a call has ended. */
  done(): void {
    const isFixed = this.#kept === undefined && this.#current >= this.#max;
    if (isFixed || ++this.#done < ROUND * this.#current) return;
    const now = this.#now();
    // The first round opens connections, and tells nothing.
    if (this.#roundStart !== undefined) this.#judge(this.#done / Math.max(now - this.#roundStart, 1e-3));
    this.#done = 0;
    this.#roundStart = now;
  }

  #judge(rate: number): void {
    if (this.#patience > 0) {
      this.#patience--;
      return;
    }
    const kept = this.#kept;
    const growth = kept === undefined ? 0 : this.#current / kept.limit - 1;
    if (kept !== undefined && rate < kept.rate * (1 + GAIN * growth)) {
      this.#current = kept.limit;
      this.#kept = undefined;
      this.#patience = PATIENCE;
    } else if (this.#current < this.#max) {
      this.#kept = { limit: this.#current, rate };
      this.#current = Math.min(this.#max, 2 * this.#current);
    } else {
      this.#kept = undefined;
    }
  }
}
