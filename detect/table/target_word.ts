/**
 * What the first word of a target tells: its port, its protocol, what became of it
 * and what it is like.
 *
 * @module
 */

import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "../packet/segment.ts";

/** Nothing is known of it yet; after a grace it counts as silent. */
export const WAITING = 0;
/** Our host refused. */
export const REFUSED = 1;
/** Our host answered: it weighs nothing. */
export const ANSWERED_TARGET = 2;
/** It answered, and the source broke off by a bare RST. */
export const ABORTED = 3;
/** The port was in use or open lately: it weighs nothing. */
export const EXCUSED = 4;
/** It gets what only goes on where somebody answers: so it does, until it refuses. */
export const GOES_ON = 5;

/** The transport protocol of a target: TCP, UDP, SCTP, or any other. */
export const TARGET_TCP = 0;
/** UDP. */
export const TARGET_UDP = 1;
/** SCTP. */
export const TARGET_SCTP = 2;
/** Another IP protocol, whose number stands in the port's place. */
export const TARGET_IP = 3;

/** The protocol of a target that packets of an IP protocol go to. */
export function targetProtocol(protocol: number): number {
  if (protocol === PROTOCOL_TCP) return TARGET_TCP;
  if (protocol === PROTOCOL_UDP) return TARGET_UDP;
  return protocol === PROTOCOL_SCTP ? TARGET_SCTP : TARGET_IP;
}

// The lower half of a target's first word; its port is the upper half.
/** The bits of the state. */
export const STATE_MASK = 7;
/** Where its protocol stands, two bits. */
export const PROTOCOL_SHIFT = 3;
/** Weighs as a privileged port. */
export const HEAVY = 1 << 5;
/** Needs as long as a host that connects anew: segments with ACK. */
export const HAS_ACK = 1 << 6;
/** It is the watched host itself, which answers at once. */
export const IS_LOCAL = 1 << 7;
/** It is surely one of our hosts: silence is no lost half of the capture. */
export const IS_OURS = 1 << 8;
/** Known by an ICMP error, which hosts send seldom: pauses may be longer. */
export const BY_ERROR = 1 << 9;
/** Probed over the loopback interface. */
export const IS_LOOPBACK = 1 << 10;
/** Nobody saw the probe itself: type of service and time to live are unknown. */
export const BY_REFUSAL = 1 << 11;
/**
 * The watched host's addresses are not known: it may be one that is behind it,
 * and needs longer to answer.
 */
export const IS_UNSURE = 1 << 12;
/** How often it was asked again, in three bits: streams of datagrams are. */
export const REPEATS = 7 << 13;
/** Added for each time, up to {@linkcode MANY_REPEATS}. */
export const REPEAT = 1 << 13;
/** Scanners ask again once or twice, and some three times. */
export const MANY_REPEATS = 6 * REPEAT;

/** The state in a target's word. */
export function stateOf(word: number): number {
  return word & STATE_MASK;
}

/** Whether a target answers, as far as anybody can tell. */
export function isAnswered(state: number): boolean {
  return state === ANSWERED_TARGET || state === GOES_ON;
}

/** Whether a target in a state weighs nothing. */
export function isWeightless(state: number): boolean {
  return isAnswered(state) || state === EXCUSED;
}

/** Whether a target in a state may yet refuse. */
export function mayRefuse(state: number): boolean {
  return state === WAITING || state === GOES_ON;
}

/** Whether a target is surely the watched host's own. */
export function isSurelyLocal(word: number): boolean {
  return (word & (IS_LOCAL | IS_UNSURE)) === IS_LOCAL;
}

/** The protocol in a target's word. */
export function protocolOf(word: number): number {
  return (word >>> PROTOCOL_SHIFT) & 3;
}

/** The port in a target's word. */
export function portOf(word: number): number {
  return word >>> 16;
}
