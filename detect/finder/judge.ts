/**
 * What time decides: the rules are asked about a record once its targets had
 * time to answer, and what they find is told.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import { ANSWER_GRACE_MS, LONG_GRACE_MS } from "../probe/judgement.ts";
import { describeRecord, describeShared } from "../report/describe.ts";
import type { JudgedProbes } from "../report/judged_probes.ts";
import { FastRule } from "../rules/fast.ts";
import { NOTHING_FOUND, type RecordRule } from "../rules/rule.ts";
import { type FoundNetwork, SHARED_WINDOW_MS } from "../rules/shared_out.ts";
import { SlowRule } from "../rules/slow.ts";
import { DueQueue } from "../table/due_queue.ts";
import { NetworkKey } from "../table/networks.ts";
import { FOUND_FAST, FOUND_SLOW, toWord, UNNAMED } from "../table/records.ts";
import { TARGET_UDP } from "../table/target_word.ts";
import type { Completions } from "./completions.ts";
import type { FinderState } from "./state.ts";

/** How long targets may take to answer, from the shortest on. */
export function gracesOf(answerDelay: number): readonly number[] {
  return [answerDelay, ANSWER_GRACE_MS, LONG_GRACE_MS];
}

/** Asks the rules. */
export class Judge {
  /** When {@linkcode Judge.settle} wants to be called. */
  deadline = Infinity;
  readonly #state: FinderState;
  readonly #completions: Completions;
  readonly #judged: JudgedProbes | undefined;
  readonly #rules: readonly RecordRule[];
  readonly #queues: readonly DueQueue[];

