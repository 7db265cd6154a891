/**
 * What the reassembler remembers of unfinished datagrams.
 *
 * @module
 */

/** Fragment offsets count in units of 8 bytes (RFC 791, 3.1). */
export const UNIT = 8;
/** Units that a transport header lies in. */
export const UNITS = 3;
/**
 * Versions kept of each unit. The first holds the ports, the second the flags
 * or SCTP's first chunk, the third nothing that a rule looks at. A further
 * version replaces the last, after having counted together with the others.
 */
export const VERSIONS = [4, 2, 1] as const;
/** Where each unit's versions stand in a record's bytes. */
export const UNIT_OFFSET = [0, 4 * UNIT, 6 * UNIT] as const;
/** Bytes of a record. */
export const RECORD_BYTES = 7 * UNIT;

/** RFC 1122, 3.3.2 recommends 60 s to 120 s, Linux waits 30 s. */
const TIMEOUT_MS = 30_000;
/** Datagrams that share a bucket of a table. */
export const WAYS = 16;

/** Words of a datagram's key. */
export const KEY_WORDS = 10;

/**
 * A bounded table of unfinished datagrams. The hash is keyed and a bucket full
 * of live datagrams forgets its oldest, so that a flood can only push out what
 * has waited longest.
 */
export class DatagramTable {
  evicted = 0;
  readonly keys: Int32Array;
  readonly times: Float64Array;
  readonly bytes: Uint8Array;
  /** How many versions of each unit are held; all zero: the record is free. */
  readonly versions: Uint8Array;
  /** The transport protocol that the first fragment named. */
  readonly protocols: Uint8Array;
  readonly #shift: number;

  constructor(capacity: number) {
    this.keys = new Int32Array(capacity * KEY_WORDS);
    this.times = new Float64Array(capacity);
    this.bytes = new Uint8Array(capacity * RECORD_BYTES);
    this.versions = new Uint8Array(capacity * UNITS);
    this.protocols = new Uint8Array(capacity);
    this.#shift = 32 - Math.log2(capacity / WAYS);
  }

  #bucket(hash: number): number {
    return (hash >>> this.#shift) * WAYS;
  }

  #isFree(record: number): boolean {
    const at = record * UNITS;
    return (this.versions[at] | this.versions[at + 1] |
      this.versions[at + 2]) === 0;
  }

  #isOutdated(record: number, time: number): boolean {
    const age = time - this.times[record];
    return age > TIMEOUT_MS || age < 0;
  }

  find(hash: number, key: Int32Array, time: number): number {
    const first = this.#bucket(hash);
    for (let record = first; record < first + WAYS; record++) {
      if (this.#isFree(record) || !this.#hasKey(record, key)) continue;
      if (!this.#isOutdated(record, time)) return record;
      this.versions.fill(0, record * UNITS, (record + 1) * UNITS);
    }
    return -1;
  }

  #hasKey(record: number, key: Int32Array): boolean {
    const at = record * KEY_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) {
      if (this.keys[at + i] !== key[i]) return false;
    }
    return true;
  }

  insert(hash: number, key: Int32Array, time: number): number {
    const record = this.#victim(this.#bucket(hash), time);
    this.keys.set(key, record * KEY_WORDS);
    this.times[record] = time;
    this.protocols[record] = 0;
    this.versions.fill(0, record * UNITS, (record + 1) * UNITS);
    return record;
  }

  #victim(first: number, time: number): number {
    let oldest = first;
    for (let record = first; record < first + WAYS; record++) {
      if (this.#isFree(record) || this.#isOutdated(record, time)) return record;
      if (this.times[record] < this.times[oldest]) oldest = record;
    }
    this.evicted++;
    return oldest;
  }
}
