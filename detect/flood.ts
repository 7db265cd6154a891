/**
 * The flood limit: how many scans are told in a row.
 *
 * @module
 */

/** The scan is told. */
export const TELL = 0;
/** The scan is one too many: that more follow is told in its place. */
export const TELL_MORE_FOLLOW = 1;
/** The scan is not told. */
export const SUPPRESS = 2;

/** Limits of the flood limit. */
export interface FloodLimitOptions {
  /** Scans told in a row; 0: no limit. */
  logBurst: number;
  /** The pause that ends a row, in milliseconds. */
  logDelay: number;
}

/**
 * Keeps somebody who makes scans by the thousand, perhaps with spoofed
 * addresses, from filling the disk that holds the log.
 */
export class FloodLimit {
  readonly #burst: number;
  readonly #delay: number;
  #count = 0;
  #last = -Infinity;

  constructor({ logBurst, logDelay }: FloodLimitOptions) {
    this.#burst = logBurst;
    this.#delay = logDelay;
  }

  /**
   * Counts a scan.
   *
   * @param time When it was complete, in milliseconds.
   * @returns {@linkcode TELL}, {@linkcode TELL_MORE_FOLLOW} or
   * {@linkcode SUPPRESS}.
   */
  next(time: number): number {
    if (this.#burst === 0) return TELL;
    const pause = time - this.#last;
    if (pause > this.#delay || pause < 0) this.#count = 0;
    this.#count++;
    // What comes after does not renew the row: else a steady flood would
    // silence the log for good.
    if (this.#count <= this.#burst + 1) this.#last = time;
    if (this.#count <= this.#burst) return TELL;
    return this.#count === this.#burst + 1 ? TELL_MORE_FOLLOW : SUPPRESS;
  }
}
