/**
 * How many hosts a fleet has, as far as they are heard of, and which of them are
 * looked at.
 *
 * @module
 */

/** So many hosts tell as much as all of them would: the others are left out. */
export const MOST_HOSTS = 1024;
/** There is room to look at more hosts, if they are no more than these. */
const ENOUGH_HOSTS = MOST_HOSTS / 2;
/** Sparse enough for short walks. */
const PLACES = 4 * MOST_HOSTS;
const FREE = 0;
/**
 * What time it is for the fleet: such a part of its hosts has been heard of at
 * that time or later.
 */
const PART_THAT_TELLS_TIME = 1 / 4;
/**
 * If the others are silent for a second span, few hosts tell the time, the last of
 * so many that are ahead: most hosts have gone, or were names that somebody has
 * invented.
 */
const AHEAD = 4;
/** The last of these tells who sends what is old; one wrong clock does not. */
const AHEAD_OF_OLD = 2;
/** If it is time, hosts are forgotten after so many records for each, and of all. */
const RECORDS_BETWEEN = 1 / 16;
const FEWEST_BETWEEN = 16;
/**
 * A host that was silent for longer and sends old records has returned, and others
 * will: so long nobody is forgotten, in seconds and records. After an outage some
 * send in a moment what they have kept for days; whoever has probed most of these
 * few has not probed most of all. No host returns twice within a span, or one
 * could do so all the time; and of many that return one after another, none keeps
 * the others for longer than a span after the first.
 */
const SILENCE = 3 * 3600;
const RETURN = 3600;
const FEWEST_SINCE_RETURN = 64;
/**
 * Who was not probed over a version of IP may yet have it: so large a part of all
 * hosts has each version at least.
 */
const SMALLEST_PART = 1 / 8;

// Versions of IP that a host was probed over: bits.
const IPV4 = 1;
const IPV6 = 2;
const BOTH = IPV4 | IPV6;

/** So many low bits of a host's hash say which set it belongs to. */
export const SET_MASK = 3;

/** A set of hosts by hash. The larger the fleet, the smaller the part in it. */
export class HeardHosts {
  readonly #set: number;
  readonly #span: number;
  #count = 0;
  /** Their hashes, and the second of each one's last probe. */
  readonly #hosts = new Int32Array(MOST_HOSTS + 1);
  readonly #last = new Float64Array(MOST_HOSTS + 1);
  readonly #versions = new Uint8Array(MOST_HOSTS + 1);
  /** When each was last heard, and when it returned, by those that are ahead. */
  readonly #heardAt = new Float64Array(MOST_HOSTS + 1);
  readonly #returnedAt = new Float64Array(MOST_HOSTS + 1);
  /** Where each stands there, but for one: a hash table. */
  readonly #places = new Int16Array(PLACES);
  /** Only hosts whose hash begins with so many zeros are looked at. */
  #zeros = 0;
  /** The latest record of any hosts, looked at or not, by other bits of the hash. */
  readonly #times = new Float64Array(PLACES);
  /** The latest of these, and their places. */
  readonly #ahead = new Float64Array(AHEAD);
  readonly #placesAhead = new Int32Array(AHEAD).fill(-1);
  /** So many are expected until a time, as some were not looked at before. */
  #expected = 0;
  #expectedUntil = -Infinity;
  #records = 0;
  /**
   * When a host has returned, by those that are ahead; and the first of those that
   * did so one after another, unless any have left since.
   */
  #returned = -Infinity;
  #firstReturned = Infinity;
  /** The fleet's time, and when the next host may leave it. */
  #now = 0;
  #soonest = -Infinity;
  /** How many there are of each version, and of any, unless that has changed. */
  readonly #sizes = new Int32Array(BOTH + 1);
  #isCounted = true;

  /**
   * @param set Low bits of the hashes of its hosts.
   * @param span A host that is silent for so many seconds is forgotten.
   */
  constructor(set: number, span: number) {
    this.#set = set;
    this.#span = span;
  }

