/**
 * Records that are to be judged again after a delay, which is the same for all
 * of a queue, so that they come out in the order in which they went in.
 *
 * @module
 */

/** A time plus a delay, less the time, may be a little more than the delay. */
const SLACK_MS = 1;

/** A queue that holds each record once at most, and so never overflows. */
export class DueQueue {
  /** How long a record stays, in milliseconds. */
  readonly delay: number;
  readonly #entries: Int32Array;
  readonly #dues: Float64Array;
  readonly #isQueued: Uint8Array;
  #first = 0;
  #count = 0;

  /** @param capacity Records of the table. */
  constructor(capacity: number, delay: number) {
    this.delay = delay;
    this.#entries = new Int32Array(capacity);
    this.#dues = new Float64Array(capacity);
    this.#isQueued = new Uint8Array(capacity);
  }

  /** What it takes, in bytes. */
  get byteLength(): number {
    return this.#entries.byteLength + this.#dues.byteLength +
      this.#isQueued.byteLength;
  }

  /** When the next record comes out; Infinity: none waits. */
  get due(): number {
    return this.#count === 0 ? Infinity : this.#dues[this.#first];
  }

  /** Whether a record is in it. */
  has(entry: number): boolean {
    return this.#isQueued[entry] !== 0;
  }

  /**
   * Puts a record in, if it is not in it.
   *
   * @param delay How long it stays, if not as long as others; longer it does not.
   */
  add(entry: number, time: number, delay: number = this.delay): void {
    if (this.#isQueued[entry] !== 0) return;
    this.#isQueued[entry] = 1;
    const at = (this.#first + this.#count++) % this.#entries.length;
    this.#entries[at] = entry;
    this.#dues[at] = time + Math.min(delay, this.delay);
  }

  /** Takes out the next record whose time has come, or -1. */
  take(time: number): number {
    // A clock that went back must not hold anything for longer.
    const isBack = this.due - time > this.delay + SLACK_MS;
    const isDue = time >= this.due || isBack;
    if (this.#count === 0 || !isDue) return -1;
    const entry = this.#entries[this.#first];
    this.#first = (this.#first + 1) % this.#entries.length;
    this.#count--;
    this.#isQueued[entry] = 0;
    return entry;
  }
}
