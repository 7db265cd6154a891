/**
 * Sources that probe in lockstep: one host that also sends each of its probes
 * in the name of others, its decoys.
 *
 * @module
 */

import { ALONE, type Companies, MOST_OWN } from "../probe/companies.ts";
import type { Settings } from "../settings.ts";
import {
  COUNTED,
  FOUND_FAST,
  FOUND_SLOW,
  type RecordTable,
  UNNAMED,
  VERIFIED,
} from "../table/records.ts";
import { describeSource } from "./describe.ts";
import { type Completion, IN_LOCKSTEP, KEPT_BACK } from "./followed.ts";
import type { Reporter } from "./reporter.ts";

/** Groups that wait to be told at a time; one more, and the oldest is told. */
const GROUPS = 64;
/** Names told of a group. */
const NAMES = 128;
/** A group is told so long after it was noticed, in milliseconds. */
const GATHER_MS = 3000;
/**
 * Who was counted before its own scan was complete has lost probes, if that is
 * complete up to so many times as long after its group is told as the first one
 * took, and these milliseconds. What it completes besides, or later, may be another
 * scan, which hides in a group that was made for that.
 */
const LATE_FACTOR = 3;
const LATE_MS = 10_000;
/**
 * Who has sent so many more probes alone than with others when its scan is
 * complete is in lockstep with nobody: six of seven. Of one in 200 scans with a
 * single decoy so many are lost, if 30 % of all probes are.
 */
const FEW_SHARED = 5;

/** A company, one of whose members has made a scan. */
interface Group {
  readonly first: Completion;
  readonly due: number;
  /** Whether the scans of its members are complete for long, and were kept back. */
  readonly isLate: boolean;
}

/** Finds groups among complete scans, and tells each as one event. */
export class Lockstep {
  /** When {@linkcode Lockstep.settle} wants to be called. */
  deadline = Infinity;
  readonly #records: RecordTable;
  readonly #reporter: Reporter;
  readonly #companies: Companies;
  readonly #ipv6Prefix: number;
  /** A third of what makes a scan: others who probed so much were sent along. */
  readonly #third: number;
  /** In the order in which they are told. */
  readonly #groups: Group[] = [];
  /** By record: until when the scan is late that was counted, in milliseconds. */
  readonly #lateUntil: Float64Array;

  constructor(
    records: RecordTable,
    reporter: Reporter,
    companies: Companies,
    { minPorts, privilegedWeight, ipv6Prefix }: Settings,
  ) {
    this.#records = records;
    this.#reporter = reporter;
    this.#companies = companies;
    this.#ipv6Prefix = ipv6Prefix;
    this.#third = minPorts * privilegedWeight / 3;
    this.#lateUntil = new Float64Array(records.capacity);
    reporter.membersOf = (entry) => companies.members(entry);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#lateUntil.byteLength;
  }

  /** Tells a complete scan, at once or as one of several in lockstep. */
  take(completion: Completion): void {
    const { entry, time } = completion;
    const isCounted = this.#records.has(entry, COUNTED);
    if (!this.isMember(entry)) this.#reporter.tell(completion);
    else if (isCounted && time <= this.#lateUntil[entry]) {
      this.#records.clear(entry, UNNAMED);
      this.#lateUntil[entry] = -Infinity;
      this.#reporter.follow(completion, IN_LOCKSTEP);
    } else {
      this.#records.clear(entry, COUNTED);
      this.gather(completion, false);
    }
  }

  /** Whether a record's scan is one of several, as far as is known. */
  isMember(entry: number): boolean {
    return this.#companies.of(entry) !== ALONE &&
      this.#companies.own(entry) < FEW_SHARED;
  }

  /** Whether a record's source is real: a forger would have sent others along. */
  isReal(entry: number): boolean {
    return this.#companies.own(entry) === MOST_OWN ||
      this.#records.standing(entry) === VERIFIED;
  }