  /** The memory of the sets, in bytes. */
  get byteLength(): number {
    return this.#hosts.byteLength + this.#last.byteLength +
      this.#versions.byteLength + this.#heardAt.byteLength +
      this.#returnedAt.byteLength + this.#places.byteLength +
      this.#times.byteLength;
  }

  /**
   * Takes note of a host; returns whether it is looked at.
   *
   * @param time The second when it was probed, by its own clock.
   * @param version Over which version of IP.
   */
  hear(host: number, time: number, version: number): boolean {
    this.#noteTime(placeOf(host), time);
    if (this.isLookedAt(host)) {
      this.#note(this.#at(host), time, version === 4 ? IPV4 : IPV6);
      if (this.#count > MOST_HOSTS) this.#lookAtLess();
    }
    if (this.#isTime(time)) this.#forget();
    return this.isLookedAt(host);
  }

  /** Whether a host of any set is one of those that are looked at. */
  isLookedAt(host: number): boolean {
    return (host & SET_MASK) === this.#set && beginsWith(host, this.#zeros);
  }

  /** How many there are in all if so many of those that are looked at are. */
  inAll(hosts: number): number {
    return hosts * 2 ** this.#zeros;
  }

  /** About how many there are in all. */
  get all(): number {
    if (!this.#isCounted) this.#countAll();
    return this.inAll(this.#sizes[BOTH]);
  }

  /** How many of those that are looked at have a version of IP. */
  size(version: number): number {
    if (!this.#isCounted) this.#countAll();
    const own = this.#sizes[version === 4 ? IPV4 : IPV6];
    return Math.max(own, Math.ceil(this.#sizes[BOTH] * SMALLEST_PART));
  }

  #countAll(): void {
    this.#isCounted = true;
    this.#sizes.fill(0);
    for (let at = 0; at < this.#count; at++) {
      const versions = this.#versions[at];
      this.#sizes[BOTH]++;
      if (versions !== BOTH) this.#sizes[versions]++;
      else for (let i = IPV4; i < BOTH; i++) this.#sizes[i]++;
    }
    const all = this.#sizes[BOTH];
    if (this.#now > this.#expectedUntil || all >= this.#expected) return;
    for (let i = IPV4; i <= BOTH; i++) this.#sizes[i] *= this.#expected / all;
  }

  #noteTime(place: number, time: number): void {
    if (time > this.#times[place]) this.#times[place] = time;
    const ahead = this.#ahead;
    const places = this.#placesAhead;
    let at = AHEAD - 1;
    if (time <= ahead[at]) return;
    for (let i = 0; i < at; i++) if (places[i] === place) at = i;
    for (; at > 0 && time > ahead[at - 1]; at--) {
      ahead[at] = ahead[at - 1];
      places[at] = places[at - 1];
    }
    if (places[at] === place && time <= ahead[at]) return;
    ahead[at] = time;
    places[at] = place;
  }

  /** Where a host stands in the lists; at their end if it is new. */
  #at(host: number): number {
    const place = this.#placeOf(host);
    if (this.#places[place] !== FREE) return this.#places[place] - 1;
    const at = this.#count++;
    this.#places[place] = this.#count;
    this.#hosts[at] = host;
    this.#versions[at] = 0;
    this.#last[at] = this.#heardAt[at] = this.#returnedAt[at] = -Infinity;
    return at;
  }

  #note(at: number, time: number, version: number): void {
    if ((this.#versions[at] & version) === 0) {
      this.#versions[at] |= version;
      this.#isCounted = false;
    }
    // Whoever sends what is old is there now.
    const last = Math.max(time, this.#now);
    if (last > this.#last[at]) this.#last[at] = last;
    const ahead = this.#ahead[AHEAD_OF_OLD - 1];
    const wasSilent = ahead - this.#heardAt[at] > SILENCE;
    this.#heardAt[at] = ahead;
    if (!wasSilent || ahead - time < SILENCE) return;
    if (ahead - this.#returnedAt[at] < this.#span) return;
    const isFirst = ahead - this.#returned > this.#span / 2;
    if (isFirst || this.#firstReturned > ahead) this.#firstReturned = ahead;
    this.#returnedAt[at] = this.#returned = ahead;
    this.#records = 0;
  }

  /** Where a host stands in the hash table, or may. */
  #placeOf(host: number): number {
    const places = this.#places;
    let place = placeOf(host);
    while (places[place] !== FREE && this.#hosts[places[place] - 1] !== host) {
      place = (place + 1) % PLACES;
    }
    return place;
  }

  #lookAtLess(): void {
    this.#zeros++;
    this.#keep(-Infinity);
  }

  #isTime(time: number): boolean {
    const records = ++this.#records;
    if (time <= this.#soonest) return false;
    const ahead = this.#ahead[AHEAD_OF_OLD - 1];
    const since = ahead - this.#returned;
    const count = this.#count;
    return since > this.#span / 2 || ahead - this.#firstReturned > this.#span
      ? records > Math.max(FEWEST_BETWEEN, RECORDS_BETWEEN * count)
      : records > Math.max(FEWEST_SINCE_RETURN, count) && since > RETURN;
  }

  /** Hosts that are heard of no more leave the fleet. */
  #forget(): void {
    this.#records = 0;
    this.#firstReturned = Infinity;
    this.#now = this.#timeOfAll();
    const since = this.#now - this.#span;
    this.#keep(since);
    let oldest = this.#now;
    for (let at = 0; at < this.#count; at++) {
      oldest = Math.min(oldest, this.#last[at]);
    }
    this.#soonest = oldest + this.#span;
    if (this.#zeros > 0) this.#lookAtMore(since);
  }

  #lookAtMore(since: number): void {
    const hosts = this.#heardSince(since);
    const zeros = Math.max(0, Math.ceil(Math.log2(hosts / ENOUGH_HOSTS)));
    if (zeros >= this.#zeros) return;
    this.#zeros = zeros;
    this.#expected = hosts / 2 ** zeros;
    // The fleet's time may be a span behind.
    this.#expectedUntil = this.#now + 2 * this.#span;
    this.#isCounted = false;
  }

  /** What time it is for the fleet. */
  #timeOfAll(): number {
    const times = this.#last.slice(0, this.#count).sort();
    const { length } = times;
    const ofMany = times[length - Math.ceil(length * PART_THAT_TELLS_TIME)];
    return Math.max(ofMany ?? 0, this.#ahead[AHEAD - 1] - this.#span);
  }

  /** About how many hosts there were; if few, by how they share places. */
  #heardSince(since: number): number {
    let free = 0.5;
    for (const time of this.#times) if (time < since || time === 0) free++;
    const hosts = PLACES * Math.log(PLACES / free); // linear counting
    return hosts < 4 * PLACES ? hosts : this.inAll(this.#count);
  }

  /** Keeps those that are looked at and were heard of since. */
  #keep(since: number): void {
    const count = this.#count;
    this.#places.fill(FREE);
    this.#count = 0;
    this.#isCounted = false;
    for (let at = 0; at < count; at++) {
      const host = this.#hosts[at];
      if (this.#last[at] < since || !this.isLookedAt(host)) continue;
      const to = this.#count++;
      this.#hosts[to] = host;
      this.#places[this.#placeOf(host)] = this.#count;
      this.#last[to] = this.#last[at];
      this.#versions[to] = this.#versions[at];
      this.#heardAt[to] = this.#heardAt[at];
      this.#returnedAt[to] = this.#returnedAt[at];
    }
  }
}

/** Whether a hash begins with so many zeros. */
function beginsWith(host: number, zeros: number): boolean {
  return zeros === 0 || host >>> (32 - zeros) === 0;
}

/** Where a host stands in a table unless somebody else does. */
function placeOf(host: number): number {
  return Math.imul(host, 0x9e3779b1) >>> 20; // 12 bits: PLACES
}
