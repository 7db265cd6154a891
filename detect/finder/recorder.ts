/**
 * Puts the targets of probes into the records of their sources.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import { SLOW_PAUSE_MS } from "../rules/slow.ts";
import { isDatagram } from "../probe/census.ts";
import { weightOf } from "../probe/traits.ts";
import { NOT_YET } from "../report/judged_probes.ts";
import { FirstProbes } from "../table/first_probes.ts";
import { FOUND_FAST, FOUND_SLOW, toWord } from "../table/records.ts";
import {
  ABORTED,
  BY_ERROR,
  BY_REFUSAL,
  GOES_ON,
  HAS_ACK,
  IS_OURS,
  isAnswered,
  isSurelyLocal,
  mayRefuse,
  REFUSED,
  STATE_MASK,
  TARGET_UDP,
  targetProtocol,
  WAITING,
} from "../table/target_word.ts";
import type { Judge } from "./judge.ts";
import type { Ongoing } from "./ongoing.ts";
import { Room } from "./room.ts";
import type { FinderState } from "./state.ts";

/** A copy of a packet comes so soon after it, in milliseconds, and is no repeat. */
const COPY_MS = 1;
/** Moments remembered at which a target was last asked again. */
const MOMENTS = 1024;

/** Adds targets to records. */
export class Recorder {
  readonly #state: FinderState;
  readonly #judge: Judge;
  readonly #ongoing: Ongoing;
  readonly #firstProbes: FirstProbes;
  readonly #room: Room;
  readonly #repeated = new Int32Array(MOMENTS);

  /** @param random A source of 32 random bits for the hash keys. */
  constructor(
    state: FinderState,
    judge: Judge,
    ongoing: Ongoing,
    random: () => number,
  ) {
    this.#state = state;
    this.#judge = judge;
    this.#ongoing = ongoing;
    this.#room = new Room(state);
    this.#firstProbes = new FirstProbes(state.records.capacity, random);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#firstProbes.byteLength + this.#room.byteLength +
      this.#repeated.byteLength;
  }

