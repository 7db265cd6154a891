/**
 * What the targets of a record have in common: counted once for each judging, so
 * that asking about one of them does not go over all.
 *
 * @module
 */

import type { RecordTable } from "../table/records.ts";
import {
  HAS_ACK,
  IS_OURS,
  isAnswered,
  portOf,
  protocolOf,
  REFUSED,
  stateOf,
  TARGET_IP,
  TARGET_UDP,
  WAITING,
} from "../table/target_word.ts";

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

// What is counted, each if somebody asks. A protocol is added to the first two.
/** Targets of a host and protocol. */
const HOSTS = 0;
/** Targets of a port and protocol. */
const SERVICES = 4;
/** Targets of a port. */
const PORTS = 8;

// Words of a cell, and what its three numbers are.
/** The census that it was filled for. */
const NUMBER = 0;
const KIND = 1;
const KEY = 2;
/** HOSTS: how many did not answer. */
const UNANSWERED = 3;
/** SERVICES: how many refuse, are silent, answer. */
const REFUSING = 3;
const SILENT = 4;
const ANSWERING = 5;
/** PORTS: the first host; the first target of another; more answer than do not. */
const FIRST_HOST = 3;
const SECOND = 4;
const BALANCE = 5;
const WORDS = 6;
/** Then the numbers begin again. */
const MOST_NUMBERS = 0x3fff_ffff;
/** Cells for each target: one of each kind, and as many stay free. */
const SPARE = 6;

/** Counts the targets of one record at a time. */
export class Census {
  readonly #records: RecordTable;
  readonly #cells: Int32Array;
  readonly #mask: number;
  #entry = -1;
  #number = MOST_NUMBERS;
  #hasHosts = false;
  #hasServices = false;
  #hasPorts = false;

  constructor(records: RecordTable) {
    this.#records = records;
    const cells = 2 ** Math.ceil(Math.log2(SPARE * records.mostTargets));
    this.#cells = new Int32Array(cells * WORDS);
    this.#mask = cells - 1;
  }

  /** What the cells take, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /** Begins to ask about a record; whoever changes its list begins again. */
  begin(entry: number): void {
    this.#entry = entry;
    this.#number = (this.#number + 1) & MOST_NUMBERS;
    if (this.#number === 0) this.#cells.fill(-1);
    this.#hasHosts = this.#hasServices = this.#hasPorts = false;
  }

  /**
   * Whether a target of which nobody knows whose it is stands alone: where no
   * home is known, what goes to it may be anything, and weighs nothing. Peers send
   * datagrams to many strangers, who are gone: one to each. Browsers, crawlers and
   * mail servers meet hosts that are dead, and whoever wakes up finds its
   * connections reset.
   */
  isStray(index: number): boolean {
    const word = this.#records.wordAt(this.#entry, index);
    if ((word & IS_OURS) !== 0) return false;
    if (!this.#hasHosts) this.#countHosts();
    const host = this.#records.hostAt(this.#entry, index);
    const at = this.#cell(HOSTS | protocolOf(word), host);
    const self = isAnswered(stateOf(word)) ? 0 : 1;
    if (this.#cells[at + UNANSWERED] - self >= FEW_PORTS) return false;
    return (word & HAS_ACK) !== 0 || !this.#isSwept(word);
  }

  /** Whether nothing but silent strays stands in the record: none may count yet. */
  get isAllSilent(): boolean {
    for (let i = this.#records.count(this.#entry) - 1; i >= 0; i--) {
      const isRefused = this.#records.stateAt(this.#entry, i) === REFUSED;
      if (isRefused || !this.isStray(i)) return false;
    }
    return true;
  }

  #countHosts(): void {
    this.#hasHosts = true;
    const records = this.#records;
    const entry = this.#entry;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      const word = records.wordAt(entry, i);
      if (isAnswered(stateOf(word))) continue;
      const host = records.hostAt(entry, i);
      this.#cells[this.#cell(HOSTS | protocolOf(word), host) + UNANSWERED]++;
    }
  }

  /** Whether a target's port is asked of many hosts, and few answer. */
  #isSwept(word: number): boolean {
    const count = this.#records.count(this.#entry);
    if (count * REFUSED_WEIGHT < SWEPT_HOSTS) return false;
    if (!this.#hasServices) this.#countServices();
    const protocol = protocolOf(word);
    const at = this.#cell(SERVICES | protocol, portOf(word));
    const refused = this.#cells[at + REFUSING];
    // Nobody has to answer a datagram.
    const silent = isDatagram(protocol) ? 0 : this.#cells[at + SILENT];
    return refused * REFUSED_WEIGHT + silent >= SWEPT_HOSTS &&
      refused + silent >= this.#cells[at + ANSWERING] * SWEPT_SHARE;
  }

  #countServices(): void {
    this.#hasServices = true;
    for (let i = this.#records.count(this.#entry) - 1; i >= 0; i--) {
      this.#countService(this.#records.wordAt(this.#entry, i), 1);
    }
  }

