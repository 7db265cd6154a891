/**
 * What a target counts for: its state and age, and what is remembered of its
 * port. Weight is a function of these, so that repeating a packet, answering
 * twice or answering somebody else changes nothing.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import { type RecordTable, toWord } from "../table/records.ts";
import {
  ABORTED,
  BY_ERROR,
  EXCUSED,
  HAS_ACK,
  HEAVY,
  IS_LOCAL,
  IS_OURS,
  IS_UNSURE,
  isSurelyLocal,
  isWeightless,
  portOf,
  protocolOf,
  REFUSED,
  stateOf,
  TARGET_IP,
  TARGET_UDP,
  WAITING,
} from "../table/target_word.ts";
import { Census, isDatagram } from "./census.ts";
import { Renewals } from "./renewals.ts";
import type { UsedPorts } from "./used_ports.ts";

/**
 * How long this host may take to answer, in milliseconds: a datagram, or for
 * whoever really answers at a port that it forwards.
 */
export const ANSWER_GRACE_MS = 250;
/**
 * How long the peers of a rebooted host take to connect anew, and other hosts to
 * answer, in milliseconds.
 */
export const LONG_GRACE_MS = 3000;
/**
 * Linux sends six ICMP errors at once and then one a second (icmp(7)), and some
 * ports do not count: pauses may be longer by this factor.
 */
const ERROR_PAUSES = 2;
/** A client may break off so many connections; a scanner breaks off all. */
const FORGIVEN_ABORTS = 64;

/**
 * So long after this host was booted its services may still be on their way up,
 * and those who check them are refused: milliseconds on the packets' clock, which
 * is CLOCK_BOOTTIME while capturing.
 */
const BOOT_MS = 60_000;

/** Judges the targets of records. */
export class Judgement {
  /** No more packets come: who is silent now stays so. */
  isEnding = false;
  /** What the targets of the record that is asked about have in common. */
  readonly census: Census;
  /** So long after its probe each target is decided, in milliseconds. */
  readonly longestGrace: number;
  readonly #records: RecordTable;
  readonly #privilegedWeight: number;
  readonly #highWeight: number;
  readonly #pause: number;
  readonly #answerDelay: number;
  readonly #ports: UsedPorts;
  readonly #renewals: Renewals;

  constructor(records: RecordTable, settings: Settings, ports: UsedPorts) {
    this.#records = records;
    this.census = new Census(records);
    this.#renewals = new Renewals(records, settings, LONG_GRACE_MS);
    this.#privilegedWeight = settings.privilegedWeight;
    this.#highWeight = settings.highWeight;
    this.#pause = settings.scanDelay;
    this.#answerDelay = settings.answerDelay;
    this.longestGrace = Math.max(LONG_GRACE_MS, settings.answerDelay);
    this.#ports = ports;
  }

  /** What it takes besides the records, in bytes. */
  get byteLength(): number {
    return this.census.byteLength;
  }

  /** Begins to ask about a record's targets. */
  begin(entry: number): void {
    if (this.#ports.knowsOthers) this.#disown(entry);
    this.census.begin(entry);
    this.#renewals.begin(entry);
  }

  /** What came in for another host, to which it was passed on, is not ours. */
  #disown(entry: number): void {
    const records = this.#records;
    const time = records.time(entry);
    let isChanged = false;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      if ((records.wordAt(entry, i) & IS_UNSURE) === 0) continue;
      if (!this.#ports.isOther(records.hostAt(entry, i), time)) continue;
      records.dropTraits(entry, i, IS_OURS | IS_LOCAL | IS_UNSURE);
      isChanged = true;
    }
    if (isChanged) this.update(entry, time);
  }

  /** What a target weighs if it counts. */
  weight(entry: number, index: number): number {
    return this.#weightOf(this.#records.traitsAt(entry, index));
  }

  /** What a target weighs at most, by its word. */
  mostOf(word: number): number {
    const state = stateOf(word);
    return isWeightless(state) ? 0 : this.#weightOf(word);
  }

  /**
   * What a target weighs amid those before it. A further host at the same port
   * weighs as a high port does where nobody knows who is ours, since a client that
   * loses its network meets many that are silent, and where most hosts answer.
   */
  weightOfNext(entry: number, index: number): number {
    const word = this.#records.wordAt(entry, index);
    const weight = this.#weightOf(word);
    const highWeight = this.#highWeight;
    const { census } = this;
    if (weight === highWeight || !census.isFurtherHost(index)) return weight;
    const isOurs = (word & IS_OURS) !== 0;
    return isOurs && !census.doMostAnswer(index) ? weight : highWeight;
  }

