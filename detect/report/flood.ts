/**
 * The flood limit: how many scans are told in a row.
 *
 * @module
 */

import type { FloodLimits } from "../settings.ts";

/**
 * Scans are told after graces of different lengths, so that their times may run
 * backwards by so much, in milliseconds; what is more is another clock.
 */
const MOST_DISORDER_MS = 10_000;

/** The scan is told. */
export const TELL = 0;
/** The scan is one too many: that more follow is told in its place. */
export const TELL_MORE_FOLLOW = 1;
/** The scan is not told. */
export const SUPPRESS = 2;

/**
 * Keeps somebody who makes scans by the thousand, perhaps with spoofed
 * addresses, from filling the disk that holds the log.
 */
export class FloodLimit {
  readonly #limits: Readonly<FloodLimits>;
  #count = 0;
  #last = -Infinity;

  /** @param limits They may change: what comes next goes by the new ones. */
  constructor(limits: Readonly<FloodLimits>) {
    this.#limits = limits;
  }

  /**
   * Counts a scan.
   *
   * @param time When it was complete, in milliseconds.
   * @returns {@linkcode TELL}, {@linkcode TELL_MORE_FOLLOW} or
   * {@linkcode SUPPRESS}.
   */
  next(time: number): number {
    const { logBurst, logDelay } = this.#limits;
    if (logBurst === 0) return TELL;
    const pause = time - this.#last;
    if (pause > logDelay || pause < 0) this.#count = 0;
    this.#count++;
    // What comes after does not renew the row: else a steady flood would
    // silence the log for good.
    if (this.#count <= logBurst + 1) this.#last = time;
    if (this.#count <= logBurst) return TELL;
    return this.#count === logBurst + 1 ? TELL_MORE_FOLLOW : SUPPRESS;
  }

  /** Whether a scan would be told now; nothing is counted. */
  hasRoom(time: number): boolean {
    const { logBurst, logDelay } = this.#limits;
    const pause = time - this.#last;
    return logBurst === 0 || pause > logDelay || pause < 0 ||
      this.#count < logBurst;
  }
}

/**
 * The limit for all scans, and one for those whose source is known to be real:
 * forged scans cannot use that one up.
 */
export class FloodGate {
  readonly #limit: FloodLimit;
  readonly #verifiedLimit: FloodLimit;
  /** The latest time of a scan that was asked about. */
  #latest = -Infinity;

  /** @param limits They may change: what comes next goes by the new ones. */
  constructor(limits: Readonly<FloodLimits>) {
    this.#limit = new FloodLimit(limits);
    this.#verifiedLimit = new FloodLimit(limits);
  }

  /** Counts a scan, as {@linkcode FloodLimit.next} does. */
  next(isVerified: boolean, time: number): number {
    return this.#limitOf(isVerified).next(this.#inOrder(time));
  }

  /** Whether a scan would be told now; nothing is counted. */
  hasRoom(isVerified: boolean, time: number): boolean {
    return this.#limitOf(isVerified).hasRoom(time);
  }

  #limitOf(isVerified: boolean): FloodLimit {
    return isVerified ? this.#verifiedLimit : this.#limit;
  }

  /** The time for the limits, which a step back would begin anew. */
  #inOrder(time: number): number {
    const isLate = this.#latest - time <= MOST_DISORDER_MS;
    this.#latest = isLate ? Math.max(time, this.#latest) : time;
    return this.#latest;
  }
}
