/**
 * Link types: where in a packet as it was captured the network header starts.
 *
 * A link type is one entry in {@linkcode LINK_LAYERS}; what may stand between
 * any of them and IP is in frame.ts.
 *
 * @module
 */

import {
  carries,
  expectVersion,
  findByEtherType,
  findByFamily,
  findInEthernet,
  findInPpp,
  findInPppoe,
  FRAME_DAMAGED,
} from "./frame.ts";
import { ETHERTYPES, FAMILIES, LINK_TYPES } from "./kinds.ts";
import { findInNflog, findInPflog } from "./logged.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  type Packet,
} from "./packet.ts";

// Link types as capture files carry them (https://www.tcpdump.org/linktypes.html).
/** BSD loopback: an address family in the byte order of its writer. */
export const LINKTYPE_NULL = 0;
/** IEEE 802.3 Ethernet. */
export const LINKTYPE_ETHERNET = 1;
/** PPP, perhaps with HDLC-like framing (RFC 1662). */
export const LINKTYPE_PPP = 9;
/** Raw IP, as some systems number it in memory. */
export const LINKTYPE_RAW_DLT = 12;
/** Raw IP on OpenBSD. */
export const LINKTYPE_RAW_OPENBSD = 14;
/** PPP in HDLC-like framing (RFC 1662). */
export const LINKTYPE_PPP_HDLC = 50;
/** PPPoE without the Ethernet header before it (RFC 2516). */
export const LINKTYPE_PPP_ETHER = 51;
/** Raw IP: the packet begins with an IPv4 or IPv6 header. */
export const LINKTYPE_RAW = 101;
/** Cisco's PPP with HDLC framing. */
export const LINKTYPE_C_HDLC = 104;
/** OpenBSD loopback: an address family in network byte order. */
export const LINKTYPE_LOOP = 108;
/** Linux "cooked" capture, version 1. */
export const LINKTYPE_LINUX_SLL = 113;
/** What pf(4) logs, on OpenBSD, pfSense and others. */
export const LINKTYPE_PFLOG = 117;
/** PKTAP as macOS itself numbers it. */
export const LINKTYPE_PKTAP_DLT = 149;
/** Raw IPv4. */
export const LINKTYPE_IPV4 = 228;
/** Raw IPv6. */
export const LINKTYPE_IPV6 = 229;
/** What iptables' NFLOG and nft's "log group" hand out. */
export const LINKTYPE_NFLOG = 239;
/** A packet of any link type, with what macOS knows of it. */
export const LINKTYPE_PKTAP = 258;
/** Linux "cooked" capture, version 2. */
export const LINKTYPE_LINUX_SLL2 = 276;

// V8 folds a module's own constants, but loads and checks exported ones at each
// use: these two are asked for with every packet.
const RAW = LINKTYPE_RAW;
const ETHERNET = LINKTYPE_ETHERNET;

/**
 * Finds the IP header of a packet whose link header is at `at`: its offset, or a
 * negative number as frame.ts has them. May set the packet's direction.
 */
type Finder = (packet: Packet, at: number, end: number) => number;

/** All link types whose packets can be decoded. */
const LINK_LAYERS: ReadonlyMap<number, Finder> = new Map<number, Finder>([
  [LINKTYPE_NULL, findInFamily],
  [LINKTYPE_ETHERNET, ({ view }, at, end) => findInEthernet(view, at, end)],
  [LINKTYPE_PPP, ({ view }, at, end) => findInPpp(view, at, end)],
  [LINKTYPE_RAW_DLT, (_packet, at) => at],
  [LINKTYPE_RAW_OPENBSD, (_packet, at) => at],
  [LINKTYPE_PPP_HDLC, findInHdlc],
  [LINKTYPE_PPP_ETHER, ({ view }, at, end) => findInPppoe(view, at, end)],
  [LINKTYPE_RAW, (_packet, at) => at],
  [LINKTYPE_C_HDLC, ({ view }, at, end) => findInCiscoHdlc(view, at, end)],
  [LINKTYPE_LOOP, findInFamily],
  [LINKTYPE_LINUX_SLL, findInCooked],
  [LINKTYPE_PFLOG, findInPflog],
  [LINKTYPE_PKTAP_DLT, findInPktap],
  [LINKTYPE_IPV4, ({ view }, at, end) => expectVersion(view, at, end, 4)],
  [LINKTYPE_IPV6, ({ view }, at, end) => expectVersion(view, at, end, 6)],
  [LINKTYPE_NFLOG, findInNflog],
  [LINKTYPE_PKTAP, findInPktap],
  [LINKTYPE_LINUX_SLL2, findInCooked2],
]);

