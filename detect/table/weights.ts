/**
 * What the targets of records weigh at most, and so which records are kept where
 * a bucket is full.
 *
 * @module
 */

import { RecordNumbers } from "./numbers.ts";
import type { Key } from "./source_key.ts";
import { TargetTable } from "./targets.ts";

// Words of a record, in the cache line of what is known of the first packet.
/** What its targets weigh at most (16 bits), and how many weigh anything. */
const BOUND = 8;
/** What those since the last pause weigh at most, and those that count slowly. */
const RECENT = 9;
/** When the last probe was seen (a double: two words). */
const TIME = 10;

/** How long a record is kept, by how many targets weigh anything. */
const KEPT_MS: readonly number[] = [-600_000, 0, 1000, 30_000, 300_000];
const LONGEST_KEPT_MS = 600_000;

/** Records that are numbered, and kept by what their targets weigh. */
export abstract class WeighedTable extends TargetTable {
  /** Whether who has told of the new source also has of this one: it goes first. */
  isOwn: ((entry: number) => boolean) | undefined;
  readonly #numbers: RecordNumbers;

  /** @param targets Most targets of a record. */
  constructor(
    capacity: number,
    targets: number,
    random: () => number,
  ) {
    super(capacity, targets, random);
    this.#numbers = new RecordNumbers(capacity);
  }

  override get byteLength(): number {
    return super.byteLength + this.#numbers.byteLength;
  }

  override find(w0: number, w1: number, w2: number, w3: number): number {
    const position = super.find(w0, w1, w2, w3);
    return position < 0 ? position : this.#numbers.at(position);
  }

  override insert(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    time: number,
  ): number {
    const { size } = this;
    const position = super.insert(w0, w1, w2, w3, time);
    if (size === this.size) return this.#numbers.at(position);
    this.#numbers.assign(size, position);
    return size;
  }

  override readKey(entry: number, key: Key): void {
    super.readKey(this.#numbers.positionOf(entry), key);
  }

  protected override lastWord(entry: number): number {
    return super.lastWord(this.#numbers.positionOf(entry));
  }

  /** Nothing that weighs anything stands in a record. */
  protected clearWeights(entry: number): void {
    const at = this.recordAt(entry);
    this.words[at + BOUND] = this.words[at + RECENT] = 0;
  }

  /** When a record's last probe was seen, in milliseconds. */
  time(entry: number): number {
    return this.doubles[(this.recordAt(entry) + TIME) >> 1];
  }

  /** What a record's targets weigh at most. */
  bound(entry: number): number {
    return this.words[this.recordAt(entry) + BOUND] & 0xffff;
  }

  /**
   * Sets what the targets weigh at most, and how long the record is kept.
   *
   * @param live How many targets weigh anything.
   */
  touch(entry: number, time: number, bound: number, live: number): void {
    const at = this.recordAt(entry);
    this.doubles[(at + TIME) >> 1] = time;
    this.words[at + BOUND] = Math.min(bound, 0xffff) |
      (Math.min(live, 0xff) << 16);
    const kept = live < KEPT_MS.length ? KEPT_MS[live] : LONGEST_KEPT_MS;
    this.#numbers.keep(entry, toWord(time) + kept, live);
  }

  /** The same, but the time never goes back while others stand in the list. */
  touchLatest(entry: number, time: number, bound: number, live: number): void {
    const last = this.time(entry);
    const isLatest = time > last || this.count(entry) <= 1;
    this.touch(entry, isLatest ? time : last, bound, live);
  }

  /** A source goes on, though nothing new stands in its list. */
  renew(entry: number, time: number): void {
    if (time <= this.time(entry)) return;
    this.doubles[(this.recordAt(entry) + TIME) >> 1] = time;
  }

  /**
   * A target was added that waits or was refused.
   *
   * @param slow What it weighs over the long window.
   * @param goesOn It follows the one before without a pause.
   */
  addWeight(
    entry: number,
    time: number,
    weight: number,
    slow: number,
    goesOn: boolean,
  ): void {
    const at = this.recordAt(entry);
    const recent = this.words[at + RECENT];
    const run = goesOn ? recent & 0xffff : 0;
    this.setRecent(entry, run + weight, (recent >>> 16) + slow);
    const known = this.words[at + BOUND];
    const live = (known >>> 16) & 0xff;
    this.touchLatest(entry, time, (known & 0xffff) + weight, live + 1);
  }

  /** Such a target leaves; another one is added next. */
  takeWeight(entry: number, weight: number, slow: number): void {
    const at = this.recordAt(entry);
    const recent = this.words[at + RECENT];
    const left = Math.max(0, (recent >>> 16) - slow);
    this.setRecent(entry, recent & 0xffff, left);
    const known = this.words[at + BOUND];
    const bound = Math.max(0, (known & 0xffff) - weight);
    const live = Math.max(0, ((known >>> 16) & 0xff) - 1);
    this.words[at + BOUND] = bound | (live << 16);
  }

  /** What the targets since the last pause weigh at most. */
  run(entry: number): number {
    return this.words[this.recordAt(entry) + RECENT] & 0xffff;
  }

  /** What the targets weigh at most that count over the long window. */
  slowBound(entry: number): number {
    return this.words[this.recordAt(entry) + RECENT] >>> 16;
  }

  /** Sets what a part of the targets weighs at most. */
  setRecent(entry: number, run: number, slowBound: number): void {
    this.words[this.recordAt(entry) + RECENT] = Math.min(run, 0xffff) |
      (Math.min(slowBound, 0xffff) << 16);
  }

  /** The source of a full bucket that goes. */
  protected override victim(first: number): number {
    const position = this.#numbers.leaving(first, this.isOwn);
    if (this.#numbers.liveAt(position) > 0) this.evicted++;
    return position;
  }
}

/** A time as 32 bits, which wrap around after 49 days. */
export function toWord(time: number): number {
  return Math.floor(time) | 0;
}
