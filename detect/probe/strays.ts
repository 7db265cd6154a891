/**
 * Targets of which nobody knows whose they are, and which stand alone: where no
 * home is known, what goes to them may be anything, and weighs nothing.
 *
 * @module
 */

import type { RecordTable } from "../table/records.ts";
import {
  ANSWERED_TARGET,
  HAS_ACK,
  IS_OURS,
  portOf,
  protocolOf,
  REFUSED,
  stateOf,
  TARGET_IP,
  TARGET_UDP,
  WAITING,
} from "../table/targets.ts";

/**
 * A port is swept if so many hosts are silent there, or a third as many refuse.
 * Pages of today have the parts of fifty sites, and a broken line silences all.
 */
const SWEPT_HOSTS = 64;
const REFUSED_WEIGHT = 3;
/** And if so many times as many do so as answer: clients meet some dead hosts. */
const SWEPT_SHARE = 3;
/**
 * So many ports of a host may be asked in vain: a browser tries two, and whoever
 * wakes up finds that two connections are gone.
 */
const FEW_PORTS = 2;

/** Tells the strays of records. */
export class Strays {
  readonly #records: RecordTable;

  constructor(records: RecordTable) {
    this.#records = records;
  }

  /**
   * Whether a target of which nobody knows whose it is stands alone. Peers send
   * datagrams to many strangers, who are gone: one to each. Browsers, crawlers and
   * mail servers meet hosts that are dead, and whoever wakes up finds its
   * connections reset.
   */
  has(entry: number, index: number): boolean {
    const records = this.#records;
    const traits = records.wordAt(entry, index);
    if ((traits & IS_OURS) !== 0) return false;
    const few = isDatagram(protocolOf(traits)) ? 1 : FEW_PORTS;
    if (this.#hasOthers(entry, index, few)) return false;
    return (traits & HAS_ACK) !== 0 || !this.#isSwept(entry, index);
  }

  /** Whether so many others of a target's host and protocol did not answer. */
  #hasOthers(entry: number, index: number, few: number): boolean {
    const records = this.#records;
    const protocol = records.protocolAt(entry, index);
    const host = records.hostAt(entry, index);
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      if (records.hostAt(entry, i) !== host || i === index) continue;
      const word = records.wordAt(entry, i);
      const isOther = protocolOf(word) === protocol &&
        stateOf(word) !== ANSWERED_TARGET;
      if (isOther && --few === 0) return true;
    }
    return false;
  }

  /** Whether a target's port is asked of many hosts, and few answer. */
  #isSwept(entry: number, index: number): boolean {
    const records = this.#records;
    if (records.count(entry) * REFUSED_WEIGHT < SWEPT_HOSTS) return false;
    const protocol = records.protocolAt(entry, index);
    const port = records.portAt(entry, index);
    let refused = 0;
    let silent = 0;
    let answered = 0;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      const word = records.wordAt(entry, i);
      if (portOf(word) !== port || protocolOf(word) !== protocol) continue;
      const state = stateOf(word);
      if (state === REFUSED) refused++;
      else if (state === WAITING) silent++;
      else if (state === ANSWERED_TARGET) answered++;
    }
    // Nobody has to answer a datagram.
    if (isDatagram(protocol)) silent = 0;
    return refused * REFUSED_WEIGHT + silent >= SWEPT_HOSTS &&
      refused + silent >= answered * SWEPT_SHARE;
  }

  /** Whether nothing but strays stands in a record: they weigh nothing. */
  areAll(entry: number): boolean {
    for (let i = this.#records.count(entry) - 1; i >= 0; i--) {
      if (!this.has(entry, i)) return false;
    }
    return true;
  }
}

/** Whether packets of a target's protocol go to strangers, who need not answer. */
export function isDatagram(protocol: number): boolean {
  return protocol === TARGET_UDP || protocol === TARGET_IP;
}
