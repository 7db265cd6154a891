/**
 * What stands between a link header and the IP packet, wherever it is met: VLAN
 * tags, MPLS labels, PPP and PPPoE, Ethernet itself.
 *
 * Each function gets where its header begins and where the packet ends, and
 * returns where the IP header begins, or a negative number that says why there is
 * none.
 *
 * @module
 */

import type { Packet } from "./packet.ts";
import { ETHERTYPES, FAMILIES, KIND_NUMBERS, PPP_PROTOCOLS } from "./kinds.ts";

/** The frame ends inside its own headers, or carries what it does not name. */
export const FRAME_DAMAGED: number = -2;
/** More tags and labels are stacked than anybody stacks. */
export const FRAME_TOO_DEEP: number = -3;

/**
 * The frame carries no IP packet, but this.
 *
 * @param space One of the spaces of numbers in kinds.ts.
 */
export function carries(space: number, number: number): number {
  return -(space * KIND_NUMBERS + number);
}

/**
 * Whether a frame's result says what it carries instead of IP.
 *
 * @example
 * ```ts
 * import {
 *   findNetworkHeader,
 *   FRAME_DAMAGED,
 *   isForeign,
 *   LINKTYPE_ETHERNET,
 *   Packet,
 * } from "@scanlogd/scanlogd/packet";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(60);
 * bytes.set([0x08, 0x06], 12); // an EtherType: ARP (RFC 826)
 * const init = { linkType: LINKTYPE_ETHERNET, time: 0 };
 * assert(isForeign(findNetworkHeader(Packet.from({ ...init, bytes }))));
 * const cut = Packet.from({ ...init, bytes: bytes.subarray(0, 13) });
 * assertEquals(findNetworkHeader(cut), FRAME_DAMAGED);
 * ```
 */
