/**
 * Whether a source renews what this host has forgotten. A rebooted host's peers
 * are refused, or get no answer, and then connect anew: to one port as to the
 * others. Who has renewed nothing for long enough renews nothing at all.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { RecordTable } from "../table/records.ts";
import { HAS_ACK, HEAVY, isWeightless, stateOf } from "../table/target_word.ts";

/**
 * This share of what makes a scan must have waited in vain. A host has a service
 * or two that do not come back; a slow scanner asks for ten ports at once.
 */
const SHARE = 3;

/** Looks at the targets of one record at a time. */
export class Renewals {
  readonly #records: RecordTable;
  readonly #settings: Settings;
  /** How long a source has to connect anew, in milliseconds. */
  readonly #grace: number;
  #entry = -1;
  #isKnown = false;
  /** How long after {@linkcode Renewals.#since} nothing was renewed, or never. */
  #doesRenew = true;
  #since = 0;

  constructor(records: RecordTable, settings: Settings, grace: number) {
    this.#records = records;
    this.#settings = settings;
    this.#grace = grace;
  }

  /** Begins to ask about a record. */
  begin(entry: number): void {
    this.#entry = entry;
    this.#isKnown = false;
  }

  /** A target of the record is excused from now on. */
  excused(): void {
    this.#isKnown = this.#doesRenew = true;
  }

  /**
   * For how many milliseconds it stays open whether the source renews anything;
   * Infinity: each of its targets has to wait for itself.
   *
   * @param now As targets keep it.
   */
  wait(now: number): number {
    if (!this.#isKnown) this.#look();
    if (this.#doesRenew) return Infinity;
    return Math.max(0, this.#grace - ((now - this.#since) >>> 0));
  }

  #look(): void {
    const records = this.#records;
    const entry = this.#entry;
    const { minPorts, privilegedWeight, highWeight } = this.#settings;
    const count = records.count(entry);
    this.#isKnown = this.#doesRenew = true;
    const first = this.#firstOfRun(count);
    let sum = 0;
    for (let i = first; i < count; i++) {
      const word = records.wordAt(entry, i);
      if ((word & HAS_ACK) === 0) continue;
      sum += (word & HEAVY) !== 0 ? privilegedWeight : highWeight;
      if (sum * SHARE < minPorts * privilegedWeight) continue;
      this.#doesRenew = false;
      this.#since = records.timeAt(entry, i);
      return;
    }
  }

  /** The first target since the last long pause; all if any was answered. */
  #firstOfRun(count: number): number {
    const records = this.#records;
    const entry = this.#entry;
    for (let i = count - 1; i >= 0; i--) {
      const state = stateOf(records.wordAt(entry, i));
      if (isWeightless(state)) return count;
      if (i === 0) return 0;
      const pause = records.timeAt(entry, i) - records.timeAt(entry, i - 1);
      if ((pause | 0) > this.#grace) return i;
    }
    return count;
  }
}
