/**
 * Link layers: where in a frame the network header starts.
 *
 * @module
 */

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
/** Raw IP: the packet begins with an IPv4 or IPv6 header. */
export const LINKTYPE_RAW = 101;
/** OpenBSD loopback: an address family in network byte order. */
export const LINKTYPE_LOOP = 108;
/** Linux "cooked" capture, version 1. */
export const LINKTYPE_LINUX_SLL = 113;
/** Raw IPv4. */
export const LINKTYPE_IPV4 = 228;
/** Raw IPv6. */
export const LINKTYPE_IPV6 = 229;
/** Linux "cooked" capture, version 2. */
export const LINKTYPE_LINUX_SLL2 = 276;

// V8 folds a module's own constants, but loads and checks exported ones at each
// use: these two are asked for with every packet.
const RAW = LINKTYPE_RAW;
const ETHERNET = LINKTYPE_ETHERNET;

const NAMES: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "ETHERNET",
  6: "IEEE802_5",
  7: "ARCNET_BSD",
  8: "SLIP",
  9: "PPP",
  10: "FDDI",
  12: "RAW",
  14: "RAW",
  50: "PPP_HDLC",
  51: "PPP_ETHER",
  101: "RAW",
  104: "C_HDLC",
  105: "IEEE802_11",
  107: "FRELAY",
  108: "LOOP",
  113: "LINUX_SLL",
  117: "PFLOG",
  119: "IEEE802_11_PRISM",
  127: "IEEE802_11_RADIOTAP",
  138: "APPLE_IP_OVER_IEEE1394",
  147: "USER0",
  187: "BLUETOOTH_HCI_H4",
  189: "USB_LINUX",
  192: "PPI",
  195: "IEEE802_15_4_WITHFCS",
  201: "BLUETOOTH_HCI_H4_WITH_PHDR",
  220: "USB_LINUX_MMAPPED",
  227: "CAN_SOCKETCAN",
  228: "IPV4",
  229: "IPV6",
  239: "NFLOG",
  240: "NETANALYZER",
  242: "IPOIB",
  249: "USBPCAP",
  253: "NETLINK",
  276: "LINUX_SLL2",
};

/**
 * The name of a link type without its `LINKTYPE_`, or "unknown".
 *
 * @example
 * ```ts
 * import { linkTypeName } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(linkTypeName(105), "IEEE802_11");
 * ```
 */
export function linkTypeName(linkType: number): string {
  return NAMES[linkType] ?? "unknown";
}

/** All link types whose packets can be decoded. */
export const SUPPORTED_LINK_TYPES: readonly number[] = [
  LINKTYPE_NULL,
  LINKTYPE_ETHERNET,
  LINKTYPE_PPP,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
  LINKTYPE_LOOP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL2,
];

/** Whether packets of a link type can be decoded. */
export function isSupportedLinkType(linkType: number): boolean {
  return SUPPORTED_LINK_TYPES.includes(linkType);
}

/** The frame carries no IP packet. */
export const NOT_IP: number = -1;
/** The frame ends inside its own headers, or carries what it does not name. */
export const FRAME_DAMAGED: number = -2;
/** More VLAN tags are stacked than anybody stacks. */
export const FRAME_TOO_DEEP: number = -3;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** Tags of 802.1Q, of 802.1ad, and of the switches that came before it. */
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_SERVICE_VLAN = 0x88a8;
const ETHERTYPE_OLD_SERVICE_VLAN = 0x9100;
const MAX_VLAN_TAGS = 4;

const ETHERNET_HEADER = 14;
const SLL_HEADER = 16;
const SLL2_HEADER = 20;
const FAMILY_HEADER = 4;

/** linux/if_packet.h: what kind of packet a cooked header says it is. */
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;

/** The same everywhere. */
const AF_INET = 2;
/** Linux; NetBSD and OpenBSD; FreeBSD; macOS. */
const AF_INET6: ReadonlySet<number> = new Set([10, 24, 28, 30]);

/** PPP protocol numbers (RFC 1332, RFC 5072). */
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;