  /**
   * Counts a probe.
   *
   * @param state What is known of its target.
   * @param ever Flags that it may have had; those it surely had are its own.
   */
  add(probe: Segment, traits: number, state: number, ever: number): void {
    const { records, ownership } = this.#state;
    const { time } = probe;
    if (ownership.isForgedInOurName(probe)) return;
    let entry = this.#state.findSource(probe);
    if (entry < 0) entry = this.#insert(probe);
    else {
      const age = time - records.time(entry);
      // Who connected long ago may be forged by now.
      if (age > SLOW_PAUSE_MS) records.clearStanding(entry);
      if (this.#isOver(entry, age, traits)) records.clearTargets(entry);
      else if (this.#ongoing.goesOn(entry, probe)) return;
      else this.#forgetSilent(entry, age, traits);
    }
    const { destinationPort: port } = probe;
    const protocol = targetProtocol(probe.protocol);
    if (!isDatagram(protocol)) this.#dropStrays(entry);
    const host = this.#state.destinationOf(probe);
    const index = records.findTarget(entry, protocol, port, host);
    const last = index < 0 ? NOT_YET : records.timeAt(entry, index);
    if (index >= 0 && !this.#isAgain(entry, index, probe, traits | state)) {
      return;
    }
    const goesOn = this.#begin(entry, probe, traits, ever);
    const isFull = records.count(entry) === records.mostTargets;
    if (isFull && !this.#room.make(entry, time, state)) {
      records.renew(entry, time);
      return;
    }
    const known = traits | state;
    records.addTarget(entry, protocol, port, host, known, toWord(time));
    this.#state.judgement.added(entry, time, known, goesOn);
    this.#added(entry, probe, known);
    this.#judge.noteTarget(probe, host, traits, last);
  }

  /**
   * Forgets after a pause who was silent before it, as far as nobody knows whose
   * hosts they are, or what they answer is not captured: only the fast rule asks
   * about these, and is done with them.
   */
  #forgetSilent(entry: number, age: number, traits: number): void {
    const { records, judgement, ports, threshold } = this.#state;
    if (age <= Math.max(judgement.longestGrace, this.#pauseOf(traits))) return;
    // What may be a scan waits to be judged, until the next pause at most.
    if (records.run(entry) >= threshold || records.has(entry, FOUND_SLOW)) {
      return;
    }
    const count = records.count(entry);
    const kept = ports.isOneWay ? 0 : IS_OURS;
    const left = records.removeAll(entry, kept | STATE_MASK, WAITING);
    const isChanged = left > 0 && left < count;
    if (isChanged) judgement.update(entry, records.time(entry));
  }

  /**
   * Stray datagrams give their place to what may be a scan's first probe, unless
   * anybody refused them: then a slow scan may have begun with them.
   */
  #dropStrays(entry: number): void {
    const { records, judgement } = this.#state;
    if (records.count(entry) === 0) return;
    if (!isDatagram(records.protocolAt(entry, 0))) return;
    judgement.begin(entry);
    if (judgement.census.isAllSilent) records.clearTargets(entry);
  }

  /** What follows once a target stands in a record. */
  #added(entry: number, probe: Segment, traits: number): void {
    const { records, judgement, sharedOut, key } = this.#state;
    // What has been reported of a source itself is nothing that it shares.
    if (!records.has(entry, FOUND_SLOW)) {
      sharedOut.add(entry, key, probe);
      this.#judge.expectShared();
    }
    this.#state.sharedProbes.note(entry, probe);
    const protocol = targetProtocol(probe.protocol);
    this.#judge.expect(entry, judgement.graceOf(traits, protocol), probe);
  }

  /**
   * Opens a record or its next run, and takes over what varies.
   *
   * @returns Whether the run before goes on.
   */
  #begin(entry: number, probe: Segment, traits: number, ever: number): boolean {
    const { records, companies, threshold } = this.#state;
    const isNew = records.count(entry) === 0;
    const isPause = probe.time - records.time(entry) > this.#pauseOf(traits);
    if (isNew) {
      records.open(entry, probe);
      companies.forget(entry);
    } else if (isPause) records.beginRun(entry, probe);
    else if (records.run(entry) === 0) this.#beginAnew(entry, probe);
    const goesOn = !isNew && !isPause;
    // What comes once a run may be a scan is not part of what completed it.
    if (!goesOn || records.run(entry) < threshold) {
      records.mergeKnownFlags(entry, probe.flags, ever);
      records.mergeChanges(entry, probe);
      if ((traits & BY_REFUSAL) !== 0) records.forgetHeader(entry);
    }
    return goesOn;
  }

