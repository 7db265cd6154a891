/**
 * How many hosts a fleet has, as far as they are heard of, and which of them are
 * looked at.
 *
 * @module
 */

/** So many hosts tell as much as all of them would: the others are left out. */
export const MOST_HOSTS = 1024;
/** Sparse enough for short walks. */
const PLACES = 4 * MOST_HOSTS;
const FREE = 0;
/**
 * What time it is for the fleet: such a part of its hosts has been heard of at
 * that time or later. After an outage some send in a moment what they have kept
 * for days; were the time theirs, the others would be forgotten before their
 * turn, and whoever has probed most of a few hosts would have probed most of all.
 */
const PART_THAT_TELLS_TIME = 1 / 4;
/** Hosts are forgotten each time that so many records of each have come. */
const RECORDS_BETWEEN = 4;

/** A set of hosts by hash. The larger the fleet, the smaller the part in it. */
export class HeardHosts {
  /** How many, of those that are looked at. */
  count = 0;
  readonly #span: number;
  /** Their hashes, and the second of each one's last probe. */
  readonly #hosts = new Int32Array(MOST_HOSTS + 1);
  readonly #last = new Float64Array(MOST_HOSTS + 1);
  /** Where each stands there, but for one: a hash table. */
  readonly #places = new Int16Array(PLACES);
  /** Only hosts whose hash begins with so many zeros are looked at. */
  #zeros = 0;
  #records = 0;
  /** The fleet's time. */
  #now = 0;

  /** @param span A host that is silent for so many seconds is forgotten. */
  constructor(span: number) {
    this.#span = span;
  }

  /** The memory of the sets, in bytes. */
  get byteLength(): number {
    return this.#hosts.byteLength + this.#last.byteLength +
      this.#places.byteLength;
  }

  /**
   * Takes note of a host; returns whether it is looked at.
   *
   * @param time The second when it was probed, by its own clock.
   */
  hear(host: number, time: number): boolean {
    if (!this.isLookedAt(host)) return false;
    // Whoever sends what is old is there now.
    this.#add(host, Math.max(time, this.#now));
    if (++this.#records > RECORDS_BETWEEN * this.count) this.#forget();
    if (this.count <= MOST_HOSTS) return true;
    this.#zeros++;
    this.#keep(-Infinity);
    return this.isLookedAt(host);
  }

  /** Whether a host is one of those that are looked at. */
  isLookedAt(host: number): boolean {
    return this.#zeros === 0 || host >>> (32 - this.#zeros) === 0;
  }

  /** How many there are in all if so many of those that are looked at are. */
  inAll(hosts: number): number {
    return hosts * 2 ** this.#zeros;
  }

  #add(host: number, last: number): void {
    const places = this.#places;
    let place = Math.imul(host, 0x9e3779b1) >>> 20; // 12 bits: PLACES
    while (places[place] !== FREE) {
      const at = places[place] - 1;
      if (this.#hosts[at] === host) {
        if (last > this.#last[at]) this.#last[at] = last;
        return;
      }
      place = (place + 1) % PLACES;
    }
    this.#hosts[this.count] = host;
    this.#last[this.count] = last;
    places[place] = ++this.count;
  }

  /** Hosts that are heard of no more leave the fleet. */
  #forget(): void {
    this.#records = 0;
    const times = this.#last.slice(0, this.count).sort();
    const telling = Math.ceil(this.count * PART_THAT_TELLS_TIME);
    this.#now = times[this.count - telling];
    this.#keep(this.#now - this.#span);
  }

  /** Keeps those that are looked at and were heard of since. */
  #keep(since: number): void {
    const { count } = this;
    this.#places.fill(FREE);
    this.count = 0;
    for (let at = 0; at < count; at++) {
      const host = this.#hosts[at];
      const last = this.#last[at];
      if (last >= since && this.isLookedAt(host)) this.#add(host, last);
    }
  }
}
