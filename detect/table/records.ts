/**
 * One source, one record: what was the same in all of its probes, what has been
 * said of it, and its targets.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import { type Changes, SUMMARY_WORDS } from "./first_packets.ts";
import { WeighedTable } from "./weights.ts";

export { toWord } from "./weights.ts";

// Words of a record behind those of the first packet; what each probe comes to
// stands in two cache lines.
/** What has been said of the source, and where it is tracked. */
const STATUS = 7;
/** What was the same in earlier runs: four words. */
const EARLIER = 16;
/** The wall time of the first of these (a double: two words). */
const EARLIER_SEEN = 20;
/** The last probe's wall time (a double: two words). */
const WALL = 22;
/** The interface that it was seen on. */
const INTERFACE = 24;

/** How many scans are tracked at most: a record has eight bits for the place. */
export const MAX_PLACES = 255;

/** Nothing tells that the source is real. */
export const SEEN = 0;
/** It sent a bare RST with the right sequence number. */
export const ANSWERED = 1;
/** It knew our sequence number. */
export const VERIFIED = 2;

// STATUS.
const STANDING_MASK = 3;
/** A scan within a pause was found and goes on. */
export const FOUND_FAST = 1 << 2;
/** A scan over the long window was found and goes on. */
export const FOUND_SLOW = 1 << 3;
/** No line has named it. */
export const UNNAMED = 1 << 4;
/** There were earlier runs. */
const HAS_EARLIER = 1 << 5;
/** Something was seen to be sent to the source: the capture has both directions. */
export const HEARD = 1 << 6;
/** A line that named no culprit has counted it among others in lockstep. */
export const COUNTED = 1 << 7;
const KEPT_SHIFT = 8;
const KEPT_MASK = 0xffff;
const PLACE_SHIFT = 24;

/** The records of all sources. */
export class RecordTable extends WeighedTable {
  /** Makes a record new: a source's first probe, or the first after a scan. */
  open(entry: number, segment: Segment): void {
    this.words[this.recordAt(entry) + STATUS] &= STANDING_MASK | HEARD |
      (KEPT_MASK << KEPT_SHIFT);
    this.clearWeights(entry);
    this.clearTargets(entry);
    this.openFirst(entry, segment);
  }

  /** Gives a new key's record a standing of its own. */
  clearStatus(entry: number): void {
    this.words[this.recordAt(entry) + STATUS] = SEEN;
  }

  /** Begins a further run: what was the same in the earlier ones is kept. */
  beginRun(entry: number, segment: Segment): void {
    this.mergeChanges(entry, segment);
    this.#absorbRun(entry);
    this.words[this.recordAt(entry) + STATUS] |= HAS_EARLIER;
    this.openFirst(entry, segment);
  }

  /**
   * Begins the last run anew, of which nothing is kept.
   *
   * @param span Only if it is older, in milliseconds.
   */
  replaceRun(entry: number, segment: Segment, span: number): void {
    const age = segment.wallTime - this.firstSeen(entry);
    if (age > span) this.openFirst(entry, segment);
  }

