/**
 * What our hosts send: the outcomes of probes, and refusals that prove probes
 * nobody has seen.
 *
 * @module
 */

import { DIRECTION_IN, DIRECTION_UNKNOWN } from "../packet/packet.ts";
import {
  DATAGRAM_EMPTY,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_ABORT,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  SCTP_INIT_ACK,
  Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  UNKNOWN_FLAGS,
} from "../packet/segment.ts";
import { isImpossibleSource } from "../probe/impossible.ts";
import {
  isFromService,
  isLeftOver,
  isLoopback,
  isOrdinaryDatagram,
} from "../probe/probe.ts";
import { weightOf } from "../probe/traits.ts";
import {
  ANSWERED_TARGET,
  BY_ERROR,
  BY_REFUSAL,
  HAS_ACK,
  HEAVY,
  IS_OURS,
  mayRefuse,
  REFUSED,
  TARGET_TCP,
  targetProtocol,
  WAITING,
} from "../table/target_word.ts";
import { HEARD } from "../table/records.ts";
import type { Judge } from "./judge.ts";
import type { Recorder } from "./recorder.ts";
import type { FinderState } from "./state.ts";

/** A bare RST refuses what has ACK and is no RST: the other flags are unknown. */
const REFUSED_ALWAYS = TCP_ACK;
const REFUSED_EVER = 0xff & ~TCP_RST;
/** Flags that an ICMP error may leave out. */
const ANY_FLAGS = 0xff & ~TCP_RST;

/** Looks at what our hosts send. */
export class Sent {
  readonly #state: FinderState;
  readonly #recorder: Recorder;
  readonly #judge: Judge;
  readonly #ephemeralPort: number;
  readonly #probe = new Segment();

  constructor(state: FinderState, recorder: Recorder, judge: Judge) {
    this.#state = state;
    this.#judge = judge;
    this.#recorder = recorder;
    this.#ephemeralPort = state.ephemeralPort;
  }

  /** Looks at what one of our hosts sends. */
  segment(segment: Segment): void {
    const { flags, protocol } = segment;
    if (this.#state.ownership.knowsNobody) this.#noteOther(segment);
    if (protocol === PROTOCOL_TCP) {
      if ((flags & TCP_RST) !== 0) {
        this.#state.ports.sawAnswer = true;
        this.#refuses(segment);
      } else this.#sends(segment);
    } else if (protocol === PROTOCOL_UDP) this.#sendsDatagram(segment);
    else if (protocol === PROTOCOL_SCTP) {
      if (flags === SCTP_ABORT) this.#refuses(segment);
      else if (flags === SCTP_INIT_ACK) this.#answers(segment);
    } else {
      const { destinationPort, time } = segment;
      const { ports } = this.#state.ports;
      ports.noteProtocol(destinationPort & 0xff, isLoopback(segment), time);
    }
  }

  /** Looks at what somebody sends of whom nothing is known. */
  overheard(segment: Segment): void {
    const { flags, protocol } = segment;
    if (protocol === PROTOCOL_TCP) {
      if ((flags & (TCP_SYN | TCP_ACK)) === (TCP_SYN | TCP_ACK)) {
        this.#answers(segment);
        if (this.#isSecret(segment)) this.#state.answers.remember(segment);
      } else if ((flags & TCP_RST) !== 0) this.#refusesPerhaps(segment);
      else if ((flags & TCP_ACK) !== 0) this.#goesOn(segment);
    } else if (protocol === PROTOCOL_UDP) this.#sendsDatagram(segment);
    else if (protocol === PROTOCOL_SCTP) {
      if (flags === SCTP_INIT_ACK) this.#answers(segment);
      else if (flags === SCTP_ABORT) this.#outcome(segment, REFUSED);
    }
  }

  /**
   * Whom the watched host sends something is another host, of which nobody knows
   * whose it is, though what goes to it comes in here: it is passed on.
   */
  #noteOther(segment: Segment): void {
    if (isLoopback(segment)) return;
    const { ports } = this.#state;
    ports.noteOther(this.#state.destinationOf(segment), segment.time);
  }

  /** A TCP segment that is no RST. */
  #sends(segment: Segment): void {
    const { flags } = segment;
    const isSyn = (flags & TCP_SYN) !== 0;
    const isOpening = isSyn && (flags & TCP_ACK) !== 0;
    this.#noteSent(segment, isOpening || !isSyn && isFromService(segment));
    if (isSyn && !isOpening) return;
    if (this.#isSecret(segment)) {
      if (isOpening) this.#state.answers.remember(segment);
      else if ((flags & TCP_FIN) !== 0) {
        this.#state.answers.rememberEnd(segment);
      }
    }
    this.#outcome(segment, ANSWERED_TARGET);
  }

  /**
   * Whether only its receiver knows the number of a segment. What comes to this
   * host, or through it, in the name of another may be the forger's own.
   */
  #isSecret(segment: Segment): boolean {
    return segment.direction === DIRECTION_UNKNOWN ||
      this.#state.ownership.isThisHost(segment);
  }

