/**
 * Which sources have sent the same probes, directly or through others, and who
 * among them sends others besides.
 *
 * @module
 */

/** It has sent nobody else's probes. */
export const ALONE = 0;
/** A record's probes of its own count up to so many. */
export const MOST_OWN = 10;
/** So many that it shares outweigh as many of its own. */
const LEAST_OWN = -8;
/** A record's word: its company, and in the lowest byte its own probes. */
const COMPANY_SHIFT = 8;
const OWN = 0xff;
const OWN_SHIFT = 24;

/**
 * Companies of records: each is a ring, so that its members can be told one by
 * one, and who leaves leaves no trace. When two meet, the smaller one takes the
 * number of the other, so that a record changes its number seldom.
 */
export class Companies {
  /** By record: its company, and how many more probes it has sent alone. */
  readonly #words: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** By company; a free one has the number of the next free one. */
  readonly #sizes: Int32Array;
  #free = 1;

  /** @param capacity The number of records. */
  constructor(capacity: number) {
    this.#words = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    // Each has two members or more.
    this.#sizes = Int32Array.from(
      { length: (capacity >>> 1) + 1 },
      (_, company) => company + 1,
    );
  }

  /** The memory that they take, in bytes. */
  get byteLength(): number {
    return this.#words.byteLength + this.#next.byteLength +
      this.#previous.byteLength + this.#sizes.byteLength;
  }

  /** A record's company, or {@linkcode ALONE}. */
  of(entry: number): number {
    return this.#words[entry] >> COMPANY_SHIFT;
  }

  /** How many records are in a record's company, itself included. */
  size(entry: number): number {
    const company = this.of(entry);
    return company === ALONE ? 1 : this.#sizes[company];
  }

  /** The records of a record's company, from itself on. */
  *members(entry: number): Generator<number> {
    let member = entry;
    do {
      yield member;
      member = this.#next[member];
    } while (this.of(entry) !== ALONE && member !== entry);
  }

  /**
   * By how many the probes that a record has sent alone outnumber those that
   * others have sent as well, at most {@linkcode MOST_OWN}; what was long ago does
   * not outweigh what a source does now.
   */
  own(entry: number): number {
    return this.#words[entry] << OWN_SHIFT >> OWN_SHIFT;
  }

  /** A record has sent a probe that nobody else has. */
  sentAlone(entry: number): void {
    const own = this.own(entry);
    if (own < MOST_OWN) this.#setOwn(entry, own + 1);
  }

  /** A record has sent a probe that others have sent as well. */
  sentTogether(entry: number): void {
    const own = this.own(entry);
    if (own > LEAST_OWN) this.#setOwn(entry, own - 1);
  }

  /** A probe that a record has sent was answered: it is a client's. */
  wasAnswered(entry: number): void {
    const own = this.own(entry);
    if (own > 0) this.#setOwn(entry, own - 1);
  }

  #setOwn(entry: number, own: number): void {
    this.#words[entry] = (this.#words[entry] & ~OWN) | (own & OWN);
  }

  #setCompany(entry: number, company: number): void {
    this.#words[entry] = (this.#words[entry] & OWN) |
      (company << COMPANY_SHIFT);
  }

  /** A record is another source's now, or begins anew. */
  forget(entry: number): void {
    const company = this.of(entry);
    this.#words[entry] = 0;
    if (company === ALONE) return;
    const next = this.#next[entry];
    this.#link(this.#previous[entry], next);
    if (--this.#sizes[company] > 1) return;
    this.#setCompany(next, ALONE);
    this.#release(company);
  }

  /** Two records have sent the same probe: the one just after the other. */
  meet(entry: number, other: number): void {
    const one = this.of(entry);
    const two = this.of(other);
    if (one === two && one !== ALONE) return;
    if (one === ALONE) this.#link(entry, entry);
    if (two === ALONE) this.#link(other, other);
    if (one === ALONE && two === ALONE) this.#found(entry, other);
    else if (this.size(entry) <= this.size(other)) this.#join(entry, two);
    else this.#join(other, one);
    const last = this.#previous[entry];
    const after = this.#next[other];
    this.#link(other, entry);
    this.#link(last, after);
  }

  /** Two records are a company of their own. */
  #found(entry: number, other: number): void {
    const company = this.#free;
    this.#free = this.#sizes[company];
    this.#sizes[company] = 2;
    this.#setCompany(entry, company);
    this.#setCompany(other, company);
  }

  /** A record and its company become part of another one. */
  #join(entry: number, company: number): void {
    const old = this.of(entry);
    this.#sizes[company] += this.size(entry);
    let member = entry;
    do {
      this.#setCompany(member, company);
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
