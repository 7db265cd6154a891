/**
 * The fast rule: targets that follow each other without a long pause.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { Judgement } from "../probe/judgement.ts";
import { FOUND_FAST, FOUND_SLOW, type RecordTable } from "../table/records.ts";
import { NOTHING_FOUND, type RecordRule } from "./rule.ts";

/** Adds up what counts, from each pause longer than the scan delay anew. */
export class FastRule implements RecordRule {
  readonly name = "fast";
  readonly found = FOUND_FAST;
  readonly #threshold: number;
  /** Whether the slow rule asks as well. */
  readonly #isShared: boolean;

  constructor({ minPorts, privilegedWeight, slowWindow }: Settings) {
    this.#threshold = minPorts * privilegedWeight;
    this.#isShared = slowWindow > 0;
  }

  ask(
    records: RecordTable,
    entry: number,
    judgement: Judgement,
    time: number,
  ): number {
    const count = records.count(entry);
    // The slow rule will ask about those before, as long as it has found nothing.
    const isShort = this.#isShared && !records.has(entry, FOUND_SLOW);
    const first = isShort ? this.#firstRun(records, entry, judgement) : 0;
    judgement.begin(entry);
    let sum = 0;
    let last = 0;
    for (let i = first; i < count; i++) {
      if (!judgement.counts(entry, i, time)) continue;
      const then = records.timeAt(entry, i);
      const pause = judgement.pauseOf(records.wordAt(entry, i));
      if (sum > 0 && ((then - last) | 0) > pause) sum = 0;
      last = then;
      sum += judgement.weightOfNext(entry, i);
      if (sum >= this.#threshold) return i;
    }
    return NOTHING_FOUND;
  }

  /**
   * Where the first run begins that may weigh enough, whatever becomes of its
   * targets: to ask about each takes far longer.
   */
  #firstRun(records: RecordTable, entry: number, judgement: Judgement): number {
    const count = records.count(entry);
    let first = count;
    let sum = 0;
    let longest = 0;
    let isEnough = false;
    for (let i = count - 1; i >= 0; i--) {
      const word = records.wordAt(entry, i);
      longest = Math.max(longest, judgement.pauseOf(word));
      sum += judgement.mostOf(word);
      if (sum >= this.#threshold) isEnough = true;
      if (isEnough) first = i;
      if (i === 0) break;
      const pause = records.timeAt(entry, i) - records.timeAt(entry, i - 1);
      if ((pause | 0) <= longest) continue;
      sum = 0;
      isEnough = false;
    }
    return first;
  }
}
