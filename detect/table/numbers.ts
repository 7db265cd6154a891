/**
 * The numbers of records, and who has to go when a bucket is full.
 *
 * Records are numbered in the order in which they are taken, so that those in
 * use stand side by side, on as few pages of memory as can be. Whoever takes the
 * position of another in a bucket takes its number, too.
 *
 * @module
 */

import { WAYS } from "./buckets.ts";

/** Bits for how many targets of a record weigh anything; more are as many. */
const LIVE_BITS = 8;
const MOST_LIVE = (1 << LIVE_BITS) - 1;
/** Positions of a bucket that sources with one target keep. */
const LIGHT_WAYS = 3;

/** Which record stands where in the buckets, and until when it is kept. */
export class RecordNumbers {
  /**
   * Two words for each position: until when its record is kept, in milliseconds
   * modulo 2^32; and its number, `<< LIVE_BITS`, beside how many of its targets
   * weigh anything. Two lines of a bucket tell who has to go.
   */
  readonly #positions: Int32Array;
  /** The position of each number. */
  readonly #positionOf: Int32Array;
  /** What was asked for last: mostly it is what is kept next. */
  #last = -1;
  #lastPosition = -1;

  /** @param capacity How many records there are at most. */
  constructor(capacity: number) {
    this.#positions = new Int32Array(2 * capacity);
    this.#positionOf = new Int32Array(capacity);
  }

  /** What it takes, in bytes. */
  get byteLength(): number {
    return this.#positions.byteLength + this.#positionOf.byteLength;
  }

  /** Gives a number that is new to a position that was free. */
  assign(number: number, position: number): void {
    this.#last = number;
    this.#lastPosition = position;
    this.#positionOf[number] = position;
    this.#positions[2 * position + 1] = number << LIVE_BITS;
  }

  /** The number of a position that is taken. */
  at(position: number): number {
    this.#lastPosition = position;
    return this.#last = this.#positions[2 * position + 1] >>> LIVE_BITS;
  }

  /** The position of a number. */
  positionOf(number: number): number {
    return number === this.#last
      ? this.#lastPosition
      : this.#positionOf[number];
  }

  /** How many targets weigh anything of the record in a position. */
  liveAt(position: number): number {
    return this.#positions[2 * position + 1] & MOST_LIVE;
  }

  /**
   * Tells until when a record is kept.
   *
   * @param live How many of its targets weigh anything.
   */
  keep(number: number, until: number, live: number): void {
    const at = 2 * this.positionOf(number);
    this.#positions[at] = until;
    this.#positions[at + 1] = (number << LIVE_BITS) |
      (live < MOST_LIVE ? live : MOST_LIVE);
  }

  /**
   * The position of a full bucket whose record goes. Sources of which one target
   * is known keep some positions whatever the others weigh, and no more: a flood
   * of either kind pushes out its own, the oldest first.
   *
   * @param isOwn Of those of which one target is known, one of these goes at once.
   */
  leaving(
    first: number,
    isOwn: ((number: number) => boolean) | undefined,
  ): number {
    const positions = this.#positions;
    let light = 0;
    let oldestLight = -1;
    let oldestHeavy = -1;
    for (let position = first; position < first + WAYS; position++) {
      const isLight = this.liveAt(position) <= 1;
      if (isLight) {
        if (isOwn?.(positions[2 * position + 1] >>> LIVE_BITS)) return position;
        light++;
      }
      const rival = isLight ? oldestLight : oldestHeavy;
      if (rival >= 0) {
        const later = positions[2 * position] - positions[2 * rival];
        if ((later | 0) >= 0) continue;
      }
      if (isLight) oldestLight = position;
      else oldestHeavy = position;
    }
    const isCrowded = light > LIGHT_WAYS || oldestHeavy < 0;
    const chosen = isCrowded ? oldestLight : oldestHeavy;
    return chosen;
  }
}
