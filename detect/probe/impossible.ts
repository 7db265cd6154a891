/**
 * Sources that no host takes: whoever sends in their name forges.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";

/** Linux numbers the loopback interface first in every network namespace. */
export const LOOPBACK_INTERFACE = 1;

/**
 * Whether no host may have sent a packet: its source is "this network", loopback,
 * multicast, reserved or broadcast (RFC 1122, 3.2.1.3; RFC 1112, 4; RFC 4291,
 * 2.5 and 2.7), or its own destination.
 */
export function isImpossibleSource(segment: Segment): boolean {
  const { source0, source1, source2, source3 } = segment;
  if (segment.version === 4) return isImpossibleIpv4(segment);
  if (source0 >>> 24 === 0xff) return true;
  if ((source0 | source1) !== 0) return isFromItself(segment);
  // IPv4-mapped addresses never stand in an IPv6 header on a wire (RFC 4291).
  if (source2 === 0xffff) return true;
  if (source2 !== 0) return isFromItself(segment);
  if (source3 === 0) return true;
  if (source3 === 1) return !goesToIpv6Loopback(segment);
  return isFromItself(segment);
}

function goesToIpv6Loopback(segment: Segment): boolean {
  const { destination0, destination1, destination2, destination3 } = segment;
  return destination3 === 1 &&
    (destination0 | destination1 | destination2) === 0;
}

function isImpossibleIpv4(segment: Segment): boolean {
  const first = segment.source3 >>> 24;
  if (first === 0 || first >= 224) return true;
  if (first === 127) return segment.destination3 >>> 24 !== 127;
  return isFromItself(segment);
}

/** Whether a packet goes to its source, and not over the loopback interface. */
function isFromItself(segment: Segment): boolean {
  return goesToItsSource(segment) &&
    segment.interfaceIndex !== LOOPBACK_INTERFACE;
}

/** Whether a packet's source and destination are the same address. */
export function goesToItsSource(segment: Segment): boolean {
  return segment.source3 === segment.destination3 &&
    segment.source2 === segment.destination2 &&
    segment.source1 === segment.destination1 &&
    segment.source0 === segment.destination0;
}
