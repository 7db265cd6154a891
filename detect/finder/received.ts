/**
 * What comes in: which of it is a probe, and what it says of probes before.
 *
 * @module
 */

import { DIRECTION_UNKNOWN } from "../packet/packet.ts";
import {
  DATAGRAM_EMPTY,
  DATAGRAM_REPLY,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
} from "../packet/segment.ts";
import {
  DATAGRAM,
  IP_PACKET,
  isFromService,
  isMulticast,
  mayBeBroadcast,
  NO_PROBE,
  OPENING,
  probeKind,
  WITH_ACK,
} from "../probe/probe.ts";
import { weightOf } from "../probe/traits.ts";
import { HEARD, SEEN } from "../table/records.ts";
import {
  ABORTED,
  ANSWERED_TARGET,
  HAS_ACK,
  HEAVY,
  isSurelyLocal,
  WAITING,
} from "../table/target_word.ts";
import type { Judge } from "./judge.ts";
import type { Recorder } from "./recorder.ts";
import type { FinderState } from "./state.ts";

/** Looks at what comes in. */
export class Received {
  readonly #state: FinderState;
  readonly #recorder: Recorder;
  readonly #judge: Judge;
  readonly #ephemeralPort: number;
  readonly #probe = new Segment();

  constructor(state: FinderState, recorder: Recorder, judge: Judge) {
    this.#state = state;
    this.#recorder = recorder;
    this.#judge = judge;
    this.#ephemeralPort = state.ephemeralPort;
  }

  /** Looks at a packet to one of our hosts. */
  segment(segment: Segment): void {
    const { protocol, flags } = segment;
    if (protocol === PROTOCOL_TCP) {
      if ((flags & (TCP_FIN | TCP_RST)) !== 0) this.#closing(segment);
      if ((flags & TCP_ACK) !== 0 && this.#mayBeHalf(segment)) {
        this.#continued(segment);
      }
    }
    if (isMulticast(segment)) return;
    const kind = probeKind(segment, this.#ephemeralPort);
    if (kind === OPENING) this.#open(segment);
    else if (kind !== NO_PROBE) this.#maybe(segment, kind);
    else if (segment.datagramKind === DATAGRAM_REPLY) this.#noteLate(segment);
  }

  /** What refuses a late answer is no evidence, though it may not quote all. */
  #noteLate(segment: Segment): void {
    const { destinationPort: port, time } = segment;
    const host = this.#state.destinationOf(segment);
    this.#state.ports.noteLate(host, port, time);
  }

  /** What is a probe by itself. */
  #open(segment: Segment): void {
    const traits = this.#state.traits.of(segment) |
      weightOf(segment.destinationPort);
    this.#add(segment, traits);
  }

  /** What is a probe only if its target is not in use. */
  #maybe(segment: Segment, kind: number): void {
    const { destinationPort: port, protocol, datagramKind } = segment;
    const state = this.#state;
    if (kind !== IP_PACKET && state.isTooHigh(port)) return;
    if (!state.ownership.goesToUs(segment)) {
      // Old connections go on, and only a refusal tells that one is none.
      if (!state.ownership.knowsNobody) return;
      if (kind === WITH_ACK) this.#asks(segment);
      if (kind === WITH_ACK || isFromService(segment)) return;
    }
    let traits = state.traits.of(segment) | weightOf(port);
    const isForNetwork = kind === DATAGRAM && mayBeBroadcast(segment);
    if (isForNetwork && !isSurelyLocal(traits)) return;
    if (kind === WITH_ACK) traits |= HAS_ACK;
    if (state.isInUse(segment, traits)) return;
    const isEmpty = protocol === PROTOCOL_UDP &&
      datagramKind === DATAGRAM_EMPTY;
    this.#add(segment, isEmpty ? traits | HEAVY : traits);
    // It is older than the capture, of which the other half is missing.
    if (kind === WITH_ACK && isData(segment) && this.#mayBeHalf(segment)) {
      this.#continued(segment);
    }
  }

  /** A segment with ACK that goes to nobody knows whom may yet be refused. */
  #asks(segment: Segment): void {
    const { ports } = this.#state;
    const host = this.#state.destinationOf(segment);
    ports.noteAsked(segment, host, isData(segment));
  }

  /** Flags are TCP's: the type of a chunk is none. */
  #add(segment: Segment, traits: number): void {
    const { protocol, flags } = segment;
    if (protocol === PROTOCOL_TCP || flags === 0) {
      this.#recorder.add(segment, traits, WAITING, flags);
      return;
    }
    const probe = this.#probe;
    probe.assign(segment);
    probe.flags = 0;
    this.#recorder.add(probe, traits, WAITING, 0);
  }

  /** A FIN or RST may prove that its source is real, or break off. */
  #closing(segment: Segment): void {
    const { answers, records, reporter } = this.#state;
    const standing = answers.standingOf(segment);
    if (standing === SEEN) return;
    const entry = this.#state.findSource(segment);
    if (entry < 0) return;
    if ((segment.flags & TCP_ACK) === 0) this.#aborted(entry, segment);
    if (standing <= records.standing(entry)) return;
    records.raiseStanding(entry, standing);
    reporter.raised(records, entry, segment.time);
    this.#judge.setDeadline();
  }

  /**
   * A source broke off what had just answered: its RST has the number that our
   * SYN-ACK asked for, which neither a stranger knows nor a client sends that has
   * sent data.
   */
  #aborted(entry: number, segment: Segment): void {
    const { records, judgement } = this.#state;
    const index = this.#state.findTarget(entry, segment);
    if (index < 0 || records.stateAt(entry, index) !== ANSWERED_TARGET) return;
    records.setState(entry, index, ABORTED);
    judgement.update(entry, segment.time);
    this.#judge.expect(entry, 0, segment);
  }

  /** Whether what the other end sends may be missing: a filter keeps one side. */
  #mayBeHalf({ direction }: Segment): boolean {
    return direction === DIRECTION_UNKNOWN ||
      !this.#state.ownership.knowsThisHost;
  }

  /** A source goes on where nobody has seen an answer: half of it is missing. */
  #continued(segment: Segment): void {
    const { ports, records } = this.#state;
    if ((segment.flags & TCP_SYN) !== 0) return;
    const entry = this.#state.findSource(segment);
    if (entry < 0 || records.has(entry, HEARD)) return;
    const index = this.#state.findTarget(entry, segment);
    if (index < 0 || records.stateAt(entry, index) !== WAITING) return;
    if ((records.traitsAt(entry, index) & HAS_ACK) === 0) {
      ports.sawHalf(this.#state.sourceOf(segment));
    } else if (!this.#isOfOldConnection(entry, index, segment)) return;
    this.#recorder.goesOn(entry, index, segment.time);
  }

  /**
   * The next probe of an ACK scan continues nothing, but data do, and what
   * acknowledges them all the time.
   */
  #isOfOldConnection(entry: number, index: number, segment: Segment): boolean {
    if (isData(segment)) return true;
    return (segment.flags & TCP_FIN) === 0 &&
      this.#recorder.countRepeat(entry, index, segment.time);
  }
}

/** Whether a segment has data, as probes have not. */
function isData({ flags }: Segment): boolean {
  return (flags & TCP_PSH) !== 0;
}