/** The numbers of all link types whose packets can be decoded. */
export const SUPPORTED_LINK_TYPES: readonly number[] = [...LINK_LAYERS.keys()];

/**
 * Whether packets of a link type can be decoded.
 *
 * @example
 * ```ts
 * import { isSupportedLinkType, LINKTYPE_RAW } from "@scanlogd/scanlogd/packet";
 * import { assertEquals } from "@std/assert";
 *
 * const wireless = 105; // LINKTYPE_IEEE802_11
 * assertEquals([LINKTYPE_RAW, wireless].map(isSupportedLinkType), [true, false]);
 * ```
 */
export function isSupportedLinkType(linkType: number): boolean {
  return LINK_LAYERS.has(linkType);
}

/**
 * Finds the IP header of a packet.
 *
 * @returns Its offset in the packet's view, or {@linkcode FRAME_DAMAGED},
 * {@linkcode FRAME_TOO_DEEP} or what {@linkcode isForeign} says of it. Headers
 * that tell the packet's direction also set it.
 *
 * @example
 * ```ts
 * import { findNetworkHeader, LINKTYPE_ETHERNET } from "@scanlogd/scanlogd/packet";
 * import { Packet } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const packet = new Packet();
 * packet.view = new DataView(new ArrayBuffer(60));
 * packet.length = 60;
 * packet.linkType = LINKTYPE_ETHERNET;
 * packet.view.setUint16(12, 0x8100); // a VLAN tag
 * packet.view.setUint16(16, 0x0800); // IPv4
 * packet.view.setUint8(18, 0x45);
 * assertEquals(findNetworkHeader(packet), 18);
 * ```
 */
export function findNetworkHeader(packet: Packet): number {
  const { linkType, offset } = packet;
  if (linkType === RAW) return offset;
  const end = offset + packet.length;
  if (linkType === ETHERNET) return findInEthernet(packet.view, offset, end);
  return findBehind(linkType, packet, offset, end);
}

function findBehind(
  linkType: number,
  packet: Packet,
  at: number,
  end: number,
): number {
  const find = LINK_LAYERS.get(linkType);
  return find === undefined
    ? carries(LINK_TYPES, linkType & 0xffff)
    : find(packet, at, end);
}

const SLL_HEADER = 16;
const SLL2_HEADER = 20;

/** linux/if_packet.h: what kind of packet a cooked header says it is. */
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;

function findInCooked(packet: Packet, at: number, end: number): number {
  if (end - at < SLL_HEADER) return FRAME_DAMAGED;
  const { view } = packet;
  if (!takeDirection(packet, view.getUint16(at))) {
    return carries(LINK_TYPES, LINKTYPE_LINUX_SLL);
  }
  const type = view.getUint16(at + 14);
  return findByEtherType(view, at + SLL_HEADER, end, type);
}

function findInCooked2(packet: Packet, at: number, end: number): number {
  if (end - at < SLL2_HEADER) return FRAME_DAMAGED;
  const { view } = packet;
  if (!takeDirection(packet, view.getUint8(at + 10))) {
    return carries(LINK_TYPES, LINKTYPE_LINUX_SLL2);
  }
  return findByEtherType(view, at + SLL2_HEADER, end, view.getUint16(at));
}

/**
 * Takes the direction from a cooked header's packet type. A packet for another
 * host tells nothing about the direction: only a promiscuous capture has it,
 * and who reads such a file wants it counted. Others are copies, or the kernel's.
 */
function takeDirection(packet: Packet, type: number): boolean {
  if (type > PACKET_OUTGOING) return false;
  if (type === PACKET_OUTGOING) packet.direction = DIRECTION_OUT;
  else if (type === PACKET_OTHERHOST) packet.direction = DIRECTION_UNKNOWN;
  else packet.direction = DIRECTION_IN;
  return true;
}

