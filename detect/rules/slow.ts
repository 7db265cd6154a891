/**
 * The slow rule: targets within a long window, whatever the pauses.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { Judgement } from "../probe/judgement.ts";
import { FOUND_SLOW, type RecordTable, toWord } from "../table/records.ts";
import { NOTHING_FOUND, type RecordRule } from "./rule.ts";

/** A slow scan goes on as long as it pauses no longer, in milliseconds. */
export const SLOW_PAUSE_MS = 900_000;
/** A scan of many hosts needs so many times the threshold: clients meet dead ones. */
export const MANY_HOSTS_FACTOR = 3;

/** Adds up what counts, for one host, and for all of them with less weight. */
export class SlowRule implements RecordRule {
  readonly name = "slow";
  readonly found = FOUND_SLOW;
  readonly #threshold: number;
  readonly #window: number;
  readonly #hosts: Int32Array;
  readonly #sums: Int32Array;

  /** @param targets Most targets of a record. */
  constructor(settings: Settings, targets: number) {
    this.#threshold = settings.minPorts * settings.privilegedWeight;
    this.#window = settings.slowWindow;
    this.#hosts = new Int32Array(targets);
    this.#sums = new Int32Array(targets);
  }

  ask(
    records: RecordTable,
    entry: number,
    judgement: Judgement,
    time: number,
  ): number {
    if (this.#window === 0) return NOTHING_FOUND;
    const count = records.count(entry);
    const now = toWord(time);
    judgement.begin(entry);
    let hosts = 0;
    let total = 0;
    for (let i = 0; i < count; i++) {
      if (((now - records.timeAt(entry, i)) >>> 0) > this.#window) continue;
      if (!judgement.countsSlowly(entry, i, time)) continue;
      const weight = judgement.weight(entry, i);
      const host = this.#hostOf(records.hostAt(entry, i), hosts);
      if (host === hosts) this.#sums[hosts++] = 0;
      this.#sums[host] += weight;
      if (this.#sums[host] >= this.#threshold) return i;
      total += host === 0 ? weight : judgement.weightAmidHosts(entry, i);
      if (total >= MANY_HOSTS_FACTOR * this.#threshold) return i;
    }
    return NOTHING_FOUND;
  }

  /** Which of the hosts met so far this is; a new one is noted. */
  #hostOf(host: number, known: number): number {
    const hosts = this.#hosts;
    for (let i = 0; i < known; i++) if (hosts[i] === host) return i;
    hosts[known] = host;
    return known;
  }
}
