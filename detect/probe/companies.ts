/**
 * Which sources have sent the same probes, directly or through others.
 *
 * @module
 */

/** It has sent nobody else's probes. */
export const ALONE = 0;
/** Companies that met are remembered, so many; then each is for itself again. */
const MOST_MET = 4096;

/** Companies of records, by number. */
export class Companies {
  readonly #numbers: Int32Array;
  /** By number: with which older one it has met. */
  readonly #met = new Map<number, number>();
  #last = ALONE;

  /** @param capacity The number of records. */
  constructor(capacity: number) {
    this.#numbers = new Int32Array(capacity);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#numbers.byteLength;
  }

  /** Another source has taken a record. */
  forget(entry: number): void {
    this.#numbers[entry] = ALONE;
  }

  /** A record's company, or {@linkcode ALONE}. */
  of(entry: number): number {
    const company = this.current(this.#numbers[entry]);
    this.#numbers[entry] = company;
    return company;
  }

  /**
   * What a company is called by now. The way there is halved each time: whoever
   * makes thousands meet one by one could have it walked for each scan.
   */
  current(company: number): number {
    const met = this.#met;
    let found = company;
    for (
      let next = met.get(found);
      next !== undefined;
      next = met.get(found)
    ) {
      const further = met.get(next);
      if (further === undefined) return next;
      met.set(found, further);
      found = further;
    }
    return found;
  }

  /** Two records have sent the same probe. */
  meet(entry: number, other: number): void {
    const one = this.of(entry);
    const two = this.of(other);
    if (one === two && one !== ALONE) return;
    const company = this.#unite(one, two);
    this.#numbers[entry] = company;
    this.#numbers[other] = company;
  }

  /** The company of two, the older one; a new one if both were alone. */
  #unite(one: number, two: number): number {
    if (one === ALONE && two === ALONE) return this.#next();
    if (one === ALONE || two === ALONE) return one + two;
    if (this.#met.size >= MOST_MET) this.#met.clear();
    this.#met.set(Math.max(one, two), Math.min(one, two));
    return Math.min(one, two);
  }

  #next(): number {
    this.#last = (this.#last + 1) & 0x7fff_ffff || 1;
    return this.#last;
  }
}
