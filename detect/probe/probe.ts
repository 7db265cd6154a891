/**
 * What is a probe: a packet that can belong to no connection of ours. Nobody
 * else looks at TCP flags to decide it.
 *
 * @module
 */

import {
  FIRST_RESERVED_PORT,
  USUAL_EPHEMERAL_PORT,
} from "../packet/datagrams.ts";
import {
  DATAGRAM_REPLY,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  type Segment,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../packet/segment.ts";
import { goesToItsSource } from "./impossible.ts";

/** The packet is no probe. */
export const NO_PROBE = 0;
/** It is one by itself: it opens a connection, or no connection sends it. */
export const OPENING = 1;
/** It is one if the port is not in use: a segment with ACK. */
export const WITH_ACK = 2;
/** It is one if the port is not in use: a datagram. */
export const DATAGRAM = 3;
/** It is one if the host does not use that IP protocol. */
export const IP_PACKET = 4;

/** Ports below this one need privilege to listen on (RFC 6335's system ports). */
export const PRIVILEGED_PORTS = 1024;
/** NFS servers (RFC 8881), whose clients take privileged ports from 512 on. */
const NFS = 2049;
/**
 * traceroute counts ports up from 33434; mtr counts its sequence numbers, from
 * 33000 on, in the port. What their datagrams arrive with.
 */
const TRACE_FIRST_PORT = 33_000;
const TRACE_TTL = 30;

/**
 * What kind of probe an incoming packet may be.
 *
 * @param ephemeralPort Where the watched host begins to take ports for
 * connections of its own.
 */
export function probeKind(segment: Segment, ephemeralPort: number): number {
  const { protocol, flags } = segment;
  if (protocol === PROTOCOL_TCP) {
    if ((flags & (TCP_ACK | TCP_RST)) === 0) return OPENING;
    if ((flags & TCP_RST) !== 0) {
      return (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN ? OPENING : NO_PROBE;
    }
    return isLeftOver(segment, ephemeralPort) ? NO_PROBE : WITH_ACK;
  }
  if (protocol === PROTOCOL_UDP) {
    return isOrdinaryDatagram(segment) ? NO_PROBE : DATAGRAM;
  }
  if (protocol !== PROTOCOL_SCTP) return IP_PACKET;
  return flags === SCTP_INIT || flags === SCTP_COOKIE_ECHO ? OPENING : NO_PROBE;
}

/**
 * Whether a segment with ACK may be of a connection that we or a router forgot:
 * backscatter of forged SYNs, or what a server goes on sending to its client.
 */
export function isLeftOver(
  { flags, sourcePort, destinationPort }: Segment,
  ephemeralPort: number,
): boolean {
  if (flags >= 0 && (flags & TCP_SYN) !== 0) {
    return sourcePort < USUAL_EPHEMERAL_PORT;
  }
  if (sourcePort < PRIVILEGED_PORTS) return destinationPort >= PRIVILEGED_PORTS;
  if (sourcePort === NFS && destinationPort >= FIRST_RESERVED_PORT) return true;
  return sourcePort < USUAL_EPHEMERAL_PORT && destinationPort >= ephemeralPort;
}

/** Whether a datagram is an answer by its looks, or traces a route. */
export function isOrdinaryDatagram(
  {
    sourcePort,
    destinationPort,
    datagramKind,
    ttl,
  }: Segment,
): boolean {
  if (sourcePort < PRIVILEGED_PORTS && destinationPort >= PRIVILEGED_PORTS) {
    return true;
  }
  if (datagramKind === DATAGRAM_REPLY) return true;
  return destinationPort >= TRACE_FIRST_PORT && ttl < TRACE_TTL;
}

/**
 * Whether a packet goes from a service's port to one that clients take: what a
 * host sends so proves that its port is open, and where one direction only was
 * captured, a game's or a relay's datagrams are answers.
 */
export function isFromService(
  { sourcePort, destinationPort }: Segment,
): boolean {
  if (sourcePort < PRIVILEGED_PORTS) return destinationPort >= PRIVILEGED_PORTS;
  return sourcePort < USUAL_EPHEMERAL_PORT &&
    destinationPort >= USUAL_EPHEMERAL_PORT;
}

/**
 * Whether a datagram may go to a whole network: few hosts have such an address.
 */
export function mayBeBroadcast({ version, destination3 }: Segment): boolean {
  return version === 4 && (destination3 & 0xff) === 0xff;
}

/** Whether a destination is a multicast address (RFC 5771, RFC 4291, 2.7). */
export function isMulticast(
  { version, destination0, destination3 }: Segment,
): boolean {
  return version === 4
    ? destination3 >>> 28 === 0xe || destination3 === -1
    : destination0 >>> 24 === 0xff;
}

/** Whether a segment stays inside the host: loopback, or its own address. */
export function isLoopback(segment: Segment): boolean {
  const isIpv4Loopback = segment.version === 4 &&
    segment.source3 >>> 24 === 127;
  return isIpv4Loopback || goesToItsSource(segment);
}
