/**
 * What is told of complete scans: the flood limit, its closing line, and the
 * ends of scans.
 *
 * @module
 */

import { FloodLimit, TELL, TELL_MORE_FOLLOW } from "./flood.ts";
import {
  compareRank,
  type FollowedScan,
  FollowedScans,
  FREE,
  IN_LOCKSTEP,
  KEPT_BACK,
  TOLD,
  TOLD_IN_GROUP,
} from "./followed.ts";
import type { FloodLimits } from "../settings.ts";
import type {
  Decoys,
  ReportHandler,
  Scan,
  SharedOut,
  Standing,
} from "./report.ts";
import { type RecordTable, UNNAMED, VERIFIED } from "../table/records.ts";

/** What a flood kept back is told at least so often, in milliseconds. */
const CLOSING_INTERVAL_MS = 60_000;
/** Ends of scans are looked for together, if they come so close together. */
const CHECK_INTERVAL_MS = 1000;
/** Scans in these states end by a pause; those of a group once it is told. */
const ENDING_STATES: readonly number[] = [TOLD, TOLD_IN_GROUP, IN_LOCKSTEP];
const STANDINGS: readonly Standing[] = ["seen", "answered", "verified"];

/**
 * Scans are told after graces of different lengths, so that their times may run
 * backwards by so much, in milliseconds; what is more is another clock.
 */
const MOST_DISORDER_MS = 10_000;

/** A scan that is complete, and where it stands. */
export interface Completion {
  /** What is to be told. */
  scan: Scan;
  /** The table that holds its entry. */
  table: RecordTable;
  /** Its entry. */
  entry: number;
  /** When it was complete, on the packets' clock. */
  time: number;
  /** It has ended once it pauses longer, in milliseconds. */
  pause: number;
}

/** Counts what is told and what is not. */
export interface ReporterCounters {
  /** Scans found. */
  scans: number;
  /** Scans kept back by the flood limit. */
  suppressed: number;
}