  /**
   * What a target that counts weighs over a long time. Crawlers, mail servers and
   * resolvers meet dead hosts all day: a further host at the same port weighs as a
   * high port does.
   */
  weightAmidHosts(entry: number, index: number): number {
    return this.census.isFurtherHost(index)
      ? this.#highWeight
      : this.weight(entry, index);
  }

  /**
   * How long one waits for an answer, in milliseconds.
   *
   * The kernel of a host that does not forward answers at once.
   *
   * @param traits A target's traits, and its state: after a refusal hardly
   * anything else comes.
   */
  graceOf(traits: number, protocol: number): number {
    const isSlow = protocol === TARGET_UDP || protocol === TARGET_IP;
    const isRefused = (traits & REFUSED) !== 0;
    const isUnsure = (traits & IS_UNSURE) !== 0;
    // A stream of datagrams, which nobody needs to answer, takes time to tell.
    const isStream = isSlow && isUnsure && !isRefused;
    if ((traits & HAS_ACK) !== 0 || (traits & IS_LOCAL) === 0 || isStream) {
      return LONG_GRACE_MS;
    }
    const answerDelay = this.#answerDelay;
    const isNear = !isUnsure && !this.#ports.forwards();
    if (!isSlow && (isRefused || isNear)) return answerDelay;
    return Math.max(answerDelay, ANSWER_GRACE_MS);
  }