export function isForeign(result: number): boolean {
  return result <= -KIND_NUMBERS;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
/** Tags of 802.1Q, of 802.1ad, and of the switches that came before it. */
const VLAN = 0x8100;
const SERVICE_VLAN = 0x88a8;
const OLD_SERVICE_VLAN = 0x9100;
/** RFC 5332: labels of unicast, and of what may be multicast. */
const MPLS = 0x8847;
const MPLS_UPSTREAM = 0x8848;
const PPPOE_SESSION = 0x8864; // RFC 2516, 5
/** Transparent Ethernet bridging: a whole frame (RFC 1701). */
const ETHERNET_FRAME = 0x6558;

const TAG = 4; // 802.1Q: the number, the next EtherType
const LABEL = 4; // RFC 3032, 2.1
/** In a label's third byte: it is the last one. */
const BOTTOM_OF_STACK = 0x01;
/** Labels that are walked. */
const MAX_LABELS = 16;
/**
 * Tags that are walked: Linux takes off priority tags, whose VLAN is 0, for as
 * long as there are any, and so many fill what is captured.
 */
const MAX_TAGS = 512;
/** A tag's VLAN number (IEEE 802.1Q, 9.6). */
const VLAN_NUMBER = 0x0fff;
const IPV6_HEADER = 40;

const ETHERNET_HEADER = 14;
const PPPOE_HEADER = 6;
/** Version 1, type 1, code 0 (RFC 2516, 4). */
const PPPOE_SESSION_DATA = 0x1100;

/** PPP protocol numbers (RFC 1332, RFC 5072, RFC 3032). */
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281;
/** PPP's address and control in HDLC-like framing (RFC 1662, 3.1). */
const PPP_FRAMING = 0xff03;

/** Finds the IP header of an Ethernet frame. */
export function findInEthernet(
  view: DataView,
  at: number,
  end: number,
): number {
  if (end - at < ETHERNET_HEADER) return FRAME_DAMAGED;
  const type = view.getUint16(at + 12);
  at += ETHERNET_HEADER;
  // What most frames are needs no loop.
  return type === IPV4
    ? expectVersion(view, at, end, 4)
    : findByEtherType(view, at, end, type);
}

/** Finds the IP header behind an EtherType, and whatever is stacked before it. */
export function findByEtherType(
  view: DataView,
  at: number,
  end: number,
  type: number,
): number {
  for (let stacked = 0; stacked <= MAX_TAGS; stacked++) {
    if (type === IPV4) return expectVersion(view, at, end, 4);
    if (type === IPV6) return expectVersion(view, at, end, 6);
    if (type !== VLAN && type !== SERVICE_VLAN && type !== OLD_SERVICE_VLAN) {
      return findOther(view, at, end, type);
    }
    if (at + TAG > end) return FRAME_DAMAGED;
    type = view.getUint16(at + 2);
    at += TAG;
  }
  return FRAME_TOO_DEEP;
}

/**
 * Moves a packet's beginning behind the priority tags that it begins with, if
 * it does. A capture without link layer does not say so. No IPv4 header begins
 * like one, since its length would be 0; an IPv6 header may, but then its length
 * fits the packet.
 */
export function skipPriorityTags(packet: Packet): void {
  const { view, offset } = packet;
  const end = offset + packet.length;
  if (packet.length >= IPV6_HEADER && view.getUint8(offset) >>> 4 === 6) {
    const payload = view.getUint16(offset + 4);
    const isWhole = payload + IPV6_HEADER <= packet.originalLength;
    if (payload > 0 && isWhole) return;
  }
  let at = offset;
  while (at + TAG < end && (view.getUint16(at) & VLAN_NUMBER) === 0) {
    const type = view.getUint16(at + 2);
    at += TAG;
    if (type === VLAN || type === SERVICE_VLAN) continue;
    if (type === IPV4 || type === IPV6) moveTo(packet, at);
    return;
  }
}

function moveTo(packet: Packet, start: number): void {
  const skipped = start - packet.offset;
  packet.offset += skipped;
  packet.length -= skipped;
  packet.originalLength -= skipped;
}

function findOther(
  view: DataView,
  at: number,
  end: number,
  type: number,
): number {
  if (type === MPLS || type === MPLS_UPSTREAM) {
    return findBehindLabels(view, at, end);
  }
  if (type === PPPOE_SESSION) return findInPppoe(view, at, end);
  return carries(ETHERTYPES, type);
}

/** Finds what GRE and Geneve call by an EtherType: an IP packet, or a frame. */
export function findTunnelled(
  view: DataView,
  at: number,
  end: number,
  type: number,
): number {
  return type === ETHERNET_FRAME
    ? findInEthernet(view, at, end)
    : findByEtherType(view, at, end, type);
}

/** MPLS does not say what it carries; IP tells its own version (RFC 4928). */
function findBehindLabels(view: DataView, at: number, end: number): number {
  for (let stacked = 0; stacked < MAX_LABELS; stacked++) {
    if (at + LABEL > end) return FRAME_DAMAGED;
    const isLast = (view.getUint8(at + 2) & BOTTOM_OF_STACK) !== 0;
    at += LABEL;
    if (!isLast) continue;
    if (at >= end) return FRAME_DAMAGED;
    const version = view.getUint8(at) >>> 4;
    return version === 4 || version === 6 ? at : carries(ETHERTYPES, MPLS);
  }
  return FRAME_TOO_DEEP;
}

/** Finds the IP header behind a PPPoE header (RFC 2516, 4). */
export function findInPppoe(view: DataView, at: number, end: number): number {
  if (end - at < PPPOE_HEADER) return FRAME_DAMAGED;
  if (view.getUint16(at) !== PPPOE_SESSION_DATA) {
    return carries(ETHERTYPES, PPPOE_SESSION);
  }
  return findInPpp(view, at + PPPOE_HEADER, end);
}

/**
 * Finds the IP header behind PPP's address and control, if any, and its protocol
 * of 1 or 2 bytes.
 */
export function findInPpp(view: DataView, at: number, end: number): number {
  if (at + 2 > end) return FRAME_DAMAGED;
  if (view.getUint16(at) === PPP_FRAMING) at += 2;
  if (at + 2 > end) return FRAME_DAMAGED;
  const isCompressed = (view.getUint8(at) & 1) === 1; // RFC 1661, 6.5
  const protocol = isCompressed ? view.getUint8(at) : view.getUint16(at);
  at += isCompressed ? 1 : 2;
  if (protocol === PPP_IPV4) return expectVersion(view, at, end, 4);
  if (protocol === PPP_IPV6) return expectVersion(view, at, end, 6);
  return protocol === PPP_MPLS
    ? findBehindLabels(view, at, end)
    : carries(PPP_PROTOCOLS, protocol);
}

/** The same everywhere. */
const AF_INET = 2;
/** Linux; NetBSD and OpenBSD; FreeBSD; macOS. */
const AF_INET6: ReadonlySet<number> = new Set([10, 24, 28, 30]);

/** Finds the IP header of a packet of that address family. */
export function findByFamily(
  view: DataView,
  at: number,
  end: number,
  family: number,
): number {
  if (family === AF_INET) return expectVersion(view, at, end, 4);
  return AF_INET6.has(family)
    ? expectVersion(view, at, end, 6)
    : carries(FAMILIES, family);
}

/** Hosts drop a packet whose IP version is not what the frame says it is. */
export function expectVersion(
  view: DataView,
  at: number,
  end: number,
  version: number,
): number {
  if (at >= end) return FRAME_DAMAGED;
  return view.getUint8(at) >>> 4 === version ? at : FRAME_DAMAGED;
}