  /**
   * A connection goes on: data from a service's port prove it open. A bare ACK may
   * as well be a scanner's.
   */
  #goesOn(segment: Segment): void {
    const isData = (segment.flags & TCP_PSH) !== 0;
    if (isData && isFromService(segment)) this.#noteSent(segment, true);
    this.#outcome(segment, ANSWERED_TARGET);
  }

  #answers(segment: Segment): void {
    this.#noteSent(segment, true);
    this.#outcome(segment, ANSWERED_TARGET);
  }

  /** A port opens by an answer only: the host may be the one that asks. */
  #sendsDatagram(segment: Segment): void {
    const isAnswer = this.#outcome(segment, ANSWERED_TARGET);
    this.#noteSent(segment, isAnswer);
  }

  #noteSent(segment: Segment, isOpening: boolean): void {
    const { ports, ownership } = this.#state;
    const host = this.#state.sourceOf(segment);
    const isThisHost = ownership.isThisHost(segment);
    ports.noteSent(segment, host, isOpening, isThisHost);
  }

  /**
   * What our host did for a source at a target, which touches nothing else.
   *
   * @returns Whether the target is known.
   */
  #outcome(segment: Segment, state: number): boolean {
    const { records, companies, sharedOut, key, reporter, judgement } =
      this.#state;
    const { sourcePort: port, time } = segment;
    const entry = this.#state.findPeer(segment);
    if (entry < 0) return false;
    records.set(entry, HEARD);
    const protocol = targetProtocol(segment.protocol);
    const host = this.#state.sourceOf(segment);
    const index = records.findTarget(entry, protocol, port, host);
    const known = index < 0 ? WAITING : records.stateAt(entry, index);
    // A connection goes on, as most of what is sent does.
    if (known === ANSWERED_TARGET && state === ANSWERED_TARGET) return true;
    sharedOut.outcome(key, protocol, port, host, state);
    if (state === ANSWERED_TARGET) {
      const followed = reporter.followed.of(records, entry);
      if (followed?.isTouched(port)) followed.opened(port);
    }
    if (index < 0) return false;
    const isChange = mayRefuse(known) ||
      (known === REFUSED && state === ANSWERED_TARGET);
    if (!isChange) return true;
    if (state === ANSWERED_TARGET) {
      records.setState(entry, index, state);
      companies.wasAnswered(entry);
      judgement.update(entry, time);
    } else this.#judge.refused(entry, index, time);
    return true;
  }

  /**
   * A RST of whom nothing is known is a refusal if a segment was seen that it
   * may refuse, and unless its sender breaks off what it has begun itself: then
   * the other's port answered, or was asked.
   */
  #refusesPerhaps(segment: Segment): void {
    const state = this.#state;
    if (this.#outcome(segment, REFUSED)) {
      state.ports.sawAnswer = true;
      return;
    }
    if (!state.ownership.knowsNobody) return;
    const { destinationPort: port, time } = segment;
    const host = state.destinationOf(segment);
    if (state.ports.isInUse(0, TARGET_TCP, port, host, time)) return;
    const entry = state.findSource(segment);
    if (entry >= 0 && state.findTarget(entry, segment) >= 0) return;
    const refusing = state.sourceOf(segment);
    const wasAsked = (segment.flags & TCP_ACK) !== 0 ||
      state.ports.wasAsked(refusing, segment.sourcePort, time);
    if (wasAsked) this.#refuses(segment);
  }

  /** The host refuses by a packet of the probe's own protocol. */
  #refuses(refusal: Segment): void {
    const isTcp = refusal.protocol === PROTOCOL_TCP;
    const state = this.#state;
    if (this.#outcome(refusal, REFUSED)) return;
    // With ACK it refuses what had none, which was seen by itself.
    if (isTcp && (refusal.flags & TCP_ACK) !== 0) {
      this.#refusesUnlisted(refusal);
      return;
    }
    const probe = this.#probe;
    let traits = this.#takeRefused(refusal);
    if (state.isTooHigh(probe.destinationPort)) return;
    probe.flags = isTcp ? REFUSED_ALWAYS : 0;
    if (isTcp && isLeftOver(probe, this.#ephemeralPort)) return;
    if (isTcp) traits |= HAS_ACK;
    if (isTcp && state.isInUse(probe, traits)) return;
    this.#recorder.add(probe, traits, REFUSED, isTcp ? REFUSED_EVER : 0);
  }

  /**
   * What was refused is missing in the file, or found no room in a full record,
   * where it takes the place of what only waits: a scanner may fill its own record
   * with ports that answer later.
   */
  #refusesUnlisted(refusal: Segment): void {
    const { records, ownership } = this.#state;
    const entry = this.#state.findPeer(refusal);
    // RFC 9293, 3.10.7.1: only what refuses a segment without ACK has number 0.
    const isHalf = !ownership.knowsThisHost && refusal.sequence === 0;
    const isFull = entry >= 0 && records.count(entry) === records.mostTargets;
    if (!isHalf && !isFull) return;
    const traits = this.#takeRefused(refusal);
    if (isImpossibleSource(this.#probe)) return;
    this.#probe.flags = 0;
    this.#recorder.add(this.#probe, traits, REFUSED, REFUSED_EVER & ~TCP_ACK);
  }

  /** Takes the probe that a packet refuses; returns its target's traits. */
  #takeRefused(refusal: Segment): number {
    const probe = this.#probe;
    const { ownership, traits } = this.#state;
    probe.assign(refusal);
    probe.reverse();
    const isOurs = !ownership.isAnybodys(refusal);
    if (isOurs) probe.direction = DIRECTION_IN;
    return traits.of(probe) | BY_REFUSAL | weightOf(probe.destinationPort) |
      (isOurs ? IS_OURS : 0);
  }

  /**
   * One of our hosts refuses by an ICMP error, which quotes the probe.
   *
   * @param isOurs Whether it is known that it is ours.
   */
  refused(quoted: Segment, isOurs: boolean): void {
    const { protocol, destinationPort: port, flags } = quoted;
    const isTcp = protocol === PROTOCOL_TCP;
    const isKnown = flags !== UNKNOWN_FLAGS;
    const isOpening = isTcp && isKnown && (flags & (TCP_ACK | TCP_RST)) === 0;
    const state = this.#state;
    if (!isOpening && state.isTooHigh(port)) return;
    if (this.#isNoProbe(quoted)) return;
    const isUdp = protocol === PROTOCOL_UDP;
    if (isUdp && !isOurs && isFromService(quoted)) return;
    if (isUdp && this.#isLate(quoted)) return;
    const probe = this.#probe;
    probe.assign(quoted);
    if (isOurs) probe.direction = DIRECTION_IN;
    if (!isTcp || !isKnown) probe.flags = 0;
    let traits = state.traits.of(probe) | BY_ERROR | weightOf(port);
    if (isOurs) traits |= IS_OURS;
    if (isTcp && !isOpening) traits |= HAS_ACK;
    const hasAck = isTcp && isKnown && (flags & TCP_ACK) !== 0;
    const isEmpty = isUdp &&
      quoted.datagramKind === DATAGRAM_EMPTY;
    if (isEmpty || hasAck) traits |= HEAVY;
    if (!isOpening && state.isInUse(probe, traits)) return;
    const ever = isTcp ? isKnown ? probe.flags : ANY_FLAGS : 0;
    this.#recorder.add(probe, traits, REFUSED, ever);
  }

  /**
   * Whether a quoted datagram was seen itself and was no probe. Some hosts quote no
   * more of it than its ports, and a file may keep no more.
   */
  #isLate(quoted: Segment): boolean {
    const state = this.#state;
    const { destinationPort: port, time } = quoted;
    const host = state.destinationOf(quoted);
    if (!state.ports.wasLate(host, port, time)) return false;
    const entry = state.findSource(quoted);
    return entry < 0 || state.findTarget(entry, quoted) < 0;
  }

  /** Whether a quoted packet surely asked for nothing. */
  #isNoProbe(quoted: Segment): boolean {
    const { protocol, flags } = quoted;
    if (protocol === PROTOCOL_UDP) return isOrdinaryDatagram(quoted);
    if (flags === UNKNOWN_FLAGS) return false;
    if (protocol === PROTOCOL_SCTP) return !opensAssociation(flags);
    if (protocol !== PROTOCOL_TCP) return false;
    return (flags & TCP_RST) !== 0 ||
      (flags & TCP_ACK) !== 0 && isLeftOver(quoted, this.#ephemeralPort);
  }
}

/** Other chunks may be of an association that we never had: forged, or late. */
function opensAssociation(chunk: number): boolean {
  return chunk === SCTP_INIT || chunk === SCTP_COOKIE_ECHO;
}
