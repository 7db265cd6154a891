/**
 * The targets of a record: what a source has probed, each with its state and
 * age. All rules ask about these; nobody else knows how they are laid out.
 *
 * A target is (our address, protocol, port). The first ones stand behind the
 * record's own words, the others apart, so that a source seen once costs two
 * cache lines and no memory beyond them is touched. A target is looked for by
 * its tag, eight bits of a hash, which stand close together.
 *
 * @module
 */

import { checkTableSize } from "./buckets.ts";
import { FirstPacketTable, IPV6_WORDS } from "./first_packets.ts";
import { findTag, lowestSlot } from "./tags.ts";
import {
  MANY_REPEATS,
  portOf,
  PROTOCOL_SHIFT,
  protocolOf,
  REPEAT,
  REPEATS,
  STATE_MASK,
  stateOf,
} from "./target_word.ts";

// Words of a record. A cache line ends before word 12 and each 16th from there
// on, as malloc's memory starts 16 bytes behind a line.
/** How many targets the list holds. */
const COUNT = 6;
/** The tags of the first targets: four words. */
const TAGS = 12;
const NEAR_TAGS = 16;
/** Words of a record before its first target. */
const HEADER_WORDS = 25;
const TARGET_WORDS = 3;
/** Words of a record, four cache lines. */
const RECORD_WORDS = 64;
/** Targets that stand behind the header. */
const NEAR = (RECORD_WORDS - HEADER_WORDS) / TARGET_WORDS;

/** Records and their lists of targets. */
export abstract class TargetTable extends FirstPacketTable {
  /** Most targets of a record. */
  readonly mostTargets: number;
  /** Where the further tags of the first record stand. */
  readonly #farTags: number;
  /** Where its further targets do, behind these. */
  readonly #far: number;
  readonly #farStride: number;

  /**
   * @param targets Most targets of a record.
   * @throws {RangeError} If the table would take more than 1 GiB.
   */
  constructor(capacity: number, targets: number, random: () => number) {
    const tagWords = 4 * Math.ceil(Math.max(0, targets - NEAR_TAGS) / 16);
    const farStride = tagWords + Math.max(0, targets - NEAR) * TARGET_WORDS;
    const farTags = capacity * RECORD_WORDS;
    const ipv6 = farTags + capacity * farStride;
    const words = ipv6 + capacity * IPV6_WORDS;
    checkTableSize(
      `${capacity} sources of ${targets} targets each`,
      words * 4,
    );
    super(capacity, random, {
      ...{ words, stride: RECORD_WORDS },
      ...{ ipv6, ipv6Stride: IPV6_WORDS },
    });
    this.mostTargets = targets;
    this.#farTags = farTags;
    this.#far = farTags + tagWords;
    this.#farStride = farStride;
  }

  /** Where a record begins. */
  protected recordAt(entry: number): number {
    return entry * RECORD_WORDS;
  }

