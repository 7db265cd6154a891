/**
 * The transport headers: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), and
 * what stands in their fields for a protocol without ports.
 *
 * @module
 */

import { kindOfDatagram, UDP_HEADER } from "./datagrams.ts";
import { isAnyExtension } from "./extensions.ts";
import { DAMAGED, DECODED, type Outcome } from "./outcome.ts";
import {
  DATAGRAM_UNKNOWN,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_IGMP,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type Segment,
} from "./segment.ts";

/** Length of a TCP header without options (RFC 9293, 3.1), in bytes. */
export const TCP_HEADER = 20;
/** Length of the SCTP common header (RFC 9260, 3.1), in bytes. */
export const SCTP_HEADER = 12;
const SCTP_CHUNK_HEADER = 4; // RFC 9260, 3.2

/** Reads the SCTP packet that stands from `at` to `end`, and its first chunk. */
export function readSctp(
  segment: Segment,
  view: DataView,
  at: number,
  end: number,
): Outcome {
  if (end - at < SCTP_HEADER + SCTP_CHUNK_HEADER) return DAMAGED;
  readPorts(segment, view, at);
  segment.flags = view.getUint8(at + SCTP_HEADER);
  return DECODED;
}

/** Reads the UDP datagram that stands from `at` to `end`. */
export function readUdp(
  segment: Segment,
  view: DataView,
  at: number,
  end: number,
): Outcome {
  if (end - at < UDP_HEADER) return DAMAGED;
  // Zero is a jumbogram (RFC 2675, 4); other headers cannot be that short.
  const length = view.getUint16(at + 4);
  const isJumbo = length === 0 && segment.version === 6;
  if (length < UDP_HEADER && !isJumbo) return DAMAGED;
  readPorts(segment, view, at);
  segment.datagramKind = kindOfDatagram(segment, view, at, end);
  return DECODED;
}

function readPorts(segment: Segment, view: DataView, at: number): void {
  segment.sourcePort = view.getUint16(at);
  segment.destinationPort = view.getUint16(at + 2);
  clearNumbers(segment);
}

/** Puts a protocol's number in the place of the port that it does not have. */
export function readProtocol(segment: Segment): void {
  segment.sourcePort = 0;
  segment.destinationPort = segment.protocol;
  clearNumbers(segment);
}

/** Clears what a TCP segment before has left. */
function clearNumbers(segment: Segment): void {
  segment.flags = 0;
  segment.sequence = segment.acknowledgement = segment.window = 0;
  segment.datagramKind = DATAGRAM_UNKNOWN;
}

/**
 * Whether a segment's protocol is one without ports that a scan of protocols may
 * ask for. ICMP and IGMP are spoken by all hosts, extension headers are none.
 */
export function isLookedAt({ version, protocol }: Segment): boolean {
  if (version === 6) {
    return protocol !== PROTOCOL_ICMPV6 && protocol !== PROTOCOL_IGMP &&
      !hasPorts(protocol) && !isAnyExtension(protocol);
  }
  return protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_IGMP &&
    !hasPorts(protocol);
}

function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP ||
    protocol === PROTOCOL_SCTP;
}
