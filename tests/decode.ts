/**
 * One frame through link and network layer, as the detector does it.
 *
 * @module
 */

import { type Counters, Detector, type Packet } from "../mod.ts";
import type { FragmentInfo } from "../detect/packet/fragment.ts";
import { HeaderDecoder } from "../detect/packet/headers.ts";
import { DECODED, type Outcome } from "../detect/packet/outcome.ts";
import { findNetworkHeader } from "../detect/packet/link.ts";
import { Segment } from "../detect/packet/segment.ts";
import { seeded } from "./random.ts";

export interface Decoded {
  /** What {@linkcode findNetworkHeader} said. */
  start: number;
  /** What the decoder said, if it was asked. */
  outcome?: Outcome;
  segment: Segment;
  fragment: FragmentInfo;
  /** What an ICMP error quotes, if the decoder said REFUSAL. */
  quoted: Segment;
}

/** Decodes the packet. */
export function decode(packet: Packet): Decoded {
  const segment = new Segment();
  segment.time = packet.time;
  segment.wallTime = packet.wallTime;
  segment.direction = packet.direction;
  segment.interfaceIndex = packet.interfaceIndex;
  const decoder = new HeaderDecoder(segment);
  const start = findNetworkHeader(packet);
  const end = packet.offset + packet.length;
  const missing = Math.max(0, packet.originalLength - packet.length);
  const outcome = start < 0
    ? undefined
    : decoder.decode(packet.view, start, end, missing);
  const { fragment, quoted } = decoder;
  return { start, outcome, segment, fragment, quoted };
}

/** What matters of a segment, or undefined if there was none. */
export function fieldsOf({ outcome, segment }: Decoded) {
  if (outcome !== DECODED) return undefined;
  const { version, sourcePort, destinationPort, flags, tos, ttl } = segment;
  return { version, sourcePort, destinationPort, flags, tos, ttl };
}

/** What a fresh detector counts for some packets, as far as not zero. */
export function counted(...packets: Packet[]): Partial<Counters> {
  const detector = new Detector(() => {}, { random: seeded(1), sources: 16 });
  for (const packet of packets) detector.packet(packet);
  return Object.fromEntries(
    Object.entries(detector.counters).filter(([, count]) => count !== 0),
  );
}
