/**
 * The time in capture files.
 *
 * @module
 */

/**
 * Steps back that are smaller are no change of the clock, in milliseconds:
 * packets of several queues are written out of order by some microseconds, clocks
 * that are set right go back by fractions of a second.
 */
export const SMALL_STEP_MS = 1000;
/**
 * The same for the reference, which told the time in ticks: within one, nothing
 * is earlier than anything else.
 */
export const CLASSIC_STEP_MS = 10;

/** Tells the rules the time of each packet of a file. */
export class FileClock {
  readonly #smallStep: number;
  #latest = -Infinity;

  /** @param smallStep Smaller steps back do not count, in milliseconds. */
  constructor(smallStep: number = SMALL_STEP_MS) {
    this.#smallStep = smallStep;
  }

  /**
   * The time of a packet for the rules: its own, or that of the packet before if
   * that is only a small step later.
   *
   * @param time Its own, in milliseconds.
   */
  timeOf(time: number): number {
    const back = this.#latest - time;
    if (back > 0 && back < this.#smallStep) return this.#latest;
    this.#latest = time;
    return time;
  }
}
