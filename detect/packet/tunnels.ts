/**
 * Tunnels: packets that carry packets.
 *
 * A live capture sees what is inside on the tunnel's own interface; a file was
 * often written on a router or at a mirror port, where the tunnels only pass by.
 *
 * @module
 */

import { expectVersion, findInEthernet, findTunnelled } from "./frame.ts";
import { PROTOCOL_UDP, type Segment } from "./segment.ts";

/** IP headers that are looked into, the innermost included. */
export const MAX_IP_HEADERS = 4;
/** The packet is no tunnel's, or one that is not opened, or it carries no IP. */
export const NO_TUNNEL = -1;

/** IP in IP (RFC 2003), also in IPv6 (DS-Lite, RFC 6333). */
const PROTOCOL_IPV4 = 4;
/** IPv6 in IPv4 (6in4, RFC 4213) and in IPv6 (RFC 2473). */
const PROTOCOL_IPV6 = 41;
const PROTOCOL_GRE = 47;

/**
 * Finds the IP header inside a tunnel.
 *
 * @param segment Tells the protocol.
 * @param at Where the header of that protocol begins.
 * @returns Its offset, or {@linkcode NO_TUNNEL}.
 */
export function findInner(
  { protocol }: Segment,
  view: DataView,
  at: number,
  end: number,
): number {
  switch (protocol) {
    case PROTOCOL_IPV4:
      return accept(expectVersion(view, at, end, 4));
    case PROTOCOL_IPV6:
      return accept(expectVersion(view, at, end, 6));
    case PROTOCOL_GRE:
      return accept(findInGre(view, at, end));
    case PROTOCOL_UDP:
      return accept(findInUdp(view, at, end));
  }
  return NO_TUNNEL;
}

function accept(found: number): number {
  return found < 0 ? NO_TUNNEL : found;
}

// GRE (RFC 2784, RFC 2890): its flags, its version and the EtherType.
const GRE_HEADER = 4;
const GRE_CHECKSUM = 0x8000;
/** Of RFC 1701, and out of use. */
const GRE_ROUTING = 0x4000;
const GRE_KEY = 0x2000;
const GRE_SEQUENCE = 0x1000;
const GRE_VERSION = 0x0007;
const GRE_FIELD = 4;

/** ERSPAN types I and II, and III (draft-foschiano-erspan-03). */
const ERSPAN = 0x88be;
const ERSPAN_3 = 0x22eb;

function findInGre(view: DataView, at: number, end: number): number {
  if (end - at < GRE_HEADER) return NO_TUNNEL;
  const flags = view.getUint16(at);
  const type = view.getUint16(at + 2);
  if ((flags & (GRE_ROUTING | GRE_VERSION)) !== 0) return NO_TUNNEL;
  at += GRE_HEADER;
  if ((flags & GRE_CHECKSUM) !== 0) at += GRE_FIELD;
  if ((flags & GRE_KEY) !== 0) at += GRE_FIELD;
  const hasSequence = (flags & GRE_SEQUENCE) !== 0;
  if (hasSequence) at += GRE_FIELD;
  if (type === ERSPAN) return findInErspan(view, at, end, hasSequence);
  if (type === ERSPAN_3) return findInErspan3(view, at, end);
  return findTunnelled(view, at, end, type);
}

const ERSPAN_2_HEADER = 8;
const ERSPAN_3_HEADER = 12;
/** A platform's own header follows, at the end of ERSPAN III's. */
const ERSPAN_3_LAST = 11;
const ERSPAN_3_OPTIONAL = 0x01;
const ERSPAN_3_SUBHEADER = 8;
/** The version is that of the type, less one. */
const ERSPAN_2_VERSION = 1;
const ERSPAN_3_VERSION = 2;

/** Type I has no header of its own, and no sequence number in GRE's. */
function findInErspan(
  view: DataView,
  at: number,
  end: number,
  hasHeader: boolean,
): number {
  if (!hasHeader) return findInEthernet(view, at, end);
  if (end - at < ERSPAN_2_HEADER) return NO_TUNNEL;
  return view.getUint8(at) >>> 4 === ERSPAN_2_VERSION
    ? findInEthernet(view, at + ERSPAN_2_HEADER, end)
    : NO_TUNNEL;
}

function findInErspan3(view: DataView, at: number, end: number): number {
  if (end - at < ERSPAN_3_HEADER) return NO_TUNNEL;
  if (view.getUint8(at) >>> 4 !== ERSPAN_3_VERSION) return NO_TUNNEL;
  const last = view.getUint8(at + ERSPAN_3_LAST);
  at += ERSPAN_3_HEADER;
  if ((last & ERSPAN_3_OPTIONAL) !== 0) at += ERSPAN_3_SUBHEADER;
  return findInEthernet(view, at, end);
}

const UDP_HEADER = 8;
/** VXLAN (RFC 7348), and where Linux puts it if not told otherwise. */
const VXLAN_PORTS: readonly number[] = [4789, 8472];
const VXLAN_HEADER = 8;
/** The network's number is valid, as it has to be. */
const VXLAN_VALID = 0x08;
const GENEVE_PORT = 6081; // RFC 8926
const GENEVE_HEADER = 8;
const GENEVE_OPTIONS = 0x3f;

function findInUdp(view: DataView, at: number, end: number): number {
  const payload = at + UDP_HEADER;
  if (payload > end) return NO_TUNNEL;
  const port = view.getUint16(at + 2);
  if (port === GENEVE_PORT) return findInGeneve(view, payload, end);
  return VXLAN_PORTS.includes(port)
    ? findInVxlan(view, payload, end)
    : NO_TUNNEL;
}

function findInVxlan(view: DataView, at: number, end: number): number {
  if (end - at < VXLAN_HEADER) return NO_TUNNEL;
  return (view.getUint8(at) & VXLAN_VALID) !== 0
    ? findInEthernet(view, at + VXLAN_HEADER, end)
    : NO_TUNNEL;
}

function findInGeneve(view: DataView, at: number, end: number): number {
  if (end - at < GENEVE_HEADER) return NO_TUNNEL;
  const first = view.getUint8(at);
  if (first > GENEVE_OPTIONS) return NO_TUNNEL; // another version than 0
  const options = first << 2; // they count in units of 4 bytes
  const type = view.getUint16(at + 2);
  return findTunnelled(view, at + GENEVE_HEADER + options, end, type);
}
