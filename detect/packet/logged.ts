/**
 * Packets that a firewall has logged: NFLOG of Linux, PFLOG of pf(4).
 *
 * @module
 */

import { carries, findByFamily, FRAME_DAMAGED } from "./frame.ts";
import { LINK_TYPES } from "./kinds.ts";
import { DIRECTION_IN, DIRECTION_OUT, type Packet } from "./packet.ts";

const NFLOG = 239;
const NFLOG_HEADER = 4;
/** An attribute's length, its own header included, and its type. */
const ATTRIBUTE_HEADER = 4;
// linux/netfilter/nfnetlink_log.h, enum nfulnl_attr_type.
const ATTRIBUTE_IN = 4;
const ATTRIBUTE_OUT = 5;
const ATTRIBUTE_PAYLOAD = 9;
/** There are 22 kinds, and each comes once. */
const MAX_ATTRIBUTES = 64;

/**
 * Finds the IP header among the attributes of a packet of LINKTYPE_NFLOG. They
 * are in the byte order of who wrote them, which their types tell: all are small.
 */
export function findInNflog(packet: Packet, at: number, end: number): number {
  if (end - at < NFLOG_HEADER) return FRAME_DAMAGED;
  const { view } = packet;
  const family = view.getUint8(at);
  if (view.getUint8(at + 1) !== 0) return carries(LINK_TYPES, NFLOG); // version
  at += NFLOG_HEADER;
  let ways = 0;
  for (let i = 0; i < MAX_ATTRIBUTES && at + ATTRIBUTE_HEADER <= end; i++) {
    const isLittleEndian = view.getUint8(at + 2) !== 0;
    const length = view.getUint16(at, isLittleEndian);
    const type = view.getUint16(at + 2, isLittleEndian);
    if (length < ATTRIBUTE_HEADER) return FRAME_DAMAGED;
    if (type === ATTRIBUTE_PAYLOAD) {
      const last = Math.min(end, at + length);
      takeDirection(packet, ways);
      return findByFamily(view, at + ATTRIBUTE_HEADER, last, family);
    }
    if (type === ATTRIBUTE_IN || type === ATTRIBUTE_OUT) ways |= 1 << type;
    at += (length + 3) & ~3;
  }
  return FRAME_DAMAGED;
}

/** A packet with both interfaces is forwarded, which is neither way. */
function takeDirection(packet: Packet, ways: number): void {
  if (ways === 1 << ATTRIBUTE_IN) packet.direction = DIRECTION_IN;
  else if (ways === 1 << ATTRIBUTE_OUT) packet.direction = DIRECTION_OUT;
}

// struct pfloghdr (net/if_pflog.h).
const PFLOG_FAMILY = 1;
const PFLOG_DIRECTION = 60;
/** Up to the direction; all systems have more, each another length. */
const PFLOG_SHORTEST = 61;
const PF_IN = 1;
const PF_OUT = 2;

/** Finds the IP header of a packet of LINKTYPE_PFLOG. */
export function findInPflog(packet: Packet, at: number, end: number): number {
  if (end - at < PFLOG_SHORTEST) return FRAME_DAMAGED;
  const { view } = packet;
  const length = view.getUint8(at);
  if (length < PFLOG_SHORTEST) return FRAME_DAMAGED;
  const direction = view.getUint8(at + PFLOG_DIRECTION);
  if (direction === PF_IN) packet.direction = DIRECTION_IN;
  else if (direction === PF_OUT) packet.direction = DIRECTION_OUT;
  // The length is without the padding to 4 bytes.
  const payload = at + ((length + 3) & ~3);
  return findByFamily(view, payload, end, view.getUint8(at + PFLOG_FAMILY));
}