  #at(entry: number, index: number): number {
    return index < NEAR
      ? entry * RECORD_WORDS + HEADER_WORDS + index * TARGET_WORDS
      : this.#far + entry * this.#farStride + (index - NEAR) * TARGET_WORDS;
  }

  /** How many targets a record holds, in the order of their times. */
  count(entry: number): number {
    return this.words[entry * RECORD_WORDS + COUNT];
  }

  /** Forgets all targets of a record. */
  clearTargets(entry: number): void {
    this.words[entry * RECORD_WORDS + COUNT] = 0;
  }

  /** Where a target stands in its record's list, or -1. */
  findTarget(
    entry: number,
    protocol: number,
    port: number,
    host: number,
  ): number {
    const { words } = this;
    const record = entry * RECORD_WORDS;
    const count = words[record + COUNT];
    const tag = tagOf(protocol, port, host);
    let at = record + TAGS;
    for (let first = 0; first < count; first += NEAR_TAGS, at += 4) {
      if (first === NEAR_TAGS) at = this.#farTags + entry * this.#farStride;
      for (let set = findTag(words, at, tag); set !== 0; set &= set - 1) {
        const index = first + lowestSlot(set);
        // Behind the last one stand tags of those that have gone.
        if (index >= count) continue;
        if (this.#is(entry, index, protocol, port, host)) return index;
      }
    }
    return -1;
  }

  /** Whether a target is the one that is looked for. */
  #is(
    entry: number,
    index: number,
    protocol: number,
    port: number,
    host: number,
  ): boolean {
    const { words } = this;
    const at = this.#at(entry, index);
    return portOf(words[at]) === port && words[at + 1] === host &&
      protocolOf(words[at]) === protocol;
  }

  /**
   * Takes out all targets whose word has a value under a mask.
   *
   * @returns How many are left.
   */
  removeAll(entry: number, mask: number, value: number): number {
    const { words } = this;
    const count = this.count(entry);
    let left = 0;
    for (let i = 0; i < count; i++) {
      const from = this.#at(entry, i);
      if ((words[from] & mask) === value) continue;
      if (left < i) this.#move(entry, i, left);
      left++;
    }
    words[entry * RECORD_WORDS + COUNT] = left;
    return left;
  }

  #move(entry: number, from: number, to: number): void {
    const { words } = this;
    const tag = words[this.#tagWord(entry, from)] >>> ((from & 3) << 3);
    this.#setTag(entry, to, tag & 0xff);
    const old = this.#at(entry, from);
    const at = this.#at(entry, to);
    words[at] = words[old];
    words[at + 1] = words[old + 1];
    words[at + 2] = words[old + 2];
  }

  #tagWord(entry: number, index: number): number {
    return index < NEAR_TAGS
      ? entry * RECORD_WORDS + TAGS + (index >>> 2)
      : this.#farTags + entry * this.#farStride + ((index - NEAR_TAGS) >>> 2);
  }

  #setTag(entry: number, index: number, tag: number): void {
    const { words } = this;
    const at = this.#tagWord(entry, index);
    const shift = (index & 3) << 3;
    words[at] = (words[at] & ~(0xff << shift)) | (tag << shift);
  }

  /** Adds a target, which waits, at the end of a list that has room. */
  addTarget(
    entry: number,
    protocol: number,
    port: number,
    host: number,
    traits: number,
    time: number,
  ): void {
    const { words } = this;
    const index = words[entry * RECORD_WORDS + COUNT]++;
    const at = this.#at(entry, index);
    this.#setTag(entry, index, tagOf(protocol, port, host));
    words[at] = (port << 16) | traits | (protocol << PROTOCOL_SHIFT);
    words[at + 1] = host;
    words[at + 2] = time;
  }

  /** Takes a target out of the list; the order of the others stays. */
  removeTarget(entry: number, index: number): void {
    const { words } = this;
    const last = --words[entry * RECORD_WORDS + COUNT];
    this.#removeTag(entry, index, last);
    let to = this.#at(entry, index);
    if (index < NEAR) {
      const moved = Math.min(last, NEAR - 1) - index;
      for (const end = to + moved * TARGET_WORDS; to < end; to++) {
        words[to] = words[to + TARGET_WORDS];
      }
      if (last < NEAR) return;
      const from = this.#at(entry, NEAR);
      words[to] = words[from];
      words[to + 1] = words[from + 1];
      words[to + 2] = words[from + 2];
      to = from;
    }
    words.copyWithin(to, to + TARGET_WORDS, this.#at(entry, last + 1));
  }

  /** Takes a tag out: those behind it, up to the last one, move by a place. */
  #removeTag(entry: number, index: number, last: number): void {
    const { words } = this;
    let at = this.#tagWord(entry, index);
    const before = (1 << ((index & 3) << 3)) - 1;
    let word = (words[at] & before) | ((words[at] >>> 8) & ~before);
    for (let next = (index | 3) + 1; next <= last; next += 4) {
      const from = next === NEAR_TAGS ? this.#tagWord(entry, next) : at + 1;
      words[at] = word | (words[from] << 24);
      word = words[from] >>> 8;
      at = from;
    }
    words[at] = word;
  }

  /** A target's port, traits, protocol and state, for those who ask for several. */
  wordAt(entry: number, index: number): number {
    return this.words[this.#at(entry, index)];
  }

  /** A target's port. */
  portAt(entry: number, index: number): number {
    return portOf(this.wordAt(entry, index));
  }

  /** A target's protocol. */
  protocolAt(entry: number, index: number): number {
    return protocolOf(this.wordAt(entry, index));
  }

  /** A keyed hash of a target's address. */
  hostAt(entry: number, index: number): number {
    return this.words[this.#at(entry, index) + 1];
  }

  /** When a target was probed: milliseconds, modulo 2^32. */
  timeAt(entry: number, index: number): number {
    return this.words[this.#at(entry, index) + 2];
  }

  /** Changes when a target was probed. */
  setTime(entry: number, index: number, time: number): void {
    this.words[this.#at(entry, index) + 2] = time;
  }

  /** A target's state. */
  stateAt(entry: number, index: number): number {
    return stateOf(this.wordAt(entry, index));
  }

  /** A target's traits. */
  traitsAt(entry: number, index: number): number {
    return this.words[this.#at(entry, index)] & 0xffff;
  }

  /** Changes a target's state. */
  setState(entry: number, index: number, state: number): void {
    const at = this.#at(entry, index);
    this.words[at] = (this.words[at] & ~STATE_MASK) | state;
  }

  /** Counts that a target was asked again; returns whether it was often. */
  countRepeat(entry: number, index: number): boolean {
    const at = this.#at(entry, index);
    const { words } = this;
    if ((words[at] & REPEATS) !== MANY_REPEATS) words[at] += REPEAT;
    return (words[at] & REPEATS) === MANY_REPEATS;
  }

  /** Gives a target further traits. */
  addTraits(entry: number, index: number, traits: number): void {
    this.words[this.#at(entry, index)] |= traits;
  }

  /** Takes traits from a target. */
  dropTraits(entry: number, index: number, traits: number): void {
    this.words[this.#at(entry, index)] &= ~traits;
  }
}

/** Eight bits that tell most targets of a record apart. */
function tagOf(protocol: number, port: number, host: number): number {
  const target = host ^ Math.imul((port << 2) | protocol, 0x85ebca6b);
  return Math.imul(target, 0x9e3779b1) >>> 24;
}
