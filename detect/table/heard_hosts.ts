/**
 * How many hosts of a fleet one has heard of, and which of them are looked at.
 *
 * @module
 */

/** So many hosts tell as much as all of them would: the others are left out. */
export const MOST_HOSTS = 1024;
/** Sparse enough for short walks. */
const PLACES = 4 * MOST_HOSTS;
const FREE = 0;

/** A set of hosts by hash. The larger the fleet, the smaller the part in it. */
export class HeardHosts {
  /** How many, of those that are looked at. */
  count = 0;
  readonly #span: number;
  #hosts = new Int32Array(PLACES);
  #size = 0;
  #earlier = new Int32Array(PLACES);
  #earlierSize = 0;
  /** Only hosts whose hash begins with so many zeros are looked at. */
  #zeros = 0;
  #since = NaN;

  /** @param span A host of which nothing was heard for so long is forgotten. */
  constructor(span: number) {
    this.#span = span;
  }

  /** The memory of the sets, in bytes. */
  get byteLength(): number {
    return this.#hosts.byteLength + this.#earlier.byteLength;
  }

  /** Takes note of a host; returns whether it is looked at. */
  hear(host: number, time: number): boolean {
    if (!this.isLookedAt(host)) return false;
    if (!(time - this.#since <= this.#span)) this.#begin(time);
    if (!add(this.#hosts, host)) return true;
    if (++this.#size > MOST_HOSTS) this.#halve();
    this.count = Math.max(this.#size, this.#earlierSize);
    return this.isLookedAt(host);
  }

  /** Whether a host is one of those that are looked at. */
  isLookedAt(host: number): boolean {
    return this.#zeros === 0 || host >>> (32 - this.#zeros) === 0;
  }

  /** Hosts that are heard of no more leave the fleet. */
  #begin(time: number): void {
    const isFirst = Number.isNaN(this.#since);
    this.#since = time;
    if (isFirst) return;
    [this.#hosts, this.#earlier] = [this.#earlier, this.#hosts];
    this.#earlierSize = this.#size;
    this.#hosts.fill(FREE);
    this.#size = 0;
  }

  #halve(): void {
    this.#zeros++;
    this.#size = this.#thin(this.#hosts);
    this.#earlierSize = this.#thin(this.#earlier);
  }

  #thin(set: Int32Array): number {
    const kept = set.filter((host) => host !== FREE && this.isLookedAt(host));
    set.fill(FREE);
    for (const host of kept) add(set, host);
    return kept.length;
  }
}

/** Stands for the hash 0, which would be a free place. */
const ZERO = 1;

/** Adds a host; returns whether it is new. */
function add(set: Int32Array, host: number): boolean {
  const wanted = host === FREE ? ZERO : host;
  let at = Math.imul(wanted, 0x9e3779b1) >>> 20; // 12 bits: PLACES
  while (set[at] !== FREE) {
    if (set[at] === wanted) return false;
    at = (at + 1) % PLACES;
  }
  set[at] = wanted;
  return true;
}