  #absorbRun(entry: number): void {
    const isFirst = !this.has(entry, HAS_EARLIER);
    const at = this.recordAt(entry);
    if (isFirst) this.doubles[(at + EARLIER_SEEN) >> 1] = this.firstSeen(entry);
    this.summarize(entry, this.words, at + EARLIER, isFirst);
  }

  /** Whether one of the status flags is set. */
  has(entry: number, flag: number): boolean {
    return (this.words[this.recordAt(entry) + STATUS] & flag) !== 0;
  }

  /** Sets a status flag. */
  set(entry: number, flag: number): void {
    this.words[this.recordAt(entry) + STATUS] |= flag;
  }

  /** Clears a status flag. */
  clear(entry: number, flag: number): void {
    this.words[this.recordAt(entry) + STATUS] &= ~flag;
  }

  /** How sure it is that the source is no forgery. */
  standing(entry: number): number {
    return this.words[this.recordAt(entry) + STATUS] & STANDING_MASK;
  }

  /** Nothing tells any more that the source is real. */
  clearStanding(entry: number): void {
    this.clear(entry, STANDING_MASK);
  }

  /** Raises a record's standing. */
  raiseStanding(entry: number, standing: number): void {
    if (standing <= this.standing(entry)) return;
    const at = this.recordAt(entry) + STATUS;
    this.words[at] = (this.words[at] & ~STANDING_MASK) | standing;
  }

  /** Where a record's scan is tracked, or -1. */
  place(entry: number): number {
    return (this.words[this.recordAt(entry) + STATUS] >>> PLACE_SHIFT) - 1;
  }

  /** Remembers where a record's scan is tracked; -1: nowhere. */
  setPlace(entry: number, place: number): void {
    const at = this.recordAt(entry) + STATUS;
    this.words[at] = (this.words[at] & ((1 << PLACE_SHIFT) - 1)) |
      ((place + 1) << PLACE_SHIFT);
  }

  /** When and how the source was kept from being told, in 16 bits. */
  kept(entry: number): number {
    return (this.words[this.recordAt(entry) + STATUS] >>> KEPT_SHIFT) &
      KEPT_MASK;
  }

  /** Remembers that the source was kept from being told, even if it begins anew. */
  setKept(entry: number, kept: number): void {
    const at = this.recordAt(entry) + STATUS;
    this.words[at] = (this.words[at] & ~(KEPT_MASK << KEPT_SHIFT)) |
      (kept << KEPT_SHIFT);
  }

  /** When the last probe was seen, in wall time. */
  wall(entry: number): number {
    return this.doubles[(this.recordAt(entry) + WALL) >> 1];
  }

  /** Remembers when the last probe was seen, in wall time. */
  setWall(entry: number, wallTime: number): void {
    this.doubles[(this.recordAt(entry) + WALL) >> 1] = wallTime;
  }

  /** The interface that the last probe was seen on; 0: unknown. */
  interfaceIndex(entry: number): number {
    return this.words[this.recordAt(entry) + INTERFACE];
  }

  /** Remembers the interface that the last probe was seen on. */
  setInterface(entry: number, index: number): void {
    this.words[this.recordAt(entry) + INTERFACE] = index;
  }

  // How a scan is described. `isWhole`: earlier runs are part of it.

  /** Writes what is remembered of the first probe into a segment. */
  override copyFirst(
    entry: number,
    segment: Segment,
    isWhole: boolean = false,
  ): void {
    super.copyFirst(entry, segment);
    const summary = this.#summaryOf(entry, isWhole);
    if (summary === undefined) return;
    this.copySummary(summary, segment);
    const seen = this.recordAt(entry) + EARLIER_SEEN;
    segment.wallTime = this.doubles[seen >> 1];
  }

  /** Flags that were always set (`>>> 8`), and flags that were ever set. */
  flags(entry: number, isWhole: boolean): number {
    const summary = this.#summaryOf(entry, isWhole);
    return summary === undefined
      ? (this.flagsAlways(entry) << 8) | this.flagsEver(entry)
      : this.flagsOfSummary(summary);
  }

  /** What was not the same in all of a record's probes. */
  override changes(entry: number, isWhole: boolean = false): Changes {
    const summary = this.#summaryOf(entry, isWhole);
    return summary === undefined
      ? super.changes(entry)
      : this.changesOfSummary(summary);
  }

  /** All runs as one; undefined if there were no earlier ones to tell. */
  #summaryOf(entry: number, isWhole: boolean): Int32Array | undefined {
    if (!isWhole || !this.has(entry, HAS_EARLIER)) return undefined;
    const at = this.recordAt(entry) + EARLIER;
    const summary = this.words.slice(at, at + SUMMARY_WORDS);
    this.summarize(entry, summary, 0, false);
    return summary;
  }
}