/**
 * Finds the IP header of a packet.
 *
 * @returns Its offset in the packet's view, or {@linkcode NOT_IP},
 * {@linkcode FRAME_DAMAGED} or {@linkcode FRAME_TOO_DEEP}. Cooked headers
 * also set the packet's direction.
 *
 * @example
 * ```ts
 * import { findNetworkHeader, LINKTYPE_ETHERNET, Packet } from "@scanlogd/scanlogd";
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
  if (packet.linkType === RAW) return packet.offset;
  if (packet.linkType === ETHERNET) return skipEthernet(packet);
  return findOther(packet);
}

function findOther(packet: Packet): number {
  switch (packet.linkType) {
    case LINKTYPE_RAW_DLT:
    case LINKTYPE_RAW_OPENBSD:
      return packet.offset;
    case LINKTYPE_IPV4:
      return expectVersion(packet, packet.offset, 4);
    case LINKTYPE_IPV6:
      return expectVersion(packet, packet.offset, 6);
    case LINKTYPE_LINUX_SLL:
      return skipCooked(packet);
    case LINKTYPE_LINUX_SLL2:
      return skipCooked2(packet);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return skipFamily(packet);
    case LINKTYPE_PPP:
    case LINKTYPE_PPP_HDLC:
      return skipPpp(packet);
    default:
      return NOT_IP;
  }
}

function skipEthernet(packet: Packet): number {
  if (packet.length < ETHERNET_HEADER) return FRAME_DAMAGED;
  const type = packet.view.getUint16(packet.offset + 12);
  return skipTags(packet, packet.offset + ETHERNET_HEADER, type);
}

function skipCooked(packet: Packet): number {
  if (packet.length < SLL_HEADER) return FRAME_DAMAGED;
  const { view, offset } = packet;
  if (!takeDirection(packet, view.getUint16(offset))) return NOT_IP;
  return skipTags(packet, offset + SLL_HEADER, view.getUint16(offset + 14));
}

function skipCooked2(packet: Packet): number {
  if (packet.length < SLL2_HEADER) return FRAME_DAMAGED;
  const { view, offset } = packet;
  if (!takeDirection(packet, view.getUint8(offset + 10))) return NOT_IP;
  return skipTags(packet, offset + SLL2_HEADER, view.getUint16(offset));
}

/**
 * Takes the direction from a cooked header's packet type. A packet for another
 * host tells nothing about the direction: only a promiscuous capture has it,
 * and who reads such a file wants it counted.
 */
function takeDirection(packet: Packet, type: number): boolean {
  if (type > PACKET_OUTGOING) return false;
  if (type === PACKET_OUTGOING) packet.direction = DIRECTION_OUT;
  else if (type === PACKET_OTHERHOST) packet.direction = DIRECTION_UNKNOWN;
  else packet.direction = DIRECTION_IN;
  return true;
}

/** Skips VLAN tags from `at` on; `type` is what the header before it says. */
function skipTags(packet: Packet, at: number, type: number): number {
  const end = packet.offset + packet.length;
  for (let tags = 0; tags <= MAX_VLAN_TAGS; tags++) {
    if (type === ETHERTYPE_IPV4) return expectVersion(packet, at, 4);
    if (type === ETHERTYPE_IPV6) return expectVersion(packet, at, 6);
    if (
      type !== ETHERTYPE_VLAN && type !== ETHERTYPE_SERVICE_VLAN &&
      type !== ETHERTYPE_OLD_SERVICE_VLAN
    ) return NOT_IP;
    if (at + 4 > end) return FRAME_DAMAGED;
    type = packet.view.getUint16(at + 2);
    at += 4;
  }
  return FRAME_TOO_DEEP;
}

/** Hosts drop a packet whose IP version is not what the frame says it is. */
function expectVersion(packet: Packet, at: number, version: number): number {
  if (at >= packet.offset + packet.length) return FRAME_DAMAGED;
  return packet.view.getUint8(at) >>> 4 === version ? at : FRAME_DAMAGED;
}

/**
 * Skips the address family of a loopback frame. Its byte order and, for IPv6,
 * its number depend on the system that wrote it.
 */
function skipFamily(packet: Packet): number {
  if (packet.length < FAMILY_HEADER) return FRAME_DAMAGED;
  const family = packet.view.getUint32(packet.offset);
  const isSmall = family <= 0xff;
  const low = isSmall ? family : family >>> 24;
  if (!isSmall && (family & 0xffffff) !== 0) return NOT_IP;
  const at = packet.offset + FAMILY_HEADER;
  if (low === AF_INET) return expectVersion(packet, at, 4);
  return AF_INET6.has(low) ? expectVersion(packet, at, 6) : NOT_IP;
}

/** Skips PPP's address and control, if any, and its protocol of 1 or 2 bytes. */
function skipPpp(packet: Packet): number {
  const { view } = packet;
  const end = packet.offset + packet.length;
  let at = packet.offset;
  if (at + 2 > end) return FRAME_DAMAGED;
  if (view.getUint16(at) === 0xff03) at += 2;
  if (at + 2 > end) return FRAME_DAMAGED;
  const isCompressed = (view.getUint8(at) & 1) === 1; // RFC 1661, 6.5
  const protocol = isCompressed ? view.getUint8(at) : view.getUint16(at);
  at += isCompressed ? 1 : 2;
  if (protocol === PPP_IPV4) return expectVersion(packet, at, 4);
  return protocol === PPP_IPV6 ? expectVersion(packet, at, 6) : NOT_IP;
}
