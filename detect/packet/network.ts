/**
 * The network headers: IPv4 (RFC 791) and IPv6 (RFC 8200).
 *
 * @module
 */

import { IPV4_MAPPED } from "./address.ts";
import type { Segment } from "./segment.ts";

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const MAPPED = IPV4_MAPPED;

/** Length of an IPv4 header without options (RFC 791, 3.1), in bytes. */
export const IPV4_HEADER = 20;
/** Length of the IPv6 header (RFC 8200, 3), in bytes. */
export const IPV6_HEADER = 40;
/** Of IPv4's flags and fragment offset, the offset in units of 8 bytes. */
export const IPV4_OFFSET = 0x1fff;

/** Reads an IPv4 header; its 20 bytes are there. */
export function readIpv4(
  segment: Segment,
  view: DataView,
  start: number,
): void {
  segment.version = 4;
  segment.tos = view.getUint8(start + 1);
  segment.ttl = view.getUint8(start + 8);
  segment.protocol = view.getUint8(start + 9);
  segment.source0 = segment.source1 = 0;
  segment.destination0 = segment.destination1 = 0;
  segment.source2 = segment.destination2 = MAPPED;
  segment.source3 = view.getInt32(start + 12);
  segment.destination3 = view.getInt32(start + 16);
}

/** Reads an IPv6 header but the protocol; its 40 bytes are there. */
export function readIpv6(
  segment: Segment,
  view: DataView,
  start: number,
): void {
  segment.version = 6;
  segment.tos = (view.getUint16(start) >>> 4) & 0xff;
  segment.ttl = view.getUint8(start + 7);
  segment.source0 = view.getInt32(start + 8);
  segment.source1 = view.getInt32(start + 12);
  segment.source2 = view.getInt32(start + 16);
  segment.source3 = view.getInt32(start + 20);
  segment.destination0 = view.getInt32(start + 24);
  segment.destination1 = view.getInt32(start + 28);
  segment.destination2 = view.getInt32(start + 32);
  segment.destination3 = view.getInt32(start + 36);
}

/**
 * Whether an IPv4 header's checksum is right (RFC 791, 3.1).
 *
 * @param length The header's length, a multiple of 4 bytes, all there.
 */
export function hasRightChecksum(
  view: DataView,
  start: number,
  length: number,
): boolean {
  let sum = 0;
  for (let at = start; at < start + length; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff || sum === 0x1fffe;
}
