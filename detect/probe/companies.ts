/**
 * Which sources have sent the same probes, directly or through others, and who
 * among them sends others besides.
 *
 * @module
 */

/** It has sent nobody else's probes. */
export const ALONE = 0;
/** A record's probes of its own count up to so many. */
export const MOST_OWN = 32;
/** So many that it shares outweigh as many of its own. */
const LEAST_OWN = -8;

/**
 * Companies of records: each is a ring, so that its members can be told one by
 * one, and who leaves leaves no trace. When two meet, the smaller one takes the
 * number of the other, so that a record changes its number seldom.
 */
export class Companies {
  /** By record: its company. */
  readonly #companies: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** By record: how many more probes it has sent alone than with others. */
  readonly #own: Int8Array;
  /** By company; a free one has the number of the next free one. */
  readonly #sizes: Int32Array;
  #free = 1;

  /** @param capacity The number of records. */
  constructor(capacity: number) {
    this.#companies = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#own = new Int8Array(capacity);
    // Each has two members or more.
    this.#sizes = Int32Array.from(
      { length: (capacity >>> 1) + 1 },
      (_, company) => company + 1,
    );
  }

  /** The memory that they take, in bytes. */
  get byteLength(): number {
    return this.#companies.byteLength + this.#next.byteLength +
      this.#previous.byteLength + this.#own.byteLength +
      this.#sizes.byteLength;
  }

  /** A record's company, or {@linkcode ALONE}. */
  of(entry: number): number {
    return this.#companies[entry];
  }

  /** How many records are in a record's company, itself included. */
  size(entry: number): number {
    const company = this.#companies[entry];
    return company === ALONE ? 1 : this.#sizes[company];
  }

  /** The records of a record's company, from itself on. */
  *members(entry: number): Generator<number> {
    let member = entry;
    do {
      yield member;
      member = this.#next[member];
    } while (this.#companies[entry] !== ALONE && member !== entry);
  }

  /**
   * By how many the probes that a record has sent alone outnumber those that
   * others have sent as well, at most {@linkcode MOST_OWN}; what was long ago does
   * not outweigh what a source does now.
   */
  own(entry: number): number {
    return this.#own[entry];
  }

  /** A record has sent a probe that nobody else has. */
  sentAlone(entry: number): void {
    if (this.#own[entry] < MOST_OWN) this.#own[entry]++;
  }

  /** A record has sent a probe that others have sent as well. */
  sentTogether(entry: number): void {
    if (this.#own[entry] > LEAST_OWN) this.#own[entry]--;
  }

  /** A record is another source's now, or begins anew. */
  forget(entry: number): void {
    this.#own[entry] = 0;
    const company = this.#companies[entry];
    if (company === ALONE) return;
    this.#companies[entry] = ALONE;
    const next = this.#next[entry];
    this.#link(this.#previous[entry], next);
    if (--this.#sizes[company] > 1) return;
    this.#companies[next] = ALONE;
    this.#release(company);
  }

  /** Two records have sent the same probe: the one just after the other. */
  meet(entry: number, other: number): void {
    const one = this.#companies[entry];
    const two = this.#companies[other];
    if (one === two && one !== ALONE) return;
    if (one === ALONE) this.#enter(entry);
    if (two === ALONE) this.#enter(other);
    this.#unite(entry, other);
  }

  #enter(entry: number): void {
    this.#link(entry, entry);
  }

  #unite(entry: number, other: number): void {
    const one = this.#companies[entry];
    const two = this.#companies[other];
    if (one === ALONE && two === ALONE) {
      const company = this.#free;
      this.#free = this.#sizes[company];
      this.#sizes[company] = 2;
      this.#companies[entry] = this.#companies[other] = company;
    } else {
      const isSmaller = this.size(entry) <= this.size(other);
      if (isSmaller) this.#join(entry, two);
      else this.#join(other, one);
    }
    const last = this.#previous[entry];
    const after = this.#next[other];
    this.#link(other, entry);
    this.#link(last, after);
  }

  /** A record and its company become part of another one. */
  #join(entry: number, company: number): void {
    const old = this.#companies[entry];
    this.#sizes[company] += this.size(entry);
    let member = entry;
    do {
      this.#companies[member] = company;
      member = this.#next[member];
    } while (member !== entry);
    if (old !== ALONE) this.#release(old);
  }

  #release(company: number): void {
    this.#sizes[company] = this.#free;
    this.#free = company;
  }

  #link(entry: number, next: number): void {
    this.#next[entry] = next;
    this.#previous[next] = entry;
  }
}