  /** Whether a record's company is to be told soon. */
  isGathering(entry: number): boolean {
    const company = this.#companies.of(entry);
    if (company === ALONE) return false;
    for (const { first } of this.#groups) {
      if (this.#companies.of(first.entry) === company) return true;
    }
    return false;
  }

  /**
   * Waits for others who make a scan's probes, to tell them all as one.
   *
   * @param isLate Whether the scan was complete before, and goes on.
   */
  gather(completion: Completion, isLate: boolean): void {
    const { entry, time, pause } = completion;
    if (this.#reporter.followed.of(this.#records, entry) === undefined) {
      this.#reporter.follow(completion, IN_LOCKSTEP);
    }
    if (this.isGathering(entry)) return;
    if (this.#groups.length >= GROUPS) this.#tellNext(time);
    // Who pauses for longer begins anew, and leaves its company.
    const due = time + Math.min(GATHER_MS, pause);
    const later = this.#groups.findIndex((group) => group.due > due);
    const index = later < 0 ? this.#groups.length : later;
    this.#groups.splice(index, 0, { first: completion, due, isLate });
    this.#setDeadline();
  }

  #setDeadline(): void {
    this.deadline = this.#groups.length > 0 ? this.#groups[0].due : Infinity;
  }

  /** Tells the groups whose time has come. */
  settle(time: number): void {
    while (time >= this.deadline) this.#tellNext(time);
  }

  /** Tells what is left. */
  finish(): void {
    while (this.deadline !== Infinity) this.#tellNext(this.deadline);
  }

  #tellNext(time: number): void {
    const [group] = this.#groups.splice(0, 1);
    const { first } = group;
    this.#setDeadline();
    const { entry } = first;
    // It has proved real, or its company has met one that was told meanwhile.
    if (this.#isNamed(entry) || this.#records.has(entry, COUNTED)) return;
    const members = [...this.#companies.members(entry)];
    const others = members.filter((member) => this.#goesAlong(member));
    if (others.length > 1) this.#tell(group, members, time);
    else this.#reporter.tell(first);
  }

  /** Whether a member has sent enough of the probes. */
  #goesAlong(member: number): boolean {
    return this.#isFound(member) || this.#records.bound(member) >= this.#third;
  }

  /** Whether a member has sent any that was not answered, as clients' are. */
  #probes(member: number): boolean {
    return this.#isFound(member) || this.#records.bound(member) > 0;
  }

  #isFound(entry: number): boolean {
    return this.#records.has(entry, FOUND_FAST | FOUND_SLOW);
  }

  /** Whether its scan stands in a line, alone or with others. */
  #isNamed(entry: number): boolean {
    return this.#isFound(entry) && !this.#records.has(entry, UNNAMED);
  }

  #tell(
    { first: { scan }, due, isLate }: Group,
    company: readonly number[],
    time: number,
  ): void {
    const members = company.filter((member) => this.#probes(member));
    const likely = this.#findLikely(members);
    const unnamed = members.filter((member) => !this.#isNamed(member));
    const isTold = this.#reporter.tellDecoys(
      {
        type: "decoys",
        sources: members.length,
        names: members.slice(0, NAMES).map((member) => this.#nameOf(member)),
        ...likely !== undefined && { likely: this.#nameOf(likely) },
        scan,
        completed: scan.completed,
      },
      this.#records,
      unnamed,
      { time, isLate },
    );
    const span = Math.max(0, scan.completed - scan.firstSeen);
    for (const member of unnamed) {
      this.#lateUntil[member] = this.#isFound(member)
        ? -Infinity
        : due + LATE_FACTOR * span + LATE_MS;
      if (!isTold) this.#keep(member);
      else if (member === likely) this.#named(member);
      else this.#reporter.count(this.#records, member);
    }
    for (const member of unnamed) this.#nameReal(member, time);
  }

  #nameOf(member: number): string {
    return describeSource(this.#records, member, this.#ipv6Prefix);
  }

  /**
   * The only member with a scan that is known to be real. What else makes one
   * unlike the others, more packets or a RST, the forger can give to whom he
   * chooses.
   */
  #findLikely(members: readonly number[]): number | undefined {
    const [likely, ...others] = members.filter((member) =>
      this.#isFound(member) && this.#records.standing(member) === VERIFIED
    );
    return others.length === 0 ? likely : undefined;
  }

  /** The line that names a member as likely is its own. */
  #named(member: number): void {
    const reporter = this.#reporter;
    this.#records.clear(member, UNNAMED);
    const tracked = reporter.followed.of(this.#records, member);
    if (tracked !== undefined) reporter.markTold(tracked);
  }

  #keep(member: number): void {
    const tracked = this.#reporter.followed.of(this.#records, member);
    if (tracked?.state === IN_LOCKSTEP) tracked.state = KEPT_BACK;
  }

  /** Names a member besides that is real: it is no decoy, however many others. */
  #nameReal(member: number, time: number): void {
    if (!this.#records.has(member, COUNTED) || !this.isReal(member)) return;
    const tracked = this.#reporter.followed.of(this.#records, member);
    if (tracked !== undefined) this.#reporter.nameReal(tracked, time);
  }
}
