/**
 * Room in full records: what weighs nothing makes way for a further target.
 *
 * @module
 */

import { LONG_GRACE_MS } from "../probe/judgement.ts";
import { FOUND_SLOW, toWord } from "../table/records.ts";
import { isWeightless, REFUSED, WAITING } from "../table/target_word.ts";
import type { FinderState } from "./state.ts";

/**
 * Who has looked for room in vain looks again after so long, in milliseconds, or
 * once the targets weigh less: a flood is not to go over all of them each time.
 */
const VAIN_MS = 100;
/** Set for whoever has looked, and for a refusal. */
const LOOKED = 2;
const FOR_REFUSAL = 1;
const WEIGHT_SHIFT = 2;

/** Takes targets out of records. */
export class Room {
  readonly #state: FinderState;
  /** By record: when room was looked for in vain; what its targets weighed. */
  readonly #vainTimes: Int32Array;
  readonly #vainWeights: Int32Array;

  constructor(state: FinderState) {
    this.#state = state;
    this.#vainTimes = new Int32Array(state.records.capacity);
    this.#vainWeights = new Int32Array(state.records.capacity);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#vainTimes.byteLength + this.#vainWeights.byteLength;
  }

  /**
   * Makes room for one more target, if any weighs nothing; a refusal, which is
   * certain, also takes the place of what only waits.
   *
   * @param state What is known of the one that comes.
   * @returns Whether there is room.
   */
  make(entry: number, time: number, state: number): boolean {
    const forRefusal = state === REFUSED ? FOR_REFUSAL : 0;
    const weight = this.#state.records.bound(entry) << WEIGHT_SHIFT | LOOKED;
    if (this.#isVain(entry, time, weight | forRefusal)) return false;
    const index = this.#find(entry, time, state);
    if (index >= 0) {
      this.remove(entry, index);
      return true;
    }
    this.#vainTimes[entry] = toWord(time);
    this.#vainWeights[entry] = weight | forRefusal;
    return false;
  }

  #isVain(entry: number, time: number, weight: number): boolean {
    const vain = this.#vainWeights[entry];
    // Where a refusal has found no room, nothing else does.
    if (vain !== weight && vain !== (weight | FOR_REFUSAL)) return false;
    return ((toWord(time) - this.#vainTimes[entry]) >>> 0) < VAIN_MS;
  }

  /** The target that goes, or -1. */
  #find(entry: number, time: number, state: number): number {
    const { records, judgement, settings: { slowWindow, scanDelay } } =
      this.#state;
    const count = records.count(entry);
    const now = toWord(time);
    // What made a slow scan has been told: only the fast rule goes on asking.
    const isTold = records.has(entry, FOUND_SLOW);
    const longest = isTold ? scanDelay : Math.max(slowWindow, scanDelay);
    judgement.begin(entry);
    let waiting = -1;
    for (let i = 0; i < count; i++) {
      const known = records.stateAt(entry, i);
      const isOld = ((now - records.timeAt(entry, i)) >>> 0) > longest;
      const isNothing = isWeightless(known) || isOld ||
        judgement.census.isStray(i);
      if (isNothing || this.#isPast(entry, i, time)) return i;
      if (known === WAITING) waiting = i;
    }
    return state === REFUSED ? waiting : -1;
  }

  /** Whether only the fast rule could ask about a target, and is done with it. */
  #isPast(entry: number, index: number, time: number): boolean {
    const { records, judgement } = this.#state;
    if (records.stateAt(entry, index) !== WAITING) return false;
    const traits = records.traitsAt(entry, index);
    const age = (toWord(time) - records.timeAt(entry, index)) >>> 0;
    return age > LONG_GRACE_MS + judgement.pauseOf(traits) &&
      !judgement.countsSlowly(entry, index, time);
  }

  /** Takes a target out of a record. */
  remove(entry: number, index: number): void {
    const { records, judgement } = this.#state;
    judgement.leaves(entry, index);
    records.removeTarget(entry, index);
  }
}
