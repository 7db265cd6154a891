/**
 * The question about one port of very many hosts.
 *
 * @module
 */

import { spread } from "../hash.ts";
import { LONG_GRACE_MS } from "../probe/judgement.ts";
import { NOTHING_FOUND } from "../rules/rule.ts";
import { FOUND_FAST, toWord } from "../table/records.ts";
import { ANSWERED_TARGET } from "../table/target_word.ts";
import type { Attempt } from "./attempt.ts";
import {
  type Question,
  type QuestionOptions,
  RecordQuestion,
} from "./question.ts";

/** Pairs of one of our hosts and a port that are remembered. */
const PORTS = 1024;
/**
 * So many hosts that do not answer at one port are a scan, if ...
 *
 * A mail server with a queue for dead hosts tries some hundred at a time for
 * half a minute each; masscan does a hundred a second unless told otherwise.
 */
export const SILENT_HOSTS = 128;
/** ... they were all tried within this time, in milliseconds, and ... */
export const SWEEP_WINDOW_MS = 30_000;
/**
 * ... so many times as many as have answered: now, or the last time that so many
 * were tried, since a client whose line is dead is none the less a client.
 */
const SILENT_SHARE = 2;
/** Hosts of a port that are remembered. */
const SAMPLE = 2 * SILENT_HOSTS;
/** Longer than any scan takes. */
const WHOLE = 2 ** 32;

/** One port of very many hosts. */
export class HostsOfPort extends RecordQuestion implements Question {
  /** How many hosts had answered when so many were tried before. */
  readonly #before = new Uint16Array(PORTS);

  constructor(options: QuestionOptions) {
    super(PORTS, SAMPLE, options);
  }

  override get byteLength(): number {
    return super.byteLength + this.#before.byteLength;
  }

  keyOf({ probe, protocol }: Attempt): number {
    return spread((probe.destinationPort << 2) | protocol);
  }

  isOver(entry: number, { probe }: Attempt): boolean {
    const { records } = this;
    const { time } = probe;
    if (records.has(entry, FOUND_FAST)) {
      return Math.abs(time - records.time(entry)) > SWEEP_WINDOW_MS;
    }
    const age = (toWord(time) - records.timeAt(entry, 0)) >>> 0;
    // What may be a scan waits for its last answers.
    const wait = this.isHeavy(entry) ? 2 * LONG_GRACE_MS : 0;
    return age > SWEEP_WINDOW_MS + wait;
  }

  begin(entry: number, { probe }: Attempt, isNew: boolean): void {
    const { records } = this;
    if (isNew) this.#before[entry] = 0;
    else {
      const answered = this.#countAnswered(entry);
      // While nobody answers at all, the line may be dead.
      const before = this.#before[entry] >> (answered === 0 ? 0 : 1);
      this.#before[entry] = Math.max(answered, before);
    }
    records.open(entry, probe);
  }

  #countAnswered(entry: number): number {
    const { records } = this;
    let answered = 0;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      if (records.stateAt(entry, i) === ANSWERED_TARGET) answered++;
    }
    return answered;
  }

  /** The first ones stand for all. */
  isFull(entry: number): boolean {
    return this.records.count(entry) === SAMPLE;
  }

  add(entry: number, attempt: Attempt): void {
    const { records } = this;
    const count = records.count(entry) + 1;
    this.addTarget(entry, attempt);
    records.touch(entry, attempt.probe.time, count, count);
  }

  isHeavy(entry: number): boolean {
    return this.records.count(entry) >= SILENT_HOSTS;
  }

  ask(entry: number, time: number): number {
    const { records, judgement } = this;
    const count = records.count(entry);
    const answered = Math.max(
      this.#countAnswered(entry),
      this.#before[entry],
    );
    const needed = Math.max(SILENT_HOSTS, SILENT_SHARE * answered);
    let silent = 0;
    judgement.begin(entry);
    for (let i = 0; i < count; i++) {
      if (!judgement.counts(entry, i, time) || ++silent < needed) continue;
      records.set(entry, FOUND_FAST);
      return i;
    }
    return NOTHING_FOUND;
  }

  pauseOf(): number {
    return SWEEP_WINDOW_MS;
  }

  gapOf(): number {
    return WHOLE;
  }
}
