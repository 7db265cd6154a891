/**
 * What is told of complete scans: the flood limit, its closing line, and the
 * ends of scans.
 *
 * @module
 */

import { FloodGate, TELL, TELL_MORE_FOLLOW } from "./flood.ts";
import {
  compareRank,
  type Completion,
  type FollowedScan,
  FollowedScans,
  FREE,
  IN_LOCKSTEP,
  KEPT_BACK,
  TOLD,
} from "./followed.ts";
import { KeptBack } from "./kept_back.ts";
import type { FloodLimits } from "../settings.ts";
import type {
  Decoys,
  ReportHandler,
  Scan,
  SharedOut,
  Standing,
} from "./report.ts";
import {
  COUNTED,
  type RecordTable,
  UNNAMED,
  VERIFIED,
} from "../table/records.ts";

/** Ends of scans are looked for together, if they come so close together. */
const CHECK_INTERVAL_MS = 1000;
/** What the flood limit has kept back stays until that is told. */
const ENDING_STATES: readonly number[] = [TOLD, IN_LOCKSTEP];
const STANDINGS: readonly Standing[] = ["seen", "answered", "verified"];

/** Counts what is told and what is not. */
export interface ReporterCounters {
  /** Scans found. */
  scans: number;
  /** Scans of which a closing line has said that they were kept back. */
  suppressed: number;
}

/** Decides which complete scans are told, and follows them. */
export class Reporter {
  /** The scans that are followed. */
  readonly followed: FollowedScans = new FollowedScans();
  /** When {@linkcode Reporter.settle} wants to be called. */
  deadline = Infinity;
  /** Gives the records of all that are in lockstep with one, itself first. */
  membersOf: (entry: number) => Iterable<number> = (entry) => [entry];
  readonly #report: ReportHandler;
  readonly #counters: ReporterCounters;
  readonly #gate: FloodGate;
  readonly #limits: Readonly<FloodLimits>;
  readonly #tellsEnds: boolean;
  readonly #kept = new KeptBack();
  /** When ends are looked for next. */
  #check = Infinity;

  constructor(
    limits: Readonly<FloodLimits>,
    report: ReportHandler,
    counters: ReporterCounters,
    tellsEnds: boolean,
  ) {
    this.#tellsEnds = tellsEnds;
    this.#report = report;
    this.#counters = counters;
    this.#gate = new FloodGate(limits);
    this.#limits = limits;
  }

  /** Tells a scan, or keeps it back, and follows it. */
  tell(completion: Completion): void {
    const { scan, table, entry, time } = completion;
    this.#counters.scans++;
    scan.verified = table.standing(entry) === VERIFIED;
    const isTold = this.#passes(scan.verified, time, scan.completed);
    if (isTold) this.#tell(scan, table, entry);
    else this.#keepScan(scan, table, entry, time);
    const followed = this.follow(completion, KEPT_BACK);
    if (isTold && followed !== undefined) this.markTold(followed);
  }

