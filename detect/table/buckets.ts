/**
 * The table of keys: which entry is a source's, and who has to go when there is
 * no room. Each packet comes here, so these hold:
 *
 * - Nothing is allocated after the start, nothing throws, nothing calls C, and
 *   no loop runs more often than a bucket has entries, whatever comes in.
 * - Nobody outside can choose keys that meet in one bucket: the hash is keyed.
 * - A new key always gets in: it takes a free entry, else one that the table's
 *   kind chooses.
 * - An entry's number, `bucket * WAYS + slot`, stays as long as its key does.
 * - A tag, six bits of hash and the family, says which keys to look at; the key
 *   decides. Tags that {@linkcode Tags.slots} mixes up are of one family.
 * - What decides about an entry stands in arrays of its own: an IPv4 key is found
 *   in a cache line of tags and one of keys, a victim in few lines.
 *
 * @module
 */

import { AddressHash } from "../hash.ts";
import type { Key } from "./source_key.ts";
import { lowestSlot, Tags } from "./tags.ts";

/** Entries of a bucket: at a third of the capacity, one in 10^5 overflows. */
export const WAYS = 16;
const MAPPED = 0xffff; // IPV4_MAPPED
/** The upper bits of a tag. */
const IPV4 = 0xc0;
const IPV6 = 0x80;
/** Words of a key but the last. */
const PREFIX_WORDS = 3;
/** What an entry takes: its tag and key. */
export const ENTRY_BYTES: number = 1 + 4 * (PREFIX_WORDS + 1);

/** Most memory that a table may take, in bytes. */
const MAX_TABLE_BYTES = 1 << 30;

/**
 * Refuses a table that would take too much memory, before it is allocated.
 *
 * @param content What it holds, such as "10 sources of 20 ports each".
 * @throws {RangeError} If it would take more than 1 GiB.
 */
export function checkTableSize(content: string, bytes: number): void {
  if (bytes <= MAX_TABLE_BYTES) return;
  throw new RangeError(
    `Cannot allocate the source table: ${content} would take ${
      Math.ceil(bytes / 2 ** 20)
    } MiB, at most ${
      MAX_TABLE_BYTES / 2 ** 20
    } MiB are allowed; lower sources, minPorts or privilegedWeight`,
  );
}

/** A set-associative table of addresses, built as a processor's cache is. */
export abstract class BucketTable {
  /** Live entries that were forgotten because their bucket was full. */
  evicted = 0;
  /** How many entries there are. */
  readonly capacity: number;
  /** Entries in use, outdated ones included. */
  size = 0;
  protected readonly tags: Tags;
  /** The last word of each key: all that differs in IPv4. */
  protected readonly keys: Int32Array;
  /** The other words of IPv6 keys. */
  protected readonly prefixes: Int32Array;
  readonly #shift: number;
  readonly #hash: AddressHash;
  /** The bucket and the tag that were looked for last. */
  #bucket = 0;
  #tag = 0;

  /** @param capacity Entries: a power of two, at least {@linkcode WAYS}. */
  constructor(capacity: number, random: () => number) {
    this.capacity = capacity;
    this.tags = new Tags(capacity);
    this.keys = new Int32Array(capacity);
    this.prefixes = new Int32Array(capacity * PREFIX_WORDS);
    this.#shift = 32 - Math.log2(capacity / WAYS);
    this.#hash = new AddressHash(random);
  }

  /** Finds the entry of a key, or -1. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    const hash = this.#hash;
    hash.of(w0, w1, w2, w3);
    // >>> takes its right side modulo 32: a table of one bucket is special.
    const bucket = this.#shift === 32 ? 0 : hash.bucket >>> this.#shift;
    const isIpv4 = w2 === MAPPED && w1 === 0 && w0 === 0;
    const tag = (hash.tag >>> 26) | (isIpv4 ? IPV4 : IPV6);
    this.#bucket = bucket;
    this.#tag = tag;
    for (let set = this.tags.slots(bucket, tag); set !== 0; set &= set - 1) {
      const entry = bucket * WAYS + lowestSlot(set);
      if (this.keys[entry] !== w3) continue;
      if (isIpv4 || this.#hasPrefix(entry, w0, w1, w2)) return entry;
    }
    return -1;
  }

  #hasPrefix(entry: number, w0: number, w1: number, w2: number): boolean {
    const { prefixes } = this;
    const at = entry * PREFIX_WORDS;
    return prefixes[at + 2] === w2 && prefixes[at + 1] === w1 &&
      prefixes[at] === w0;
  }

  /** Takes an entry for the key that was just looked for in vain. */
  insert(w0: number, w1: number, w2: number, w3: number, time: number): number {
    const entry = this.#victim(this.#bucket, time);
    this.tags.set(entry, this.#tag);
    this.keys[entry] = w3;
    if (this.#tag >= IPV4) return entry;
    const at = entry * PREFIX_WORDS;
    this.prefixes[at] = w0;
    this.prefixes[at + 1] = w1;
    this.prefixes[at + 2] = w2;
    return entry;
  }

  /** Reads the key of an entry. */
  readKey(entry: number, key: Key): void {
    const isIpv4 = this.tags.get(entry) >= IPV4;
    const at = entry * PREFIX_WORDS;
    key.w0 = isIpv4 ? 0 : this.prefixes[at];
    key.w1 = isIpv4 ? 0 : this.prefixes[at + 1];
    key.w2 = isIpv4 ? MAPPED : this.prefixes[at + 2];
    key.w3 = this.keys[entry];
  }

  /** The last word of an entry's key. */
  protected lastWord(entry: number): number {
    return this.keys[entry];
  }

  /** The entry of a bucket that a new key takes. */
  #victim(bucket: number, time: number): number {
    const first = bucket * WAYS;
    const free = this.tags.slots(bucket, 0);
    if (free !== 0) {
      this.size++;
      return first + lowestSlot(free);
    }
    return this.victim(first, time);
  }

  /** The entry that goes of a full bucket, which begins with the first one. */
  protected abstract victim(first: number, time: number): number;
}
