/**
 * Sources that probe in lockstep: one host that also sends each of its probes
 * in the name of others, its decoys.
 *
 * @module
 */

import type { Companies } from "../probe/companies.ts";
import { compareRank, type FollowedScan, IN_LOCKSTEP } from "./followed.ts";
import type { Decoys } from "./report.ts";
import type { Completion, Reporter } from "./reporter.ts";
import { UNNAMED, VERIFIED } from "../table/records.ts";

/** Groups at a time; scans beyond are told one by one. */
const GROUPS = 16;
/** Names told of a group: nmap has no more decoys. */
const NAMES = 128;
/** Members of a group that are known by their record. */
const MEMBERS = 1024;
/** Scans held at a time; the oldest is told early if there are more. */
const MOST_HELD = 1024;
/** How long one waits for the others that a probe was shared with. */
const HOLD_MS = 1000;
/** A group is told so long after it was noticed, in milliseconds. */
const GATHER_MS = 3000;

/** A scan that waits for others in lockstep with it. */
interface Held {
  readonly completion: Completion;
  readonly company: number;
  readonly due: number;
}

/** A group of sources that is not told yet. */
class Group {
  readonly names: string[] = [];
  /** Records of its members. */
  readonly entries = new Set<number>();
  /** How many sources joined. */
  count = 0;

  constructor(
    readonly id: number,
    /** The company of its members, when it began. */
    readonly company: number,
    readonly first: Completion,
    readonly due: number,
  ) {}

  /** Takes in another group, whose members are others. */
  absorb({ names, entries, count }: Group): void {
    for (const entry of entries) {
      if (this.entries.size < MEMBERS) this.entries.add(entry);
    }
    this.names.push(...names.slice(0, NAMES - this.names.length));
    this.count += count;
  }

  /** Counts a source that joins, however often it does. */
  add({ entry, scan, table }: Completion): void {
    if (this.entries.has(entry)) return;
    if (this.entries.size < MEMBERS) this.entries.add(entry);
    this.count++;
    if (this.names.length >= NAMES) return;
    this.names.push(scan.source);
    table.clear(entry, UNNAMED);
  }

  describe(likely: FollowedScan | undefined): Decoys {
    const { scan } = this.first;
    const event: Decoys = {
      type: "decoys",
      sources: this.count,
      names: this.names,
      scan,
      completed: scan.completed,
    };
    if (likely !== undefined) event.likely = likely.scan.source;
    return event;
  }
}

/**
 * The only member that is known to be real. What else makes one unlike the
 * others, more packets or a RST, the forger can give to whom he chooses.
 */
function findLikely(
  members: readonly FollowedScan[],
): FollowedScan | undefined {
  const [first, second] = members.toSorted(compareRank);
  const isAlone = first?.standing === VERIFIED && second?.standing !== VERIFIED;
  return isAlone ? first : undefined;
}

/** Finds groups among complete scans, and tells each as one event. */
export class Lockstep {
  /** When {@linkcode Lockstep.settle} wants to be called. */
  deadline = Infinity;
  readonly #reporter: Reporter;
  readonly #companies: Companies;
  readonly #groups: Group[] = [];
  #held: Held[] = [];
  #created = 0;

  constructor(reporter: Reporter, companies: Companies) {
    this.#reporter = reporter;
    this.#companies = companies;
  }

  /** Whether anything waits: else no further probe matters. */
  get isIdle(): boolean {
    return this.#groups.length === 0;
  }

  /**
   * Takes a complete scan whose probes other sources sent as well.
   *
   * A group that was told takes no more: whoever forges one and keeps it alive
   * could hide any scan in it.
   */
  take(completion: Completion): void {
    const company = this.#companies.of(completion.entry);
    const group = this.#groupOf(company) ?? this.#gather(company);
    if (group !== undefined) {
      this.#add(group, completion);
      return;
    }
    if (this.#held.length >= MOST_HELD) {
      const [oldest] = this.#held.splice(0, 1);
      this.#reporter.tell(oldest.completion);
    }
    const due = completion.time + HOLD_MS;
    this.#held.push({ completion, company, due });
    this.#setDeadline();
  }

  /** Whether a record's scan waits here to be told. */
  isHeld(entry: number): boolean {
    return this.#groups.some(({ entries }) => entries.has(entry)) ||
      this.#held.some(({ completion }) => completion.entry === entry);
  }

  /** A company's group; those of companies that have met become one. */
  #groupOf(company: number): Group | undefined {
    const [group, ...others] = this.#groups.filter((each) =>
      this.#companies.current(each.company) === company
    );
    for (const other of others) this.#unite(group, other);
    return group;
  }

  #unite(group: Group, other: Group): void {
    this.#groups.splice(this.#groups.indexOf(other), 1);
    group.absorb(other);
    for (const member of this.#reporter.followed.inGroup(other.id)) {
      member.group = group.id;
    }
  }

  /** Makes a group of the scans of a company that are held, if there are any. */
  #gather(company: number): Group | undefined {
    if (this.#groups.length >= GROUPS) return undefined;
    const isIn = (held: Held) =>
      this.#companies.current(held.company) === company;
    const members = this.#held.filter(isIn);
    if (members.length === 0) return undefined;
    this.#held = this.#held.filter((each) => !isIn(each));
    const [{ completion: first }] = members;
    const due = first.time + GATHER_MS;
    const group = new Group(this.#created++, company, first, due);
    this.#groups.push(group);
    for (const { completion } of members) this.#add(group, completion);
    this.#setDeadline();
    return group;
  }

  #add(group: Group, completion: Completion): void {
    group.add(completion);
    const followed = this.#reporter.follow(completion, IN_LOCKSTEP);
    if (followed !== undefined) followed.group = group.id;
  }

  /** A source that was reported before sends the probes of a group as well. */
  addReported(completion: Completion): void {
    const group = this.#groupOf(this.#companies.of(completion.entry));
    if (group === undefined || group.entries.has(completion.entry)) return;
    group.add(completion);
    const followed = this.#reporter.followed.of(
      completion.table,
      completion.entry,
    );
    if (followed !== undefined) followed.group = group.id;
  }

  #setDeadline(): void {
    this.deadline = Infinity;
    for (const { due } of this.#groups) {
      this.deadline = Math.min(this.deadline, due);
    }
    if (this.#held.length > 0) {
      this.deadline = Math.min(this.deadline, this.#held[0].due);
    }
  }

  /** Tells the groups and scans whose time has come, and forgets them. */
  settle(time: number): void {
    while (this.#held.length > 0 && time >= this.#held[0].due) {
      const [{ completion }] = this.#held.splice(0, 1);
      this.#reporter.tell(completion);
    }
    for (let i = 0; i < this.#groups.length;) {
      const group = this.#groups[i];
      if (time < group.due) i++;
      else {
        this.#groups.splice(i, 1);
        this.#tell(group, time);
      }
    }
    this.#setDeadline();
  }

  #tell(group: Group, time: number): void {
    // Places may have gone to other scans meanwhile.
    const members = this.#reporter.followed.inGroup(group.id);
    const likely = findLikely(members);
    this.#reporter.tellDecoys(group.describe(likely), members, likely, time);
  }

  /** Tells what is left. */
  finish(): void {
    for (const { completion } of this.#held.splice(0)) {
      this.#reporter.tell(completion);
    }
    for (const group of this.#groups.splice(0)) this.#tell(group, group.due);
    this.deadline = Infinity;
  }
}