/** Decides which complete scans are told, and follows them. */
export class Reporter {
  /** The scans that are followed. */
  readonly followed: FollowedScans = new FollowedScans();
  /** When {@linkcode Reporter.settle} wants to be called. */
  deadline = Infinity;
  readonly #report: ReportHandler;
  readonly #counters: ReporterCounters;
  readonly #limit: FloodLimit;
  /** Forged scans cannot use this one up. */
  readonly #verifiedLimit: FloodLimit;
  readonly #limits: Readonly<FloodLimits>;
  readonly #tellsEnds: boolean;
  /** The latest time of a scan that the flood limit was asked about. */
  #latest = -Infinity;
  #keptScans = 0;
  #keptSources = 0;
  #keptSince = 0;
  #lastKeptWall = 0;
  /** When what was kept back is told. */
  #closing = Infinity;
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
    this.#limit = new FloodLimit(limits);
    this.#verifiedLimit = new FloodLimit(limits);
    this.#limits = limits;
  }

  /** Tells a scan, or keeps it back, and follows it. */
  tell(completion: Completion): void {
    const { scan, table, entry, time } = completion;
    this.#counters.scans++;
    scan.verified = table.standing(entry) === VERIFIED;
    const isTold = this.#passes(scan.verified, time, scan.completed);
    if (isTold) {
      table.clear(entry, UNNAMED);
      this.#report(scan);
    } else this.#keep(scan, 1, time);
    const followed = this.follow(completion, KEPT_BACK);
    if (followed === undefined) return;
    followed.keptSources = 1;
    if (isTold) this.#markTold(followed);
  }

  /**
   * Tells several sources as one event, or keeps it back. Those that are known to
   * be real are named alone besides: they are no decoys, however many.
   *
   * @param event What is to be told.
   * @param members The sources that are followed.
   * @param likely The one that is real, if it is known.
   */
  tellDecoys(
    event: Decoys,
    members: readonly FollowedScan[],
    likely: FollowedScan | undefined,
    time: number,
  ): void {
    this.#counters.scans++;
    const isVerified = likely?.standing === VERIFIED;
    const isTold = this.#passes(isVerified, time, event.completed);
    if (isTold) this.#report(event);
    else this.#keep(event.scan, event.sources, time);
    for (const member of members) {
      member.state = isTold ? TOLD_IN_GROUP : KEPT_BACK;
      member.keptSources = event.sources;
      if (!isTold) member.table.set(member.entry, UNNAMED);
    }
    if (isTold && likely !== undefined) this.#markTold(likely);
    for (const member of members) {
      if (member !== likely && member.standing === VERIFIED) {
        this.#nameVerified(member, time);
      }
    }
  }

  /** Tells a scan whose source is known to be real by now. */
  #nameVerified(followed: FollowedScan, time: number): void {
    const { state, lastWall } = followed;
    if (state !== KEPT_BACK && state !== TOLD_IN_GROUP) return;
    const scan = { ...followed.scan, verified: true };
    if (state === TOLD_IN_GROUP) this.#counters.scans++;
    if (this.#passes(true, time, lastWall)) {
      if (state === KEPT_BACK) this.#release(followed);
      followed.table.clear(followed.entry, UNNAMED);
      this.#report(scan);
      this.#markTold(followed);
    } else if (state === TOLD_IN_GROUP) {
      this.#keep(scan, 1, time);
      followed.state = KEPT_BACK;
      followed.group = -1;
      followed.keptSources = 1;
    }
  }

  /**
   * A scan that was kept back is told after all. If a group made it, it counted
   * once, and the other members are decoys as far as is known.
   */
  #release({ group, keptSources }: FollowedScan): void {
    this.#counters.suppressed--;
    this.#keptScans--;
    this.#keptSources = Math.max(0, this.#keptSources - keptSources);
    if (group < 0) return;
    for (const member of this.followed.inGroup(group)) {
      if (member.state === KEPT_BACK) member.state = TOLD_IN_GROUP;
    }
  }

  /** Tells a scan that the sources of a network shared out. */
  tellShared(event: SharedOut, time: number): void {
    this.#counters.scans++;
    if (this.#passes(false, time, event.completed)) this.#report(event);
    else this.#keep(event.scan, event.sources, time);
  }

  /** Whether a line for a scan that goes on would leave now. */
  hasRoom(isVerified: boolean, time: number): boolean {
    return (isVerified ? this.#verifiedLimit : this.#limit).hasRoom(time);
  }

  /** Names a scan after all, which the flood limit or a group kept unnamed. */
  nameLate(completion: Completion): void {
    const { scan, table, entry, time } = completion;
    const followed = this.followed.of(table, entry);
    if (followed?.state === KEPT_BACK) this.#release(followed);
    else this.#counters.scans++;
    scan.verified = table.standing(entry) === VERIFIED;
    this.#passes(scan.verified, time, scan.completed);
    table.clear(entry, UNNAMED);
    this.#report(scan);
    const tracked = followed ?? this.follow(completion, KEPT_BACK);
    if (tracked !== undefined) this.#markTold(tracked);
  }

  /** The time for the flood limit, which a step back would begin anew. */
  #inOrder(time: number): number {
    const isLate = this.#latest - time <= MOST_DISORDER_MS;
    this.#latest = isLate ? Math.max(time, this.#latest) : time;
    return this.#latest;
  }

  #passes(isVerified: boolean, time: number, wallTime: number): boolean {
    const limit = isVerified ? this.#verifiedLimit : this.#limit;
    const verdict = limit.next(this.#inOrder(time));
    if (verdict === TELL) return true;
    if (verdict === TELL_MORE_FOLLOW) {
      this.#report({ type: "flood", completed: wallTime });
    }
    return false;
  }

  #keep(scan: Scan, sources: number, time: number): void {
    this.#counters.suppressed++;
    this.#keptScans++;
    const isKnown = this.followed.places.some((each) =>
      each.state === KEPT_BACK && each.scan.source === scan.source
    );
    this.#keptSources += isKnown ? sources - 1 : sources;
    if (this.#keptScans === 1) this.#keptSince = time;
    this.#lastKeptWall = scan.completed;
    // The flood has ended once there is no scan for the delay.
    this.#closing = Math.min(
      time + this.#limits.logDelay,
      this.#keptSince + CLOSING_INTERVAL_MS,
    );
    this.#setDeadline();
  }

  /** Follows a scan from its completion on. */
  follow(completion: Completion, state: number): FollowedScan | undefined {
    const { scan, table, entry, time, pause } = completion;
    const followed = this.followed.begin(
      state,
      scan,
      table,
      entry,
      time,
      pause,
    );
    if (followed !== undefined) this.#expectEnd(time + pause);
    return followed;
  }

  #markTold(followed: FollowedScan): void {
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
    if (followed.standing === VERIFIED) this.#nameVerified(followed, time);
  }

  #setDeadline(): void {
    this.deadline = Math.min(this.#closing, this.#check);
  }

  /** Tells what time has decided. */
  settle(time: number): void {
    if (time >= this.#closing) this.#close();
    if (time >= this.#check) this.#endScans(time);
    this.#setDeadline();
  }

  /** Ends the scans that pause for too long, and finds out when to look again. */
  #endScans(time: number): void {
    this.#check = Infinity;
    for (const each of this.followed.places) {
      const { state, last } = each;
      // What the flood limit has kept back stays until that is told.
      if (!ENDING_STATES.includes(state)) continue;
      const end = last + each.pause;
      const hasEnded = time > end || time < last;
      // A group is told with all of its members.
      if (hasEnded && state !== IN_LOCKSTEP) this.#end(each);
      else this.#expectEnd(Math.max(time, end));
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
    this.#closing = Infinity;
    if (this.#keptScans > 0) {
      this.#report({
        type: "unlogged",
        scans: this.#keptScans,
        sources: Math.max(this.#keptSources, kept.length),
        names: kept.map(({ scan: { source }, standing, packets }) => ({
          source,
          standing: STANDINGS[standing],
          packets,
        })),
        completed: Math.max(
          this.#lastKeptWall,
          ...kept.map(({ lastWall }) => lastWall),
        ),
      });
    }
    for (const each of kept) this.followed.end(each);
    this.#keptScans = this.#keptSources = 0;
  }

  /** Tells what is left. */
  finish(): void {
    if (this.#closing !== Infinity) this.#close();
    for (const each of this.followed.places) {
      if (each.state !== FREE) this.#end(each);
    }
    this.#check = Infinity;
    this.#setDeadline();
  }
}
