/**
 * What a UDP datagram looks like, be it one that came or one that an ICMP error
 * quotes.
 *
 * Datagrams to ports that nobody uses are probes, but for those that only come
 * too late:
 *
 * - Answers of name servers. A resolver gives up a query after seconds and
 *   closes its socket; the answer that comes later is refused. Resolvers that
 *   choose their ports at random (RFC 5452) also take ports below the ephemeral
 *   range, so that the port does not tell.
 * - Media. After a call the other side goes on sending RTP and RTCP, STUN and DTLS
 *   for a moment, to ports that the application chose, often from 1024 or 10000
 *   on.
 * - Answers to questions that somebody else asked in this host's name, to have it
 *   flooded: whoever does so chooses services that answer at length, such as SSDP
 *   or memcached.
 * - Answers of RPC servers. Clients such as mount(8) and ypbind(8) ask from
 *   reserved ports, another one for each attempt.
 *
 * Whoever imitates them can learn which ports are closed without being noticed
 * here, but not which are open: no service answers such a datagram, and silence
 * is also what a lost or rate-limited error looks like. Media to privileged ports
 * do not count, and RPC answers only where clients take their ports. Source port 53
 * alone does not either: scanners use it, because it passes simple firewalls.
 *
 * @module
 */

import {
  DATAGRAM_EMPTY,
  DATAGRAM_REPLY,
  DATAGRAM_UNKNOWN,
  type DatagramKind,
  type Segment,
} from "./segment.ts";

/** Length of a UDP header (RFC 768), in bytes. */
export const UDP_HEADER = 8;
const DNS_PORT = 53;
const DNS_HEADER = 12; // RFC 1035, 4.1.1
const DNS_FLAGS = 2;
const DNS_RESPONSE = 0x80;
/** RTP's header; RTCP's packets are compound and no shorter (RFC 3550, 6.1). */
const RTP_HEADER = 12;
const RTP_VERSION_MASK = 0xc0;
const RTP_VERSION_2 = 0x80;
/** STUN's first byte, and its magic cookie (RFC 8489, 5). */
const STUN_LAST = 3;
const STUN_COOKIE = 4;
const COOKIE = 0x2112a442;
/** DTLS's content types, and the first byte of its versions (RFC 9147, 4). */
const DTLS_FIRST = 20;
const DTLS_LAST = 63;
const DTLS_MAJOR = 0xfe;
/** The shortest RPC answer is a rejection (RFC 5531, 9). */
const RPC_REJECTION = 20;
const RPC_MESSAGE_TYPE = 4;
const RPC_REPLY = 1;
/** bindresvport(3) takes ports from here on, up to the last privileged one. */
export const FIRST_RESERVED_PORT = 512;
const FIRST_UNPRIVILEGED_PORT = 1024;
/** Where most systems begin to take ports for connections of their own. */
export const USUAL_EPHEMERAL_PORT = 32_768;
/** An answer is long from so many bytes on; nmap's longest question has 244. */
const LONG_ANSWER = 256;

/**
 * Tells what a UDP datagram looks like.
 *
 * @param segment Its ports.
 * @param view Where it stands.
 * @param at Where its UDP header begins; at least 8 bytes of it are there.
 * @param end Where it ends; a quote most often long before the datagram would.
 */
export function kindOfDatagram(
  { sourcePort, destinationPort }: Segment,
  view: DataView,
  at: number,
  end: number,
): DatagramKind {
  const payloadLength = view.getUint16(at + 4) - UDP_HEADER;
  const payload = at + UDP_HEADER;
  if (payloadLength === 0) return DATAGRAM_EMPTY;
  const isDns = sourcePort === DNS_PORT && payloadLength >= DNS_HEADER &&
    isDnsResponse(view, payload, end);
  if (isDns) return DATAGRAM_REPLY;
  if (destinationPort >= FIRST_UNPRIVILEGED_PORT) {
    const isLong = payloadLength >= LONG_ANSWER &&
      sourcePort < USUAL_EPHEMERAL_PORT;
    const isLate = payloadLength >= RTP_HEADER && isMedia(view, payload, end);
    return isLong || isLate ? DATAGRAM_REPLY : DATAGRAM_UNKNOWN;
  }
  const isRpc = destinationPort >= FIRST_RESERVED_PORT &&
    payloadLength >= RPC_REJECTION && isRpcReply(view, payload, end);
  return isRpc ? DATAGRAM_REPLY : DATAGRAM_UNKNOWN;
}

function isDnsResponse(view: DataView, at: number, end: number): boolean {
  return at + DNS_FLAGS < end &&
    (view.getUint8(at + DNS_FLAGS) & DNS_RESPONSE) !== 0;
}

function isRpcReply(view: DataView, at: number, end: number): boolean {
  return at + RPC_MESSAGE_TYPE + 4 <= end &&
    view.getUint32(at + RPC_MESSAGE_TYPE) === RPC_REPLY;
}

/** What goes over the ports of a call, told apart as RFC 7983, 7 does. */
function isMedia(view: DataView, at: number, end: number): boolean {
  if (at >= end) return false;
  const first = view.getUint8(at);
  if (first <= STUN_LAST) {
    const cookie = at + STUN_COOKIE;
    return cookie + 4 <= end && view.getUint32(cookie) === COOKIE;
  }
  if (first >= DTLS_FIRST && first <= DTLS_LAST) {
    return at + 1 < end && view.getUint8(at + 1) === DTLS_MAJOR;
  }
  return (first & RTP_VERSION_MASK) === RTP_VERSION_2;
}