  /** After how many milliseconds a target is decided; 0: it is. */
  undecided(entry: number, index: number, time: number): number {
    const records = this.#records;
    const word = records.wordAt(entry, index);
    const state = stateOf(word);
    if (time < BOOT_MS && isSurelyLocal(word) && !this.isEnding) {
      return state === WAITING || state === REFUSED ? BOOT_MS - time : 0;
    }
    const isHeld = state === WAITING ||
      (state === REFUSED && (word & HAS_ACK) !== 0);
    if (!isHeld || this.isEnding) return 0;
    const now = toWord(time);
    const age = (now - records.timeAt(entry, index)) >>> 0;
    if (age >= this.longestGrace) return 0;
    const isBehind = (word & IS_UNSURE) !== 0 && !this.#isOneHost(entry);
    const grace = isBehind
      ? LONG_GRACE_MS
      : this.graceOf(word, protocolOf(word));
    const wait = Math.max(0, grace - age);
    // Other hosts need as long to answer at all.
    if ((word & HAS_ACK) === 0 || !isSurelyLocal(word)) return wait;
    const least = Math.max(ANSWER_GRACE_MS - age, this.#renewals.wait(now));
    return Math.min(wait, least);
  }

  /** After how many milliseconds the last target of a record is decided. */
  longestWait(entry: number, time: number): number {
    this.begin(entry);
    let longest = 0;
    for (let i = this.#records.count(entry) - 1; i >= 0; i--) {
      longest = Math.max(longest, this.undecided(entry, i, time));
    }
    return longest;
  }

  /** Whether a target of the record that is asked about speaks for a scan. */
  counts(entry: number, index: number, time: number): boolean {
    const records = this.#records;
    const word = records.wordAt(entry, index);
    const state = stateOf(word);
    if (isWeightless(state)) return false;
    if (state === ABORTED) {
      return this.#countAborts(entry) > FORGIVEN_ABORTS;
    }
    if (this.undecided(entry, index, time) > 0) return false;
    if (this.census.isStray(index)) return false;
    if (!this.#isExcused(entry, index, time)) return true;
    records.setState(entry, index, EXCUSED);
    this.census.excuse(word);
    this.#renewals.excused();
    return false;
  }

  /** The same where silence must be a host's, not the capture's. */
  countsSlowly(entry: number, index: number, time: number): boolean {
    if (!this.counts(entry, index, time)) return false;
    if (this.#records.stateAt(entry, index) !== WAITING) return true;
    const isOurs = (this.#records.traitsAt(entry, index) & IS_OURS) !== 0;
    return isOurs && !this.#ports.isOneWay;
  }

  #countAborts(entry: number): number {
    const count = this.#records.count(entry);
    let aborts = 0;
    for (let i = 0; i < count; i++) {
      if (this.#records.stateAt(entry, i) === ABORTED) aborts++;
    }
    return aborts;
  }

  /** Whether the port is in use, or was open lately: then it is no closed one. */
  #isExcused(entry: number, index: number, time: number): boolean {
    const traits = this.#records.wordAt(entry, index);
    const protocol = protocolOf(traits);
    const port = portOf(traits);
    const host = this.#records.hostAt(entry, index);
    const ports = this.#ports;
    const isUsed = (traits & HAS_ACK) !== 0 || isDatagram(protocol);
    if (isUsed && ports.isInUse(traits, protocol, port, host, time)) {
      return true;
    }
    return protocol !== TARGET_IP &&
      ports.wasOpened(traits, protocol, port, host, time);
  }

  /** Whether all targets of a record are one host's. */
  #isOneHost(entry: number): boolean {
    const records = this.#records;
    const first = records.hostAt(entry, 0);
    for (let i = records.count(entry) - 1; i > 0; i--) {
      if (records.hostAt(entry, i) !== first) return false;
    }
    return true;
  }

  /**
   * Adds up what the targets of a record weigh at most: all of them, those
   * since the last pause, and those that count over the long window.
   */
  update(entry: number, time: number): void {
    const records = this.#records;
    const count = records.count(entry);
    let bound = 0;
    let live = 0;
    let run = 0;
    let slow = 0;
    let last = 0;
    let aborts = 0;
    for (let i = 0; i < count; i++) {
      const traits = records.wordAt(entry, i);
      const state = stateOf(traits);
      if (state === ABORTED) aborts++;
      if (state !== WAITING && state !== REFUSED) continue;
      const weight = this.#weightOf(traits);
      const then = records.timeAt(entry, i);
      if (((then - last) | 0) > this.pauseOf(traits)) run = 0;
      last = then;
      run += weight;
      bound += weight;
      if (isCertain(traits, state)) slow += weight;
      live++;
    }
    const counting = aborts > FORGIVEN_ABORTS ? aborts : 0;
    records.setRecent(entry, run + counting, slow + counting);
    records.touchLatest(entry, time, bound + counting, live + aborts);
  }

  /**
   * The same where nothing has changed but that a target was added.
   *
   * @param traits Its traits and state.
   * @param goesOn It follows the one before without a pause.
   */
  added(entry: number, time: number, traits: number, goesOn: boolean): void {
    const weight = this.#weightOf(traits);
    const slow = isCertain(traits, traits & REFUSED) ? weight : 0;
    this.#records.addWeight(entry, time, weight, slow, goesOn);
  }

  /**
   * The same where a target leaves as another one comes, so that the record is
   * kept as long as that tells: the run, of which it may have been, counts it
   * further.
   */
  leaves(entry: number, index: number): void {
    const records = this.#records;
    const state = records.stateAt(entry, index);
    if (state === ABORTED) records.setState(entry, index, EXCUSED);
    if (state === ABORTED) this.update(entry, records.time(entry));
    if (state !== WAITING && state !== REFUSED) return;
    const traits = records.traitsAt(entry, index);
    const weight = this.#weightOf(traits);
    records.takeWeight(entry, weight, isCertain(traits, state) ? weight : 0);
  }

  /** A target that may do so refuses now. */
  refuse(entry: number, index: number): void {
    const records = this.#records;
    const traits = records.traitsAt(entry, index);
    const known = records.stateAt(entry, index);
    records.setState(entry, index, REFUSED);
    if (known !== WAITING) this.update(entry, records.time(entry));
    if (known !== WAITING || isCertain(traits, WAITING)) return;
    const slow = records.slowBound(entry) + this.#weightOf(traits);
    records.setRecent(entry, records.run(entry), slow);
  }

  #weightOf(traits: number): number {
    return (traits & HEAVY) !== 0 ? this.#privilegedWeight : this.#highWeight;
  }

  /** How long a source may pause before a target with such traits. */
  pauseOf(traits: number): number {
    return (traits & BY_ERROR) !== 0 ? ERROR_PAUSES * this.#pause : this.#pause;
  }
}

/** Whether a target that does not answer counts over the long window. */
function isCertain(traits: number, state: number): boolean {
  return state === REFUSED || (traits & IS_OURS) !== 0;
}
