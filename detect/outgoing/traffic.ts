/**
 * What of our hosts' traffic opens something, and what answers that.
 *
 * @module
 */

import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  SCTP_ABORT,
  SCTP_INIT_ACK,
  type Segment,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../packet/segment.ts";
import {
  isLoopback,
  isMulticast,
  isOrdinaryDatagram,
  OPENING,
  PRIVILEGED_PORTS,
  probeKind,
} from "../probe/probe.ts";
import { ANSWERED_TARGET, REFUSED, WAITING } from "../table/target_word.ts";

/** An FTP server opens connections from it to its clients (RFC 959, 3.2). */
const FTP_DATA = 20;

/**
 * Whether what our host sends opens a connection to another host, or belongs to
 * none at all.
 *
 * @param ephemeralPort Where it begins to take ports for connections of its own.
 */
export function opensConnection(
  segment: Segment,
  ephemeralPort: number,
): boolean {
  const { protocol, sourcePort, destinationPort } = segment;
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_SCTP) return false;
  if (isMulticast(segment) || isLoopback(segment)) return false;
  // A server opens what its client has asked for.
  const isData = sourcePort === FTP_DATA && destinationPort >= PRIVILEGED_PORTS;
  return !isData && probeKind(segment, ephemeralPort) === OPENING;
}

/**
 * Whether a datagram of ours that was refused may have been a probe: no answer
 * to a client that has left, and none that traces a route.
 */
export function mayBeProbe(quoted: Segment, ephemeralPort: number): boolean {
  if (isMulticast(quoted) || isOrdinaryDatagram(quoted)) return false;
  return quoted.sourcePort >= ephemeralPort;
}

/** What an answer makes of its target; waiting: it is none. */
export function answerOf({ protocol, flags }: Segment): number {
  if (protocol === PROTOCOL_TCP) {
    if ((flags & TCP_RST) !== 0) return REFUSED;
    const isOpen = (flags & TCP_SYN) !== 0 && (flags & TCP_ACK) !== 0;
    return isOpen ? ANSWERED_TARGET : WAITING;
  }
  if (protocol !== PROTOCOL_SCTP) return WAITING;
  if (flags === SCTP_ABORT) return REFUSED;
  return flags === SCTP_INIT_ACK ? ANSWERED_TARGET : WAITING;
}