  /** @param judged Hands on each probe; undefined if nobody wants them. */
  constructor(
    state: FinderState,
    completions: Completions,
    judged: JudgedProbes | undefined,
  ) {
    this.#state = state;
    this.#completions = completions;
    this.#judged = judged;
    const { settings, records } = state;
    this.#rules = [
      new FastRule(settings),
      new SlowRule(settings, records.mostTargets),
    ];
    this.#queues = gracesOf(settings.answerDelay)
      .map((delay) => new DueQueue(records.capacity, delay));
  }

  /** The memory of the queues, in bytes. */
  get byteLength(): number {
    let bytes = this.#judged?.byteLength ?? 0;
    for (const { byteLength } of this.#queues) bytes += byteLength;
    return bytes;
  }

  /**
   * A target is told of once it is judged, if anybody wants to know.
   *
   * @param last As {@linkcode JudgedProbes.note} takes it.
   */
  noteTarget(probe: Segment, host: number, traits: number, last: number): void {
    if (this.#judged === undefined) return;
    this.#judged.note(probe, host, traits, last);
    this.deadline = Math.min(this.deadline, this.#judged.deadline);
  }

  /** Judges a record after a grace, if it may make a scan. */
  expect(entry: number, grace: number, probe: Segment): void {
    const { records, threshold } = this.#state;
    if (records.bound(entry) < threshold) return;
    this.#completions.note(entry, probe);
    if (this.#mayBeScan(entry)) this.#queue(entry, grace, probe.time);
  }

  /** A network whose sources share out a scan may have to be judged. */
  expectShared(): void {
    const due = this.#state.sharedOut.deadline;
    if (due < this.deadline) this.deadline = due;
  }

  /** A target refuses now. */
  refused(entry: number, index: number, time: number): void {
    const { records, judgement } = this.#state;
    judgement.refuse(entry, index);
    if (!this.#mayBeScan(entry)) return;
    const traits = records.traitsAt(entry, index);
    const protocol = records.protocolAt(entry, index);
    this.#queue(entry, judgement.graceOf(traits, protocol), time);
  }

  /** Whether any rule may find a scan that was not found yet. */
  #mayBeScan(entry: number): boolean {
    const { records, threshold } = this.#state;
    if (records.run(entry) >= threshold) return true;
    return records.slowBound(entry) >= threshold &&
      !records.has(entry, FOUND_SLOW);
  }

  #queue(entry: number, grace: number, time: number): void {
    if (this.#queueFor(grace).has(entry)) return;
    const isLong = grace === LONG_GRACE_MS;
    // Who is judged soon is then put in again for as long as it takes.
    if (isLong && this.#queueFor(ANSWER_GRACE_MS).has(entry)) return;
    const { judgement } = this.#state;
    const wait = isLong ? judgement.longestWait(entry, time) : grace;
    // Each queue keeps its order: behind those that wait for long it would be late.
    this.#queueFor(wait).add(entry, time, wait);
    this.setDeadline();
  }

  #queueFor(grace: number): DueQueue {
    const [short, medium, long] = this.#queues;
    if (grace <= short.delay) return short;
    return grace <= medium.delay ? medium : long;
  }

  /** Finds out when there is something to settle. */
  setDeadline(): void {
    const { reporter, lockstep, sharedOut } = this.#state;
    this.deadline = Math.min(
      reporter.deadline,
      lockstep.deadline,
      sharedOut.deadline,
      this.#judged?.deadline ?? Infinity,
    );
    for (const { due } of this.#queues) {
      if (due < this.deadline) this.deadline = due;
    }
  }

  /** Judges the records whose time has come, and tells what is found. */
  settle(time: number): void {
    const { reporter, lockstep } = this.#state;
    this.#judged?.settle(time);
    for (const queue of this.#queues) {
      for (let entry = queue.take(time); entry >= 0; entry = queue.take(time)) {
        this.#judge(entry, time);
      }
    }
    this.#tellShared(time);
    lockstep.settle(time);
    reporter.settle(time);
    this.setDeadline();
  }

  #tellShared(time: number): void {
    const { sharedOut, reporter } = this.#state;
    if (sharedOut.deadline === Infinity) return;
    for (
      let found = sharedOut.next(time);
      found !== undefined;
      found = sharedOut.next(time)
    ) reporter.tellShared(this.#describeShared(found), found.time);
  }

  #describeShared({ entry, index, sources, completed }: FoundNetwork) {
    const { records } = this.#state.sharedOut;
    const network = new NetworkKey();
    records.readKey(entry, network);
    const scan = describeRecord(records, entry, {
      index,
      isSlow: true,
      pause: SHARED_WINDOW_MS,
      ipv6Prefix: 48,
      completed,
      interfaceIndex: 0,
    });
    return describeShared(scan, network, sources);
  }

  #judge(entry: number, time: number): void {
    const { records, judgement, ports } = this.#state;
    const last = records.count(entry) - 1;
    const isUdp = last >= 0 && records.protocolAt(entry, last) === TARGET_UDP;
    if (isUdp) ports.ports.refreshReceivers(time);
    for (const rule of this.#rules) {
      if (records.has(entry, rule.found | FOUND_FAST)) continue;
      const index = rule.ask(records, entry, judgement, time);
      if (index === NOTHING_FOUND) continue;
      this.#found(entry, rule, index, time);
      return;
    }
    // What has left, and what was excused, may still be in the sums.
    judgement.update(entry, records.time(entry));
    if (!this.#mayBeScan(entry)) return;
    const wait = judgement.longestWait(entry, time);
    if (wait > 0) this.#queueFor(wait).add(entry, time, wait);
  }

  #found(entry: number, rule: RecordRule, index: number, time: number): void {
    const isSlow = rule.found === FOUND_SLOW;
    const wait = isSlow ? this.#runsOn(entry, index, time) : 0;
    if (wait > 0) {
      this.#queueFor(LONG_GRACE_MS).add(entry, time, wait);
      return;
    }
    this.#state.records.set(entry, rule.found | UNNAMED);
    this.#complete(entry, index, time);
  }

  /**
   * For how many milliseconds what completed a slow scan may yet prove to be the
   * beginning of a fast one, which is then told instead.
   */
  #runsOn(entry: number, index: number, time: number): number {
    const { records, judgement, settings } = this.#state;
    if (judgement.isEnding) return 0;
    const age = (toWord(time) - records.timeAt(entry, index)) >>> 0;
    const pause = Math.min(settings.scanDelay, LONG_GRACE_MS);
    return Math.max(0, pause - age);
  }

  #complete(entry: number, index: number, time: number): void {
    const { records, sharedOut, lockstep } = this.#state;
    const completion = this.#completions.of(entry, index);
    sharedOut.forgetSource(entry);
    completion.time = Math.min(time, records.time(entry));
    lockstep.take(completion);
    this.#touchRest(entry, index);
    this.setDeadline();
  }

  /** What came while the scan was waiting to be judged is part of it. */
  #touchRest(entry: number, index: number): void {
    const { records, reporter } = this.#state;
    const followed = reporter.followed.of(records, entry);
    if (followed === undefined) return;
    for (let i = index + 1; i < records.count(entry); i++) {
      followed.touch(records.portAt(entry, i));
    }
    followed.last = records.time(entry);
    followed.lastWall = Math.max(followed.lastWall, records.wall(entry));
  }

  /** Tells what is left when no more packets come. */
  finish(): void {
    const { judgement, lockstep, reporter } = this.#state;
    judgement.isEnding = true;
    this.#judged?.finish();
    for (const queue of this.#queues) {
      for (let next = queue.due; next !== Infinity; next = queue.due) {
        this.#judge(queue.take(next), next);
      }
    }
    this.#tellShared(Infinity);
    lockstep.finish();
    reporter.finish();
    judgement.isEnding = false;
    this.setDeadline();
  }
}
