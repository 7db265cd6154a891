/**
 * How many scans of how many sources the flood limit has kept back since that was
 * last told.
 *
 * @module
 */

import type { RecordTable } from "../table/records.ts";

/** It is told at least so often, in milliseconds. */
const LONGEST_MS = 60_000;

// What is known of a source, with the number of the row that it is from.
/** A scan is counted for this one. */
const SCAN = 1;
/** It is one of several in lockstep. */
const IN_GROUP = 2;
const ROW_SHIFT = 2;
const MOST_ROWS = 1 << 14;

/** Counts each source once, as long as it has a record. */
export class KeptBack {
  /** Scans; several in lockstep make one. */
  scans = 0;
  /** Their sources. */
  sources = 0;
  /** When that is to be told. */
  due = Infinity;
  /** The wall time of the last scan. */
  lastWall = 0;
  #since = 0;
  #row = 1;

  /** Adds a scan of one source, which may be counted under another record. */
  add(table: RecordTable, entry: number, isCounted: boolean): void {
    this.scans++;
    if (!isCounted) this.#mark(table, entry, SCAN);
  }

  /** Adds a scan of several sources in lockstep. */
  addGroup(table: RecordTable, members: readonly number[]): void {
    this.scans++;
    for (const [i, member] of members.entries()) {
      this.#mark(table, member, i === 0 ? SCAN | IN_GROUP : IN_GROUP);
    }
  }

  /** Adds a scan of sources that have no record of their own. */
  addOthers(sources: number): void {
    this.scans++;
    this.sources += sources;
  }

  /**
   * Takes note of when a scan was kept back that was just added. The flood has
   * ended once there is none for the delay.
   */
  note(time: number, wallTime: number, delay: number): void {
    if (this.scans === 1) this.#since = time;
    this.lastWall = wallTime;
    this.due = Math.min(time + delay, this.#since + LONGEST_MS);
  }

  /** A further mark of a source that is counted already adds nothing. */
  #mark(table: RecordTable, entry: number, mark: number): void {
    if (this.#markOf(table, entry) !== 0) return;
    this.sources++;
    table.setKept(entry, (this.#row << ROW_SHIFT) | mark);
  }

  #markOf(table: RecordTable, entry: number): number {
    const kept = table.kept(entry);
    return kept >>> ROW_SHIFT === this.#row ? kept & (SCAN | IN_GROUP) : 0;
  }

  /** Whether a source is kept back as one of several. */
  isInGroup(table: RecordTable, entry: number): boolean {
    return (this.#markOf(table, entry) & IN_GROUP) !== 0;
  }

  /**
   * A source is told after all.
   *
   * @returns Whether a scan was counted for it, which is not any more.
   */
  release(table: RecordTable, entry: number): boolean {
    const mark = this.#markOf(table, entry);
    if (mark === 0) return false;
    table.setKept(entry, 0);
    this.sources--;
    if ((mark & SCAN) === 0) return false;
    this.scans--;
    return true;
  }

  /** What was kept back is told: nothing is from now on. */
  clear(): void {
    this.scans = this.sources = 0;
    this.due = Infinity;
    this.#row = (this.#row + 1) % MOST_ROWS || 1;
  }
}