/** linux/if_arp.h, in cooked headers. */
const ARPHRD_LOOPBACK = 772;

/**
 * Whether the header of a frame tells that it was sent over the loopback
 * interface: Linux gives it Ethernet addresses of zeros. To be asked only of
 * packets whose IP header was found.
 */
export function isLoopbackFrame({ view, offset, linkType }: Packet): boolean {
  switch (linkType) {
    case LINKTYPE_ETHERNET:
      return view.getUint32(offset) === 0 &&
        view.getUint32(offset + 4) === 0 && view.getUint32(offset + 8) === 0;
    case LINKTYPE_LINUX_SLL:
      return view.getUint16(offset + 2) === ARPHRD_LOOPBACK;
    case LINKTYPE_LINUX_SLL2:
      return view.getUint16(offset + 8) === ARPHRD_LOOPBACK;
    default:
      return linkType === LINKTYPE_NULL || linkType === LINKTYPE_LOOP;
  }
}

const FAMILY_HEADER = 4;

/**
 * Skips the address family of a loopback frame. Its byte order and, for IPv6,
 * its number depend on the system that wrote it.
 */
function findInFamily({ view }: Packet, at: number, end: number): number {
  if (end - at < FAMILY_HEADER) return FRAME_DAMAGED;
  const family = view.getUint32(at);
  const isSmall = family <= 0xff;
  const low = isSmall ? family : family >>> 24;
  if (!isSmall && (family & 0xffffff) !== 0) return carries(FAMILIES, 0);
  return findByFamily(view, at + FAMILY_HEADER, end, low);
}

const CISCO_HEADER = 4;
/** An address (one station or all), and control 0. */
const CISCO_UNICAST = 0x0f00;
const CISCO_BROADCAST = 0x8f00;

/** A line speaks PPP or, told apart by the address, Cisco's own framing. */
function findInHdlc({ view }: Packet, at: number, end: number): number {
  if (end - at < CISCO_HEADER) return FRAME_DAMAGED;
  const start = view.getUint16(at);
  return start === CISCO_UNICAST || start === CISCO_BROADCAST
    ? findInCiscoHdlc(view, at, end)
    : findInPpp(view, at, end);
}

/** Cisco's header tells by EtherType what follows; its own are below 0x8100. */
function findInCiscoHdlc(view: DataView, at: number, end: number): number {
  if (end - at < CISCO_HEADER) return FRAME_DAMAGED;
  const start = view.getUint16(at);
  const type = view.getUint16(at + 2);
  return start === CISCO_UNICAST || start === CISCO_BROADCAST
    ? findByEtherType(view, at + CISCO_HEADER, end, type)
    : carries(ETHERTYPES, type);
}

// struct pktap_header (bsd/net/pktap.h), little-endian on every Mac since 2006.
const PKTAP_LENGTH = 0;
const PKTAP_NEXT = 4;
const PKTAP_LINK_TYPE = 8;
const PKTAP_FLAGS = 36;
const PKTAP_SHORTEST = 40;
/** pth_type_next: a packet follows. */
const PKTAP_PACKET = 1;
const PKTAP_IN = 1;
const PKTAP_OUT = 2;

function findInPktap(packet: Packet, at: number, end: number): number {
  if (end - at < PKTAP_SHORTEST) return FRAME_DAMAGED;
  const { view } = packet;
  const length = view.getUint32(at + PKTAP_LENGTH, true);
  if (length < PKTAP_SHORTEST || length > end - at) return FRAME_DAMAGED;
  const linkType = view.getUint32(at + PKTAP_LINK_TYPE, true);
  const isPacket = view.getUint32(at + PKTAP_NEXT, true) === PKTAP_PACKET;
  if (!isPacket || LINK_LAYERS.get(linkType) === findInPktap) {
    return carries(LINK_TYPES, LINKTYPE_PKTAP);
  }
  const way = view.getUint32(at + PKTAP_FLAGS, true) & (PKTAP_IN | PKTAP_OUT);
  if (way === PKTAP_IN) packet.direction = DIRECTION_IN;
  else if (way === PKTAP_OUT) packet.direction = DIRECTION_OUT;
  return findBehind(linkType, packet, at + length, end);
}
