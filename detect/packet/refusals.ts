/**
 * ICMP errors by which a host or its firewall refuses a packet, and what they
 * quote of it.
 *
 * @module
 */

import { kindOfDatagram } from "./datagrams.ts";
import {
  extensionLength,
  FRAGMENT_HEADER,
  FRAGMENT_OFFSET,
  isExtension,
  SHORTEST_EXTENSION,
} from "./extensions.ts";
import { DAMAGED, OTHER_PROTOCOL, type Outcome, REFUSAL } from "./outcome.ts";
import {
  IPV4_HEADER,
  IPV4_OFFSET,
  IPV6_HEADER,
  readIpv4,
  readIpv6,
} from "./network.ts";
import {
  DATAGRAM_UNKNOWN,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type Segment,
  UNKNOWN_FLAGS,
} from "./segment.ts";
import { isLookedAt, readProtocol, SCTP_HEADER } from "./transport.ts";

const ICMP_HEADER = 8; // RFC 792 and RFC 4443, 3.1: of an error
/** What an ICMP error quotes at least of the transport header (RFC 792). */
const QUOTED_BYTES = 8;

/** Destination unreachable: RFC 792, RFC 4443. */
const ICMP_UNREACHABLE = 3;
const ICMPV6_UNREACHABLE = 1;
/**
 * The codes with which a host or its firewall refuses, one bit each: protocol
 * and port unreachable (RFC 792), network, host and communication
 * administratively prohibited (RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1).
 */
const ICMP_REFUSALS = 1 << 2 | 1 << 3 | 1 << 9 | 1 << 10 | 1 << 13;
/**
 * The same of ICMPv6 (RFC 4443, 3.1): administratively prohibited, port
 * unreachable, failed ingress/egress policy, reject route.
 */
const ICMPV6_REFUSALS = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;
/** How a host refuses an IP protocol over IPv6: a parameter problem, code 1. */
const ICMPV6_PARAMETER_PROBLEM = 4;
const UNRECOGNIZED_NEXT_HEADER = 1;

/**
 * Reads an ICMP message that stands from `at` to `end`.
 *
 * @param error The packet it comes in.
 * @param quoted Becomes the packet that it quotes, if it is a refusal.
 * @returns {@linkcode REFUSAL}, {@linkcode DAMAGED} or {@linkcode
 * OTHER_PROTOCOL}.
 */
export function readRefusal(
  error: Segment,
  quoted: Segment,
  view: DataView,
  at: number,
  end: number,
): Outcome {
  if (end - at < ICMP_HEADER) return DAMAGED;
  const type = view.getUint8(at);
  const code = view.getUint8(at + 1);
  const isIpv4 = error.version === 4;
  const isRefusal = isIpv4
    ? type === ICMP_UNREACHABLE && isAmong(code, ICMP_REFUSALS)
    : isIcmpv6Refusal(type, code);
  if (!isRefusal) return OTHER_PROTOCOL;
  copyMoment(quoted, error);
  return isIpv4
    ? readQuotedIpv4(quoted, view, at + ICMP_HEADER, end)
    : readQuotedIpv6(quoted, view, at + ICMP_HEADER, end);
}

function isIcmpv6Refusal(type: number, code: number): boolean {
  return type === ICMPV6_UNREACHABLE
    ? isAmong(code, ICMPV6_REFUSALS)
    : type === ICMPV6_PARAMETER_PROBLEM && code === UNRECOGNIZED_NEXT_HEADER;
}

// The lengths that a quoted header tells are those of the packet before it was
// cut for the quote: only the error's own end counts.

function readQuotedIpv4(
  quoted: Segment,
  view: DataView,
  start: number,
  end: number,
): Outcome {
  if (end - start < IPV4_HEADER) return DAMAGED;
  const headerLength = (view.getUint8(start) & 0x0f) << 2;
  const payload = start + headerLength;
  if (view.getUint8(start) >>> 4 !== 4) return DAMAGED;
  if (headerLength < IPV4_HEADER || payload > end) return DAMAGED;
  if ((view.getUint16(start + 6) & IPV4_OFFSET) !== 0) return OTHER_PROTOCOL;
  readIpv4(quoted, view, start);
  return readQuotedTransport(quoted, view, payload, end);
}

function readQuotedIpv6(
  quoted: Segment,
  view: DataView,
  start: number,
  end: number,
): Outcome {
  if (end - start < IPV6_HEADER) return DAMAGED;
  if (view.getUint8(start) >>> 4 !== 6) return DAMAGED;
  let next = view.getUint8(start + 6);
  let at = start + IPV6_HEADER;
  while (isExtension(next)) {
    if (at + SHORTEST_EXTENSION > end) return DAMAGED;
    const isFragment = next === FRAGMENT_HEADER;
    if (isFragment && (view.getUint16(at + 2) & FRAGMENT_OFFSET) !== 0) {
      return OTHER_PROTOCOL;
    }
    const following = view.getUint8(at);
    at += extensionLength(view, at, next);
    next = following;
  }
  readIpv6(quoted, view, start);
  quoted.protocol = next;
  return readQuotedTransport(quoted, view, at, end);
}

function readQuotedTransport(
  quoted: Segment,
  view: DataView,
  at: number,
  end: number,
): Outcome {
  const { protocol } = quoted;
  const hasPorts = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP ||
    protocol === PROTOCOL_SCTP;
  if (at > end || hasPorts && end - at < QUOTED_BYTES) return DAMAGED;
  if (!hasPorts) {
    if (!isLookedAt(quoted)) return OTHER_PROTOCOL;
    readProtocol(quoted);
    return REFUSAL;
  }
  quoted.sourcePort = view.getUint16(at);
  quoted.destinationPort = view.getUint16(at + 2);
  quoted.sequence = quoted.acknowledgement = quoted.window = 0;
  quoted.flags = 0;
  quoted.datagramKind = DATAGRAM_UNKNOWN;
  if (protocol === PROTOCOL_TCP) readQuotedTcp(quoted, view, at, end);
  else if (protocol === PROTOCOL_UDP) {
    quoted.datagramKind = kindOfDatagram(quoted, view, at, end);
  } else {
    const chunk = at + SCTP_HEADER;
    quoted.flags = chunk < end ? view.getUint8(chunk) : UNKNOWN_FLAGS;
  }
  return REFUSAL;
}

/** Reads what a quote holds of a TCP header, at least 8 bytes. */
function readQuotedTcp(
  quoted: Segment,
  view: DataView,
  at: number,
  end: number,
): void {
  const length = end - at;
  quoted.sequence = view.getInt32(at + 4);
  quoted.acknowledgement = length >= 12 ? view.getInt32(at + 8) : 0;
  quoted.flags = length >= 14 ? view.getUint8(at + 13) : UNKNOWN_FLAGS;
  quoted.window = length >= 16 ? view.getUint16(at + 14) : 0;
}

/** A quote is seen when and where the error around it is. */
function copyMoment(quoted: Segment, error: Segment): void {
  quoted.time = error.time;
  quoted.wallTime = error.wallTime;
  quoted.direction = error.direction;
  quoted.interfaceIndex = error.interfaceIndex;
}

/** Whether the bit of that number is set. */
function isAmong(number: number, bits: number): boolean {
  return number < 32 && (bits & (1 << number)) !== 0;
}
