/**
 * The question about many ports of one host.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import { FastRule } from "../rules/fast.ts";
import { NOTHING_FOUND } from "../rules/rule.ts";
import { SLOW_PAUSE_MS, SlowRule } from "../rules/slow.ts";
import { FOUND_FAST, FOUND_SLOW, toWord } from "../table/records.ts";
import { BY_ERROR, isWeightless } from "../table/target_word.ts";
import type { Attempt } from "./attempt.ts";
import {
  type Question,
  type QuestionOptions,
  RecordQuestion,
} from "./question.ts";

/**
 * Pairs of one of our hosts and another one. Who asks many hosts in a row, each
 * once, pushes out his own kind.
 */
const PAIRS = 4096;
/** Targets of a record, besides what makes a scan. */
const SPARE_TARGETS = 22;

/** Many ports of one host: the rules are those for scans of our own hosts. */
export class PortsOfHost extends RecordQuestion implements Question {
  readonly #settings: Settings;
  readonly #threshold: number;
  readonly #fast: FastRule;
  readonly #slow: SlowRule;

  constructor(options: QuestionOptions) {
    const { settings } = options;
    const threshold = settings.minPorts * settings.privilegedWeight;
    const targets = Math.ceil(threshold / settings.highWeight) + SPARE_TARGETS;
    const sources = 2 ** Math.ceil(Math.log2(settings.sources));
    super(Math.min(PAIRS, sources), targets, options);
    this.#settings = settings;
    this.#threshold = threshold;
    this.#fast = new FastRule(settings);
    this.#slow = new SlowRule(settings, targets);
  }

  keyOf({ host }: Attempt): number {
    return host;
  }

  isOver(entry: number, { probe, traits }: Attempt): boolean {
    const { records } = this;
    const { scanDelay, slowWindow } = this.#settings;
    const age = probe.time - records.time(entry);
    if (age < 0) return age < -scanDelay;
    const pause = this.#pause(traits);
    if (records.has(entry, FOUND_FAST)) return age > pause;
    if (records.has(entry, FOUND_SLOW)) return age > SLOW_PAUSE_MS;
    return age > Math.max(slowWindow, pause);
  }

  begin(entry: number, { probe }: Attempt): void {
    this.records.open(entry, probe);
  }

  isFull(): boolean {
    return false;
  }

  add(entry: number, attempt: Attempt): void {
    const { records } = this;
    const { probe, traits } = attempt;
    const { time } = probe;
    const isNewRun = time - records.time(entry) > this.#pause(traits);
    if (isNewRun) this.#forgetErrors(entry);
    if (records.count(entry) === 0) records.open(entry, probe);
    else if (isNewRun) records.beginRun(entry, probe);
    if (!this.#makeRoom(entry, time)) {
      records.renew(entry, time);
      return;
    }
    this.addTarget(entry, attempt);
    this.measure(entry, time);
  }

  /** Sets what a record weighs once a target has changed. */
  measure(entry: number, time: number): void {
    this.judgement.update(entry, time);
  }

  /**
   * Servers get errors all day for what they go on sending to clients that have
   * left: these count in the fast question alone.
   */
  #forgetErrors(entry: number): void {
    const { records } = this;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      const isError = (records.traitsAt(entry, i) & BY_ERROR) !== 0;
      if (isError) records.removeTarget(entry, i);
    }
  }

  #makeRoom(entry: number, time: number): boolean {
    const { records } = this;
    const count = records.count(entry);
    if (count < records.mostTargets) return true;
    const now = toWord(time);
    const { slowWindow, scanDelay } = this.#settings;
    const longest = Math.max(slowWindow, scanDelay);
    for (let i = 0; i < count; i++) {
      const state = records.stateAt(entry, i);
      const isOld = ((now - records.timeAt(entry, i)) >>> 0) > longest;
      if (!isWeightless(state) && !isOld) continue;
      records.removeTarget(entry, i);
      return true;
    }
    return false;
  }

  isHeavy(entry: number): boolean {
    return this.records.bound(entry) >= this.#threshold;
  }

  ask(entry: number, time: number): number {
    const { records } = this;
    for (const rule of [this.#fast, this.#slow]) {
      if (records.has(entry, rule.found | FOUND_FAST)) continue;
      const index = rule.ask(records, entry, this.judgement, time);
      if (index === NOTHING_FOUND) continue;
      records.set(entry, rule.found);
      return index;
    }
    return NOTHING_FOUND;
  }

  pauseOf(entry: number, index: number): number {
    return this.records.has(entry, FOUND_FAST)
      ? this.gapOf(entry, index)
      : SLOW_PAUSE_MS;
  }

  gapOf(entry: number, index: number): number {
    return this.#pause(this.records.traitsAt(entry, index));
  }

  #pause(traits: number): number {
    return this.judgement.pauseOf(traits);
  }
}