  #tell(scan: Scan, table: RecordTable, entry: number): void {
    table.clear(entry, UNNAMED | COUNTED);
    this.#report(scan);
  }

  /**
   * Tells several sources as one event, or keeps it back.
   *
   * @param members The records of those that no line has named.
   * @param isLate Whether it was complete before, and goes on.
   * @returns Whether it was told.
   */
  tellDecoys(
    event: Decoys,
    table: RecordTable,
    members: readonly number[],
    { time, isLate }: { time: number; isLate: boolean },
  ): boolean {
    const wasFound = isLate && this.#release(table, members);
    if (!wasFound) this.#counters.scans++;
    const isVerified = event.likely !== undefined;
    if (this.#passes(isVerified, time, event.completed)) {
      this.#report(event);
      return true;
    }
    this.#kept.addGroup(table, members);
    this.#keep(event.completed, time);
    return false;
  }

  /** Tells a scan whose source is known to be real by now. */
  nameReal(followed: FollowedScan, time: number): void {
    const { lastWall, table, entry } = followed;
    const isVerified = followed.standing === VERIFIED;
    const scan = { ...followed.scan, verified: isVerified };
    if (this.#passes(isVerified, time, lastWall)) {
      this.#tellAfterAll(scan, table, entry);
      this.markTold(followed);
    } else if (followed.state !== KEPT_BACK) {
      this.#counters.scans++;
      this.#keepScan(scan, table, entry, time);
      table.clear(entry, COUNTED);
      table.set(entry, UNNAMED);
      followed.state = KEPT_BACK;
    }
  }

  #tellAfterAll(scan: Scan, table: RecordTable, entry: number): void {
    if (!this.#releaseWithGroup(table, entry)) this.#counters.scans++;
    this.#tell(scan, table, entry);
  }

  /**
   * What was kept back of a source is told after all. If a group made it, it
   * counted once, and the other members are decoys as far as is known.
   *
   * @returns Whether it was kept back.
   */
  #releaseWithGroup(table: RecordTable, entry: number): boolean {
    if (!this.#kept.isInGroup(table, entry)) {
      return this.#release(table, [entry]);
    }
    const members = [...this.membersOf(entry)].filter((member) =>
      this.#kept.isInGroup(table, member)
    );
    for (const member of members) this.count(table, member);
    return this.#release(table, members);
  }

  /** Takes note that a line counts one of several, and names it not. */
  count(table: RecordTable, member: number): void {
    table.clear(member, UNNAMED);
    table.set(member, COUNTED);
    const followed = this.followed.of(table, member);
    if (followed !== undefined) followed.state = IN_LOCKSTEP;
  }

  #release(table: RecordTable, members: readonly number[]): boolean {
    let released = 0;
    for (const member of members) {
      if (this.#kept.release(table, member)) released++;
    }
    if (released === 0) return false;
    // Several that turn out to be one are told as one: the others stay counted.
    this.#kept.scans += released - 1;
    return true;
  }

  /** Tells a scan that the sources of a network shared out. */
  tellShared(event: SharedOut, time: number): void {
    this.#counters.scans++;
    if (this.#passes(false, time, event.completed)) this.#report(event);
    else {
      this.#kept.addOthers(event.sources);
      this.#keep(event.completed, time);
    }
  }

  /** Whether a line for a scan that goes on would leave now. */
  hasRoom(isVerified: boolean, time: number): boolean {
    return this.#gate.hasRoom(isVerified, time);
  }

  /** Names a scan after all, which the flood limit or a group kept unnamed. */
  nameLate(completion: Completion): void {
    const { scan, table, entry, time } = completion;
    scan.verified = table.standing(entry) === VERIFIED;
    this.#passes(scan.verified, time, scan.completed);
    this.#tellAfterAll(scan, table, entry);
    const tracked = this.followed.of(table, entry) ??
      this.follow(completion, KEPT_BACK);
    if (tracked !== undefined) this.markTold(tracked);
  }

  #passes(isVerified: boolean, time: number, wallTime: number): boolean {
    const verdict = this.#gate.next(isVerified, time);
    if (verdict === TELL) return true;
    if (verdict === TELL_MORE_FOLLOW) {
      this.#report({ type: "flood", completed: wallTime });
    }
    return false;
  }

  #keepScan(
    { source, completed }: Scan,
    table: RecordTable,
    entry: number,
    time: number,
  ): void {
    // A source may have a record in each of two tables.
    const isCounted = this.followed.places.some((each) =>
      each.state === KEPT_BACK && each.table !== table &&
      each.scan.source === source
    );
    this.#kept.add(table, entry, isCounted);
    this.#keep(completed, time);
  }

  #keep(completed: number, time: number): void {
    this.#kept.note(time, completed, this.#limits.logDelay);
    this.#setDeadline();
  }

  /** Follows a scan from its completion on. */
  follow(completion: Completion, state: number): FollowedScan | undefined {
    const { time, pause } = completion;
    const followed = this.followed.begin(state, completion);
    if (followed !== undefined) this.#expectEnd(time + pause);
    return followed;
  }

  /** Follows a scan to its end, which is told. */
  markTold(followed: FollowedScan): void {
    this.#expectEnd(followed.last + followed.pause);
    this.followed.markTold(followed);
  }

  #expectEnd(time: number): void {
    this.#check = Math.min(this.#check, time + CHECK_INTERVAL_MS);
    this.#setDeadline();
  }

  /**
   * Takes note that an entry's standing was raised. A scan that was kept back, or
   * told as one of a group, is told once its source is known to be real.
   */
  raised(table: RecordTable, entry: number, time: number): void {
    const followed = this.followed.of(table, entry);
    if (followed === undefined) return;
    followed.standing = table.standing(entry);
    const isUntold = followed.state === KEPT_BACK || table.has(entry, COUNTED);
    if (isUntold && followed.standing === VERIFIED) {
      this.nameReal(followed, time);
    }
  }

  #setDeadline(): void {
    this.deadline = Math.min(this.#kept.due, this.#check);
  }

  /** Tells what time has decided. */
  settle(time: number): void {
    if (time >= this.#kept.due) this.#close();
    if (time >= this.#check) this.#endScans(time);
    this.#setDeadline();
  }

  /** Ends the scans that pause for too long, and finds out when to look again. */
  #endScans(time: number): void {
    this.#check = Infinity;
    for (const each of this.followed.places) {
      const { state, last } = each;
      if (!ENDING_STATES.includes(state)) continue;
      const end = last + each.pause;
      if (time > end || time < last) this.#end(each);
      else this.#expectEnd(end);
    }
  }

  #end(scan: FollowedScan): void {
    if (scan.state === TOLD && this.#tellsEnds) {
      this.#report(scan.describeEnd());
    }
    this.followed.end(scan);
  }

  /** Tells what the flood limit has kept back. */
  #close(): void {
    const kept = this.followed.places.filter(({ state }) => state === KEPT_BACK)
      .sort(compareRank);
    // One that has begun anew has two places.
    const sourcesOf = kept.map(({ scan: { source } }) => source);
    const named = kept.filter((_, i) => sourcesOf.indexOf(sourcesOf[i]) === i);
    const { scans, sources, lastWall } = this.#kept;
    if (scans > 0) {
      this.#counters.suppressed += scans;
      this.#report({
        type: "unlogged",
        scans,
        sources: Math.max(sources, named.length, 1),
        names: named.map(({ scan: { source }, standing, packets }) => ({
          source,
          standing: STANDINGS[standing],
          packets,
        })),
        completed: Math.max(
          lastWall,
          ...kept.map((each) => each.lastWall),
        ),
      });
    }
    for (const each of kept) this.followed.end(each);
    this.#kept.clear();
  }

  /** Tells what is left. */
  finish(): void {
    if (this.#kept.due !== Infinity) this.#close();
    for (const each of this.followed.places) {
      if (each.state !== FREE) this.#end(each);
    }
    this.#check = Infinity;
    this.#setDeadline();
  }
}