  #countService(word: number, by: number): void {
    const at = this.#cell(SERVICES | protocolOf(word), portOf(word));
    const state = stateOf(word);
    if (state === REFUSED) this.#cells[at + REFUSING] += by;
    else if (state === WAITING) this.#cells[at + SILENT] += by;
    else if (isAnswered(state)) this.#cells[at + ANSWERING] += by;
  }

  /** A target is excused from now on, which had another state. */
  excuse(word: number): void {
    if (this.#hasServices) this.#countService(word, -1);
  }

  /** Whether the same port of another host stands before a target in the list. */
  isFurtherHost(index: number): boolean {
    const at = this.#portCell(index);
    return this.#cells[at + FIRST_HOST] !==
        this.#records.hostAt(this.#entry, index) ||
      this.#cells[at + SECOND] < index;
  }

  /** Whether more hosts have answered at a target's port than have not. */
  doMostAnswer(index: number): boolean {
    return this.#cells[this.#portCell(index) + BALANCE] > 0;
  }

  #portCell(index: number): number {
    if (!this.#hasPorts) this.#countPorts();
    return this.#cell(PORTS, this.#records.portAt(this.#entry, index));
  }

  #countPorts(): void {
    this.#hasPorts = true;
    const records = this.#records;
    const entry = this.#entry;
    const cells = this.#cells;
    const count = records.count(entry);
    for (let i = 0; i < count; i++) {
      const word = records.wordAt(entry, i);
      const at = this.#cell(PORTS, portOf(word));
      const host = records.hostAt(entry, i);
      if (cells[at + SECOND] === 0) {
        cells[at + FIRST_HOST] = host;
        cells[at + SECOND] = count;
      } else if (
        cells[at + FIRST_HOST] !== host && cells[at + SECOND] === count
      ) {
        cells[at + SECOND] = i;
      }
      cells[at + BALANCE] += isAnswered(stateOf(word)) ? 1 : -1;
    }
  }

  /** The cell of a key; it holds zeros if it is new. */
  #cell(kind: number, key: number): number {
    const cells = this.#cells;
    const mixed = Math.imul(key ^ Math.imul(kind, 0x85ebca6b), 0x9e3779b1);
    let cell = (mixed ^ (mixed >>> 16)) & this.#mask;
    for (;; cell = (cell + 1) & this.#mask) {
      const at = cell * WORDS;
      if (cells[at + NUMBER] !== this.#number) {
        cells[at + NUMBER] = this.#number;
        cells[at + KIND] = kind;
        cells[at + KEY] = key;
        cells[at + KEY + 1] = cells[at + KEY + 2] = cells[at + KEY + 3] = 0;
        return at;
      }
      if (cells[at + KEY] === key && cells[at + KIND] === kind) return at;
    }
  }
}

/** Whether packets of a target's protocol go to strangers, who need not answer. */
export function isDatagram(protocol: number): boolean {
  return protocol === TARGET_UDP || protocol === TARGET_IP;
}