  /**
   * So far there were open ports only. They belong to the scan that may begin now
   * if they are the same host's, and were asked just before.
   */
  #beginAnew(entry: number, probe: Segment): void {
    const { records, settings } = this.#state;
    const last = records.hostAt(entry, records.count(entry) - 1);
    const isElsewhere = last !== this.#state.destinationOf(probe);
    records.replaceRun(entry, probe, isElsewhere ? 0 : settings.scanDelay);
  }

  #insert(probe: Segment): number {
    const { key, records, companies } = this.#state;
    const entry = records.insert(key.w0, key.w1, key.w2, key.w3, probe.time);
    records.clearStatus(entry);
    records.clearTargets(entry);
    companies.forget(entry);
    this.#remind(entry, probe);
    return entry;
  }

  /** Gives a source back the target that was known when it had to go. */
  #remind(entry: number, probe: Segment): void {
    const { key, records, settings } = this.#state;
    const first = this.#firstProbes;
    const { w0, w1, w2, w3 } = key;
    const isKnown = first.find(w0, w1, w2, w3, probe.time) &&
      first.age <= settings.slowWindow;
    if (!isKnown) {
      first.remember(probe.destinationPort, probe.time);
      return;
    }
    if (first.port === probe.destinationPort) return;
    const traits = this.#state.traits.of(probe) | weightOf(first.port);
    const protocol = targetProtocol(probe.protocol);
    const then = probe.time - first.age;
    const host = this.#state.destinationOf(probe);
    records.open(entry, probe);
    records.addTarget(entry, protocol, first.port, host, traits, toWord(then));
    this.#state.judgement.added(entry, then, traits, false);
  }

  #pauseOf(traits: number): number {
    return this.#state.judgement.pauseOf(traits);
  }

  /** Whether what is remembered of a source has ended. */
  #isOver(entry: number, age: number, traits: number): boolean {
    const { records, settings } = this.#state;
    if (age < 0) return age < -settings.scanDelay;
    if (records.has(entry, FOUND_FAST)) {
      const last = records.traitsAt(entry, records.count(entry) - 1);
      return age > this.#pauseOf(traits | last);
    }
    if (records.has(entry, FOUND_SLOW)) return age > SLOW_PAUSE_MS;
    return age > Math.max(settings.slowWindow, this.#pauseOf(traits));
  }

  /**
   * Whether a probe of a known target counts again, in a new run.
   *
   * @param traits With what is known of the target now.
   */
  #isAgain(
    entry: number,
    index: number,
    probe: Segment,
    traits: number,
  ): boolean {
    const { records, threshold } = this.#state;
    const known = records.stateAt(entry, index);
    const isNamed = (records.traitsAt(entry, index) & BY_REFUSAL) === 0;
    const isRefused = (traits & REFUSED) !== 0;
    if (isRefused && mayRefuse(known)) {
      records.addTraits(entry, index, traits & BY_ERROR);
      this.#share(entry, index, REFUSED);
      this.#judge.refused(entry, index, probe.time);
    }
    if (known === ABORTED) return false;
    if (this.#isContinued(entry, index, traits)) return false;
    const age = (toWord(probe.time) - records.timeAt(entry, index)) >>> 0;
    if (age > this.#pauseOf(traits)) {
      this.#room.remove(entry, index);
      return true;
    }
    if (known === WAITING && !isRefused) this.#noteRepeat(entry, index, probe);
    // While a scan waits to be judged, it goes on.
    if (records.bound(entry) >= threshold) records.renew(entry, probe.time);
    if (isNamed && !isRefused && records.run(entry) < threshold) {
      records.mergeFlags(entry, probe.flags);
    }
    return false;
  }

  /**
   * Whether a stream of datagrams or a connection goes on, of which nobody may
   * have seen the other half.
   */
  #isContinued(entry: number, index: number, traits: number): boolean {
    const { records } = this.#state;
    const known = records.stateAt(entry, index);
    const isAck = (traits & (HAS_ACK | REFUSED)) === HAS_ACK;
    return isAnswered(known) && isAck ||
      known === GOES_ON && records.protocolAt(entry, index) === TARGET_UDP;
  }

  #share(entry: number, index: number, state: number): void {
    const { records, sharedOut, key } = this.#state;
    const protocol = records.protocolAt(entry, index);
    const port = records.portAt(entry, index);
    const host = records.hostAt(entry, index);
    sharedOut.outcome(key, protocol, port, host, state);
  }

  /**
   * Of other hosts than the watched one nobody knows who only listens, and answers
   * may take another way: what gets many datagrams is sent a stream.
   */
  #noteRepeat(entry: number, index: number, { time }: Segment): void {
    const { records } = this.#state;
    if (records.protocolAt(entry, index) !== TARGET_UDP) return;
    if (isSurelyLocal(records.traitsAt(entry, index))) return;
    if (this.countRepeat(entry, index, time)) this.goesOn(entry, index, time);
  }

  /**
   * Counts what comes again to a target, unless it is a copy; returns whether it
   * has come often enough to be a stream.
   */
  countRepeat(entry: number, index: number, time: number): boolean {
    const { records } = this.#state;
    const now = toWord(time);
    const moment = (Math.imul(entry, 0x9e3779b1) ^ index) & (MOMENTS - 1);
    const isCopy = isJust(this.#repeated[moment], now) ||
      isJust(records.timeAt(entry, index), now);
    if (isCopy) return false;
    this.#repeated[moment] = now;
    return records.countRepeat(entry, index);
  }

  /** A target gets what only goes on where somebody answers. */
  goesOn(entry: number, index: number, time: number): void {
    const { records, judgement } = this.#state;
    records.setState(entry, index, GOES_ON);
    this.#share(entry, index, GOES_ON);
    judgement.update(entry, time);
  }
}

/** Whether a packet at one time may be a copy of one at another. */
function isJust(then: number, now: number): boolean {
  return ((now - then) >>> 0) <= COPY_MS;
}
