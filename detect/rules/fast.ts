/**
 * The fast rule: targets that follow each other without a long pause.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { Judgement } from "../probe/judgement.ts";
import { FOUND_FAST, type RecordTable } from "../table/records.ts";
import { NOTHING_FOUND, type RecordRule } from "./rule.ts";

/** Adds up what counts, from each pause longer than the scan delay anew. */
export class FastRule implements RecordRule {
  readonly name = "fast";
  readonly found = FOUND_FAST;
  readonly #threshold: number;

  constructor({ minPorts, privilegedWeight }: Settings) {
    this.#threshold = minPorts * privilegedWeight;
  }

  ask(
    records: RecordTable,
    entry: number,
    judgement: Judgement,
    time: number,
  ): number {
    const count = records.count(entry);
    judgement.begin(entry);
    let sum = 0;
    let last = 0;
    for (let i = 0; i < count; i++) {
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
}
