/**
 * Sources that probe in lockstep: one host that also sends each of its probes
 * in the name of others, its decoys.
 *
 * @module
 */

import {
  compareRank,
  type FollowedScan,
  IN_LOCKSTEP,
  WAITING,
} from "./followed.ts";
import type { Decoys } from "./report.ts";
import type { Completion, Reporter } from "./reporter.ts";
import { PROTOCOL_TCP, type Segment } from "./segment.ts";

/** Groups at a time; scans beyond are told one by one. */
const GROUPS = 16;
/** Names told of a group. */
const NAMES = 64;
/** Members of a group that are followed: nmap has no more decoys. */
const MEMBERS = 128;
/** Probes of a group that are remembered, for members that come later. */
const RECENT_PROBES = 32;
/** A group is told so long after it was noticed, in milliseconds. */
const GATHER_MS = 3000;
/** By so many packets the real source must be ahead of all others. */
const PACKETS_AHEAD = 2;

/**
 * What all of a round's probes have in common, as one number: destination port,
 * source port, sequence number and window. 0: it tells nothing.
 */
export function probeSignature(segment: Segment): number {
  if (segment.protocol !== PROTOCOL_TCP || segment.sequence === 0) return 0;
  const ports = (segment.sourcePort << 16) | segment.destinationPort;
  let hash = Math.imul(segment.sequence ^ (ports >>> 7), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ ports, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ segment.window, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A group of sources that is not told yet. Its members know its number. */
class Group {
  readonly names: string[] = [];
  /** How many joined; more than are followed, if there were no places. */
  count = 0;
  readonly #recent = new Int32Array(RECENT_PROBES);
  #next = 0;

  constructor(
    readonly id: number,
    readonly first: Completion,
    readonly due: number,
  ) {}

  /** Counts a source that joins, however often it does. */
  add(source: string): void {
    if (this.names.includes(source)) return;
    this.count++;
    if (this.names.length < NAMES) this.names.push(source);
  }

  note(signature: number): void {
    if (signature === 0 || this.#recent.includes(signature)) return;
    this.#recent[this.#next] = signature;
    this.#next = (this.#next + 1) % RECENT_PROBES;
  }

  has(signature: number): boolean {
    return signature !== 0 && this.#recent.includes(signature);
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
 * The member that behaved unlike the others: the only one that answered our
 * SYN|ACK, or else the only one that sent packets of its own.
 */
function findLikely(
  members: readonly FollowedScan[],
): FollowedScan | undefined {
  const ranked = members.toSorted(compareRank);
  const [first, second] = ranked;
  if (second === undefined) return undefined;
  if (first.standing > second.standing) return first;
  // Lost packets make small differences: it must be unlike all the others.
  const lead = first.packets - second.packets;
  const spread = second.packets - ranked[ranked.length - 1].packets;
  return lead >= PACKETS_AHEAD && lead > spread ? first : undefined;
}

/** Finds groups among complete scans, and tells each as one event. */
export class Lockstep {
  /** When {@linkcode Lockstep.settle} wants to be called. */
  deadline = Infinity;
  readonly #reporter: Reporter;
  readonly #groups: Group[] = [];
  #created = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /**
   * Lets a complete scan join the group whose probe completed it. Ports that
   * answer give their weight back, so that a source that gets answers completes
   * its scan some rounds after those that get none. A group that was told takes
   * no more: whoever forges one and keeps it alive could hide any scan in it.
   *
   * @returns Whether there is one.
   */
  join(completion: Completion, signature: number): boolean {
    const group = this.#groups.find((group) => group.has(signature));
    if (group === undefined) return false;
    this.#add(group, completion);
    return true;
  }

  /**
   * Makes a group of scans that one round of probes completed.
   *
   * @returns Whether there is room for one more.
   */
  gather(completions: readonly Completion[], signature: number): boolean {
    if (this.#groups.length >= GROUPS) return false;
    const [first] = completions;
    const group = new Group(this.#created++, first, first.time + GATHER_MS);
    group.note(signature);
    for (const each of completions) this.#add(group, each);
    this.#groups.push(group);
    this.#setDeadline();
    return true;
  }

  #add(group: Group, completion: Completion): void {
    group.add(completion.scan.source);
    const { followed: scans } = this.#reporter;
    if (scans.inGroup(group.id).length >= MEMBERS) {
      this.#reporter.drop(completion);
      return;
    }
    const followed = this.#reporter.follow(completion, IN_LOCKSTEP);
    if (followed === undefined) return;
    followed.group = group.id;
    for (const signature of followed.recent) group.note(signature);
  }

  /** Takes note of a further packet of a scan that is followed. */
  note(followed: FollowedScan, segment: Segment): void {
    const signature = probeSignature(segment);
    if (followed.state === WAITING) followed.remember(signature);
    if (followed.state !== IN_LOCKSTEP) return;
    for (const group of this.#groups) {
      if (group.id === followed.group) group.note(signature);
    }
  }

  #setDeadline(): void {
    this.deadline = this.#groups.reduce(
      (soonest, { due }) => Math.min(soonest, due),
      Infinity,
    );
  }

  /** Tells the groups whose time has come, and forgets them. */
  settle(time: number): void {
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
    for (const group of this.#groups) this.#tell(group, group.due);
    this.#groups.length = 0;
    this.deadline = Infinity;
  }
}
